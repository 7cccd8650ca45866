#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>
#include "CUDA/Device/device.h"
#include "CUDA/Device/neighborhood.h"
#include "CUDA/Device/neighborhood_matrices.h"
#include "CUDA/neighborhood_launch.h"
#include "CUDAEmulator.h"

// Each source once for each type and depth, as NVRTC gets it.
#define NUMBER bfloat16_t
#define DEPTH 32
namespace bfloat16_32 {
#include "CUDA/Device/neighborhood_tensor_cores.cu"
#include "CUDA/Device/neighborhood_tensor_core_gradients.cu"
}  // namespace bfloat16_32
#undef DEPTH
#define DEPTH 40
namespace bfloat16_40 {
#include "CUDA/Device/neighborhood_tensor_cores.cu"
#include "CUDA/Device/neighborhood_tensor_core_gradients.cu"
}  // namespace bfloat16_40
#undef DEPTH
#define DEPTH 64
namespace bfloat16_64 {
#include "CUDA/Device/neighborhood_tensor_cores.cu"
#include "CUDA/Device/neighborhood_tensor_core_gradients.cu"
}  // namespace bfloat16_64
#undef DEPTH
#define DEPTH 80
namespace bfloat16_80 {
#include "CUDA/Device/neighborhood_tensor_cores.cu"
#include "CUDA/Device/neighborhood_tensor_core_gradients.cu"
}  // namespace bfloat16_80
#undef DEPTH
#define DEPTH 96
namespace bfloat16_96 {
#include "CUDA/Device/neighborhood_tensor_cores.cu"
#include "CUDA/Device/neighborhood_tensor_core_gradients.cu"
}  // namespace bfloat16_96
#undef DEPTH
#define DEPTH 128
namespace bfloat16_128 {
#include "CUDA/Device/neighborhood_tensor_cores.cu"
#include "CUDA/Device/neighborhood_tensor_core_gradients.cu"
}  // namespace bfloat16_128
#undef DEPTH
#undef NUMBER
#define NUMBER half_t
#define DEPTH 64
namespace half_64 {
#include "CUDA/Device/neighborhood_tensor_cores.cu"
#include "CUDA/Device/neighborhood_tensor_core_gradients.cu"
}  // namespace half_64
#undef DEPTH
#define DEPTH 40
namespace half_40 {
#include "CUDA/Device/neighborhood_tensor_cores.cu"
#include "CUDA/Device/neighborhood_tensor_core_gradients.cu"
}  // namespace half_40
#undef DEPTH
#define DEPTH 128
namespace half_128 {
#include "CUDA/Device/neighborhood_tensor_cores.cu"
#include "CUDA/Device/neighborhood_tensor_core_gradients.cu"
}  // namespace half_128
#undef DEPTH
#undef NUMBER
#define NUMBER float
#define DEPTH 64
namespace plain_64 {
#include "CUDA/Device/neighborhood_plain.cu"
}
#undef DEPTH
#define DEPTH 32
namespace plain_32 {
#include "CUDA/Device/neighborhood_plain.cu"
}
#undef DEPTH
#define DEPTH 40
namespace plain_40 {
#include "CUDA/Device/neighborhood_plain.cu"
}
#undef DEPTH
#define DEPTH 80
namespace plain_80 {
#include "CUDA/Device/neighborhood_plain.cu"
}
#undef DEPTH
#define DEPTH 96
namespace plain_96 {
#include "CUDA/Device/neighborhood_plain.cu"
}
#undef DEPTH
#define DEPTH 128
namespace plain_128 {
#include "CUDA/Device/neighborhood_plain.cu"
}

