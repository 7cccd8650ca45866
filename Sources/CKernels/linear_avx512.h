// What `mvar::linear` multiplies on processors with more than AVX-512's common part: pairs of bfloat16 (AVX-512 BF16),
// pairs of 16-bit numbers and fours of bytes (AVX-512 VNNI).
#include "linear_quantize.h"
#include "linear_tile.h"

namespace MVAR_NAMESPACE {

/// x rounded to bfloat16; sums are float32. The processor takes numbers below 2^-126 for 0.
struct BFloat16 {
  using Left = uint16_t;
  using Right = uint16_t;
  using Numbers = __m512bh;
  using Sums = Vector;
  static constexpr int64_t width = 2 * lanes;
  static constexpr int spare = 0;
  static constexpr float limit = 0;
  static constexpr int offset = 0;

  static Numbers read_left(const Left *from) { return read(from); }
  static void write_left(Left *to, Vector value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), (__m256i)_mm512_cvtneps_pbh(value));
  }
  static Numbers read(const Right *from) { return (__m512bh)_mm512_loadu_si512(from); }
  static Numbers read(const Right *from, int64_t count) {
    return (__m512bh)_mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << count) - 1), from);
  }
  static Sums multiplied(Numbers a, Numbers b, Sums sum) { return _mm512_dpbf16_ps(sum, a, b); }
  static Vector addends(Sums sums) { return sums; }
};

/// Whole numbers as without VNNI, down to the last bit: one instruction multiplies and adds.
struct Int16 : avx512::Int16<int16_t> {
  static constexpr int spare = 0;

  static Sums multiplied(Numbers a, Numbers b, Sums sum) {
    return (Sums)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
  }
};

/// Whole numbers of 8 bits. The processor multiplies such without a sign by such with one: weights get 128 added, and
/// 128 · Σ x is taken away at the end.
struct Int8 {
  using Left = int8_t;
  using Right = int8_t;
  using Numbers = __m512i;
  using Sums = Integers;
  static constexpr int64_t width = 4 * lanes;
  static constexpr int spare = 1;
  static constexpr float limit = 127;
  static constexpr int offset = 128;
  // Sums are exact in any order: panels may add them up.
  static_assert(depth_step * 255 * static_cast<int64_t>(limit) <= INT32_MAX);

  static Numbers read_left(const Left *from) { return _mm512_loadu_si512(from); }
  static void write_left(Left *to, Vector value) {
    const Bytes numbers = __builtin_convertvector(rounded(value), Bytes);
    __builtin_memcpy(to, &numbers, sizeof numbers);
  }
  static Numbers read(const Right *from) { return shifted(_mm512_loadu_si512(from)); }
  static Numbers read(const Right *from, int64_t count) {
    return shifted(_mm512_maskz_loadu_epi8((uint64_t{1} << count) - 1, from));
  }
  static Sums multiplied(Numbers a, Numbers b, Sums sum) { return (Integers)_mm512_dpbusd_epi32((__m512i)sum, b, a); }
  static Sums addends(Sums sums) { return sums; }

 private:
  static Numbers shifted(Numbers x) { return _mm512_xor_si512(x, _mm512_set1_epi8(-128)); }
};

}  // namespace MVAR_NAMESPACE

#include "linear_panel.h"
