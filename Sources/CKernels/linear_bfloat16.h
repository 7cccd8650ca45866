// bfloat16 for the loops of linear_tile.h, on processors that multiply pairs of it (AVX-512 BF16). Sums are float32
// until the result is rounded. The processor takes numbers below 2^-126 for 0.
#include "linear_tile.h"

namespace MVAR_NAMESPACE {

struct BFloat16 {
  using Number = uint16_t;
  using Numbers = __m512bh;
  static constexpr int64_t width = 2 * lanes;

  static Numbers read(const Number *from) { return (__m512bh)_mm512_loadu_si512(from); }
  static Numbers read(const Number *from, int64_t count) {
    return (__m512bh)_mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << count) - 1), from);
  }
  static Vector multiplied(Numbers a, Numbers b, Vector sum) { return _mm512_dpbf16_ps(sum, a, b); }
  static Vector read_sums(const Number *from, int64_t count) {
    const __m256i halves = _mm256_maskz_loadu_epi16(mask(count), from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  static void write_sums(Number *to, Vector sums, int64_t count) {
    _mm256_mask_storeu_epi16(to, mask(count), (__m256i)_mm512_cvtneps_pbh(sums));
  }

 private:
  static __mmask16 mask(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }
};

void block_bfloat16(const Block<uint16_t> &b) { block_of<BFloat16>(b); }

}  // namespace MVAR_NAMESPACE
