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

  template <typename Number>
  const Number *of(int64_t picture) const {
    return static_cast<const Number *>(values) + picture * stride;
  }
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

/// Rows of one picture whose gradients a block takes.
constexpr int span = 16;
/// Vectors of a picture whose gradients are sums over its rows: gain, scale and shift.
constexpr int vectors = 3;

/// As many threads as a row of so many bytes has pieces of 16, in whole warps; wider rows are gone through in turns.
constexpr int threads_of_span(int row_bytes) {
  return row_bytes >= threads * 16 ? threads : (row_bytes / 16 + 31) / 32 * 32;
}
/// Shared memory: four numbers for each row.
constexpr int bytes_of_span = span * 4 * 4;

/// What the gradients of a result are taken back to. Pointers are null where a kernel has no use for them, where there
/// is no gradient and where none is wanted.
struct Gradients {
  const void *x;       // [rows, C]: what was normalised
  const void *branch;  // [rows, C]
  OfPictures gain, scale;
  const void *sum_gradient;         // [rows, C], given
  const void *modulated_gradient;   // [rows, C], given
  void *x_gradient;                 // [rows, C]
  void *branch_gradient;            // [rows, C]
  void *vector_gradients[vectors];  // [B, C] each: of gain, scale and shift
  float *parts;                     // [B, spans, vectors, C]: what each span adds to them
  int64_t rows_of_picture, spans;   // of a picture
  float epsilon;
};

}  // namespace mvar::modulation
