// Rows in memory, 16 bytes at a time, and sums over the warp that has one.
#pragma once
#include "device.h"

/// Sixteen bytes of neighbouring numbers.
template <typename Number>
struct alignas(16) Piece {
  static constexpr int count = 16 / sizeof(Number);
  Number numbers[count];

  float operator[](int index) const { return widened(numbers[index]); }
  void set(int index, float x) { numbers[index] = narrowed(x, Number()); }
};

/// Piece `index` of a row.
template <typename Number>
inline Piece<Number> piece(const void *row, int64_t index) {
  return static_cast<const Piece<Number> *>(row)[index];
}
template <typename Number>
inline Piece<Number> &piece(void *row, int64_t index) {
  return static_cast<Piece<Number> *>(row)[index];
}

/// The sum over the lanes of a warp, which all of them get.
inline float sum_of_warp(float x) {
  MVAR_UNROLL
  for (int distance = 16; distance > 0; distance /= 2) x += of_lane_xor(x, distance);
  return x;
}
