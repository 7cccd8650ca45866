// `mvar::modulated`, `mvar::gated_sum`, both in one and their gradients for tensors of the CPU: what GPUs' operators
// do, but for the start of kernels, which are emulated.
#include "CUDA/modulation_operators.h"
#include <map>
#include <string>
#include <utility>
#include "CUDA/Device/device.h"
#include "CUDA/Device/pieces.h"
#include "CUDAEmulator.h"

namespace {

using mvar::modulation::Gradients;
using mvar::modulation::Rows;

using Kernel = void (*)(const void *parameters);
using Kernels = std::map<std::string, Kernel>;

template <typename Parameters, void (*kernel)(Parameters)>
void called(const void *parameters) {
  kernel(*static_cast<const Parameters *>(parameters));
}

#define NUMBER float
#define DEPTH 64
namespace float_64 {
#include "modulation_kernels.h"
}
#undef DEPTH
#define DEPTH 264
namespace float_264 {
#include "modulation_kernels.h"
}
#undef DEPTH
#undef NUMBER
#define NUMBER bfloat16_t
#define DEPTH 264
namespace bfloat16_264 {
#include "modulation_kernels.h"
}
#undef DEPTH
#define DEPTH 1032
namespace bfloat16_1032 {
#include "modulation_kernels.h"
}
#undef DEPTH
#undef NUMBER
#define NUMBER half_t
#define DEPTH 264
namespace half_264 {
#include "modulation_kernels.h"
}

const std::map<std::pair<std::string, int>, const Kernels *> all = {
    {{"float", 64}, &float_64::kernels},           {{"float", 264}, &float_264::kernels},
    {{"bfloat16_t", 264}, &bfloat16_264::kernels}, {{"bfloat16_t", 1032}, &bfloat16_1032::kernels},
    {{"half_t", 264}, &half_264::kernels},
};

thread_local emulator::Order order = emulator::Order::forward;

/// As mvar::cuda::start does it on a GPU.
void emulate(
    const at::Tensor &, const mvar::cuda::Program &program, const char *name, const mvar::cuda::Grid &grid,
    void *parameters) {
  const auto found = all.find({program.number, program.depth});
  TORCH_CHECK(
      found != all.end(), "rows of ", program.depth, " numbers, ", program.number,
      ", are not compiled for the emulation");
  const Kernel kernel = found->second->at(name);
  emulator::launch(grid.blocks, grid.threads, grid.shared_bytes, order, [&] { kernel(parameters); });
}

}  // namespace

TORCH_LIBRARY_IMPL(mvar, CPU, library) { mvar::modulation::Operators<emulate>::serve(library); }

extern "C" {
void cuda_emulator_set_order(int32_t wanted) { order = static_cast<emulator::Order>(wanted); }
}
