// The gradients of attention over windows, of bfloat16 or float16, by tensor cores. NUMBER and DEPTH, channels of a
// head in steps of 8, are defined from outside.
//
// Of weights P = 2^(product − logarithm) and their gradients dP, the gradient of products is dS = P · (dP − delta).
// Tensors are multiplied as they are, in float32 it is said what that means; only P and dS are rounded, as the left
// sides of the sums. Both are enlarged by powers of two before, for float16 has few exponents: P by 2¹⁵, and what P
// multiplies in dS so that its bound lies below 1.
#include "neighborhood_matrices.h"

using namespace mvar::neighborhood;

namespace {

constexpr float weight_exponent = 15;
constexpr float weight_scale = 32768;
/// The product of a query with a key that it does not see. Finite, for sums of weights times products: 0 · -∞ is none.
constexpr float unseen = -3e38f;

/// The power of two that brings numbers of up to a bound below 1, and no further than need be.
inline float scale_below_one(float bound) {
  const int exponent = 126 - static_cast<int>(bits_of(bound) >> 23);
  return of_bits(static_cast<uint32_t>(127 + (exponent < -126 ? -126 : exponent > 100 ? 100 : exponent)) << 23);
}

/// From the gradient of a unit vector to that of the vector that it was made of.
inline void differentiate_unit(Sums<NUMBER, DEPTH> &sums, int half, const Rows<NUMBER, DEPTH> &rows) {
  const float length = sqrtf(rows.squares(half)), inverse = 1 / fmaxf(length, smallest_length);
  const float along = sums.dot(half, rows) * inverse;
  // A vector that is shorter was divided by a constant.
  if (length > smallest_length) sums.add(half, -along * inverse, rows);
  sums.scale(half, inverse);
}

}  // namespace

