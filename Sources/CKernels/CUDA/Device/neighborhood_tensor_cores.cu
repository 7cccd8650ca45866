// softmax(scale · q kᵀ) v over windows, of bfloat16 or float16, by tensor cores. NUMBER and DEPTH, channels of a head
// in steps of 8, are defined from outside.
//
// Four warps have 8 × 8 queries of a head; a warp has two rows of them, the 16 rows of its products. Keys and values
// are multiplied as they are: what the lengths of queries and keys and the temperature make of a product is applied to
// it afterwards, in float32, so that nothing is rounded on the way but the weights in front of the values.
#include "device.h"
#include "neighborhood.h"

using namespace mvar::neighborhood;

namespace {

constexpr int padded_depth = (DEPTH + 15) / 16 * 16;
/// Between rows of shared memory: 16 bytes more than the channels need, so that 8 rows lie in 8 different banks.
constexpr int row_stride = padded_depth + 8;
constexpr int pieces = padded_depth / 8;  // of 16 bytes
constexpr int threads = 128;

/// Loads a stage of the halo; what lies outside the map is 0.
inline void load_stage(
    const Attention &p, const Halo &halo, int first, int count, const NUMBER *from, const Strides &at, NUMBER *to) {
  for (int index = threadIdx.x; index < count * chunk * pieces; index += threads) {
    const int place = index / pieces, piece = index % pieces;
    const int row = halo.row_of(first + place / chunk), column = halo.column_of(first + place / chunk) + place % chunk;
    const bool is_there = column < halo.end_column && piece * 8 < DEPTH;
    const NUMBER *source = from + (is_there ? (row * p.columns.length + column) * at.token + piece * 8 : 0);
    copy16(to + place * row_stride + piece * 8, source, is_there);
  }
}

}  // namespace

