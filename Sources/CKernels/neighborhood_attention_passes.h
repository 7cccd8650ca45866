// Forward and backward of `mvar::neighborhood_attention`; see each_instruction_set.h.
#include "neighborhood_attention_loops.h"

namespace MVAR_NAMESPACE {

/// Products become weights: softmax(scale · products), for a tile.
inline void soften(const Problem &p, const Tile &tile, float scale, const Scores &scores) {
  const int64_t count = p.window();
  for (int64_t row = tile.row; row < tile.end_row; row++) {
    for (int64_t column = tile.column; column < tile.end_column; column += lanes) {
      float *const first = scores.at(row, column);
      Vector most = load(first) * scale;
      for (int64_t i = 1; i < count; i++) {
        const Vector value = load(first + i * scores.pitch) * scale;
        most = value > most ? value : most;
      }
      Vector sum{};
      for (int64_t i = 0; i < count; i++) {
        // The product by itself, rounded as in `most`: fused with the difference, the largest of huge ones would not be
        // 0.
        const Vector value = load(first + i * scores.pitch) * scale;
        const Vector weight = exponential(value - most);
        sum += weight;
        store(first + i * scores.pitch, weight);
      }
      const Vector factor = 1.0f / sum;
      for (int64_t i = 0; i < count; i++) store(first + i * scores.pitch, load(first + i * scores.pitch) * factor);
    }
  }
}

/// The result for a tile of queries. Without scratch it only counts how much a full tile takes.
template <typename Number>
void forward_tile(
    const Problem &p, const Operands<Number> &operands, const Tile &tile, View<Number> result, Scratch &scratch) {
  const int64_t width = p.columns.length, depth = padded(p.depth);
  const int64_t most_keys = (tile_rows + p.rows.kernel - 1) * (tile_columns + p.columns.kernel - 1);
  const auto room = CorrelationRoom::taken(scratch, p);
  const auto scores = Scores::taken(scratch, p, tile_rows, tile_columns, tile.column);
  const int64_t first = p.columns.start(tile.column), columns = p.columns.end(tile.end_column - 1) - first;
  const int64_t first_row = p.rows.start(tile.row), end_row = p.rows.end(tile.end_row - 1);
  const Copy values{scratch.take(most_keys * depth), first_row, first, columns, depth};
  float *const sums = scratch.take(2 * depth);
  auto *const rows = reinterpret_cast<MixRow *>(scratch.take(p.rows.kernel * sizeof(MixRow) / sizeof(float)));
  auto *const offsets =
      reinterpret_cast<int64_t *>(scratch.take((tile_columns + p.columns.kernel) * sizeof(int64_t) / sizeof(float)));
  if (!values.data) return;

  correlate(
      p, tile, operands.queries.of(tile.batch, tile.head), operands.keys.of(tile.batch, tile.head), p.normalizes(),
      room, scores);
  soften(p, tile, p.scale_of(tile.head), scores);
  const auto source = operands.values.of(tile.batch, tile.head);
  for (int64_t y = first_row; y < end_row; y++) {
    if (y + 1 < end_row) prefetch(source, (y + 1) * width + first, columns, p.depth);
    for (int64_t x = first; x < first + columns; x++) copy_channels(source[y * width + x], p.depth, values.at(y, x));
  }
  const auto to = result.of(tile.batch, tile.head);
  for (int64_t row = tile.row; row < tile.end_row; row++) {
    mix_windows(
        p, row, tile.column, tile.end_column, scores, values, rows, offsets, sums,
        [&](int64_t column, const float *sum) { write_channels(sum, p.depth, to[row * width + column]); });
  }
}

/// From the gradient of weights that of products (over the scale), in its place, for a tile.
inline void differentiate_softmax(const Problem &p, const Tile &tile, const Scores &weights, const Scores &gradients) {
  const int64_t count = p.window(), pitch = weights.pitch;
  for (int64_t row = tile.row; row < tile.end_row; row++) {
    for (int64_t column = tile.column; column < tile.end_column; column += lanes) {
      const float *const weight = weights.at(row, column);
      float *const gradient = gradients.at(row, column);
      Vector mean{};
      for (int64_t i = 0; i < count; i++) mean = MVAR_FMA(load(weight + i * pitch), load(gradient + i * pitch), mean);
      for (int64_t i = 0; i < count; i++) {
        store(gradient + i * pitch, load(weight + i * pitch) * (load(gradient + i * pitch) - mean));
      }
    }
  }
}

/// Rows of channels, one after the other, padded with zeros to whole vectors; as unit vectors if so wanted.
struct Packed {
  Copy rows;
  float *inverse_norms;  // what unit vectors were multiplied by, or null

