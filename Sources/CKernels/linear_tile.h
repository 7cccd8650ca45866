// The inner loops of `mvar::linear` for any types of numbers: an `Arithmetic`, as in linear_arithmetic.h, says how a
// register of them is read and multiplied.

namespace MVAR_NAMESPACE {

/// Outputs of a tile.
constexpr int tile_columns = 4;
/// Rows of a tile: with its sums, a number of each row, one of the weight and `spare` more it fills the registers.
constexpr int tile_rows(int spare) { return (MVAR_REGISTERS - 1 - spare) / (tile_columns + 1); }

/// Every lane group of four added up in one order, whatever the width of the vector.
template <class Lanes>
inline auto folded(Lanes x) {
#if MVAR_LANES == 16
  const auto half = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                    __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#elif MVAR_LANES == 8
  return __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
#else
  return x;
#endif
}

/// The sums over the lanes of four vectors.
template <class Lanes>
inline auto sums(Lanes x0, Lanes x1, Lanes x2, Lanes x3) {
  const auto a = folded(x0), b = folded(x1), c = folded(x2), d = folded(x3);
  const auto ab = __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
  const auto cd = __builtin_shufflevector(c, d, 0, 1, 4, 5) + __builtin_shufflevector(c, d, 2, 3, 6, 7);
  return __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
}

/// to[r][c] (+)= Σ_k x[r][k] w[c][k] for `Rows` × 4 elements. `x` is filled up with zeros, `w` names four rows of the
/// weight, which end after `depth` numbers.
template <class Arithmetic, int Rows>
inline void tile(
    const PackedRows<typename Arithmetic::Left> &x, const typename Arithmetic::Right *const *w, int64_t depth,
    float *to, bool is_first) {
  using Numbers = typename Arithmetic::Numbers;
  typename Arithmetic::Sums sum[Rows][tile_columns] = {};
  int64_t k = 0;
  // Unrolled, the loop would need more registers than there are.
#pragma clang loop unroll(disable)
  for (; k + Arithmetic::width <= depth; k += Arithmetic::width) {
    Numbers values[Rows];
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; r++) values[r] = Arithmetic::read_left(x.numbers + r * x.stride + k);
#pragma clang loop unroll(full)
    for (int c = 0; c < tile_columns; c++) {
      const Numbers weight = Arithmetic::read(w[c] + k);
#pragma clang loop unroll(full)
      for (int r = 0; r < Rows; r++) sum[r][c] = Arithmetic::multiplied(values[r], weight, sum[r][c]);
    }
  }
  if (k < depth) {
    for (int c = 0; c < tile_columns; c++) {
      const Numbers weight = Arithmetic::read(w[c] + k, depth - k);
#pragma clang loop unroll(full)
      for (int r = 0; r < Rows; r++) {
        sum[r][c] = Arithmetic::multiplied(Arithmetic::read_left(x.numbers + r * x.stride + k), weight, sum[r][c]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < Rows; r++, to += block_columns) {
    auto total = sums(
        Arithmetic::addends(sum[r][0]), Arithmetic::addends(sum[r][1]), Arithmetic::addends(sum[r][2]),
        Arithmetic::addends(sum[r][3]));
    if constexpr (Arithmetic::offset != 0) total -= x.offsets[r];
    for (int c = 0; c < tile_columns; c++) {
      const auto value = static_cast<float>(total[c]);
      to[c] = is_first ? value : to[c] + value;
    }
  }
}

template <class Arithmetic, int Rows>
inline void tile_of(
    int64_t rows, const PackedRows<typename Arithmetic::Left> &x, const typename Arithmetic::Right *const *w,
    int64_t depth, float *to, bool is_first) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return tile_of<Arithmetic, Rows - 1>(rows, x, w, depth, to, is_first);
  }
  tile<Arithmetic, Rows>(x, w, depth, to, is_first);
}

/// A block's scales, biases and activations.
template <class Arithmetic>
inline void finish_block(const Product &p, int64_t row, int64_t column, const float (*results)[block_columns]) {
  const int64_t rows = std::min(block_rows, p.rows - row), columns = std::min(block_columns, p.columns - column);
  for (int64_t r = 0; r < rows; r++) {
    const float row_scale = Arithmetic::limit != 0 ? p.row_scales[row + r] : 1;
    for (int64_t c = 0; c < columns; c += lanes) {
      const int64_t count = std::min<int64_t>(lanes, columns - c);
      Vector value = load(&results[r][c], count);
      if (p.column_scales) value *= row_scale * load(p.column_scales + column + c, count);
      if (p.bias) value += load(p.bias + column + c, count);
      store(p.y + (row + r) * p.columns + column + c, activated(value, p.activation), count);
    }
  }
}

/// Computes the part of a product that begins at `row` and `column`, and is at most a block.
template <class Arithmetic>
void compute_block(const Product &p, int64_t row, int64_t column) {
  using Right = typename Arithmetic::Right;
  constexpr int most_rows = tile_rows(Arithmetic::spare);
  const int64_t rows = std::min(block_rows, p.rows - row), columns = std::min(block_columns, p.columns - column);
  // Whole tiles, so that what stands over at the edges need not be told apart.
  float results[block_rows][block_columns];
  for (int64_t k = 0; k < p.depth; k += depth_step) {
    const int64_t depth = std::min(depth_step, p.depth - k);
    const auto x = p.packed<typename Arithmetic::Left>(k).from(row);
    // Rows of x inside: fewer of them than of the weight are read again for every tile from the second cache.
    for (int64_t c = 0; c < columns; c += tile_columns) {
      const Right *w[tile_columns];
      for (int i = 0; i < tile_columns; i++) {
        w[i] = static_cast<const Right *>(p.weight) + std::min(column + c + i, p.columns - 1) * p.depth + k;
      }
      for (int64_t r = 0; r < rows; r += most_rows) {
        tile_of<Arithmetic, most_rows>(rows - r, x.from(r), w, depth, &results[r][c], k == 0);
      }
    }
  }
  finish_block<Arithmetic>(p, row, column, results);
}

/// Brings a row of x into the form that `compute_block` reads.
template <class Arithmetic>
void pack_row(const Product &p, const float *x, int64_t row) {
  float inverse = 1;
  if constexpr (Arithmetic::limit != 0) {
    const float scale = row_scale(x, p.depth, Arithmetic::limit);
    p.row_scales[row] = scale;
    inverse = scale > 0 ? 1 / scale : 0;
  }
  for (int64_t k = 0; k < p.depth; k += depth_step) {
    const int64_t depth = std::min(depth_step, p.depth - k);
    const auto [to, offsets, stride] = p.packed<typename Arithmetic::Left>(k).from(row);
    for (int64_t i = 0; i < stride; i += lanes) {
      const Vector value = load(x + k + i, std::clamp<int64_t>(depth - i, 0, lanes));
      Arithmetic::write_left(to + i, value * inverse);
    }
    if constexpr (Arithmetic::offset != 0) {
      int32_t sum = 0;
      for (int64_t i = 0; i < depth; i++) sum += to[i];
      *offsets = Arithmetic::offset * sum;
    }
  }
}

template <class Arithmetic>
constexpr Kernel kernel_of() {
  return {
      sizeof(typename Arithmetic::Left), Arithmetic::width,    Arithmetic::limit != 0,
      Arithmetic::offset != 0,           pack_row<Arithmetic>, compute_block<Arithmetic>,
  };
}

}  // namespace MVAR_NAMESPACE
