// How maps are cut for GPUs: a block has a tile of places, and shared memory holds a stage of what stands around them.
//
// In the forward pass and for the queries' gradients the tile is of queries and the halo of keys; for the gradients of
// keys and values it is the other way round.
#pragma once
#include "neighborhood_axis.h"

namespace mvar::neighborhood {

using DeviceAxis = AxisOf<int>;

constexpr int tile_side = 8;
constexpr int tile_places = tile_side * tile_side;
/// Neighbouring places of one row of the halo, the least that is loaded and multiplied at once.
constexpr int chunk = 16;

/// The least length that a vector is divided by to make it a unit vector.
constexpr float smallest_length = 1e-12f;
constexpr float log2_of_e = 1.4426950408889634f;

/// From a picture to the next, from a head, and from a place, in numbers.
struct Strides {
  int64_t batch, head, token;
};

/// What is known of a place beside its channels.
struct alignas(16) Notes {
  float factor;  // what makes its query or key a unit vector, or 1
  // Of queries, for the gradients of keys: log2 of the sum of powers, Σ P · dP, and what no |dP − delta| · factor
  // exceeds, which only halves ask for.
  float logarithm, delta, bound;
};

/// What every kernel of windows gets. Pointers are null where a kernel has no use for them.
struct Attention {
  const void *queries, *keys, *values;
  Strides queries_at, keys_at, values_at;
  void *result;
  Strides result_at;
  const void *gradient;  // of the result
  Strides gradient_at;
  void *query_gradient, *key_gradient, *value_gradient;
  Strides query_gradient_at, key_gradient_at, value_gradient_at;
  Notes *notes;               // of queries, [B, H, T]
  float *temperature_parts;   // each query's part of the temperature's gradient, [B, H, T]
  const float *temperatures;  // [H], or null
  float scale;                // where there are no temperatures
  DeviceAxis rows, columns;
  int heads, depth;
  int stage_chunks;  // how many fit into shared memory at once

  float scale_of(int head) const { return temperatures ? temperatures[head] : scale; }
  int tiles_down() const { return (rows.length + tile_side - 1) / tile_side; }
  /// No halo has more.
  int most_chunks() const {
    const int most_rows = rows.kernel + rows.kernel / 2 + tile_side - 1;
    const int most_columns = columns.kernel + columns.kernel / 2 + tile_side - 1;
    return (most_rows < rows.length ? most_rows : rows.length) *
           (((most_columns < columns.length ? most_columns : columns.length) + chunk - 1) / chunk);
  }
  int tiles_across() const { return (columns.length + tile_side - 1) / tile_side; }
};

/// Which tile a block has.
struct Tile {
  int batch, head, row, column;

  Tile(const Attention &p, int64_t block) {
    column = static_cast<int>(block % p.tiles_across()) * tile_side;
    block /= p.tiles_across();
    row = static_cast<int>(block % p.tiles_down()) * tile_side;
    block /= p.tiles_down();
    head = static_cast<int>(block % p.heads);
    batch = static_cast<int>(block / p.heads);
  }

  int64_t offset(const Strides &at) const { return batch * at.batch + head * at.head; }
  int64_t map(const Attention &p) const { return static_cast<int64_t>(batch) * p.heads + head; }
  /// Places beyond the border repeat the last, and are not written.
  static int inside(int place, int length) { return place < length ? place : length - 1; }
};

/// The rectangle around a tile, in chunks, row by row.
struct Halo {
  int row, column, end_column, chunks_across, chunks;

  static Halo of_keys(const Attention &p, const Tile &tile) {
    return Halo(
        p.rows.start(tile.row), p.rows.end(Tile::inside(tile.row + tile_side - 1, p.rows.length)),
        p.columns.start(tile.column), p.columns.end(Tile::inside(tile.column + tile_side - 1, p.columns.length)));
  }

  static Halo of_queries(const Attention &p, const Tile &tile) {
    return Halo(
        p.rows.first_query(tile.row), p.rows.end_query(Tile::inside(tile.row + tile_side - 1, p.rows.length)),
        p.columns.first_query(tile.column),
        p.columns.end_query(Tile::inside(tile.column + tile_side - 1, p.columns.length)));
  }

  Halo(int first_row, int end_row, int first_column, int end_of_columns)
      : row(first_row),
        column(first_column),
        end_column(end_of_columns),
        chunks_across((end_of_columns - first_column + chunk - 1) / chunk),
        chunks((end_row - first_row) * chunks_across) {}

  int row_of(int index) const { return row + index / chunks_across; }
  int column_of(int index) const { return column + index % chunks_across * chunk; }
  /// From a chunk's row and column to the next's.
  void advance(int &chunk_row, int &chunk_column) const {
    chunk_column += chunk;
    if (chunk_column < end_column) return;
    chunk_column = column;
    chunk_row++;
  }
};

}  // namespace mvar::neighborhood
