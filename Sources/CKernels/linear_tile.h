// The inner loops of `mvar::linear` for any type of numbers: an `Arithmetic`, as in linear_float32.h and
// linear_bfloat16.h, says how a register of them is read, multiplied and written.

namespace MVAR_NAMESPACE {

using Quad = float __attribute__((vector_size(16)));

// With its sums, its weights and one more, a tile fills the registers.
constexpr int tile_columns = 4, tile_rows = (MVAR_REGISTERS - 5) / tile_columns;

/// Every lane group of four added up in one order, whatever the width of the vector.
inline Quad folded(Vector x) {
#if MVAR_LANES == 16
  using Half = float __attribute__((vector_size(32)));
  const Half half = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                    __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#elif MVAR_LANES == 8
  return __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
#else
  return x;
#endif
}

/// The sums over the lanes of four vectors.
inline Quad sums(Vector x0, Vector x1, Vector x2, Vector x3) {
  const Quad a = folded(x0), b = folded(x1), c = folded(x2), d = folded(x3);
  const Quad ab = __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
  const Quad cd = __builtin_shufflevector(c, d, 0, 1, 4, 5) + __builtin_shufflevector(c, d, 2, 3, 6, 7);
  return __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
}

/// to[r][c] (+)= Σ_k x[r][k] w[c][k] for `Rows` × 4 elements; `w` names four rows of the weight.
template <class Arithmetic, int Rows>
inline void tile(
    const typename Arithmetic::Number *x, int64_t x_stride, const typename Arithmetic::Number *const *w, int64_t depth,
    float *to, bool is_first) {
  using Numbers = typename Arithmetic::Numbers;
  Vector sum[Rows][tile_columns] = {};
  int64_t k = 0;
  for (; k + Arithmetic::width <= depth; k += Arithmetic::width) {
    Numbers weight[tile_columns];
#pragma clang loop unroll(full)
    for (int c = 0; c < tile_columns; c++) weight[c] = Arithmetic::read(w[c] + k);
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; r++) {
      const Numbers value = Arithmetic::read(x + r * x_stride + k);
#pragma clang loop unroll(full)
      for (int c = 0; c < tile_columns; c++) sum[r][c] = Arithmetic::multiplied(value, weight[c], sum[r][c]);
    }
  }
  if (k < depth) {
    for (int r = 0; r < Rows; r++) {
      const Numbers value = Arithmetic::read(x + r * x_stride + k, depth - k);
      for (int c = 0; c < tile_columns; c++) {
        sum[r][c] = Arithmetic::multiplied(value, Arithmetic::read(w[c] + k, depth - k), sum[r][c]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < Rows; r++, to += block_columns) {
    const Quad total = sums(sum[r][0], sum[r][1], sum[r][2], sum[r][3]);
    for (int c = 0; c < tile_columns; c++) to[c] = is_first ? total[c] : to[c] + total[c];
  }
}

template <class Arithmetic, int Rows>
inline void tile_of(
    int64_t rows, const typename Arithmetic::Number *x, int64_t x_stride, const typename Arithmetic::Number *const *w,
    int64_t depth, float *to, bool is_first) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return tile_of<Arithmetic, Rows - 1>(rows, x, x_stride, w, depth, to, is_first);
  }
  tile<Arithmetic, Rows>(x, x_stride, w, depth, to, is_first);
}

/// One block of the product; see `Block`.
template <class Arithmetic>
inline void block_of(const Block<typename Arithmetic::Number> &b) {
  // Whole tiles, so that what stands over at the edges need not be told apart.
  float results[block_rows][block_columns];
  for (int64_t k = 0; k < b.depth; k += depth_step) {
    const int64_t depth = std::min(depth_step, b.depth - k);
    for (int64_t row = 0; row < b.rows; row += tile_rows) {
      for (int64_t column = 0; column < b.columns; column += tile_columns) {
        const typename Arithmetic::Number *w[tile_columns];
        for (int c = 0; c < tile_columns; c++) w[c] = b.weight + std::min(column + c, b.columns - 1) * b.depth + k;
        tile_of<Arithmetic, tile_rows>(
            b.rows - row, b.x + row * b.depth + k, b.depth, w, depth, &results[row][column], k == 0);
      }
    }
  }
  for (int64_t row = 0; row < b.rows; row++) {
    for (int64_t column = 0; column < b.columns; column += lanes) {
      const int64_t count = std::min<int64_t>(lanes, b.columns - column);
      Vector value = load(&results[row][column], count);
      if (b.bias) value += Arithmetic::read_sums(b.bias + column, count);
      Arithmetic::write_sums(b.y + row * b.y_stride + column, activated(value, b.activation), count);
    }
  }
}

}  // namespace MVAR_NAMESPACE
