// The inner loops of `mvar::winograd`; see each_instruction_set.h.

namespace MVAR_NAMESPACE {

inline Vector times(float factor, Vector value, Vector added) { return MVAR_FMA(splat(factor), value, added); }

/// Bᵀ d: the inputs along one axis to points.
template <bool Enlarges>
inline void to_points(const Vector *d, Vector *to) {
  constexpr Points p = Enlarges ? enlarging_points : plain_points;
  constexpr float near = p.near * p.near, far = p.far * p.far;
  const Vector near_even = times(-far, d[2], d[4]), near_odd = times(-far, d[1], d[3]) * p.near;
  const Vector far_even = times(-near, d[2], d[4]), far_odd = times(-near, d[1], d[3]) * p.far;
  to[0] = times(near * far, d[0], times(-(near + far), d[2], d[4]));
  to[1] = near_even + near_odd;
  to[2] = near_even - near_odd;
  to[3] = far_even + far_odd;
  to[4] = far_even - far_odd;
  to[5] = times(near * far, d[1], times(-(near + far), d[3], d[5]));
}

/// G g: the weights along one axis to points.
template <bool Enlarges>
inline void weights_to_points(const Vector *g, Vector *to) {
  constexpr Points p = Enlarges ? enlarging_points : plain_points;
  constexpr double near = static_cast<double>(p.near) * p.near, far = static_cast<double>(p.far) * p.far;
  constexpr double at_near = 1 / (2 * near * (near - far)), at_far = 1 / (2 * far * (far - near));
  const auto factor = [](double value) { return splat(static_cast<float>(value)); };
  const Vector near_even = MVAR_FMA(g[2], factor(near * at_near), g[0] * factor(at_near));
  const Vector near_odd = g[1] * factor(p.near * at_near);
  const Vector far_even = MVAR_FMA(g[2], factor(far * at_far), g[0] * factor(at_far));
  const Vector far_odd = g[1] * factor(p.far * at_far);
  to[0] = g[0] * factor(1 / (near * far));
  to[1] = near_even + near_odd;
  to[2] = near_even - near_odd;
  to[3] = far_even + far_odd;
  to[4] = far_even - far_odd;
  to[5] = g[2];
}

/// Aᵀ m: the points along one axis to the tile's outputs.
template <bool Enlarges>
inline void from_points(const Vector *m, Vector *to) {
  constexpr Points p = Enlarges ? enlarging_points : plain_points;
  const Vector near_sum = m[1] + m[2], near_difference = m[1] - m[2];
  const Vector far_sum = m[3] + m[4], far_difference = m[3] - m[4];
  to[0] = m[0] + (near_sum + far_sum);
  to[1] = times(p.far, far_difference, near_difference * p.near);
  to[2] = times(p.far * p.far, far_sum, near_sum * (p.near * p.near));
  to[3] = times(p.far * p.far * p.far, far_difference, near_difference * (p.near * p.near * p.near)) + m[5];
}

/// Whether a row or column of points has no products.
template <bool Enlarges>
constexpr bool vanishes(int point) {
  return Enlarges && point == 2;
}

/// Products of floats. Transformed inputs and weights are words of 32 bits: of one number here.
struct Floats {
  static constexpr int64_t numbers = 1;

  static void write(float *to, Vector value) { store(to, value); }
  static Vector words(const Vector *values) { return values[0]; }
  static Vector repeated(const float *word) { return splat(*word); }
  static Vector multiplied(Vector a, Vector b, Vector sum) { return MVAR_FMA(a, b, sum); }
};

/// Up to a vector of floats, and zeros.
inline Vector load_some(const float *from, int64_t count) {
  return count >= lanes ? load(from) : count > 0 ? load(from, count) : Vector{};
}

/// The inputs of a block, prepared, from channel `first` on: [rows][columns][depth], with zeros around the map.
void gather(
    const Shape &shape, const Block &block, int64_t first, int64_t depth, const float *x,
    const Preparation &preparation, float *to) {
  const int64_t step = shape.input_step(), scale = tile / step;
  const int64_t rows = block.rows * step + 2, columns = block.columns * step + 2;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t row = block.row / scale - 1 + i;
    for (int64_t j = 0; j < columns; j++, to += depth) {
      const int64_t column = block.column / scale - 1 + j;
      if (row < 0 || row >= shape.height || column < 0 || column >= shape.width) {
        std::fill(to, to + depth, 0.0f);
        continue;
      }
      const float *from = x + ((block.picture * shape.height + row) * shape.width + column) * shape.inputs + first;
      for (int64_t channel = 0; channel < depth; channel += lanes) {
        const int64_t count = shape.inputs - first - channel;
        Vector value = load_some(from + channel, count);
        if (preparation.scale) {
          value = activated(
              MVAR_FMA(
                  value, load_some(preparation.scale + first + channel, count),
                  load_some(preparation.offset + first + channel, count)),
              preparation.activation);
        }
        store(to + channel, value);
      }
    }
  }
}

