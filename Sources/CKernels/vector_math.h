// Vectors of floats for one instruction set, and the functions of them that several kernels need. Included once for
// each instruction set, before the kernels' own loops, with
//   MVAR_NAMESPACE   a namespace for the code,
//   MVAR_LANES       floats in a vector,
//   MVAR_FMA(a, b, c) a · b + c.
// No include guard: that is the point.

namespace MVAR_NAMESPACE {

using Vector = float __attribute__((vector_size(4 * MVAR_LANES)));
using Integers = int32_t __attribute__((vector_size(4 * MVAR_LANES)));
using Shorts = int16_t __attribute__((vector_size(2 * MVAR_LANES)));

constexpr int lanes = MVAR_LANES;

/// Rows stand at any multiple of four bytes.
inline Vector load(const float *from) {
  Vector result;
  __builtin_memcpy(&result, from, sizeof result);
  return result;
}

/// The first lanes, and zeros.
inline Vector load(const float *from, int64_t count) {
  if (count >= lanes) return load(from);
  Vector result{};
  __builtin_memcpy(&result, from, count * sizeof(float));
  return result;
}

inline Shorts load_shorts(const void *from, int64_t count) {
  Shorts result{};
  __builtin_memcpy(&result, from, count * sizeof(int16_t));
  return result;
}

/// The first lanes, and zeros; widened.
inline Vector load(const at::BFloat16 *from, int64_t count = lanes) {
  const Shorts shorts = count >= lanes ? load_shorts(from, lanes) : load_shorts(from, count);
  const Integers bits = __builtin_convertvector(shorts, Integers) << 16;
  Vector result;
  __builtin_memcpy(&result, &bits, sizeof result);
  return result;
}

/// The first lanes, and zeros; widened.
inline Vector load(const at::Half *from, int64_t count = lanes) {
#if MVAR_LANES == 16
  return (Vector)_mm512_cvtph_ps((__m256i)(count >= lanes ? load_shorts(from, lanes) : load_shorts(from, count)));
#elif MVAR_LANES == 8
  return (Vector)_mm256_cvtph_ps((__m128i)(count >= lanes ? load_shorts(from, lanes) : load_shorts(from, count)));
#else
  Vector result{};
  for (int64_t i = 0; i < std::min<int64_t>(lanes, count); i++) result[i] = static_cast<float>(from[i]);
  return result;
#endif
}

/// The number in every lane. Adding it to zeros would be an instruction: -0 + 0 is not -0.
inline Vector splat(float value) { return value - Vector{}; }

inline void store(float *to, Vector value) { __builtin_memcpy(to, &value, sizeof value); }

/// The first lanes only.
inline void store(float *to, Vector value, int64_t count) {
  if (count >= lanes) return store(to, value);
  __builtin_memcpy(to, &value, count * sizeof(float));
}

/// The first lanes only, rounded to the nearest; to the even one of two.
inline void store(at::BFloat16 *to, Vector value, int64_t count = lanes) {
  Integers bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  bits = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  // Rounding up could make a number of what is none.
  bits = value == value ? bits : Integers{} + 0x7FC0;
  const Shorts shorts = __builtin_convertvector(bits, Shorts);
  __builtin_memcpy(to, &shorts, std::min<int64_t>(count, lanes) * sizeof(int16_t));
}

/// exp(x) by Cephes' polynomial, within 2 units in the last place for -87 ≤ x ≤ 88, and held at these ends: x ·
/// sigmoid(x) of numbers below -88 is x · 6e-39 instead of still less.
inline Vector exponential(Vector x) {
  const Vector lowest = Vector{} - 87.0f, highest = Vector{} + 88.0f, one = Vector{} + 1.0f;
  x = x < lowest ? lowest : x;
  x = x > highest ? highest : x;
  // Adding and taking away 1.5 · 2^23 rounds to a whole number in every instruction set.
  const Vector n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
  Vector r = MVAR_FMA(n, Vector{} - 0.693359375f, x);
  r = MVAR_FMA(n, Vector{} + 2.12194440e-4f, r);
  Vector p = MVAR_FMA(Vector{} + 1.9875691500e-4f, r, Vector{} + 1.3981999507e-3f);
  p = MVAR_FMA(p, r, Vector{} + 8.3334519073e-3f);
  p = MVAR_FMA(p, r, Vector{} + 4.1665795894e-2f);
  p = MVAR_FMA(p, r, Vector{} + 1.6666665459e-1f);
  p = MVAR_FMA(p, r, Vector{} + 5.0000001201e-1f);
  const Vector mantissa = MVAR_FMA(p, r * r, r + one);
  const Integers power = (__builtin_convertvector(n, Integers) + 127) << 23;
  Vector scale;
  __builtin_memcpy(&scale, &power, sizeof scale);
  return mantissa * scale;
}

/// x · sigmoid(a(x)): SiLU with a(x) = x, and GELU's tanh form with a(x) = 2 √(2/π) (x + 0.044715 x³).
inline Vector activated(Vector x, mvar::Activation activation) {
  if (activation == mvar::Activation::identity) return x;
  Vector argument = x;
  if (activation == mvar::Activation::gelu_tanh) {
    argument = x * 1.5957691216f * MVAR_FMA(x * x, Vector{} + 0.044715f, Vector{} + 1.0f);
  }
  return x / (exponential(-argument) + 1.0f);
}

}  // namespace MVAR_NAMESPACE
