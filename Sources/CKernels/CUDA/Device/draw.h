// One token for every place, from logits.
#pragma once
#ifndef __CUDACC_RTC__
#include <cstdint>
#endif

namespace mvar::draw {

constexpr int threads = 256;
constexpr int largest_vocabulary = 16384;  // of which a thread holds its share in registers
/// Shared memory: what each warp found, twice.
constexpr int shared_bytes = 2 * (threads / 32) * 8;

struct Draw {
  const float *logits;         // [B, T, V]
  const float *unconditional;  // the same, or null
  int64_t *tokens;             // [B, T]; -1 where logits are no numbers
  const int64_t *images;       // [B]: their numbers
  uint64_t seed;
  uint32_t scale;
  int tokens_of_image;
  float factor, unconditional_factor;  // 1 + t and t
  float temperature;                   // 1 is none
  int top_k;                           // 0 is none
  bool has_top_p;
  float dropped;  // 1 - p
};

}  // namespace mvar::draw