/// The transform of one tile's inputs, whose rows are `row_stride` apart. Points are `point_stride` words apart in
/// `to`.
template <bool Enlarges, class Arithmetic>
inline void transform_input_tile(
    const Shape &shape, const float *from, int64_t row_stride, int64_t depth, float *to, int64_t point_stride) {
  for (int64_t channel = 0; channel < depth; channel += lanes) {
    Vector along_y[points][points];  // [point along y][x]
    for (int j = 0; j < points; j++) {
      Vector column[points], result[points];
      for (int i = 0; i < points; i++) {
        column[i] = load(from + shape.input(i) * row_stride + shape.input(j) * depth + channel);
      }
      to_points<Enlarges>(column, result);
      for (int i = 0; i < points; i++) along_y[i][j] = result[i];
    }
    float *target = to + channel / Arithmetic::numbers;
    for (int i = 0; i < points; i++) {
      if (vanishes<Enlarges>(i)) continue;
      Vector result[points];
      to_points<Enlarges>(along_y[i], result);
      for (int j = 0; j < points; j++) {
        if (vanishes<Enlarges>(j)) continue;
        Arithmetic::write(target, result[j]);
        target += point_stride;
      }
    }
  }
}

/// Transforms a part of a block's inputs, from channel `first` on. A block's chunks lie behind each other in `to`, each
/// [live points][tiles][words] with gaps between points.
template <class Arithmetic>
void transform_input(
    const Shape &shape, const Block &block, int64_t first, const float *x, const Preparation &preparation,
    float *region, float *to) {
  const int64_t depth = std::min(part, shape.padded_inputs() - first), word = first / Arithmetic::numbers;
  gather(shape, block, first, depth, x, preparation, region);
  const int64_t row_stride = (block.columns * shape.input_step() + 2) * depth;
  float *target = to + word / chunk * shape.live() * block.input_stride() + word % chunk;
  const auto transform =
      shape.enlarges ? transform_input_tile<true, Arithmetic> : transform_input_tile<false, Arithmetic>;
  for (int64_t row = 0; row < block.rows; row++) {
    for (int64_t column = 0; column < block.columns; column++, target += chunk) {
      const float *from = region + row * shape.input_step() * row_stride + column * shape.input_step() * depth;
      transform(shape, from, row_stride, depth, target, block.input_stride());
    }
  }
}

/// Outputs of a panel that are computed at once.
constexpr int64_t pass = 2 * lanes < panel ? 2 * lanes : panel;

/// One vector of weights, a panel apart in `from`, at the live points.
template <bool Enlarges, typename Weight>
inline void transform_weight(const Weight *from, Vector *to) {
  Vector along_y[points][3];
  for (int x = 0; x < 3; x++) {
    Vector column[3], result[points];
    for (int y = 0; y < 3; y++) column[y] = load(from + (y * 3 + x) * panel);
    weights_to_points<Enlarges>(column, result);
    for (int i = 0; i < points; i++) along_y[i][x] = result[i];
  }
  for (int i = 0; i < points; i++) {
    if (vanishes<Enlarges>(i)) continue;
    Vector result[points];
    weights_to_points<Enlarges>(along_y[i], result);
    for (int j = 0; j < points; j++) {
      if (!vanishes<Enlarges>(j)) *to++ = result[j];
    }
  }
}

