// The products that `mvar::neighborhood_attention` is made of; neighborhood_attention_passes.h makes them one.
//
// There are two kinds:
//   * `products`: queries with the keys of their windows. Lanes are neighbouring queries of a row. For the j-th column
//     of their windows they need neighbouring keys, or at the borders, where windows stand still, the same key several
//     times: a load at any place, and there a permutation. Nothing outside of the windows is computed.
//   * `mix`: weighted sums of rows, such as weights · values. Lanes are channels. Two neighbouring targets share what
//     they both need.
// All sums run in one order that depends on the map and the kernel alone.

namespace MVAR_NAMESPACE {

/// Queries that are worked on together. Their keys and values, with the windows that reach out, stay in the second
/// cache, and rows of the tile that share a row of keys find it in the first.
constexpr int64_t tile_rows = 16, tile_columns = 32;
static_assert(tile_columns % lanes == 0);

constexpr int64_t padded(int64_t count) { return (count + lanes - 1) / lanes * lanes; }

using Index = int32_t __attribute__((vector_size(4 * MVAR_LANES)));

/// from[index[lane]] in every lane, 0 ≤ index < lanes.
inline Vector permuted(const float *from, Index index) {
#if MVAR_LANES == 16
  return _mm512_permutexvar_ps((__m512i)index, load(from));
#elif MVAR_LANES == 8
  return _mm256_permutevar8x32_ps(load(from), (__m256i)index);
#else
  return Vector{from[index[0]], from[index[1]], from[index[2]], from[index[3]]};
#endif
}

inline float sum_of(Vector x) {
  float sums[lanes];
  store(sums, x);
#pragma clang loop unroll(full)
  for (int count = lanes / 2; count > 0; count /= 2) {
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) sums[i] += sums[i + count];
  }
  return sums[0];
}

template <int Distance, int... Lane>
inline void exchange(Vector &a, Vector &b, std::integer_sequence<int, Lane...>) {
  const Vector low = __builtin_shufflevector(a, b, (Lane & Distance ? lanes + Lane - Distance : Lane)...);
  const Vector high = __builtin_shufflevector(a, b, (Lane & Distance ? lanes + Lane : Lane + Distance)...);
  a = low;
  b = high;
}

/// Makes columns of rows.
template <int Distance = 1>
inline void transpose(Vector (&rows)[lanes]) {
#pragma clang loop unroll(full)
  for (int i = 0; i < lanes; i++) {
    if (!(i & Distance)) exchange<Distance>(rows[i], rows[i + Distance], std::make_integer_sequence<int, lanes>());
  }
  if constexpr (2 * Distance < lanes) transpose<2 * Distance>(rows);
}

/// Channel d of place i goes to `to[d · pitch + i]`; `count` places, the rest up to a whole vector are zeros.
template <typename Number>
inline void load_columns(
    Rows<const Number> places, int64_t first, int64_t count, int64_t depth, float *to, int64_t pitch) {
  for (int64_t i = 0; i < count; i += lanes) {
    for (int64_t d = 0; d < depth; d += lanes) {
      const int64_t channels = std::min<int64_t>(lanes, depth - d);
      Vector block[lanes];
      if (i + lanes <= count && channels == lanes) {
#pragma clang loop unroll(full)
        for (int place = 0; place < lanes; place++) block[place] = load(places[first + i + place] + d);
      } else {
        for (int place = 0; place < lanes; place++) {
          block[place] = i + place < count ? load(places[first + i + place] + d, channels) : Vector{};
        }
      }
      transpose(block);
#pragma clang loop unroll(full)
      for (int channel = 0; channel < lanes; channel++) {
        if (channel < channels) store(to + (d + channel) * pitch + i, block[channel]);
      }
    }
  }
}

/// Asks for places that will be read soon: in a projection they stand too far apart for the processor to foresee them.
template <typename Number>
inline void prefetch(Rows<const Number> places, int64_t first, int64_t count, int64_t depth) {
  for (int64_t i = 0; i < count; i++) {
    for (int64_t d = 0; d < depth; d += 64 / sizeof(Number)) __builtin_prefetch(places[first + i] + d);
  }
}

