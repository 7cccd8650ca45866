// What the kernels on tensor cores share: how rows of halves lie in shared memory and in registers, and their products.
//
// Four warps have 8 × 8 places of a head; a warp has two rows of them, the 16 rows of its products. On the other side
// of a product stands a chunk of the halo.
#pragma once
#include "device.h"
#include "neighborhood.h"
#include "pieces.h"

namespace mvar::neighborhood {

/// The places of a warp. Of a product a lane has rows `group` and `group + 8` (its two halves, which are one column of
/// the map), columns `2 · member` and the next.
struct WarpPlaces {
  int group, member, column, rows[2];
  bool is_inside[2];

  WarpPlaces(const Attention &p, const Tile &tile) {
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    group = lane / 4;
    member = lane % 4;
    column = Tile::inside(tile.column + group, p.columns.length);
    for (int half = 0; half < 2; half++) {
      const int wanted = tile.row + 2 * warp + half;
      rows[half] = Tile::inside(wanted, p.rows.length);
      is_inside[half] = wanted < p.rows.length && tile.column + group < p.columns.length;
    }
  }

  int token(const Attention &p, int half) const { return rows[half] * p.columns.length + column; }
};

/// Of the four lanes that share a row of a product.
inline float sum_of_row(float x) {
  x += of_lane_xor(x, 1);
  return x + of_lane_xor(x, 2);
}
inline float largest_of_row(float x) {
  x = fmaxf(x, of_lane_xor(x, 1));
  return fmaxf(x, of_lane_xor(x, 2));
}

template <typename Number>
float low_of(uint32_t two) {
  return widened(Number{static_cast<uint16_t>(two)});
}
template <typename Number>
float high_of(uint32_t two) {
  return widened(Number{static_cast<uint16_t>(two >> 16)});
}

/// What makes a vector a unit vector. One that is 0 stays 0: a factor that is large beyond halves would make it nan.
inline float factor_of(float squares) { return squares > 0 ? 1 / fmaxf(sqrtf(squares), smallest_length) : 0; }

/// A product of 16 places with the 16 of a chunk: columns 0–7, then 8–15.
using Products = float[2][4];

/// The same as the left side of another product, rounded.
template <typename Number>
struct Weights {
  uint32_t twos[4];

  explicit Weights(const Products &products) {
    MVAR_UNROLL
    for (int i = 0; i < 4; i++) twos[i] = pair(products[i / 2][i % 2 * 2], products[i / 2][i % 2 * 2 + 1], Number());
  }
};

/// The channels of a warp's places, the left side of products.
template <typename Number, int depth>
struct Rows {
  static constexpr int steps = (depth + 15) / 16;
  static constexpr int stride = steps * 16 + 8;  // of the other side's rows, as `MatrixStage` has them
  uint32_t twos[steps][4];

  /// `from` and `at`: the whole tensor's.
  Rows(const Attention &p, const Tile &tile, const WarpPlaces &places, const void *from, const Strides &at) {
    MVAR_UNROLL
    for (int half = 0; half < 2; half++) {
      const Number *const row = static_cast<const Number *>(from) + tile.offset(at) + places.token(p, half) * at.token;
      MVAR_UNROLL
      for (int piece = 0; piece < 2 * steps; piece++) {
        const int channel = piece * 8 + 2 * places.member;
        uint32_t two = 0;
        if (channel < depth) two = *reinterpret_cast<const uint32_t *>(row + channel);
        twos[piece / 2][piece % 2 * 2 + half] = two;
      }
    }
  }

  /// Two neighbouring channels of eight.
  uint32_t two(int half, int eight) const { return twos[eight / 2][eight % 2 * 2 + half]; }

  float squares(int half) const {
    float sum = 0;
    MVAR_UNROLL
    for (int eight = 0; eight < depth / 8; eight++) {
      const float low = low_of<Number>(two(half, eight)), high = high_of<Number>(two(half, eight));
      sum += low * low + high * high;
    }
    return sum_of_row(sum);
  }

  /// Where this lane's row of four matrices begins: places 0–7 and 8–15 of 8 channels, then of the next 8.
  static const Number *row_of_lane(const Number *chunk_rows) {
    const int lane = threadIdx.x % 32;
    return chunk_rows + lane % 16 * stride + lane / 16 * 8;
  }

  /// Their products with the 16 places of a chunk.
  void multiply(Products &products, const Number *chunk_rows) const {
    const Number *const row = row_of_lane(chunk_rows);
    MVAR_UNROLL
    for (int i = 0; i < 8; i++) products[i / 4][i % 4] = 0;
    MVAR_UNROLL
    for (int step = 0; step < steps; step++) {
      uint32_t others[4];
      load_matrices(others, row + step * 16);
      multiply_add(products[0], twos[step], others[0], others[2], Number());
      multiply_add(products[1], twos[step], others[1], others[3], Number());
    }
  }
};

/// What sums up for a warp's places, in float32.
template <typename Number, int depth>
struct Sums {
  float eights[depth / 8][4];

  void clear() {
    MVAR_UNROLL
    for (int eight = 0; eight < depth / 8; eight++) {
      MVAR_UNROLL
      for (int i = 0; i < 4; i++) eights[eight][i] = 0;
    }
  }

  void scale(int half, float factor) {
    MVAR_UNROLL
    for (int eight = 0; eight < depth / 8; eight++) {
      eights[eight][2 * half] *= factor;
      eights[eight][2 * half + 1] *= factor;
    }
  }

