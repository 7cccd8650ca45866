#include <map>
#include <stdexcept>
#include <string>
#include <vector>
#include "CUDA/Device/device.h"
#include "CUDA/Device/pieces.h"
#include "CUDA/draw_launch.h"
#include "CUDA/group_norm_launch.h"
#include "CUDAEmulator.h"
#include "group_factors.h"
#include "philox.h"

// Each source once for each type and size, as NVRTC gets it.
#define NUMBER float
namespace float_maps {
#include "CUDA/Device/group_norm.cu"
}
#undef NUMBER
#define NUMBER bfloat16_t
namespace bfloat16_maps {
#include "CUDA/Device/group_norm.cu"
}
#undef NUMBER
#define NUMBER half_t
namespace half_maps {
#include "CUDA/Device/group_norm.cu"
}
#define DEPTH 300
namespace codes_300 {
#include "CUDA/Device/draw.cu"
}
#undef DEPTH
#define DEPTH 4096
namespace codes_4096 {
#include "CUDA/Device/draw.cu"
}

namespace {

template <typename Parameters>
using Kernel = void (*)(Parameters);

template <typename Key, typename Value>
const Value &found(const std::map<Key, Value> &all, const Key &key) {
  const auto place = all.find(key);
  if (place == all.end()) throw std::runtime_error("this type or size is not compiled for the emulation");
  return place->second;
}

using GroupNormKernels = std::map<std::string, Kernel<mvar::group_norm::Maps>>;
#define MVAR_GROUP_NORM(space)                                                          \
  {                                                                                     \
    {"measure", space::measure}, {"prepare", space::prepare}, { "apply", space::apply } \
  }
const std::map<int, GroupNormKernels> group_norms = {
    {0, MVAR_GROUP_NORM(float_maps)}, {1, MVAR_GROUP_NORM(bfloat16_maps)}, {2, MVAR_GROUP_NORM(half_maps)}};

const std::map<int, Kernel<mvar::draw::Draw>> draws = {{300, codes_300::draw}, {4096, codes_4096::draw}};

}  // namespace

extern "C" {

const char *cuda_emulator_group_norm(const CUDAEmulatorGroupNorm *norm, void *result) {
  return emulator::caught([&] {
    using namespace mvar::group_norm;
    const auto &n = *norm;
    const auto &kernels = found(group_norms, n.type);
    const int number_bytes = n.type == 0 ? 4 : 2;
    Maps p{};
    p.x = n.x;
    p.gain = n.gain;
    p.shift = n.shift;
    p.result = result;
    p.groups = n.groups;
    divide(p, n.pixels, n.channels, number_bytes);
    p.epsilon = n.epsilon;
    p.is_silu = n.is_silu;
    std::vector<float> parts(static_cast<size_t>(n.batch) * p.spans * 2 * n.channels, NAN);
    std::vector<float> factors(static_cast<size_t>(n.batch) * 2 * n.channels, NAN);
    p.parts = parts.data();
    p.factors = factors.data();
    for (const auto &launch : launches(p, n.batch, number_bytes)) {
      const auto kernel = kernels.at(launch.kernel);
      emulator::launch(
          launch.blocks, threads, launch.shared_bytes, static_cast<emulator::Order>(n.order), [&] { kernel(p); });
    }
  });
}

const char *cuda_emulator_draw(const CUDAEmulatorDraw *draw, int64_t *tokens) {
  return emulator::caught([&] {
    using namespace mvar::draw;
    const auto &d = *draw;
    const auto kernel = found(draws, d.codes);
    Draw p{};
    p.logits = d.logits;
    p.unconditional = d.unconditional;
    p.tokens = tokens;
    p.images = d.images;
    p.seed = d.seed;
    p.scale = static_cast<uint32_t>(d.scale);
    p.tokens_of_image = d.tokens;
    set_choice(p, d.strength, d.temperature, d.top_k, d.top_p, d.codes);
    emulator::launch(
        static_cast<int64_t>(d.batch) * d.tokens, threads, shared_bytes, static_cast<emulator::Order>(d.order),
        [&] { kernel(p); });
  });
}
}
