// Whole numbers in place of floats for one instruction set: x ≈ scale · n with |n| ≤ limit.

namespace MVAR_NAMESPACE {

using Bytes = int8_t __attribute__((vector_size(MVAR_LANES)));

/// What 1 stands for where the largest of the numbers stands for `limit`; not a number where one of them is none, so
/// that whatever is computed with it is none either.
inline float row_scale(const float *x, int64_t count, float limit) {
  Vector most{}, invalid{};
  for (int64_t i = 0; i < count; i += lanes) {
    const Vector value = load(x + i, std::min<int64_t>(lanes, count - i));
    const Vector magnitude = value < 0 ? -value : value;
    most = magnitude > most ? magnitude : most;
    invalid += value * 0.0f;
  }
  float largest = 0, sum = 0;
  for (int i = 0; i < lanes; i++) {
    largest = std::max(largest, most[i]);
    sum += invalid[i];
  }
  return largest / limit + sum;
}

/// The nearest whole numbers.
inline Integers rounded(Vector x) {
  // Adding and taking away 1.5 · 2^23 rounds in every instruction set.
  return __builtin_convertvector((x + 12582912.0f) - 12582912.0f, Integers);
}

/// One row of `mvar::quantized`.
template <class Number>
void quantize_row(const float *x, int64_t count, float limit, Number *to, float *scale) {
  *scale = row_scale(x, count, limit);
  const float inverse = *scale > 0 ? 1 / *scale : 0;
  for (int64_t i = 0; i < count; i += lanes) {
    const int64_t part = std::min<int64_t>(lanes, count - i);
    const Integers numbers = rounded(load(x + i, part) * inverse);
    for (int64_t j = 0; j < part; j++) to[i + j] = static_cast<Number>(numbers[j]);
  }
}

void quantize_row_int8(const float *x, int64_t count, float limit, void *to, float *scale) {
  quantize_row(x, count, limit, static_cast<int8_t *>(to), scale);
}

void quantize_row_int16(const float *x, int64_t count, float limit, void *to, float *scale) {
  quantize_row(x, count, limit, static_cast<int16_t *>(to), scale);
}

}  // namespace MVAR_NAMESPACE
