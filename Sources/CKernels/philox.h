// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), a counter-based generator: a
// block of random bits is a function of a key and a counter. With the key made from the seed, and the counter from
// image, scale, token and draw, a picture does not depend on its batch, on the number of threads or processes, or on
// whether the run was resumed. Read by the processor's compiler and by NVIDIA's.
#pragma once
#ifndef __CUDACC_RTC__
#include <cstdint>
#endif

namespace mvar {

struct RandomBlock {
  uint32_t words[4];

  /// Two numbers in [0, 1), of 53 random bits each.
  double unit_interval(int which) const {
    const uint64_t bits = static_cast<uint64_t>(words[2 * which]) << 32 | words[2 * which + 1];
    return static_cast<double>(bits >> 11) * 0x1p-53;
  }
};

/// Draws 2 · `pair` and the next of a token of an image. Images have 34 bits, scales 30.
inline RandomBlock random_block(uint64_t seed, uint64_t image, uint32_t scale, uint32_t token, uint32_t pair) {
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  // The image's upper two bits share a word with the scale.
  RandomBlock block{{pair, token, scale | static_cast<uint32_t>(image >> 32 & 3) << 30, static_cast<uint32_t>(image)}};
  for (int round = 0; round < 10; round++) {
    const uint64_t product0 = static_cast<uint64_t>(0xD2511F53) * block.words[0];
    const uint64_t product1 = static_cast<uint64_t>(0xCD9E8D57) * block.words[2];
    block = {
        {static_cast<uint32_t>(product1 >> 32) ^ block.words[1] ^ key0, static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ block.words[3] ^ key1, static_cast<uint32_t>(product0)}};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return block;
}

}  // namespace mvar