namespace {

using namespace mvar::neighborhood;
using Kernel = void (*)(Attention);

/// By type and depth: forward, and the two of the gradients.
struct Kernels {
  Kernel attend, differentiate_queries, differentiate_keys;
};

#define MVAR_WITH_GRADIENTS(space) \
  { space::attend, space::differentiate_queries, space::differentiate_keys }

const std::map<std::pair<int, int>, Kernels> all = {
    {{0, 32}, MVAR_WITH_GRADIENTS(plain_32)},    {{0, 40}, MVAR_WITH_GRADIENTS(plain_40)},
    {{0, 64}, MVAR_WITH_GRADIENTS(plain_64)},    {{0, 80}, MVAR_WITH_GRADIENTS(plain_80)},
    {{0, 96}, MVAR_WITH_GRADIENTS(plain_96)},    {{0, 128}, MVAR_WITH_GRADIENTS(plain_128)},
    {{1, 32}, MVAR_WITH_GRADIENTS(bfloat16_32)}, {{1, 40}, MVAR_WITH_GRADIENTS(bfloat16_40)},
    {{1, 64}, MVAR_WITH_GRADIENTS(bfloat16_64)}, {{1, 80}, MVAR_WITH_GRADIENTS(bfloat16_80)},
    {{1, 96}, MVAR_WITH_GRADIENTS(bfloat16_96)}, {{1, 128}, MVAR_WITH_GRADIENTS(bfloat16_128)},
    {{2, 40}, MVAR_WITH_GRADIENTS(half_40)},     {{2, 64}, MVAR_WITH_GRADIENTS(half_64)},
    {{2, 128}, MVAR_WITH_GRADIENTS(half_128)},
};

const Kernels &kernels(const CUDAEmulatorAttention &a) {
  const auto found = all.find({a.type, a.depth});
  if (found == all.end()) throw std::runtime_error("this type and depth are not compiled for the emulation");
  return found->second;
}

Attention described(const CUDAEmulatorAttention &a, Strides &at) {
  const int64_t places = static_cast<int64_t>(a.height) * a.width, depth = a.depth, row = a.heads * depth;
  at =
      a.is_fused ? Strides{places * 3 * row, depth, 3 * row} : Strides{a.heads * places * depth, places * depth, depth};
  const auto *const first = static_cast<const unsigned char *>(a.queries);
  const int64_t third = row * (a.type == 0 ? 4 : 2);
  Attention p{};
  p.queries = a.queries;
  p.keys = a.is_fused ? first + third : a.keys;
  p.values = a.is_fused ? first + 2 * third : a.values;
  p.queries_at = p.keys_at = p.values_at = at;
  p.temperatures = a.temperatures;
  p.scale = a.scale;
  p.rows = {a.height, std::min(a.kernel, a.height)};
  p.columns = {a.width, std::min(a.kernel, a.width)};
  p.heads = a.heads;
  p.depth = a.depth;
  return p;
}

void start(const CUDAEmulatorAttention &a, Attention p, Kernel kernel) {
  const KernelForm form = a.type == 0 ? plain_form(a.depth) : tensor_core_form(a.depth);
  constexpr int of_an_h100 = 228 * 1024;
  p.stage_chunks = a.stage_chunks > 0 ? a.stage_chunks : std::min(p.most_chunks(), chunks_at_once(form, of_an_h100));
  emulator::launch(
      static_cast<int64_t>(a.batch) * a.heads * p.tiles_down() * p.tiles_across(), form.threads,
      p.stage_chunks * form.bytes_of_chunk, static_cast<emulator::Order>(a.order), [&] { kernel(p); });
}

}  // namespace

extern "C" {

const char *cuda_emulator_attend(const CUDAEmulatorAttention *attention, void *result) {
  return emulator::caught([&] {
    const auto &a = *attention;
    Strides at{};
    Attention p = described(a, at);
    const int64_t places = static_cast<int64_t>(a.height) * a.width;
    p.result = result;
    p.result_at = {a.heads * places * a.depth, places * a.depth, a.depth};
    start(a, p, kernels(a).attend);
  });
}

const char *cuda_emulator_differentiate(
    const CUDAEmulatorAttention *attention, const void *gradient, void *queries, void *keys, void *values,
    float *temperature_parts) {
  return emulator::caught([&] {
    const auto &a = *attention;
    Strides at{};
    Attention p = described(a, at);
    p.gradient = gradient;
    p.query_gradient = queries;
    p.key_gradient = keys;
    p.value_gradient = values;
    const int64_t places = static_cast<int64_t>(a.height) * a.width;
    const Strides plain{a.heads * places * a.depth, places * a.depth, a.depth};
    p.gradient_at = p.query_gradient_at = p.key_gradient_at = p.value_gradient_at = plain;
    std::vector<Notes> notes(a.batch * a.heads * places, Notes{NAN, NAN, NAN, NAN});
    p.notes = notes.data();
    p.temperature_parts = temperature_parts;
    start(a, p, kernels(a).differentiate_queries);
    start(a, p, kernels(a).differentiate_keys);
  });
}
}
