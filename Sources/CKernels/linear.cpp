// y = activation(x · weightᵀ + bias) in float32, each element a sum in one fixed order.
//
// Sixteen (or eight, or four) partial sums run along k, are folded at the end in one order, and blocks of k are added
// up from the first to the last. Which rows and columns share a tile, and which thread computes it, changes nothing
// about that order, so that a picture is the same in every batch and for any number of threads (docs/decisions/0004).
//
// Both factors are read where they are, along their rows: nothing is packed, weights stay in the mapped file, and few
// rows, which only stream the weights, cost no more than that.
#include "parallel.h"
#include <ATen/ops/empty.h>
#include <torch/library.h>
#include "activation.h"

namespace {

using mvar::Activation;

/// A part of the product that one thread computes: some rows with some columns.
struct Block {
  const float *x;       // [rows, depth]
  const float *weight;  // [columns, depth]
  const float *bias;    // [columns], or null
  float *y;             // [rows, y_stride]
  int64_t rows, columns, depth, y_stride;
  Activation activation;
};

/// How far a tile runs along k before its sums are folded, so that a block of both factors stays in the second cache.
constexpr int64_t depth_step = 2048;

}  // namespace

#define MVAR_KERNEL "linear_tile.h"
#include "each_instruction_set.h"

namespace {

/// x [..., K], weight [N, K], bias [N] → [..., N], all float32.
at::Tensor linear(
    const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, c10::string_view activation) {
  TORCH_CHECK(x.dim() >= 1 && weight.dim() == 2, "a product of ", x.sizes(), " with a weight of ", weight.sizes());
  const int64_t depth = weight.size(1), columns = weight.size(0);
  TORCH_CHECK(x.size(-1) == depth, "a product of ", x.sizes(), " with a weight of ", weight.sizes());
  TORCH_CHECK(
      x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat, "only float32, not ", x.scalar_type(),
      " with ", weight.scalar_type());
  if (bias) {
    TORCH_CHECK(
        bias->dim() == 1 && bias->size(0) == columns && bias->scalar_type() == at::kFloat, "a bias of ", bias->sizes(),
        " for ", columns, " outputs");
  }
  auto shape = x.sizes().vec();
  shape.back() = columns;
  auto result = at::empty(shape, x.options());
  const int64_t rows = depth > 0 ? x.numel() / depth : result.numel() / std::max<int64_t>(columns, 1);
  const auto x_data = x.contiguous(), weight_data = weight.contiguous();
  const auto bias_data = bias ? bias->contiguous() : at::Tensor();
  const Block whole{
      static_cast<const float *>(x_data.const_data_ptr()),
      static_cast<const float *>(weight_data.const_data_ptr()),
      bias ? static_cast<const float *>(bias_data.const_data_ptr()) : nullptr,
      static_cast<float *>(result.mutable_data_ptr()),
      rows,
      columns,
      depth,
      columns,
      mvar::activation_named(activation)};

  constexpr int64_t block_rows = 48, block_columns = 64;
  const auto run = MVAR_BEST(block);
  const int64_t row_blocks = at::divup(rows, block_rows), column_blocks = at::divup(columns, block_columns);
  at::parallel_for(0, row_blocks * column_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
      const int64_t row = index % row_blocks * block_rows, column = index / row_blocks * block_columns;
      Block block = whole;
      block.x += row * depth;
      block.weight += column * depth;
      if (block.bias) block.bias += column;
      block.y += row * columns + column;
      block.rows = std::min(block_rows, rows - row);
      block.columns = std::min(block_columns, columns - column);
      run(block);
    }
  });
  return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def("linear(Tensor x, Tensor weight, Tensor? bias, str activation) -> Tensor");
}
TORCH_LIBRARY_IMPL(mvar, CPU, library) { library.impl("linear", linear); }
