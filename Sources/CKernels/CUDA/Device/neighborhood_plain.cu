// Attention over windows and its gradients in float32 arithmetic, for numbers of any type. NUMBER and DEPTH, a multiple
// of 8, are defined from outside.
//
// Four lanes share a place of the tile, each with every fourth pair of its channels; a warp has one row of the tile. In
// shared memory lie chunks of the halo, widened to float32.
#include "device.h"
#include "neighborhood.h"

using namespace mvar::neighborhood;

namespace {

constexpr int threads = 4 * tile_places;
constexpr int owned = DEPTH / 4;  // channels of a lane

struct Two {
  float x, y;
};

/// The channels of one place that this lane has.
struct Channels {
  float value[owned];

  static int channel(int index) { return (index / 2 * 4 + threadIdx.x % 4) * 2 + index % 2; }

  void clear() {
    MVAR_UNROLL
    for (int i = 0; i < owned; i++) value[i] = 0;
  }

  void load(const NUMBER *row) {
    MVAR_UNROLL
    for (int i = 0; i < owned; i++) value[i] = widened(row[channel(i)]);
  }

  void store(NUMBER *row) const {
    MVAR_UNROLL
    for (int i = 0; i < owned; i++) row[channel(i)] = narrowed(value[i], NUMBER());
  }

  /// The whole place's product with another, or with a row of shared memory.
  float dot(const Channels &other) const {
    float sum = 0;
    MVAR_UNROLL
    for (int i = 0; i < owned; i++) sum += value[i] * other.value[i];
    return of_all(sum);
  }
  float dot(const float *row) const {
    float sum = 0;
    MVAR_UNROLL
    for (int i = 0; i < owned; i += 2) {
      const Two two = *reinterpret_cast<const Two *>(row + channel(i));
      sum += value[i] * two.x + value[i + 1] * two.y;
    }
    return of_all(sum);
  }

  void add(float factor, const float *row) {
    MVAR_UNROLL
    for (int i = 0; i < owned; i += 2) {
      const Two two = *reinterpret_cast<const Two *>(row + channel(i));
      value[i] += factor * two.x;
      value[i + 1] += factor * two.y;
    }
  }

  void scale(float factor) {
    MVAR_UNROLL
    for (int i = 0; i < owned; i++) value[i] *= factor;
  }

  /// Makes this a unit vector if `normalizes`; returns the length that it was divided by.
  float normalize(bool normalizes) {
    const float length = fmaxf(sqrtf(dot(*this)), smallest_length);
    if (normalizes) scale(1 / length);
    return length;
  }

  /// From the gradient of a unit vector to that of the vector that it was made of.
  void differentiate_unit(const Channels &unit, float length) {
    // A vector that is shorter was divided by a constant.
    const float along = length > smallest_length ? dot(unit) : 0;
    MVAR_UNROLL
    for (int i = 0; i < owned; i++) value[i] = (value[i] - along * unit.value[i]) / length;
  }

  static float of_all(float sum) {
    sum += of_lane_xor(sum, 1);
    return sum + of_lane_xor(sum, 2);
  }
};

/// This thread's place of the tile.
struct Place {
  int row, column, token;
  bool is_inside, is_first_lane;

  Place(const Attention &p, const Tile &tile) {
    const int place = threadIdx.x / 4, wanted_row = tile.row + place / tile_side,
              wanted_column = tile.column + place % tile_side;
    row = Tile::inside(wanted_row, p.rows.length);
    column = Tile::inside(wanted_column, p.columns.length);
    token = row * p.columns.length + column;
    is_inside = wanted_row < p.rows.length && wanted_column < p.columns.length;
    is_first_lane = threadIdx.x % 4 == 0;
  }
};

/// A stage of the halo in shared memory: two rows of channels for every place, and three numbers.
struct Stage {
  float *first, *second;
  float *factors;  // what makes the first of each place a unit vector, or 1
  float *logarithms, *deltas;
  int chunks;

  Stage(const Attention &p, unsigned char *memory) : chunks(p.stage_chunks) {
    const int places = p.stage_chunks * chunk;
    first = reinterpret_cast<float *>(memory);
    second = first + places * DEPTH;
    factors = second + places * DEPTH;
    logarithms = factors + places;
    deltas = logarithms + places;
  }

  void load_rows(
      const Attention &p, const Halo &halo, int begin, int count, const NUMBER *from, const Strides &at,
      float *to) const {
    for (int index = threadIdx.x; index < count * chunk * DEPTH; index += threads) {
      const int place = index / DEPTH, channel = index % DEPTH;
      const int row = halo.row_of(begin + place / chunk),
                column = halo.column_of(begin + place / chunk) + place % chunk;
      to[index] = column < halo.end_column ? widened(from[(row * p.columns.length + column) * at.token + channel]) : 0;
    }
  }

