// The inner loops of `mvar::linear` for bfloat16, on processors that multiply pairs of it (AVX-512 BF16). The order of
// summation is that of linear_tile.h with pairs in place of numbers; sums are float32 until the result is rounded. The
// processor takes numbers below 2^-126 for 0.

namespace avx512 {

constexpr int64_t pairs = 2 * lanes;  // numbers in a register

inline __m512bh load_pairs(const uint16_t *from) { return (__m512bh)_mm512_loadu_si512(from); }

/// The first numbers, and zeros.
inline __m512bh load_pairs(const uint16_t *from, int64_t count) {
  return (__m512bh)_mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << count) - 1), from);
}

/// sums[r][c] (+)= Σ_k x[r][k] w[c][k] for `Rows` × 4 elements.
template <int Rows>
inline void tile_bfloat16(
    const uint16_t *x, int64_t x_stride, const uint16_t *const *w, int64_t depth, float *sums, int64_t sums_stride,
    bool is_first) {
  Vector sum[Rows][tile_columns] = {};
  int64_t k = 0;
  for (; k + pairs <= depth; k += pairs) {
    __m512bh weight[tile_columns];
#pragma clang loop unroll(full)
    for (int c = 0; c < tile_columns; c++) weight[c] = load_pairs(w[c] + k);
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; r++) {
      const __m512bh value = load_pairs(x + r * x_stride + k);
#pragma clang loop unroll(full)
      for (int c = 0; c < tile_columns; c++) sum[r][c] = _mm512_dpbf16_ps(sum[r][c], value, weight[c]);
    }
  }
  if (k < depth) {
    for (int r = 0; r < Rows; r++) {
      const __m512bh value = load_pairs(x + r * x_stride + k, depth - k);
      for (int c = 0; c < tile_columns; c++) {
        sum[r][c] = _mm512_dpbf16_ps(sum[r][c], value, load_pairs(w[c] + k, depth - k));
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < Rows; r++) {
    const Quad total = avx512::sums(sum[r][0], sum[r][1], sum[r][2], sum[r][3]);
    float *to = sums + r * sums_stride;
    for (int c = 0; c < tile_columns; c++) to[c] = is_first ? total[c] : to[c] + total[c];
  }
}

template <int Rows>
inline void tile_bfloat16_of(
    int rows, const uint16_t *x, int64_t x_stride, const uint16_t *const *w, int64_t depth, float *sums,
    int64_t sums_stride, bool is_first) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return tile_bfloat16_of<Rows - 1>(rows, x, x_stride, w, depth, sums, sums_stride, is_first);
  }
  tile_bfloat16<Rows>(x, x_stride, w, depth, sums, sums_stride, is_first);
}

/// One block of the product; see `Block`.
void block_bfloat16(const Block<uint16_t> &b) {
  float sums[block_rows][block_columns];
  for (int64_t k = 0; k < b.depth; k += depth_step) {
    const int64_t depth = std::min(depth_step, b.depth - k);
    for (int64_t row = 0; row < b.rows; row += tile_rows) {
      const int rows = static_cast<int>(std::min<int64_t>(tile_rows, b.rows - row));
      for (int64_t column = 0; column < b.columns; column += tile_columns) {
        const uint16_t *w[tile_columns];
        for (int c = 0; c < tile_columns; c++) {
          w[c] = b.weight + std::min(column + c, b.columns - 1) * b.depth + k;
        }
        tile_bfloat16_of<tile_rows>(
            rows, b.x + row * b.depth + k, b.depth, w, depth, &sums[row][column], block_columns, k == 0);
      }
    }
  }
  for (int64_t row = 0; row < b.rows; row++) {
    for (int64_t column = 0; column < b.columns; column += lanes) {
      const auto mask = static_cast<__mmask16>((1u << std::min<int64_t>(lanes, b.columns - column)) - 1);
      __m512 value = _mm512_loadu_ps(&sums[row][column]);
      if (b.bias) {
        const __m256i bias = _mm256_maskz_loadu_epi16(mask, b.bias + column);
        value += _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bias), 16));
      }
      _mm256_mask_storeu_epi16(
          b.y + row * b.y_stride + column, mask, (__m256i)_mm512_cvtneps_pbh(activated(value, b.activation)));
    }
  }
}

}  // namespace avx512