  static Packed taken(Scratch &scratch, const Problem &p, int64_t first_row, int64_t row_count, bool normalizes) {
    const int64_t depth = padded(p.depth), count = row_count * p.columns.length;
    return {
        {scratch.take(count * depth), first_row, 0, p.columns.length, depth},
        normalizes ? scratch.take(count) : nullptr};
  }

  int64_t index(int64_t y, int64_t x) const { return (y - rows.row) * rows.columns + x; }

  template <typename Number>
  void fill(Rows<const Number> from, int64_t row_count, int64_t channels) const {
    const int64_t width = rows.columns;
    for (int64_t y = rows.row; y < rows.row + row_count; y++) {
      if (y + 1 < rows.row + row_count) prefetch(from, (y + 1) * width, width, channels);
      for (int64_t x = 0; x < width; x++) {
        float *const to = rows.at(y, x);
        copy_channels(from[y * width + x], channels, to);
        if (!inverse_norms) continue;
        Vector squares{};
        for (int64_t d = 0; d < rows.depth; d += lanes) squares = MVAR_FMA(load(to + d), load(to + d), squares);
        const float inverse = 1 / std::max(std::sqrt(sum_of(squares)), least_norm);
        for (int64_t d = 0; d < rows.depth; d += lanes) store(to + d, load(to + d) * inverse);
        inverse_norms[index(y, x)] = inverse;
      }
    }
  }

