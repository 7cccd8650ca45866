// What `mvar::winograd` multiplies on processors with AVX-512 BF16: pairs of bfloat16.
#include "winograd_loops.h"

namespace MVAR_NAMESPACE {

/// Products of numbers that are rounded to bfloat16, two in a word; sums are float32.
struct Pairs {
  static constexpr int64_t numbers = 2;

  static void write(float *to, Vector value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), (__m256i)_mm512_cvtneps_pbh((__m512)value));
  }
  static Vector words(const Vector *values) {
    const auto pair = (__v32hi)_mm512_cvtne2ps_pbh((__m512)values[1], (__m512)values[0]);
    return (Vector)__builtin_shufflevector(
        pair, pair, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13,
        29, 14, 30, 15, 31);
  }
  /// As whole numbers: two bfloat16 are no float.
  static Vector repeated(const float *word) {
    int32_t bits;
    __builtin_memcpy(&bits, word, sizeof bits);
    return (Vector)(Integers{} + bits);
  }
  static Vector multiplied(Vector a, Vector b, Vector sum) {
    return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
  }
};

Kernel kernel(bool has_halves) { return kernel_of<Pairs>(has_halves); }

}  // namespace MVAR_NAMESPACE
