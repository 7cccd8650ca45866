// How the kernels of group normalisation are started. The tests' emulation starts them in the same way.
#pragma once
#include <array>
#include <cstdint>
#include "Device/group_norm.h"

namespace mvar::group_norm {

/// One kernel after the other; blocks of `threads`.
struct Launch {
  const char *kernel;
  int64_t blocks;
  int shared_bytes;
};

/// Says how large maps are, and how blocks share them.
inline void divide(Maps &maps, int64_t pixels, int64_t channels, int number_bytes) {
  maps.pixels = pixels;
  maps.channels = static_cast<int>(channels);
  maps.spans = static_cast<int>((pixels + span - 1) / span);
  const int64_t pieces = pixels * channels * number_bytes / 16, of_block = threads * pieces_of_thread;
  maps.blocks_of_map = static_cast<int>((pieces + of_block - 1) / of_block);
}

inline std::array<Launch, 3> launches(const Maps &maps, int64_t batch, int number_bytes) {
  return {{
      {"measure", batch * maps.spans, measure_bytes(number_bytes)},
      {"prepare", batch, prepare_bytes(maps.channels)},
      {"apply", batch * maps.blocks_of_map, 0},
  }};
}

}  // namespace mvar::group_norm