/// Weights [depth][9][32] → [live points][passes][words][pass], with gaps between points.
template <bool Enlarges, class Arithmetic, typename Weight>
void transform_weights(const Shape &shape, const Weight *from, int64_t words, int64_t outputs, float *to) {
  const int64_t stride = Shape::weight_stride(words);
  for (int64_t k = 0; k < words; k++, from += Arithmetic::numbers * 9 * panel) {
    for (int64_t lane = 0; lane < outputs; lane += lanes) {
      Vector values[Arithmetic::numbers][points * points];
      for (int n = 0; n < Arithmetic::numbers; n++) transform_weight<Enlarges>(from + n * 9 * panel + lane, values[n]);
      float *target = to + (lane / pass * words + k) * pass + lane % pass;
      for (int64_t point = 0; point < shape.live(); point++, target += stride) {
        Vector of_word[Arithmetic::numbers];
        for (int n = 0; n < Arithmetic::numbers; n++) of_word[n] = values[n][point];
        store(target, Arithmetic::words(of_word));
      }
    }
  }
}

constexpr int vectors = pass / lanes;
constexpr int product_rows =
    (MVAR_REGISTERS - vectors - 1) / vectors < 13 ? (MVAR_REGISTERS - vectors - 1) / vectors : 13;

/// to[r][c] (+)= Σ_k x[r][k] weight[k][c] for `Rows` tiles and `Columns` vectors of outputs, k from first to last word.
template <class Arithmetic, int Rows, int Columns>
inline void multiply_rows(
    int64_t rows, const float *x, const float *next, int64_t words, const float *weight, bool adds, float *to,
    int64_t to_stride) {
  if constexpr (Rows > 1) {
    if (rows < Rows) {
      return multiply_rows<Arithmetic, Rows - 1, Columns>(rows, x, next, words, weight, adds, to, to_stride);
    }
  }
  Vector sum[Rows][Columns] = {};
  if (adds) {
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; r++) {
#pragma clang loop unroll(full)
      for (int v = 0; v < Columns; v++) sum[r][v] = load(to + r * to_stride + v * lanes);
    }
  }
  for (int64_t k = 0; k < words; k++) {
    Vector factor[Columns];
#pragma clang loop unroll(full)
    for (int v = 0; v < Columns; v++) factor[v] = load(weight + k * pass + v * lanes);
    __builtin_prefetch(next + k * Rows, 0, 2);
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; r++) {
      const Vector value = Arithmetic::repeated(x + r * chunk + k);
#pragma clang loop unroll(full)
      for (int v = 0; v < Columns; v++) sum[r][v] = Arithmetic::multiplied(value, factor[v], sum[r][v]);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < Rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < Columns; v++) store(to + r * to_stride + v * lanes, sum[r][v]);
  }
}

/// x [rows, words] times a chunk of a panel's weights, [passes][words][pass], for its first outputs.
template <class Arithmetic>
void multiply(
    const float *x, const float *next, int64_t rows, int64_t words, const float *weight, int64_t outputs, bool adds,
    float *to, int64_t to_stride) {
  // Shares as even as can be: a few rows alone would wait for their own sums.
  const int64_t shares = at::divup(rows, product_rows);
  for (int64_t column = 0; column < outputs; column += pass, weight += words * pass) {
    const auto product = outputs - column > lanes ? multiply_rows<Arithmetic, product_rows, vectors>
                                                  : multiply_rows<Arithmetic, product_rows, 1>;
    for (int64_t share = 0; share < shares; share++) {
      const int64_t row = rows * share / shares, count = rows * (share + 1) / shares - row;
      product(
          count, x + row * chunk, next + row * chunk, words, weight, adds, to + row * to_stride + column, to_stride);
    }
  }
}

/// Means and squared distances of a vector of channels over a block.
struct Measurement {
  Vector origin{}, sum{}, squares{};
  bool is_begun = false;

  void add(Vector value) {
    // Distances from one of the values are as small as those from the mean, or nearly.
    if (!is_begun) origin = value;
    is_begun = true;
    const Vector distance = value - origin;
    sum += distance;
    squares = MVAR_FMA(distance, distance, squares);
  }
  void finish(int64_t pixels, float *means, float *distances, int64_t count) const {
    const Vector mean = sum * (1.0f / static_cast<float>(pixels)), rest = squares - sum * mean, none{};
    store(means, origin + mean, count);
    store(distances, rest < none ? none : rest, count);
  }
};

