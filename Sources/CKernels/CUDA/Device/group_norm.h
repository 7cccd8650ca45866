// Group normalisation of maps with channels last, and the activation behind it.
#pragma once
#ifndef __CUDACC_RTC__
#include <cstdint>
#endif

namespace mvar::group_norm {

constexpr int threads = 256;
/// Places whose statistics a block takes.
constexpr int span = 128;
/// Pieces of 16 bytes that a thread normalises.
constexpr int pieces_of_thread = 4;
constexpr int largest_channels = 3072;  // two numbers of 64 bits each stand in shared memory

/// B maps of `pixels` places of C channels, whose numbers lie next to each other.
struct Maps {
  const void *x;
  const void *gain, *shift;  // [C]
  void *result;
  float *parts;    // [B, spans, 2, C]: means and sums of squared distances
  float *factors;  // [B, 2, C]: factors and summands
  int64_t pixels;
  int channels, groups, spans;
  int blocks_of_map;  // that normalise it
  double epsilon;
  bool is_silu;
};

/// Shared memory: a sum and a sum of squares for each number of each thread's piece.
constexpr int measure_bytes(int number_bytes) { return threads * 2 * (16 / number_bytes) * 4; }
constexpr int prepare_bytes(int channels) { return 2 * channels * 8; }

}  // namespace mvar::group_norm