  /// Calls `body` with (row, column, place in the stage) for every chunk whose row `is_seen`, the same for a warp.
  template <typename Seen, typename Body>
  void each_chunk(
      const Attention &p, const Tile &tile, const Halo &halo, const void *firsts, const Strides &firsts_at,
      const void *seconds, const Strides &seconds_at, bool with_statistics, Seen is_seen, Body body) const {
    for (int begin = 0; begin < halo.chunks; begin += chunks) {
      const int left = halo.chunks - begin, count = left < chunks ? left : chunks;
      wait_for_block();
      load_rows(p, halo, begin, count, static_cast<const NUMBER *>(firsts) + tile.offset(firsts_at), firsts_at, first);
      load_rows(
          p, halo, begin, count, static_cast<const NUMBER *>(seconds) + tile.offset(seconds_at), seconds_at, second);
      wait_for_block();
      for (int place = threadIdx.x; place < count * chunk; place += threads) {
        float squares = 0;
        for (int channel = 0; channel < DEPTH; channel++) {
          // Places lie 32 banks apart: each starts with another channel.
          const float x = first[place * DEPTH + (channel + place) % DEPTH];
          squares += x * x;
        }
        factors[place] = p.temperatures ? 1 / fmaxf(sqrtf(squares), smallest_length) : 1;
        if (with_statistics) {
          const int row = halo.row_of(begin + place / chunk);
          const int column = halo.column_of(begin + place / chunk) + place % chunk;
          const bool is_there = column < halo.end_column;
          const int64_t at = tile.map(p) * (p.rows.length * p.columns.length) + row * p.columns.length + column;
          logarithms[place] = is_there ? p.notes[at].logarithm : 0;
          deltas[place] = is_there ? p.notes[at].delta : 0;
        }
      }
      wait_for_block();
      for (int index = 0; index < count; index++) {
        const int row = halo.row_of(begin + index);
        if (is_seen(row)) body(row, halo.column_of(begin + index), index * chunk);
      }
    }
  }
};

}  // namespace

MVAR_KERNEL(256, 1, attend, Attention) {
  MVAR_SHARED_MEMORY(memory);
  const Stage stage(p, memory);
  const Tile tile(p, blockIdx.x);
  const Place place(p, tile);
  const float scale = p.scale_of(tile.head) * log2_of_e;
  Channels query, sum;
  query.load(static_cast<const NUMBER *>(p.queries) + tile.offset(p.queries_at) + place.token * p.queries_at.token);
  query.normalize(p.temperatures != nullptr);
  sum.clear();
  float largest = -INFINITY, total = 0;

  stage.each_chunk(
      p, tile, Halo::of_keys(p, tile), p.keys, p.keys_at, p.values, p.values_at, false,
      [&](int row) { return p.rows.sees(place.row, row); },
      [&](int, int column, int at) {
        float products[chunk], highest = largest;
        MVAR_UNROLL
        for (int key = 0; key < chunk; key++) {
          const float product = query.dot(stage.first + (at + key) * DEPTH) * stage.factors[at + key] * scale;
          products[key] = p.columns.sees(place.column, column + key) ? product : -INFINITY;
          highest = fmaxf(highest, products[key]);
        }
        const float shift = highest == -INFINITY ? 0 : highest, shrink = power_of_two(largest - shift);
        largest = highest;
        total *= shrink;
        sum.scale(shrink);
        MVAR_UNROLL
        for (int key = 0; key < chunk; key++) {
          const float power = power_of_two(products[key] - shift);
          total += power;
          sum.add(power, stage.second + (at + key) * DEPTH);
        }
      });
  sum.scale(1 / total);
  if (place.is_inside) {
    sum.store(static_cast<NUMBER *>(p.result) + tile.offset(p.result_at) + place.token * p.result_at.token);
  }
}