/// Makes unit vectors of columns, `count` of them.
inline void normalize_columns(float *columns, int64_t count, int64_t depth, int64_t pitch) {
  for (int64_t i = 0; i < count; i += lanes) {
    Vector sum{};
    for (int64_t d = 0; d < depth; d++) {
      const Vector x = load(columns + d * pitch + i);
      sum = MVAR_FMA(x, x, sum);
    }
    const Vector norm = __builtin_elementwise_sqrt(sum), least = Vector{} + least_norm;
    const Vector factor = 1.0f / (norm < least ? least : norm);
    for (int64_t d = 0; d < depth; d++) store(columns + d * pitch + i, load(columns + d * pitch + i) * factor);
  }
}

/// The numbers that belong to pairs of a query and a key of its window: for each row of queries a table
/// [window][column of the query]. Only the rows worked on are kept, round and round.
struct Scores {
  float *memory;
  int64_t kept_rows, pitch, row_size;
  int64_t first_column;

  /// The scores of a row's queries from `column` on with the key in row `i`, column `j` of their windows stand
  /// (i · kernel + j) · pitch further.
  float *at(int64_t row, int64_t column) const { return memory + row % kept_rows * row_size + (column - first_column); }

  static Scores taken(Scratch &scratch, const Problem &p, int64_t kept_rows, int64_t columns, int64_t first_column) {
    // Lines of a power of two of bytes would all fall into one set of the first cache.
    const int64_t pitch = padded(columns) + (padded(columns) % 1024 == 0 ? 16 : 0), row_size = p.window() * pitch;
    return {scratch.take(kept_rows * row_size), kept_rows, pitch, row_size, first_column};
  }
};