MVAR_KERNEL(128, 3, attend, Attention) {
  MVAR_SHARED_MEMORY(memory);
  NUMBER *const keys = reinterpret_cast<NUMBER *>(memory);
  NUMBER *const values = keys + p.stage_chunks * chunk * row_stride;
  float *const key_factors = reinterpret_cast<float *>(values + p.stage_chunks * chunk * row_stride);

  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  // A lane has these rows and columns of products: rows `group` and `group + 8`, columns `2 · member` and the next.
  const int group = lane / 4, member = lane % 4;
  const Tile tile(p, blockIdx.x);
  const Halo halo = Halo::of_keys(p, tile);
  const int column = Tile::inside(tile.column + group, p.columns.length);
  const int first_column = p.columns.start(column);
  const int rows[2] = {
      Tile::inside(tile.row + 2 * warp, p.rows.length), Tile::inside(tile.row + 2 * warp + 1, p.rows.length)};
  const float scale = p.scale_of(tile.head) * log2_of_e;

  uint32_t q[pieces / 2][4];
  float factors[2];
  MVAR_UNROLL
  for (int half = 0; half < 2; half++) {
    const NUMBER *const query = static_cast<const NUMBER *>(p.queries) + tile.offset(p.queries_at) +
                                (rows[half] * p.columns.length + column) * p.queries_at.token;
    float squares = 0;
    MVAR_UNROLL
    for (int piece = 0; piece < pieces; piece++) {
      const int channel = piece * 8 + 2 * member;
      uint32_t two = 0;
      if (channel < DEPTH) two = *reinterpret_cast<const uint32_t *>(query + channel);
      q[piece / 2][piece % 2 * 2 + half] = two;
      const float low = widened(NUMBER{static_cast<uint16_t>(two)}),
                  high = widened(NUMBER{static_cast<uint16_t>(two >> 16)});
      squares += low * low + high * high;
    }
    squares += of_lane_xor(squares, 1);
    squares += of_lane_xor(squares, 2);
    factors[half] = p.temperatures ? scale / fmaxf(sqrtf(squares), smallest_length) : scale;
  }

  float sums[DEPTH / 8][4];
  MVAR_UNROLL
  for (int tile8 = 0; tile8 < DEPTH / 8; tile8++) {
    MVAR_UNROLL
    for (int i = 0; i < 4; i++) sums[tile8][i] = 0;
  }
  // Of this lane's two queries: the largest product so far, and the sum of this lane's powers.
  float largest[2] = {-INFINITY, -INFINITY}, totals[2] = {0, 0};

  for (int first = 0; first < halo.chunks; first += p.stage_chunks) {
    const int left = halo.chunks - first, count = left < p.stage_chunks ? left : p.stage_chunks;
    wait_for_block();
    load_stage(p, halo, first, count, static_cast<const NUMBER *>(p.keys) + tile.offset(p.keys_at), p.keys_at, keys);
    load_stage(
        p, halo, first, count, static_cast<const NUMBER *>(p.values) + tile.offset(p.values_at), p.values_at, values);
    wait_for_copies();
    wait_for_block();
    if (p.temperatures) {
      for (int place = threadIdx.x; place < count * chunk; place += threads) {
        float squares = 0;
        for (int channel = 0; channel < DEPTH; channel += 2) {
          const uint32_t two = *reinterpret_cast<const uint32_t *>(keys + place * row_stride + channel);
          const float low = widened(NUMBER{static_cast<uint16_t>(two)}),
                      high = widened(NUMBER{static_cast<uint16_t>(two >> 16)});
          squares += low * low + high * high;
        }
        key_factors[place] = 1 / fmaxf(sqrtf(squares), smallest_length);
      }
      wait_for_block();
    }

    for (int index = 0; index < count; index++) {
      const int key_row = halo.row_of(first + index), key_column = halo.column_of(first + index);
      const bool seen[2] = {p.rows.sees(rows[0], key_row), p.rows.sees(rows[1], key_row)};
      if (!seen[0] && !seen[1]) continue;  // the same for the whole warp

      float products[2][4] = {};
      MVAR_UNROLL
      for (int step = 0; step < pieces / 2; step++) {
        // Matrices: keys 0–7 and their two halves of 16 channels, then keys 8–15.
        uint32_t k[4];
        const int key = lane / 16 * 8 + lane % 8, channel = step * 16 + lane / 8 % 2 * 8;
        load_matrices(k, keys + (index * chunk + key) * row_stride + channel);
        multiply_add(products[0], q[step], k[0], k[1], NUMBER());
        multiply_add(products[1], q[step], k[2], k[3], NUMBER());
      }

      float highest[2] = {largest[0], largest[1]};
      MVAR_UNROLL
      for (int i = 0; i < 8; i++) {
        const int half = i / 2 % 2, key = i / 4 * 8 + 2 * member + i % 2;
        float &product = products[i / 4][i % 4];
        const bool is_seen = seen[half] && static_cast<unsigned>(key_column + key - first_column) <
                                               static_cast<unsigned>(p.columns.kernel);
        product *= factors[half];
        if (p.temperatures) product *= key_factors[index * chunk + key];
        product = is_seen ? product : -INFINITY;
        highest[half] = fmaxf(highest[half], product);
      }
      MVAR_UNROLL
      for (int half = 0; half < 2; half++) {
        highest[half] = fmaxf(highest[half], of_lane_xor(highest[half], 1));
        highest[half] = fmaxf(highest[half], of_lane_xor(highest[half], 2));
        // A query that has seen no key yet keeps -∞: 0 stands for it where powers are taken.
        const float shift = highest[half] == -INFINITY ? 0 : highest[half];
        const float shrink = power_of_two(largest[half] - shift);
        largest[half] = highest[half];
        totals[half] *= shrink;
        MVAR_UNROLL
        for (int tile8 = 0; tile8 < DEPTH / 8; tile8++) {
          sums[tile8][2 * half] *= shrink;
          sums[tile8][2 * half + 1] *= shrink;
        }
        MVAR_UNROLL
        for (int i = 0; i < 4; i++) {
          float &product = products[i / 2][2 * half + i % 2];
          product = power_of_two(product - shift);
          totals[half] += product;
        }
      }

      const uint32_t weights[4] = {
          pair(products[0][0], products[0][1], NUMBER()), pair(products[0][2], products[0][3], NUMBER()),
          pair(products[1][0], products[1][1], NUMBER()), pair(products[1][2], products[1][3], NUMBER())};
      MVAR_UNROLL
      for (int step = 0; step < (DEPTH + 15) / 16; step++) {
        // Matrices: keys 0–7 and 8–15 of 8 channels, then of the next 8.
        uint32_t v[4];
        const int key = lane / 8 % 2 * 8 + lane % 8, channel = step * 16 + lane / 16 * 8;
        load_matrices_transposed(v, values + (index * chunk + key) * row_stride + channel);
        multiply_add(sums[2 * step], weights, v[0], v[1], NUMBER());
        if (2 * step + 1 < DEPTH / 8) multiply_add(sums[2 * step + 1], weights, v[2], v[3], NUMBER());
      }
    }
  }

  MVAR_UNROLL
  for (int half = 0; half < 2; half++) {
    totals[half] += of_lane_xor(totals[half], 1);
    totals[half] += of_lane_xor(totals[half], 2);
    if (tile.row + 2 * warp + half < p.rows.length && tile.column + group < p.columns.length) {
      NUMBER *const to = static_cast<NUMBER *>(p.result) + tile.offset(p.result_at) +
                         (rows[half] * p.columns.length + column) * p.result_at.token;
      MVAR_UNROLL
      for (int tile8 = 0; tile8 < DEPTH / 8; tile8++) {
        *reinterpret_cast<uint32_t *>(to + tile8 * 8 + 2 * member) =
            pair(sums[tile8][2 * half] / totals[half], sums[tile8][2 * half + 1] / totals[half], NUMBER());
      }
    }
  }
}
