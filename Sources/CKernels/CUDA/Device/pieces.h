// Rows in memory, 16 bytes at a time.
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