  /// Adds a chunk's places, weighted.
  void add(const Weights<Number> &weights, const Number *chunk_rows) {
    const Number *const row = Rows<Number, depth>::row_of_lane(chunk_rows);
    MVAR_UNROLL
    for (int step = 0; step < (depth + 15) / 16; step++) {
      uint32_t others[4];
      load_matrices_transposed(others, row + step * 16);
      multiply_add(eights[2 * step], weights.twos, others[0], others[1], Number());
      if (2 * step + 1 < depth / 8) multiply_add(eights[2 * step + 1], weights.twos, others[2], others[3], Number());
    }
  }

  float dot(int half, const Rows<Number, depth> &rows) const {
    float sum = 0;
    MVAR_UNROLL
    for (int eight = 0; eight < depth / 8; eight++) {
      const uint32_t two = rows.two(half, eight);
      sum += eights[eight][2 * half] * low_of<Number>(two) + eights[eight][2 * half + 1] * high_of<Number>(two);
    }
    return sum_of_row(sum);
  }

  void add(int half, float factor, const Rows<Number, depth> &rows) {
    MVAR_UNROLL
    for (int eight = 0; eight < depth / 8; eight++) {
      const uint32_t two = rows.two(half, eight);
      eights[eight][2 * half] += factor * low_of<Number>(two);
      eights[eight][2 * half + 1] += factor * high_of<Number>(two);
    }
  }

  /// `to` and `at`: the whole tensor's.
  void store(
      int half, const Attention &p, const Tile &tile, const WarpPlaces &places, void *to, const Strides &at) const {
    if (!places.is_inside[half]) return;
    Number *const row = static_cast<Number *>(to) + tile.offset(at) + places.token(p, half) * at.token;
    MVAR_UNROLL
    for (int eight = 0; eight < depth / 8; eight++) {
      *reinterpret_cast<uint32_t *>(row + eight * 8 + 2 * places.member) =
          pair(eights[eight][2 * half], eights[eight][2 * half + 1], Number());
    }
  }
};

/// A stage of the halo in shared memory: two rows of channels for every place.
template <typename Number, int depth>
struct MatrixStage {
  static constexpr int threads = 128;
  /// Between rows: 16 bytes more than the channels need, so that 8 rows lie in 8 different banks. `Notes` stand there.
  static constexpr int stride = Rows<Number, depth>::stride;
  static constexpr int pieces = stride / 8 - 1;

  Number *first, *second;
  int chunks;

  MatrixStage(const Attention &p, unsigned char *memory)
      : first(reinterpret_cast<Number *>(memory)),
        second(first + p.stage_chunks * chunk * stride),
        chunks(p.stage_chunks) {}

  /// What is known of a place beside its channels.
  Notes &notes(int place) const { return *reinterpret_cast<Notes *>(first + place * stride + pieces * 8); }

  /// Loads chunks; what lies outside the map is 0. `from` and `at`: the whole tensor's.
  void load_rows(
      const Attention &p, const Tile &tile, const Halo &halo, int begin, int count, const void *from, const Strides &at,
      Number *to) const {
    const Number *const source = static_cast<const Number *>(from) + tile.offset(at);
    int row = halo.row_of(begin), column = halo.column_of(begin);
    for (int first_place = 0; first_place < count * chunk; first_place += chunk) {
      for (int index = threadIdx.x; index < chunk * pieces; index += threads) {
        const int place = index / pieces, channel = index % pieces * 8;
        const bool is_there = column + place < halo.end_column && channel < depth;
        const int64_t offset = is_there ? (row * p.columns.length + column + place) * at.token + channel : 0;
        copy16(to + (first_place + place) * stride + channel, source + offset, is_there);
      }
      halo.advance(row, column);
    }
  }

  /// The same for notes of the whole map.
  void load_notes(const Attention &p, const Halo &halo, int begin, int count, const Notes *from) const {
    for (int place = threadIdx.x; place < count * chunk; place += threads) {
      const int row = halo.row_of(begin + place / chunk),
                column = halo.column_of(begin + place / chunk) + place % chunk;
      const bool is_there = column < halo.end_column;
      copy16(&notes(place), from + (is_there ? row * p.columns.length + column : 0), is_there);
    }
  }

  /// Notes the factor of every first row.
  void measure(int count) const {
    for (int place = threadIdx.x; place < count * chunk; place += threads) {
      float squares = 0;
      for (int index = 0; index < depth / 8; index++) {
        const Piece<Number> eight = piece<Number>(first + place * stride, index);
        MVAR_UNROLL
        for (int i = 0; i < 8; i += 2) squares += eight[i] * eight[i] + eight[i + 1] * eight[i + 1];
      }
      notes(place).factor = factor_of(squares);
    }
  }

  /// Calls `body` with (row, column, place in the stage) for every chunk. `again`, stages come backwards, for the last
  /// is there already.
  template <typename Body>
  void each_chunk(
      const Attention &p, const Tile &tile, const Halo &halo, const void *firsts, const Strides &firsts_at,
      const void *seconds, const Strides &seconds_at, const Notes *all_notes, bool again, Body body) const {
    const int stages = (halo.chunks + chunks - 1) / chunks;
    for (int stage = 0; stage < stages; stage++) {
      const int begin = (again ? stages - 1 - stage : stage) * chunks;
      const int left = halo.chunks - begin, count = left < chunks ? left : chunks;
      if (!again || stage > 0) {
        wait_for_block();
        load_rows(p, tile, halo, begin, count, firsts, firsts_at, first);
        load_rows(p, tile, halo, begin, count, seconds, seconds_at, second);
        if (all_notes) load_notes(p, halo, begin, count, all_notes);
        wait_for_copies();
        wait_for_block();
        if (p.temperatures && !all_notes) {
          measure(count);
          wait_for_block();
        }
      }
      int row = halo.row_of(begin), column = halo.column_of(begin);
      for (int index = 0; index < count; index++) {
        body(row, column, index * chunk);
        halo.advance(row, column);
      }
    }
  }
};

}  // namespace mvar::neighborhood