  /// Writes the gradient of what was packed here, given that of the packed row over `scale`. Returns the part of the
  /// latter along the unit vector.
  template <typename Number>
  float differentiate(int64_t y, int64_t x, const float *gradient, float scale, int64_t channels, Number *to) const {
    const float *const unit = rows.at(y, x);
    float along = 0, projected = 0, factor = scale;
    if (inverse_norms) {
      Vector sum{};
      for (int64_t d = 0; d < rows.depth; d += lanes) sum = MVAR_FMA(load(gradient + d), load(unit + d), sum);
      along = sum_of(sum);
      const float inverse = inverse_norms[index(y, x)];
      factor *= inverse;
      // A vector that was too short to become a unit vector was only multiplied.
      projected = inverse < 1 / least_norm ? along : 0;
    }
    int64_t d = 0;
    for (; d + lanes <= channels; d += lanes) {
      store(to + d, (load(gradient + d) - load(unit + d) * projected) * factor);
    }
    if (d < channels) store(to + d, (load(gradient + d) - load(unit + d) * projected) * factor, channels - d);
    return along;
  }
};

/// The gradients of a band's queries, keys and values. Weights are computed again, row by row of queries, also for the
/// queries outside of the band that see its keys; they are kept until the last key that they reach is done. Without
/// scratch it only counts how much that takes.
template <typename Number>
void backward_band(
    const Problem &p, const Operands<Number> &operands, const Gradients<Number> &g, const Band &band,
    Scratch &scratch) {
  constexpr int64_t step = 8;
  static_assert(step <= tile_rows);
  const int64_t width = p.columns.length, depth = padded(p.depth), kernel = p.columns.kernel;
  const int64_t first_query = p.rows.first_query(band.row), end_query = p.rows.end_query(band.end_row - 1);
  const int64_t first_key = p.rows.start(first_query), end_key = p.rows.end(end_query - 1);
  const int64_t query_rows = end_query - first_query, key_rows = end_key - first_key;
  const int64_t kept_rows = std::min(query_rows, step + p.rows.most_queries() - 1);

  const auto queries = Packed::taken(scratch, p, first_query, query_rows, p.normalizes());
  const auto keys = Packed::taken(scratch, p, first_key, key_rows, p.normalizes());
  const auto values = Packed::taken(scratch, p, first_key, key_rows, false);
  const auto results = Packed::taken(scratch, p, first_query, query_rows, false);
  const auto room = CorrelationRoom::taken(scratch, p);
  const auto weights = Scores::taken(scratch, p, kept_rows, width, 0);
  const auto products = Scores::taken(scratch, p, kept_rows, width, 0);
  float *const sums = scratch.take(2 * depth);
  const auto take_rows = [&](int64_t count) {
    return reinterpret_cast<MixRow *>(scratch.take(count * sizeof(MixRow) / sizeof(float)));
  };
  const auto take_offsets = [&] {
    return reinterpret_cast<int64_t *>(scratch.take(width * sizeof(int64_t) / sizeof(float)));
  };
  auto *const key_mix = take_rows(p.rows.kernel);
  auto *const weight_mix = take_rows(p.rows.most_queries()), *const product_mix = take_rows(p.rows.most_queries());
  auto *const key_offsets = take_offsets(), *const query_offsets = take_offsets();
  if (!sums) return;

  queries.fill(operands.queries.of(band.batch, band.head), query_rows, p.depth);
  keys.fill(operands.keys.of(band.batch, band.head), key_rows, p.depth);
  values.fill(operands.values.of(band.batch, band.head), key_rows, p.depth);
  results.fill(g.result.of(band.batch, band.head), query_rows, p.depth);
  // Places are counted from the map's first.
  const auto rows_of = [&](const Packed &packed) {
    return Rows<const float>{packed.rows.data - packed.rows.row * width * depth, depth};
  };
  const float scale = p.scale_of(band.head);
  const auto query_gradients = g.queries.of(band.batch, band.head), key_gradients = g.keys.of(band.batch, band.head),
             value_gradients = g.values.of(band.batch, band.head);
  double *const temperature_parts =
      g.temperature_parts ? g.temperature_parts + (band.batch * p.heads + band.head) * p.rows.length : nullptr;
  // A query's weight for a key in column `x` stands (x - start) · pitch after the one for the first of its window.
  for (int64_t x = 0; x < width; x++) query_offsets[x] = x - p.columns.start(x) * weights.pitch;

  int64_t key = band.row;
  for (int64_t row = first_query; row < end_query; row += step) {
    const int64_t end_row = std::min(row + step, end_query);
    for (int64_t column = 0; column < width; column += tile_columns) {
      const Tile tile{band.batch, band.head, row, end_row, column, std::min(column + tile_columns, width)};
      correlate(p, tile, rows_of(queries), rows_of(keys), false, room, weights);
      soften(p, tile, scale, weights);
      correlate(p, tile, rows_of(results), rows_of(values), false, room, products);
      differentiate_softmax(p, tile, weights, products);
      for (int64_t y = std::max(row, band.row); y < std::min(end_row, band.end_row); y++) {
        mix_windows(
            p, y, tile.column, tile.end_column, products, keys.rows, key_mix, key_offsets, sums,
            [&](int64_t x, const float *sum) {
              const float along = queries.differentiate(y, x, sum, scale, p.depth, query_gradients[y * width + x]);
              if (temperature_parts) temperature_parts[y] += along;
            });
      }
    }
    for (; key < band.end_row && p.rows.end_query(key) <= end_row; key++) {
      const int64_t first = p.rows.first_query(key), count = p.rows.end_query(key) - first;
      for (int64_t x = 0; x < width; x += 2) {
        for (int64_t i = 0; i < count; i++) {
          const int64_t y = first + i, place = ((key - p.rows.start(y)) * kernel + x) * weights.pitch;
          weight_mix[i] = {weights.at(y, 0) + place, results.rows.at(y, 0)};
          product_mix[i] = {products.at(y, 0) + place, queries.rows.at(y, 0)};
        }
        const bool has_second = x + 1 < width;
        const int64_t end = p.columns.end_query(x), second_end = has_second ? p.columns.end_query(x + 1) : end;
        const MixColumns columns{
            query_offsets,
            {p.columns.first_query(x), has_second ? p.columns.first_query(x + 1) : end},
            {end, second_end},
            weights.pitch,
            depth};
        float *const to[2] = {sums, sums + depth};
        mix(weight_mix, count, columns, depth, to);
        for (int second = 0; second <= has_second; second++) {
          write_channels(to[second], p.depth, value_gradients[key * width + x + second]);
        }
        mix(product_mix, count, columns, depth, to);
        for (int second = 0; second <= has_second; second++) {
          keys.differentiate(key, x + second, to[second], scale, p.depth, key_gradients[key * width + x + second]);
        }
      }
    }
  }
}

}  // namespace MVAR_NAMESPACE