/// The gradients of queries, and for every query what the gradients of keys need of it.
MVAR_KERNEL(256, 1, differentiate_queries, Attention) {
  MVAR_SHARED_MEMORY(memory);
  const Stage stage(p, memory);
  const Tile tile(p, blockIdx.x);
  const Place place(p, tile);
  const Halo halo = Halo::of_keys(p, tile);
  const float scale = p.scale_of(tile.head);
  Channels query, gradient, sum;
  query.load(static_cast<const NUMBER *>(p.queries) + tile.offset(p.queries_at) + place.token * p.queries_at.token);
  gradient.load(
      static_cast<const NUMBER *>(p.gradient) + tile.offset(p.gradient_at) + place.token * p.gradient_at.token);
  const float length = query.normalize(p.temperatures != nullptr);
  const auto is_seen = [&](int row) { return p.rows.sees(place.row, row); };

  float largest = -INFINITY, total = 0, weighted = 0;
  stage.each_chunk(
      p, tile, halo, p.keys, p.keys_at, p.values, p.values_at, false, is_seen, [&](int, int column, int at) {
        for (int key = 0; key < chunk; key++) {
          const float product =
              query.dot(stage.first + (at + key) * DEPTH) * stage.factors[at + key] * scale * log2_of_e;
          const float change = gradient.dot(stage.second + (at + key) * DEPTH);
          if (!p.columns.sees(place.column, column + key)) continue;
          const float highest = fmaxf(largest, product), shrink = power_of_two(largest - highest);
          const float power = power_of_two(product - highest);
          largest = highest;
          total = total * shrink + power;
          weighted = weighted * shrink + power * change;
        }
      });
  const float logarithm = largest + log2f(total), delta = weighted / total;

  sum.clear();
  stage.each_chunk(
      p, tile, halo, p.keys, p.keys_at, p.values, p.values_at, false, is_seen, [&](int, int column, int at) {
        for (int key = 0; key < chunk; key++) {
          const float *const other = stage.first + (at + key) * DEPTH;
          const float product = query.dot(other) * stage.factors[at + key] * scale * log2_of_e;
          const float change = gradient.dot(stage.second + (at + key) * DEPTH);
          if (!p.columns.sees(place.column, column + key)) continue;
          sum.add(power_of_two(product - logarithm) * (change - delta) * stage.factors[at + key], other);
        }
      });
  const float along = sum.dot(query);
  sum.scale(scale);
  if (p.temperatures) sum.differentiate_unit(query, length);
  if (!place.is_inside) return;
  sum.store(
      static_cast<NUMBER *>(p.query_gradient) + tile.offset(p.query_gradient_at) +
      place.token * p.query_gradient_at.token);
  if (place.is_first_lane) {
    const int64_t at = tile.map(p) * (p.rows.length * p.columns.length) + place.token;
    p.notes[at] = {p.temperatures ? 1 / length : 1, logarithm, delta, 0};
    if (p.temperature_parts) p.temperature_parts[at] = along;
  }
}

/// The gradients of keys and values, from all queries that see them.
MVAR_KERNEL(256, 1, differentiate_keys, Attention) {
  MVAR_SHARED_MEMORY(memory);
  const Stage stage(p, memory);
  const Tile tile(p, blockIdx.x);
  const Place place(p, tile);
  const Halo halo = Halo::of_queries(p, tile);
  const float scale = p.scale_of(tile.head);
  Channels key, value, key_sum, value_sum;
  key.load(static_cast<const NUMBER *>(p.keys) + tile.offset(p.keys_at) + place.token * p.keys_at.token);
  value.load(static_cast<const NUMBER *>(p.values) + tile.offset(p.values_at) + place.token * p.values_at.token);
  const float length = key.normalize(p.temperatures != nullptr);
  key_sum.clear();
  value_sum.clear();
  stage.each_chunk(
      p, tile, halo, p.queries, p.queries_at, p.gradient, p.gradient_at, true,
      [&](int row) { return p.rows.sees(row, place.row); },
      [&](int, int column, int at) {
        for (int query = 0; query < chunk; query++) {
          const float *const other = stage.first + (at + query) * DEPTH;
          const float *const gradient = stage.second + (at + query) * DEPTH;
          const float factor = stage.factors[at + query];
          const float product = key.dot(other) * factor * scale * log2_of_e, change = value.dot(gradient);
          // Columns beyond the map have windows too.
          if (column + query >= halo.end_column || !p.columns.sees(column + query, place.column)) continue;
          const float weight = power_of_two(product - stage.logarithms[at + query]);
          value_sum.add(weight, gradient);
          key_sum.add(weight * (change - stage.deltas[at + query]) * factor, other);
        }
      });
  key_sum.scale(scale);
  if (p.temperatures) key_sum.differentiate_unit(key, length);
  if (!place.is_inside) return;
  key_sum.store(
      static_cast<NUMBER *>(p.key_gradient) + tile.offset(p.key_gradient_at) + place.token * p.key_gradient_at.token);
  value_sum.store(
      static_cast<NUMBER *>(p.value_gradient) + tile.offset(p.value_gradient_at) +
      place.token * p.value_gradient_at.token);
}