/// The gradients of queries, and for every query what the gradients of keys need of it.
MVAR_KERNEL(128, DEPTH <= 64 ? 3 : 2, differentiate_queries, Attention) {
  MVAR_SHARED_MEMORY(memory);
  const MatrixStage<NUMBER, DEPTH> stage(p, memory);
  const Tile tile(p, blockIdx.x);
  const WarpPlaces places(p, tile);
  const Halo halo = Halo::of_keys(p, tile);
  const Rows<NUMBER, DEPTH> queries(p, tile, places, p.queries, p.queries_at);
  const Rows<NUMBER, DEPTH> gradients(p, tile, places, p.gradient, p.gradient_at);
  const int first_column = p.columns.start(places.column);
  const float scale = p.scale_of(tile.head);
  // A temperature of 0 has a gradient too: products are divided by it.
  const float steepness = (scale == 0 ? 1e-30f : scale) * log2_of_e;
  float factors[2] = {1, 1};
  if (p.temperatures) {
    for (int half = 0; half < 2; half++) factors[half] = factor_of(queries.squares(half));
  }

  /// Calls `body` with the products and the weights' gradients of every chunk that the warp sees; those of keys that a
  /// query does not see are `unseen` and 0.
  const auto each_chunk = [&](bool again, auto body) {
    stage.each_chunk(
        p, tile, halo, p.keys, p.keys_at, p.values, p.values_at, nullptr, again, [&](int row, int column, int at) {
          const bool seen[2] = {p.rows.sees(places.rows[0], row), p.rows.sees(places.rows[1], row)};
          if (!seen[0] && !seen[1]) return;  // the same for the whole warp
          Products products, changes;
          queries.multiply(products, stage.first + at * stage.stride);
          gradients.multiply(changes, stage.second + at * stage.stride);
          float key_factors[4] = {1, 1, 1, 1};
          MVAR_UNROLL
          for (int i = 0; i < 4; i++) {
            const int key = i / 2 * 8 + 2 * places.member + i % 2;
            if (p.temperatures) key_factors[i] = stage.notes(at + key).factor;
            const bool is_column_seen =
                static_cast<unsigned>(column + key - first_column) < static_cast<unsigned>(p.columns.kernel);
            MVAR_UNROLL
            for (int half = 0; half < 2; half++) {
              const bool is_seen = seen[half] && is_column_seen;
              float &product = products[i / 2][2 * half + i % 2], &change = changes[i / 2][2 * half + i % 2];
              product = is_seen ? product * key_factors[i] * (factors[half] * steepness) : unseen;
              change = is_seen ? change : 0;
            }
          }
          body(products, changes, key_factors, at);
        });
  };

  // Of this lane's keys: the largest product, sums of powers and of powers times dP, the largest dP, for both halves,
  // and the largest factor.
  float largest[2] = {unseen, unseen}, totals[2] = {0, 0}, deltas[2] = {0, 0}, bounds[2] = {0, 0};
  float largest_factor = 0;
  each_chunk(false, [&](const Products &products, const Products &changes, const float(&key_factors)[4], int) {
    MVAR_UNROLL
    for (int half = 0; half < 2; half++) {
      float highest = largest[half];
      MVAR_UNROLL
      for (int i = 0; i < 4; i++) highest = fmaxf(highest, products[i / 2][2 * half + i % 2]);
      // What a query sums up before it has seen a key comes to nothing here.
      const float shrink = power_of_two(largest[half] - highest);
      largest[half] = highest;
      totals[half] *= shrink;
      deltas[half] *= shrink;
      MVAR_UNROLL
      for (int i = 0; i < 4; i++) {
        const float power = power_of_two(products[i / 2][2 * half + i % 2] - highest);
        const float change = changes[i / 2][2 * half + i % 2];
        totals[half] += power;
        deltas[half] += power * change;
        bounds[half] = fmaxf(bounds[half], fabsf(change));
      }
    }
    MVAR_UNROLL
    for (int i = 0; i < 4; i++) largest_factor = fmaxf(largest_factor, key_factors[i]);
  });

  largest_factor = largest_of_row(largest_factor);
  float logarithms[2], scales[2];
  MVAR_UNROLL
  for (int half = 0; half < 2; half++) {
    const float highest = largest_of_row(largest[half]), shrink = power_of_two(largest[half] - highest);
    const float total = sum_of_row(totals[half] * shrink);
    logarithms[half] = highest + log2f(total);
    deltas[half] = sum_of_row(deltas[half] * shrink) / total;
    bounds[half] = 2 * largest_of_row(bounds[half]);  // of dP − delta
    scales[half] = scale_below_one(bounds[half] * largest_factor);
  }

  Sums<NUMBER, DEPTH> sums;
  sums.clear();
  float alongs[2] = {0, 0};
  each_chunk(true, [&](Products &products, const Products &changes, const float(&key_factors)[4], int at) {
    MVAR_UNROLL
    for (int i = 0; i < 8; i++) {
      const int half = i / 2 % 2;
      float &product = products[i / 4][i % 4];
      const float change = (changes[i / 4][i % 4] - deltas[half]) * scales[half];
      const float weight = power_of_two(product - logarithms[half] + weight_exponent) * change;
      alongs[half] += weight * product;
      product = weight * key_factors[i / 4 * 2 + i % 2];
    }
    sums.add(Weights<NUMBER>(products), stage.first + at * stage.stride);
  });

  MVAR_UNROLL
  for (int half = 0; half < 2; half++) {
    const float enlargement = scales[half] * weight_scale;
    const float along = sum_of_row(alongs[half]) / (enlargement * steepness);
    if (places.is_inside[half] && places.member == 0) {
      const int64_t at = tile.map(p) * (p.rows.length * p.columns.length) + places.token(p, half);
      p.notes[at] = {factors[half], logarithms[half], deltas[half], bounds[half] * factors[half]};
      if (p.temperature_parts) p.temperature_parts[at] = along;
    }
    sums.scale(half, scale / enlargement);
    if (p.temperatures) differentiate_unit(sums, half, queries);
    sums.store(half, p, tile, places, p.query_gradient, p.query_gradient_at);
  }
}