/// to[r][j · pitch] = Σ_d left[r][d] · right[d][j…] for lanes of queries.
template <int Queries, int Columns, bool IsShifted>
inline void products(
    const float *left, int64_t left_size, const float *right, int64_t right_pitch, Index index, int64_t depth,
    float *const *to, int64_t pitch) {
  Vector sum[Queries][Columns] = {};
  for (int64_t d = 0; d < depth; d++) {
    Vector query[Queries];
#pragma clang loop unroll(full)
    for (int r = 0; r < Queries; r++) query[r] = load(left + r * left_size + d * lanes);
#pragma clang loop unroll(full)
    for (int j = 0; j < Columns; j++) {
      const float *from = right + d * right_pitch + j;
      const Vector key = IsShifted ? load(from) : permuted(from, index);
#pragma clang loop unroll(full)
      for (int r = 0; r < Queries; r++) sum[r][j] = MVAR_FMA(query[r], key, sum[r][j]);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < Queries; r++) {
#pragma clang loop unroll(full)
    for (int j = 0; j < Columns; j++) store(to[r] + j * pitch, sum[r][j]);
  }
}

#if MVAR_LANES == 16
constexpr int most_queries = 4, most_columns = 4;
#elif MVAR_LANES == 8
constexpr int most_queries = 3, most_columns = 4;
#else
constexpr int most_queries = 3, most_columns = 3;
#endif

using Products = void (*)(const float *, int64_t, const float *, int64_t, Index, int64_t, float *const *, int64_t);

template <int Queries, int Columns>
inline Products products_of(int64_t queries, int64_t columns, bool is_shifted) {
  if constexpr (Queries > 1) {
    if (queries < Queries) return products_of<Queries - 1, Columns>(queries, columns, is_shifted);
  }
  if constexpr (Columns > 1) {
    if (columns < Columns) return products_of<Queries, Columns - 1>(queries, columns, is_shifted);
  }
  return is_shifted ? products<Queries, Columns, true> : products<Queries, Columns, false>;
}

/// Calls body(begin, size) for parts of at most `most`, as equal as can be.
template <typename Body>
inline void in_parts(int64_t count, int64_t most, Body body) {
  int64_t parts = (count + most - 1) / most;
  for (int64_t begin = 0; begin < count; parts--) {
    const int64_t size = (count - begin + parts - 1) / parts;
    body(begin, size);
    begin += size;
  }
}

/// How the lanes of a group of queries in a row, from `column` on, find their keys.
struct Group {
  int64_t column, count;
  int64_t start;    // the first column of keys
  Index index;      // each lane's first column of keys, from `start`
  bool is_shifted;  // each lane's window begins one column after its neighbour's

  Group(const Axis &columns, int64_t column, int64_t end_column)
      : column(column),
        count(std::min<int64_t>(lanes, end_column - column)),
        start(columns.start(column)),
        index{},
        is_shifted(count == lanes) {
    for (int lane = 0; lane < lanes; lane++) {
      // Lanes without a query repeat the last one: what they find is finite, and nobody reads it.
      index[lane] = static_cast<int32_t>(columns.start(column + std::min<int64_t>(lane, count - 1)) - start);
      is_shifted = is_shifted && index[lane] == lane;
    }
  }
};

/// Room for `correlate`.
struct CorrelationRoom {
  float *left;   // [group][row][depth][lanes]
  float *right;  // [depth][right_pitch]
  int64_t right_pitch;

  static CorrelationRoom taken(Scratch &scratch, const Problem &p) {
    // A load of the last column of a window may reach a vector further. An odd number of vectors spreads over the sets
    // of the first cache.
    const int64_t vectors = (tile_columns + p.columns.kernel - 1 + lanes - 1) / lanes | 1;
    float *const left = scratch.take(tile_rows * tile_columns * p.depth);
    return {left, scratch.take(p.depth * vectors * lanes + lanes), vectors * lanes};
  }
};

/// The products of a tile's left rows with the right rows of their windows.
template <typename Number>
inline void correlate(
    const Problem &p, const Tile &tile, Rows<const Number> left, Rows<const Number> right, bool normalizes,
    const CorrelationRoom &room, const Scores &to) {
  const int64_t width = p.columns.length, kernel = p.columns.kernel;
  const int64_t left_size = p.depth * lanes;
  for (int64_t column = tile.column, group = 0; column < tile.end_column; column += lanes, group++) {
    const int64_t count = std::min<int64_t>(lanes, tile.end_column - column);
    for (int64_t row = tile.row; row < tile.end_row; row++) {
      if (row + 1 < tile.end_row) prefetch(left, (row + 1) * width + column, count, p.depth);
      float *const columns = room.left + (group * tile_rows + row - tile.row) * left_size;
      load_columns(left, row * width + column, count, p.depth, columns, lanes);
      if (normalizes) normalize_columns(columns, count, p.depth, lanes);
    }
  }
  const int64_t first = p.columns.start(tile.column), count = p.columns.end(tile.end_column - 1) - first;
  const int64_t end_key_row = p.rows.end(tile.end_row - 1);
  for (int64_t y = p.rows.start(tile.row); y < end_key_row; y++) {
    if (y + 1 < end_key_row) prefetch(right, (y + 1) * width + first, count, p.depth);
    load_columns(right, y * width + first, count, p.depth, room.right, room.right_pitch);
    if (normalizes) normalize_columns(room.right, count, p.depth, room.right_pitch);
    const int64_t begin = std::max(tile.row, p.rows.first_query(y)), end = std::min(tile.end_row, p.rows.end_query(y));
    for (int64_t column = tile.column, index = 0; column < tile.end_column; column += lanes, index++) {
      const Group group(p.columns, column, tile.end_column);
      in_parts(end - begin, most_queries, [&](int64_t part, int64_t queries) {
        const int64_t row = begin + part;
        const float *const from = room.left + (index * tile_rows + row - tile.row) * left_size;
        in_parts(kernel, most_columns, [&](int64_t j, int64_t columns) {
          float *places[most_queries];
          for (int64_t r = 0; r < queries; r++) {
            places[r] = to.at(row + r, column) + ((y - p.rows.start(row + r)) * kernel + j) * to.pitch;
          }
          products_of<most_queries, most_columns>(queries, columns, group.is_shifted)(
              from, left_size, room.right + group.start - first + j, room.right_pitch, group.index, p.depth, places,
              to.pitch);
        });
      });
    }
  }
}

/// One row of the map's part in sums of `mix`: the weight of the place in column c for the first target stands at
/// weights[offsets[c]], its channels at values + c · stride.
struct MixRow {
  const float *weights, *values;
};

/// For two neighbouring targets, which columns they sum over, and how far the second one's weights are from the first
/// one's. Both ends grow from the first to the second.
struct MixColumns {
  const int64_t *offsets;
  int64_t begin[2], end[2];
  int64_t weight_distance;
  int64_t stride;
};

template <int Vectors>
inline void mix_channels(
    const MixRow *rows, int64_t row_count, const MixColumns &c, int64_t channel, float *const *to) {
  Vector sum[2][Vectors] = {};
  const int64_t alone = std::min(c.begin[1], c.end[0]), shared = std::max(c.begin[1], c.end[0]);
  for (int64_t row = 0; row < row_count; row++) {
    const float *const weights = rows[row].weights, *const second = weights + c.weight_distance;
    const float *values = rows[row].values + channel;
    const auto add = [&](Vector(&to)[Vectors], const float *from, float weight) __attribute__((always_inline)) {
#pragma clang loop unroll(full)
      for (int v = 0; v < Vectors; v++) to[v] = MVAR_FMA(load(from + v * lanes), Vector{} + weight, to[v]);
    };
    for (int64_t x = c.begin[0]; x < alone; x++) add(sum[0], values + x * c.stride, weights[c.offsets[x]]);
    for (int64_t x = c.begin[1]; x < c.end[0]; x++) {
      const float *const from = values + x * c.stride;
      const Vector first_weight = Vector{} + weights[c.offsets[x]], second_weight = Vector{} + second[c.offsets[x]];
#pragma clang loop unroll(full)
      for (int v = 0; v < Vectors; v++) {
        const Vector value = load(from + v * lanes);
        sum[0][v] = MVAR_FMA(value, first_weight, sum[0][v]);
        sum[1][v] = MVAR_FMA(value, second_weight, sum[1][v]);
      }
    }
    for (int64_t x = shared; x < c.end[1]; x++) add(sum[1], values + x * c.stride, second[c.offsets[x]]);
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < Vectors; v++) {
    store(to[0] + channel + v * lanes, sum[0][v]);
    store(to[1] + channel + v * lanes, sum[1][v]);
  }
}

/// Weighted sums of rows for two targets; `depth` whole vectors of channels.
inline void mix(const MixRow *rows, int64_t row_count, const MixColumns &columns, int64_t depth, float *const *to) {
  in_parts(depth / lanes, 4, [&](int64_t vector, int64_t vectors) {
    const int64_t channel = vector * lanes;
    switch (vectors) {
      case 4:
        return mix_channels<4>(rows, row_count, columns, channel, to);
      case 3:
        return mix_channels<3>(rows, row_count, columns, channel, to);
      case 2:
        return mix_channels<2>(rows, row_count, columns, channel, to);
      default:
        return mix_channels<1>(rows, row_count, columns, channel, to);
    }
  });
}

/// A copy of one row of channels, padded with zeros to whole vectors.
template <typename Number>
inline void copy_channels(const Number *from, int64_t depth, float *to) {
  int64_t d = 0;
  for (; d + lanes <= depth; d += lanes) store(to + d, load(from + d));
  if (d < depth) store(to + d, load(from + d, depth - d));
}

/// A row of channels, from memory that ends with a whole vector.
template <typename Number>
inline void write_channels(const float *from, int64_t depth, Number *to) {
  int64_t d = 0;
  for (; d + lanes <= depth; d += lanes) store(to + d, load(from + d));
  if (d < depth) store(to + d, load(from + d), depth - d);
}

/// A rectangle of a map, copied: rows in projections stand several KiB apart, where a few of them fill a set of the
/// first cache.
struct Copy {
  float *data;
  int64_t row, column, columns, depth;  // where it begins, its width, whole vectors of channels

  float *at(int64_t y, int64_t x) const { return data + ((y - row) * columns + (x - column)) * depth; }
};

/// For a row of queries, sums over their windows of rows weighed by scores: calls write(column, sums) for each.
template <typename Write>
inline void mix_windows(
    const Problem &p, int64_t row, int64_t column, int64_t end_column, const Scores &scores, const Copy &values,
    MixRow *rows, int64_t *offsets, float *sums, Write write) {
  for (int64_t x = 0; x < values.columns; x++) offsets[x] = x * scores.pitch;
  for (; column < end_column; column += 2) {
    const bool has_second = column + 1 < end_column;
    const int64_t start = p.columns.start(column), next = p.columns.start(has_second ? column + 1 : column);
    // Offsets count from the copy's first column, weights from the window's.
    const float *const weights = scores.at(row, column) - (start - values.column) * scores.pitch;
    for (int64_t i = 0; i < p.rows.kernel; i++) {
      rows[i] = {weights + i * p.columns.kernel * scores.pitch, values.at(p.rows.start(row) + i, values.column)};
    }
    const int64_t begin = start - values.column, next_begin = next - values.column;
    const MixColumns columns{
        offsets,
        {begin, has_second ? next_begin : begin + p.columns.kernel},
        {begin + p.columns.kernel, next_begin + p.columns.kernel},
        1 - (next - start) * scores.pitch,
        values.depth};
    float *const to[2] = {sums, sums + values.depth};
    mix(rows, p.rows.kernel, columns, values.depth, to);
    write(column, sums);
    if (has_second) write(column + 1, sums + values.depth);
  }
}

}  // namespace MVAR_NAMESPACE
