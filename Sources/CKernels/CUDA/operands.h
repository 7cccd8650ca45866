// Tensors as kernels for GPUs get them.
#pragma once
#include <ATen/core/Tensor.h>
#include "program.h"

namespace mvar::cuda {

/// The name that sources have for the tensor's numbers: float, half_t or bfloat16_t. Throws for other types.
const char *number_of(const at::Tensor &tensor);

/// The tensor, or a copy whose rows can be read in pieces of 16 bytes.
at::Tensor in_pieces(const at::Tensor &tensor);

/// Throws unless a tensor is where the first one is, and of its type unless another is named.
void check_like(const at::Tensor &first, const at::Tensor &other, const char *name);
void check_like(const at::Tensor &first, const at::Tensor &other, const char *name, at::ScalarType type);

/// How a kernel is started.
struct Grid {
  int64_t blocks;
  int threads, shared_bytes;
};

/// Starts a kernel where a tensor is, on the stream that LibTorch uses there. `parameters` is the kernel's only
/// parameter, copied before this returns.
void start(const at::Tensor &where, const Program &program, const char *name, const Grid &grid, void *parameters);

}  // namespace mvar::cuda