/// The gradients of keys and values, from all queries that see them. Long heads go over the queries twice, for the sums
/// of both do not fit into registers at once.
MVAR_KERNEL(128, 2, differentiate_keys, Attention) {
  MVAR_SHARED_MEMORY(memory);
  const MatrixStage<NUMBER, DEPTH> stage(p, memory);
  const Tile tile(p, blockIdx.x);
  const WarpPlaces places(p, tile);
  const Halo halo = Halo::of_queries(p, tile);
  const Rows<NUMBER, DEPTH> keys(p, tile, places, p.keys, p.keys_at);
  const int first_column = p.columns.first_query(places.column),
            columns = p.columns.end_query(places.column) - first_column;
  const Notes *const notes = p.notes + tile.map(p) * (p.rows.length * p.columns.length);
  const float scale = p.scale_of(tile.head);
  float factors[2];
  for (int half = 0; half < 2; half++) {
    factors[half] = scale * log2_of_e;
    if (p.temperatures) factors[half] *= factor_of(keys.squares(half));
  }

  // The largest bound of the queries that see the warp's two rows.
  float bound = 0;
  const int begin_row = p.rows.first_query(places.rows[0]), end_row = p.rows.end_query(places.rows[1]);
  const int across = halo.end_column - halo.column;
  for (int index = threadIdx.x % 32; index < (end_row - begin_row) * across; index += 32) {
    const int row = begin_row + index / across, column = halo.column + index % across;
    bound = fmaxf(bound, notes[row * p.columns.length + column].bound);
  }
  for (int distance = 1; distance < 32; distance *= 2) bound = fmaxf(bound, of_lane_xor(bound, distance));
  const float change_scale = scale_below_one(bound);

  /// Calls `body` with the weights of every chunk that sees the warp, enlarged; those of queries that do not are 0.
  const auto each_chunk = [&](bool again, auto body) {
    stage.each_chunk(
        p, tile, halo, p.queries, p.queries_at, p.gradient, p.gradient_at, notes, again,
        [&](int row, int column, int at) {
          const bool seen[2] = {p.rows.sees(row, places.rows[0]), p.rows.sees(row, places.rows[1])};
          if (!seen[0] && !seen[1]) return;  // the same for the whole warp
          Products products;
          keys.multiply(products, stage.first + at * stage.stride);
          MVAR_UNROLL
          for (int i = 0; i < 8; i++) {
            const int half = i / 2 % 2, query = i / 4 * 8 + 2 * places.member + i % 2;
            const Notes &of_query = stage.notes(at + query);
            const bool is_seen =
                seen[half] && static_cast<unsigned>(column + query - first_column) < static_cast<unsigned>(columns);
            float &product = products[i / 4][i % 4];
            product = product * of_query.factor * factors[half] + (weight_exponent - of_query.logarithm);
            product = is_seen ? power_of_two(product) : 0;
          }
          body(products, at);
        });
  };
  const auto add_to_keys = [&](Sums<NUMBER, DEPTH> &sums, const Rows<NUMBER, DEPTH> &values, const Products &weights,
                               int at) {
    Products changes;
    values.multiply(changes, stage.second + at * stage.stride);
    MVAR_UNROLL
    for (int i = 0; i < 8; i++) {
      const Notes &of_query = stage.notes(at + i / 4 * 8 + 2 * places.member + i % 2);
      float &change = changes[i / 4][i % 4];
      change = weights[i / 4][i % 4] * ((change - of_query.delta) * (change_scale * of_query.factor));
    }
    sums.add(Weights<NUMBER>(changes), stage.first + at * stage.stride);
  };
  const auto store_values = [&](Sums<NUMBER, DEPTH> &sums) {
    MVAR_UNROLL
    for (int half = 0; half < 2; half++) {
      sums.scale(half, 1 / weight_scale);
      sums.store(half, p, tile, places, p.value_gradient, p.value_gradient_at);
    }
  };
  const auto store_keys = [&](Sums<NUMBER, DEPTH> &sums) {
    MVAR_UNROLL
    for (int half = 0; half < 2; half++) {
      sums.scale(half, scale / (change_scale * weight_scale));
      if (p.temperatures) differentiate_unit(sums, half, keys);
      sums.store(half, p, tile, places, p.key_gradient, p.key_gradient_at);
    }
  };

  Sums<NUMBER, DEPTH> sums;
  sums.clear();
  if (DEPTH <= 64) {
    const Rows<NUMBER, DEPTH> values(p, tile, places, p.values, p.values_at);
    Sums<NUMBER, DEPTH> value_sums;
    value_sums.clear();
    each_chunk(false, [&](const Products &weights, int at) {
      value_sums.add(Weights<NUMBER>(weights), stage.second + at * stage.stride);
      add_to_keys(sums, values, weights, at);
    });
    store_values(value_sums);
  } else {
    each_chunk(false, [&](const Products &weights, int at) {
      sums.add(Weights<NUMBER>(weights), stage.second + at * stage.stride);
    });
    store_values(sums);
    const Rows<NUMBER, DEPTH> values(p, tile, places, p.values, p.values_at);
    sums.clear();
    each_chunk(true, [&](const Products &weights, int at) { add_to_keys(sums, values, weights, at); });
  }
  store_keys(sums);
}
