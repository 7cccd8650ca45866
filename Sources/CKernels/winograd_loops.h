// The inner loops of `mvar::winograd`; see each_instruction_set.h.

namespace MVAR_NAMESPACE {

inline Vector times(float factor, Vector value, Vector added) { return MVAR_FMA(Vector{} + factor, value, added); }

/// Bᵀ d: N inputs along one axis to N points.
template <int Tile>
inline void to_points(const Vector *d, Vector *to) {
  if constexpr (Tile == 2) {
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[1] - d[3];
  } else {
    const Vector even = times(-4, d[2], d[4]), odd = times(-4, d[1], d[3]);
    const Vector outer = d[4] - d[2], inner = d[3] - d[1];
    to[0] = times(4, d[0], times(-5, d[2], d[4]));
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = times(2, inner, outer);
    to[4] = times(-2, inner, outer);
    to[5] = times(4, d[1], times(-5, d[3], d[5]));
  }
}

/// Aᵀ m: N points along one axis to the tile's outputs.
template <int Tile>
inline void from_points(const Vector *m, Vector *to) {
  if constexpr (Tile == 2) {
    to[0] = m[0] + (m[1] + m[2]);
    to[1] = (m[1] - m[2]) - m[3];
  } else {
    const Vector near_sum = m[1] + m[2], near_difference = m[1] - m[2];
    const Vector far_sum = m[3] + m[4], far_difference = m[3] - m[4];
    to[0] = m[0] + (near_sum + far_sum);
    to[1] = times(2, far_difference, near_difference);
    to[2] = times(4, far_sum, near_sum);
    to[3] = times(8, far_difference, near_difference) + m[5];
  }
}

/// The transform of one tile's inputs. Points are `point_stride` apart in `to`.
template <int Tile>
inline void transform_input_tile(
    const Shape &shape, const Place &place, const float *x, const float *zeros, float *to, int64_t point_stride) {
  constexpr int points = Tile + 2;
  const float *pixels[points][points];
  for (int i = 0; i < points; i++) {
    for (int j = 0; j < points; j++) {
      const int64_t row = place.row - 1 + i, column = place.column - 1 + j;
      const bool is_inside = row >= 0 && row < shape.output_height() && column >= 0 && column < shape.output_width();
      const int64_t scale = shape.enlarges ? 2 : 1;
      pixels[i][j] =
          is_inside ? x + ((place.picture * shape.height + row / scale) * shape.width + column / scale) * shape.inputs
                    : zeros;
    }
  }
  for (int64_t channel = 0; channel < shape.inputs; channel += lanes) {
    const int64_t count = std::min<int64_t>(lanes, shape.inputs - channel);
    Vector along_y[points][points];  // [point along y][x]
    for (int j = 0; j < points; j++) {
      Vector column[points], result[points];
      for (int i = 0; i < points; i++) {
        const float *from = pixels[i][j] + channel;
        column[i] = count == lanes ? load(from) : load(from, count);
      }
      to_points<Tile>(column, result);
      for (int i = 0; i < points; i++) along_y[i][j] = result[i];
    }
    float *target = to + channel;
    for (int i = 0; i < points; i++) {
      if (shape.vanishes(i)) continue;
      Vector result[points];
      to_points<Tile>(along_y[i], result);
      for (int j = 0; j < points; j++) {
        if (shape.vanishes(j)) continue;
        if (count == lanes) {
          store(target, result[j]);
        } else {
          store(target, result[j], count);
        }
        target += point_stride;
      }
    }
  }
}

void transform_input(
    const Shape &shape, const Place &place, const float *x, const float *zeros, float *to, int64_t point_stride) {
  (shape.tile == 2 ? transform_input_tile<2> : transform_input_tile<4>)(shape, place, x, zeros, to, point_stride);
}

/// The outputs of one tile from its products, whose points are `point_stride` apart.
template <int Tile>
inline void transform_output_tile(
    const Shape &shape, const Place &place, const float *from, int64_t point_stride, const float *bias, float *y) {
  constexpr int points = Tile + 2;
  const int64_t rows = std::min<int64_t>(Tile, shape.output_height() - place.row);
  const int64_t columns = std::min<int64_t>(Tile, shape.output_width() - place.column);
  for (int64_t channel = 0; channel < shape.outputs; channel += lanes) {
    const int64_t count = std::min<int64_t>(lanes, shape.outputs - channel);
    // The products are padded to whole panels, so that whole vectors can be read.
    const float *source = from + channel;
    Vector values[points][points] = {};
    for (int i = 0; i < points; i++) {
      for (int j = 0; j < points; j++) {
        if (shape.vanishes(i) || shape.vanishes(j)) continue;
        values[i][j] = load(source);
        source += point_stride;
      }
    }
    Vector along_y[Tile][points];
    for (int j = 0; j < points; j++) {
      Vector column[points], result[Tile];
      for (int i = 0; i < points; i++) column[i] = values[i][j];
      from_points<Tile>(column, result);
      for (int i = 0; i < Tile; i++) along_y[i][j] = result[i];
    }
    const Vector shift = load(bias + channel, count);
    for (int64_t row = 0; row < rows; row++) {
      Vector result[Tile];
      from_points<Tile>(along_y[row], result);
      float *to = y +
                  (((place.picture * shape.output_height() + place.row + row) * shape.output_width()) + place.column) *
                      shape.outputs +
                  channel;
      for (int64_t column = 0; column < columns; column++, to += shape.outputs) {
        if (count == lanes) {
          store(to, result[column] + shift);
        } else {
          store(to, result[column] + shift, count);
        }
      }
    }
  }
}

void transform_output(
    const Shape &shape, const Place &place, const float *from, int64_t point_stride, const float *bias, float *y) {
  (shape.tile == 2 ? transform_output_tile<2> : transform_output_tile<4>)(shape, place, from, point_stride, bias, y);
}

constexpr int pass_columns = 2 * lanes < panel ? 2 * lanes : panel;  // of a panel, that are computed at once
constexpr int vectors = pass_columns / lanes;
constexpr int product_rows =
    (MVAR_REGISTERS - vectors - 1) / vectors < 12 ? (MVAR_REGISTERS - vectors - 1) / vectors : 12;

/// to[r][c] = Σ_k x[r][k] weight[k][c] for `Rows` tiles and `pass_columns` outputs, k from first to last.
template <int Rows>
inline void multiply_rows(
    int64_t rows, const float *x, int64_t depth, const float *weight, float *to, int64_t to_stride) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return multiply_rows<Rows - 1>(rows, x, depth, weight, to, to_stride);
  }
  Vector sum[Rows][vectors] = {};
  for (int64_t k = 0; k < depth; k++) {
    Vector factor[vectors];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) factor[v] = load(weight + k * panel + v * lanes);
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; r++) {
      const Vector value = Vector{} + x[r * depth + k];
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sum[r][v] = MVAR_FMA(value, factor[v], sum[r][v]);
    }
  }
  for (int r = 0; r < Rows; r++) {
    for (int v = 0; v < vectors; v++) store(to + r * to_stride + v * lanes, sum[r][v]);
  }
}

/// x [rows, depth] times one panel of weights [depth, 32].
void multiply(const float *x, int64_t rows, int64_t depth, const float *weight, float *to, int64_t to_stride) {
  for (int64_t row = 0; row < rows; row += product_rows) {
    for (int64_t column = 0; column < panel; column += pass_columns) {
      multiply_rows<product_rows>(
          std::min<int64_t>(product_rows, rows - row), x + row * depth, depth, weight + column,
          to + row * to_stride + column, to_stride);
    }
  }
}

}  // namespace MVAR_NAMESPACE
