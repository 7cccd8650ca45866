// Random numbers that depend on what they are for and on nothing else.
#include "parallel.h"
#include <ATen/ops/empty.h>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <torch/library.h>
#include "ckernels.h"
#include "philox.h"

namespace {

/// float64 [images, tokens, draws] in [0, 1): element (i, t, d) is a function of (seed, images[i], scale, t, d).
at::Tensor keyed_uniform(int64_t seed, at::IntArrayRef images, int64_t scale, int64_t tokens, int64_t draws) {
  TORCH_CHECK(scale >= 0 && scale < (1 << 30), "scale ", scale, " is outside 0 ..< 2^30");
  TORCH_CHECK(tokens >= 0 && tokens <= UINT32_MAX && draws >= 0, "negative or absurd counts");
  const auto image_count = static_cast<int64_t>(images.size());
  auto result = at::empty({image_count, tokens, draws}, at::TensorOptions().dtype(at::kDouble));
  auto *values = static_cast<double *>(result.mutable_data_ptr());
  at::parallel_for(0, image_count * tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      const auto image = static_cast<uint64_t>(images[row / tokens]);
      const auto token = static_cast<uint32_t>(row % tokens);
      for (int64_t draw = 0; draw < draws; draw += 2) {
        const auto block = mvar::random_block(
            static_cast<uint64_t>(seed), image, static_cast<uint32_t>(scale), token, static_cast<uint32_t>(draw / 2));
        values[row * draws + draw] = block.unit_interval(0);
        if (draw + 1 < draws) values[row * draws + draw + 1] = block.unit_interval(1);
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
