// softmax(scale · q kᵀ) v over windows, of bfloat16 or float16, by tensor cores. NUMBER and DEPTH, channels of a head
// in steps of 8, are defined from outside.
//
// Keys and values are multiplied as they are: what the lengths of queries and keys and the temperature make of a
// product is applied to it afterwards, in float32, so that nothing is rounded on the way but the weights in front of
// the values.
#include "neighborhood_matrices.h"

using namespace mvar::neighborhood;

MVAR_KERNEL(128, 3, attend, Attention) {
  MVAR_SHARED_MEMORY(memory);
  const MatrixStage<NUMBER, DEPTH> stage(p, memory);
  const Tile tile(p, blockIdx.x);
  const WarpPlaces places(p, tile);
  const Rows<NUMBER, DEPTH> queries(p, tile, places, p.queries, p.queries_at);
  const int first_column = p.columns.start(places.column);
  const float scale = p.scale_of(tile.head) * log2_of_e;
  float factors[2] = {scale, scale};
  if (p.temperatures) {
    for (int half = 0; half < 2; half++) factors[half] = scale * factor_of(queries.squares(half));
  }

  Sums<NUMBER, DEPTH> sums;
  sums.clear();
  // Of this lane's two queries: the largest product so far, and the sum of this lane's powers.
  float largest[2] = {-INFINITY, -INFINITY}, totals[2] = {0, 0};
  stage.each_chunk(
      p, tile, Halo::of_keys(p, tile), p.keys, p.keys_at, p.values, p.values_at, nullptr, false,
      [&](int row, int column, int at) {
        const bool seen[2] = {p.rows.sees(places.rows[0], row), p.rows.sees(places.rows[1], row)};
        if (!seen[0] && !seen[1]) return;  // the same for the whole warp

        Products products;
        queries.multiply(products, stage.first + at * stage.stride);
        float highest[2] = {largest[0], largest[1]};
        MVAR_UNROLL
        for (int i = 0; i < 8; i++) {
          const int half = i / 2 % 2, key = i / 4 * 8 + 2 * places.member + i % 2;
          float &product = products[i / 4][i % 4];
          const bool is_seen = seen[half] && static_cast<unsigned>(column + key - first_column) <
                                                 static_cast<unsigned>(p.columns.kernel);
          product *= factors[half];
          if (p.temperatures) product *= stage.notes(at + key).factor;
          product = is_seen ? product : -INFINITY;
          highest[half] = fmaxf(highest[half], product);
        }
        MVAR_UNROLL
        for (int half = 0; half < 2; half++) {
          highest[half] = largest_of_row(highest[half]);
          // A query that has seen no key yet keeps -∞: 0 stands for it where powers are taken.
          const float shift = highest[half] == -INFINITY ? 0 : highest[half];
          const float shrink = power_of_two(largest[half] - shift);
          largest[half] = highest[half];
          totals[half] *= shrink;
          sums.scale(half, shrink);
          MVAR_UNROLL
          for (int i = 0; i < 4; i++) {
            float &product = products[i / 2][2 * half + i % 2];
            product = power_of_two(product - shift);
            totals[half] += product;
          }
        }
        sums.add(Weights<NUMBER>(products), stage.second + at * stage.stride);
      });

  MVAR_UNROLL
  for (int half = 0; half < 2; half++) {
    sums.scale(half, 1 / sum_of_row(totals[half]));
    sums.store(half, p, tile, places, p.result, p.result_at);
  }
}
