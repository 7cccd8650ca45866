// y = activation(x · weightᵀ + bias) in float32 or bfloat16, each element a float32 sum in one fixed order.
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
template <class Number>
struct Block {
  const Number *x;       // [rows, depth]
  const Number *weight;  // [columns, depth]
  const Number *bias;    // [columns], or null
  Number *y;             // [rows, y_stride]
  int64_t rows, columns, depth, y_stride;
  Activation activation;
};

/// How far a tile runs along k before its sums are folded, so that a block of both factors stays in the second cache.
constexpr int64_t depth_step = 2048;
constexpr int64_t block_rows = 48, block_columns = 64;

}  // namespace

#define MVAR_KERNEL "linear_float32.h"
#include "each_instruction_set.h"

#if defined(__x86_64__)
#include <immintrin.h>
namespace {
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,fma"))), apply_to = function)
#define MVAR_NAMESPACE avx512_bfloat16
#define MVAR_LANES 16
#define MVAR_REGISTERS 32
#define MVAR_FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#include "vector_math.h"
#include "linear_bfloat16.h"
#pragma clang attribute pop
}  // namespace
#endif

namespace {

template <class Number>
void run(const Block<Number> &whole, void (*block_function)(const Block<Number> &)) {
  const int64_t row_blocks = at::divup(whole.rows, block_rows);
  const int64_t column_blocks = at::divup(whole.columns, block_columns);
  at::parallel_for(0, row_blocks * column_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
      const int64_t row = index % row_blocks * block_rows, column = index / row_blocks * block_columns;
      auto block = whole;
      block.x += row * whole.depth;
      block.weight += column * whole.depth;
      if (block.bias) block.bias += column;
      block.y += row * whole.columns + column;
      block.rows = std::min(block_rows, whole.rows - row);
      block.columns = std::min(block_columns, whole.columns - column);
      block_function(block);
    }
  });
}

template <class Number>
Block<Number> whole_product(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &result,
    Activation activation) {
  return {
      static_cast<const Number *>(x.const_data_ptr()),
      static_cast<const Number *>(weight.const_data_ptr()),
      bias.defined() ? static_cast<const Number *>(bias.const_data_ptr()) : nullptr,
      static_cast<Number *>(result.mutable_data_ptr()),
      x.numel() / weight.size(1),
      weight.size(0),
      weight.size(1),
      weight.size(0),
      activation};
}

/// x [..., K], weight [N, K], bias [N] → [..., N], all float32, or all bfloat16 where the processor multiplies it.
at::Tensor linear(
    const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, c10::string_view activation) {
  TORCH_CHECK(
      x.dim() >= 1 && weight.dim() == 2 && weight.size(1) > 0 && x.size(-1) == weight.size(1), "a product of ",
      x.sizes(), " with a weight of ", weight.sizes());
  TORCH_CHECK(
      x.scalar_type() == weight.scalar_type() && (!bias || bias->scalar_type() == x.scalar_type()), "a product of ",
      x.scalar_type(), " with ", weight.scalar_type());
  TORCH_CHECK(
      !bias || (bias->dim() == 1 && bias->size(0) == weight.size(0)), "a bias of ", bias->sizes(), " for ",
      weight.size(0), " outputs");
  auto shape = x.sizes().vec();
  shape.back() = weight.size(0);
  auto result = at::empty(shape, x.options());
  const auto factor = x.contiguous(), matrix = weight.contiguous();
  const auto shift = bias ? bias->contiguous() : at::Tensor();
  const auto kind = mvar::activation_named(activation);
  if (x.scalar_type() == at::kFloat) {
    run(whole_product<float>(factor, matrix, shift, result, kind), MVAR_BEST(block));
    return result;
  }
#if defined(__x86_64__)
  if (x.scalar_type() == at::kBFloat16 && mvar::instruction_set() >= mvar::InstructionSet::avx512_bfloat16) {
    run(whole_product<uint16_t>(factor, matrix, shift, result, kind), avx512_bfloat16::block_bfloat16);
    return result;
  }
#endif
  TORCH_CHECK(false, "no product of ", x.scalar_type(), " on this processor");
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def("linear(Tensor x, Tensor weight, Tensor? bias, str activation) -> Tensor");
}
TORCH_LIBRARY_IMPL(mvar, CPU, library) { library.impl("linear", linear); }
