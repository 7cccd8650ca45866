// What `mvar::linear` multiplies in each instruction set; see each_instruction_set.h.
#include "linear_quantize.h"
#include "linear_tile.h"

namespace MVAR_NAMESPACE {

/// Weights of any type, widened to float32 as they are read.
template <class Weight>
struct Widened {
  using Left = float;
  using Right = Weight;
  using Numbers = Vector;
  using Sums = Vector;
  static constexpr int64_t width = lanes;  // numbers in a register
  static constexpr int spare = 0;          // registers that a product needs besides
  static constexpr float limit = 0;        // what the largest number of a row of x becomes; 0 if it stays
  static constexpr int offset = 0;         // what is added to every weight before it is multiplied

  static Numbers read_left(const Left *from) { return load(from); }
  static void write_left(Left *to, Vector value) { store(to, value); }
  static Numbers read(const Right *from) { return widened(from, lanes); }
  static Numbers read(const Right *from, int64_t count) { return widened(from, count); }
  static Sums multiplied(Numbers a, Numbers b, Sums sum) { return MVAR_FMA(a, b, sum); }
  static Vector addends(Sums sums) { return sums; }

 private:
  static inline Vector widened(const float *from, int64_t count) { return load(from, count); }
  static inline Vector widened(const int8_t *from, int64_t count) {
    Bytes bytes{};
    __builtin_memcpy(&bytes, from, count);
    return __builtin_convertvector(__builtin_convertvector(bytes, Integers), Vector);
  }
  static inline Vector widened(const int16_t *from, int64_t count) {
    return __builtin_convertvector(__builtin_convertvector(load_shorts(from, count), Integers), Vector);
  }
  static inline Vector widened(const at::BFloat16 *from, int64_t count) { return load(from, count); }
  static inline Vector widened(const at::Half *from, int64_t count) { return load(from, count); }
};

#if MVAR_LANES > 4
/// Whole numbers, multiplied in pairs: weights of at most 12 bits. Rows of x have large numbers among small ones more
/// than weights do, and take what room the sums of a step leave.
template <class Weight>
struct Int16 {
  using Left = int16_t;
  using Right = Weight;
  using Numbers = int16_t __attribute__((vector_size(4 * MVAR_LANES)));
  using Sums = Integers;
  static constexpr int64_t width = 2 * lanes;
  static constexpr int spare = 1;
  static constexpr float limit = 8191;
  static constexpr int offset = 0;
  // What one lane adds up in a step.
  static_assert(depth_step / lanes * 2047 * static_cast<int64_t>(limit) <= INT32_MAX);

  static Numbers read_left(const Left *from) { return read_shorts(from, width); }
  static void write_left(Left *to, Vector value) {
    const Shorts numbers = __builtin_convertvector(rounded(value), Shorts);
    __builtin_memcpy(to, &numbers, sizeof numbers);
  }
  static Numbers read(const Right *from) { return read_shorts(from, width); }
  static Numbers read(const Right *from, int64_t count) { return read_shorts(from, count); }
  static Sums multiplied(Numbers a, Numbers b, Sums sum) {
#if MVAR_LANES == 16
    return sum + (Integers)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#else
    return sum + (Integers)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#endif
  }
  static Vector addends(Sums sums) { return __builtin_convertvector(sums, Vector); }

 private:
  static inline Numbers read_shorts(const int16_t *from, int64_t count) {
    Numbers result{};
    __builtin_memcpy(&result, from, count * sizeof(int16_t));
    return result;
  }
  static inline Numbers read_shorts(const int8_t *from, int64_t count) {
    using Narrow = int8_t __attribute__((vector_size(2 * MVAR_LANES)));
    Narrow result{};
    __builtin_memcpy(&result, from, count);
    return __builtin_convertvector(result, Numbers);
  }
};
#else
template <class Weight>
using Int16 = Widened<Weight>;
#endif

/// What multiplies floats by weights of a type.
Kernel kernel(at::ScalarType weight) {
  switch (weight) {
    case at::kFloat:
      return kernel_of<Widened<float>>();
    case at::kHalf:
      return kernel_of<Widened<at::Half>>();
    case at::kBFloat16:
      return kernel_of<Widened<at::BFloat16>>();
    case at::kShort:
      return kernel_of<Int16<int16_t>>();
    case at::kChar:
      return kernel_of<Int16<int8_t>>();
    default:
      return {};
  }
}

}  // namespace MVAR_NAMESPACE
