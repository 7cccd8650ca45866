#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>
#include "CUDA/Device/device.h"
#include "CUDA/Device/draw.h"
#include "CUDA/Device/group_norm.h"
#include "CUDA/Device/modulation.h"
#include "CUDA/Device/pieces.h"
#include "CUDAEmulator.h"
#include "group_factors.h"
#include "philox.h"

// Each source once for each type and size, as NVRTC gets it.
#define NUMBER float
namespace float_maps {
#include "CUDA/Device/group_norm.cu"
}
#define DEPTH 64
namespace float_64 {
#include "CUDA/Device/modulation.cu"
}
#undef DEPTH
#define DEPTH 264
namespace float_264 {
#include "CUDA/Device/modulation.cu"
}
#undef DEPTH
#undef NUMBER
#define NUMBER bfloat16_t
namespace bfloat16_maps {
#include "CUDA/Device/group_norm.cu"
}
#define DEPTH 264
namespace bfloat16_264 {
#include "CUDA/Device/modulation.cu"
}
#undef DEPTH
#define DEPTH 1024
namespace bfloat16_1024 {
#include "CUDA/Device/modulation.cu"
}
#undef DEPTH
#undef NUMBER
#define NUMBER half_t
namespace half_maps {
#include "CUDA/Device/group_norm.cu"
}
#define DEPTH 264
namespace half_264 {
#include "CUDA/Device/modulation.cu"
}
#undef DEPTH
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

using Modulate = Kernel<mvar::modulation::Rows>;
struct ModulationKernels {
  Modulate modulate, add_gated, add_gated_and_modulate;
};
#define MVAR_MODULATION(space) \
  { space::modulate, space::add_gated, space::add_gated_and_modulate }
const std::map<std::pair<int, int>, ModulationKernels> modulations = {
    {{0, 64}, MVAR_MODULATION(float_64)},      {{0, 264}, MVAR_MODULATION(float_264)},
    {{1, 264}, MVAR_MODULATION(bfloat16_264)}, {{1, 1024}, MVAR_MODULATION(bfloat16_1024)},
    {{2, 264}, MVAR_MODULATION(half_264)},
};

using OfMaps = Kernel<mvar::group_norm::Maps>;
struct GroupNormKernels {
  OfMaps measure, prepare, apply;
};
#define MVAR_GROUP_NORM(space) \
  { space::measure, space::prepare, space::apply }
const std::map<int, GroupNormKernels> group_norms = {
    {0, MVAR_GROUP_NORM(float_maps)}, {1, MVAR_GROUP_NORM(bfloat16_maps)}, {2, MVAR_GROUP_NORM(half_maps)}};

const std::map<int, Kernel<mvar::draw::Draw>> draws = {{300, codes_300::draw}, {4096, codes_4096::draw}};

}  // namespace

extern "C" {

const char *cuda_emulator_modulate(const CUDAEmulatorModulation *modulation, void *sum, void *modulated) {
  return emulator::caught([&] {
    using namespace mvar::modulation;
    const auto &m = *modulation;
    const auto &kernels = found(modulations, {m.type, m.width});
    Rows p{};
    p.x = m.x;
    p.branch = m.branch;
    p.gain = {m.gain, m.stride};
    p.scale = {m.scale, m.stride};
    p.shift = {m.shift, m.stride};
    p.sum = sum;
    p.modulated = modulated;
    p.count = static_cast<int64_t>(m.batch) * m.tokens;
    p.rows_of_picture = m.tokens;
    p.epsilon = m.epsilon;
    const auto kernel = !sum ? kernels.modulate : modulated ? kernels.add_gated_and_modulate : kernels.add_gated;
    emulator::launch(
        (p.count + rows_of_block - 1) / rows_of_block, threads, 0, static_cast<emulator::Order>(m.order),
        [&] { kernel(p); });
  });
}

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
    p.pixels = n.pixels;
    p.channels = n.channels;
    p.groups = n.groups;
    p.spans = (n.pixels + span - 1) / span;
    const int pieces = n.pixels * n.channels * number_bytes / 16, of_block = threads * pieces_of_thread;
    p.blocks_of_map = (pieces + of_block - 1) / of_block;
    p.epsilon = n.epsilon;
    p.is_silu = n.is_silu;
    std::vector<float> parts(static_cast<size_t>(n.batch) * p.spans * 2 * n.channels, NAN);
    std::vector<float> factors(static_cast<size_t>(n.batch) * 2 * n.channels, NAN);
    p.parts = parts.data();
    p.factors = factors.data();
    const auto run = [&](int64_t blocks, int shared_bytes, OfMaps kernel) {
      emulator::launch(blocks, threads, shared_bytes, static_cast<emulator::Order>(n.order), [&] { kernel(p); });
    };
    run(static_cast<int64_t>(n.batch) * p.spans, measure_bytes(number_bytes), kernels.measure);
    run(n.batch, prepare_bytes(n.channels), kernels.prepare);
    run(static_cast<int64_t>(n.batch) * p.blocks_of_map, 0, kernels.apply);
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
    p.factor = static_cast<float>(1 + d.strength);
    p.unconditional_factor = static_cast<float>(d.strength);
    p.temperature = static_cast<float>(d.temperature);
    p.top_k = d.top_k;
    p.has_top_p = d.top_p > 0;
    p.dropped = static_cast<float>(1 - d.top_p);
    emulator::launch(
        static_cast<int64_t>(d.batch) * d.tokens, threads, shared_bytes, static_cast<emulator::Order>(d.order),
        [&] { kernel(p); });
  });
}
}
