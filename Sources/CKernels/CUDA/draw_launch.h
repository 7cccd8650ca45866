// What the kernel of the draw is told of guidance and filters. The tests' emulation tells it the same.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include "Device/draw.h"

namespace mvar::draw {

/// All as the operator has them: `top_k` and `top_p` 0 for all codes.
inline void set_choice(Draw &draw, double strength, double temperature, int64_t top_k, double top_p, int64_t codes) {
  draw.factor = static_cast<float>(1 + strength);
  draw.unconditional_factor = static_cast<float>(strength);
  // Below that, float32 has no such number to divide by.
  draw.temperature = std::max(static_cast<float>(temperature), std::numeric_limits<float>::min());
  draw.top_k = static_cast<int>(std::min(top_k, codes));
  draw.has_top_p = top_p > 0;
  draw.dropped = static_cast<float>(1 - top_p);
}

}  // namespace mvar::draw
