// What a block of the transformer does between its products: rows are summed, normalised, and changed by the class.
#pragma once
#ifndef __CUDACC_RTC__
#include <cstdint>
#endif

namespace mvar::modulation {

constexpr int threads = 128, rows_of_block = threads / 32;
constexpr int largest_width = 4096;  // of a row, which a warp holds in registers

/// Vectors of classes, one for each picture: from one to the next so many numbers.
struct OfPictures {
  const void *values;
  int64_t stride;
};

/// Pointers are null where a kernel has no use for them.
struct Rows {
  const void *x;       // [rows, C]
  const void *branch;  // [rows, C]: what is added, times its gain
  OfPictures gain, scale, shift;
  void *sum;        // [rows, C]
  void *modulated;  // [rows, C]
  int64_t count;
  int64_t rows_of_picture;
  float epsilon;
};

}  // namespace mvar::modulation
