#include "operands.h"
#include <ATen/ops/clone.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace mvar::cuda {

const char *number_of(const at::Tensor &tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return "float";
    case at::kBFloat16:
      return "bfloat16_t";
    case at::kHalf:
      return "half_t";
    default:
      TORCH_CHECK(false, "float32, bfloat16 or float16 is needed, not ", tensor.scalar_type());
  }
}

at::Tensor in_pieces(const at::Tensor &tensor) {
  const int64_t count = 16 / tensor.element_size();
  bool is_ready = reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % 16 == 0 && tensor.stride(-1) == 1;
  for (int64_t axis = 0; axis + 1 < tensor.dim(); axis++) is_ready = is_ready && tensor.stride(axis) % count == 0;
  return is_ready ? tensor : tensor.clone(at::MemoryFormat::Contiguous);
}

void check_like(const at::Tensor &first, const at::Tensor &other, const char *name, at::ScalarType type) {
  TORCH_CHECK(
      other.device() == first.device() && other.scalar_type() == type, "a ", name, " of ", other.scalar_type(), " on ",
      other.device(), "; ", type, " on ", first.device(), " is needed");
}

void check_like(const at::Tensor &first, const at::Tensor &other, const char *name) {
  check_like(first, other, name, first.scalar_type());
}

void start(const at::Tensor &where, const Program &program, const char *name, const Grid &grid, void *parameters) {
  const c10::impl::VirtualGuardImpl guard(where.device().type());
  void *const stream = guard.getStreamNativeHandle(guard.getStream(where.device()));
  const int device = where.device().index();
  launch(device, kernel(program, name, device), grid.blocks, grid.threads, grid.shared_bytes, stream, parameters);
}

}  // namespace mvar::cuda