/// The outputs of a block from its products, [tiles][live points][32].
template <bool Enlarges>
inline void transform_output(
    const Shape &shape, const Block &block, int64_t column, const float *products, const Target &target) {
  const int64_t present = std::min(panel, shape.outputs - column * panel);
  for (int64_t lane = 0; lane < present; lane += lanes) {
    const int64_t count = std::min<int64_t>(lanes, present - lane), channel = column * panel + lane;
    const Vector shift = load(target.bias + channel, count);
    Measurement measurement;
    const float *of_tile = products + lane;
    for (int64_t index = 0; index < block.tiles(); index++, of_tile += shape.product_stride()) {
      const int64_t top = block.row + index / block.columns * tile, left = block.column + index % block.columns * tile;
      const int64_t rows = std::min(tile, shape.output_height() - top);
      const int64_t columns = std::min(tile, shape.output_width() - left);
      for (int i = 0; i < tile; i++) {
        for (int j = 0; j < tile; j++) {
          const int64_t after = index + 2;
          __builtin_prefetch(
              target.map +
                  ((block.picture * shape.output_height() + block.row + after / block.columns * tile + i) *
                       shape.output_width() +
                   block.column + after % block.columns * tile + j) *
                      shape.outputs +
                  channel,
              1);
        }
      }
      const float *from = of_tile;
      Vector values[points][points] = {};
      for (int i = 0; i < points; i++) {
        for (int j = 0; j < points; j++) {
          if (vanishes<Enlarges>(i) || vanishes<Enlarges>(j)) continue;
          values[i][j] = load(from);
          from += panel;
        }
      }
      Vector along_y[tile][points];
      for (int j = 0; j < points; j++) {
        Vector column_of_points[points], result[tile];
        for (int i = 0; i < points; i++) column_of_points[i] = values[i][j];
        from_points<Enlarges>(column_of_points, result);
        for (int i = 0; i < tile; i++) along_y[i][j] = result[i];
      }
      for (int64_t i = 0; i < rows; i++) {
        Vector result[tile];
        from_points<Enlarges>(along_y[i], result);
        float *to = target.map +
                    ((block.picture * shape.output_height() + top + i) * shape.output_width() + left) * shape.outputs +
                    channel;
        for (int64_t j = 0; j < columns; j++, to += shape.outputs) {
          Vector value = result[j] + shift;
          if (count == lanes) {
            if (target.adds) value += load(to);
            store(to, value);
          } else {
            if (target.adds) value += load(to, count);
            store(to, value, count);
          }
          measurement.add(value);
        }
      }
    }
    measurement.finish(block.pixels, target.statistics + channel, target.statistics + shape.outputs + channel, count);
  }
}

/// One panel of a block's outputs.
template <bool Enlarges, class Arithmetic, typename Weight>
inline void convolve_panel(
    const Shape &shape, const Block &block, int64_t column, const float *x, const Weight *kernel, float *weights,
    float *products, const Target &target) {
  const int64_t outputs = std::min(panel, shape.outputs - column * panel);
  const int64_t all_words = shape.padded_inputs() / Arithmetic::numbers;
  for (int64_t first = 0; first < all_words; first += chunk) {
    const int64_t words = std::min(chunk, all_words - first);
    transform_weights<Enlarges, Arithmetic>(
        shape, kernel + first * Arithmetic::numbers * 9 * panel, words, outputs, weights);
    const float *in = x + first / chunk * shape.live() * block.input_stride();
    for (int64_t point = 0; point < shape.live(); point++) {
      multiply<Arithmetic>(
          in + point * block.input_stride(), in + (point + 1) * block.input_stride(), block.tiles(), words,
          weights + point * Shape::weight_stride(words), outputs, first > 0, products + point * panel,
          shape.product_stride());
    }
  }
  transform_output<Enlarges>(shape, block, column, products, target);
}

template <class Arithmetic, typename Weight>
void convolve(
    const Shape &shape, const Block &block, int64_t column, const float *x, const void *kernel, float *weights,
    float *products, const Target &target) {
  const auto of_panel =
      shape.enlarges ? convolve_panel<true, Arithmetic, Weight> : convolve_panel<false, Arithmetic, Weight>;
  of_panel(shape, block, column, x, static_cast<const Weight *>(kernel), weights, products, target);
}

template <class Arithmetic>
constexpr Kernel kernel_of(bool has_halves) {
  return {
      Arithmetic::numbers,
      transform_input<Arithmetic>,
      has_halves ? convolve<Arithmetic, at::Half> : convolve<Arithmetic, float>,
  };
}

}  // namespace MVAR_NAMESPACE
