// Random numbers that depend on what they are for and on nothing else.
//
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) is a counter-based generator:
// a block of random bits is a function of a key and a counter. With the key made from the seed, and the counter from
// image, scale, token and draw, a picture does not depend on its batch, on the number of threads or processes, or on
// whether the run was resumed.
#include "parallel.h"
#include <ATen/ops/empty.h>
#include <array>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <torch/library.h>
#include "ckernels.h"

namespace {

using Block = std::array<uint32_t, 4>;

Block philox4x32(Block counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; round++) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0], product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(product1),
        static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

/// A number in [0, 1) with 53 random bits.
double unit_interval(uint32_t high, uint32_t low) {
  return static_cast<double>(((uint64_t{high} << 32) | low) >> 11) * 0x1p-53;
}

/// float64 [images, tokens, draws] in [0, 1): element (i, t, d) is a function of (seed, images[i], scale, t, d).
at::Tensor keyed_uniform(int64_t seed, at::IntArrayRef images, int64_t scale, int64_t tokens, int64_t draws) {
  TORCH_CHECK(scale >= 0 && scale < (1 << 30), "scale ", scale, " is outside 0 ..< 2^30");
  TORCH_CHECK(tokens >= 0 && tokens <= UINT32_MAX && draws >= 0, "negative or absurd counts");
  const auto image_count = static_cast<int64_t>(images.size());
  auto result = at::empty({image_count, tokens, draws}, at::TensorOptions().dtype(at::kDouble));
  auto *values = static_cast<double *>(result.mutable_data_ptr());
  const auto key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(static_cast<uint64_t>(seed) >> 32);
  at::parallel_for(0, image_count * tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const auto image = static_cast<uint64_t>(images[row / tokens]);
      const auto token = static_cast<uint32_t>(row % tokens);
      for (int64_t draw = 0; draw < draws; draw += 2) {
        // The image has 34 bits: its upper two share a word with the scale.
        const auto bits = philox4x32(
            {static_cast<uint32_t>(draw / 2), token,
             static_cast<uint32_t>(scale) | static_cast<uint32_t>((image >> 32) & 3) << 30,
             static_cast<uint32_t>(image)},
            key0, key1);
        values[row * draws + draw] = unit_interval(bits[0], bits[1]);
        if (draw + 1 < draws) values[row * draws + draw + 1] = unit_interval(bits[2], bits[3]);
      }
    }
  });
  return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def("keyed_uniform(int seed, int[] images, int scale, int tokens, int draws) -> Tensor");
}
TORCH_LIBRARY_IMPL(mvar, CompositeExplicitAutograd, library) { library.impl("keyed_uniform", keyed_uniform); }

extern "C" {

void ckernels_register(void) {}

int32_t ckernels_threads_seen(void) {
  std::set<std::thread::id> threads;
  std::mutex mutex;
  // Shares go to whoever is free: everybody stays until all have come, or it is clear that no more will.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  at::parallel_for(0, 64, 1, [&](int64_t, int64_t) {
    for (bool is_complete = false; !is_complete && std::chrono::steady_clock::now() < deadline;) {
      {
        const std::lock_guard<std::mutex> lock(mutex);
        threads.insert(std::this_thread::get_id());
        is_complete = static_cast<int>(threads.size()) >= at::get_num_threads();
      }
      std::this_thread::yield();
    }
  });
  return static_cast<int32_t>(threads.size());
}
}
