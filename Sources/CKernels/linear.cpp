// y = activation(x · weightᵀ + bias) in float32, with weights of several types, each element a sum in one fixed order.
//
// As many partial sums as a vector has lanes run along k, are folded in one order at the end of a step, and steps are
// added up from the first to the last. Which rows and columns share a tile, and which thread computes it, changes
// nothing about that order, so that a picture is the same in every batch and for any number of threads
// (docs/decisions/0004).
//
// Weights are read where they are, along their rows: they may stay in the mapped file, and few rows, which only stream
// them, cost no more than that. Of bytes a block is arranged in a panel where there are many rows. x is brought into
// the form that is multiplied, step by step, so that neighbouring rows of a tile do not fall on the same lines of the
// first cache.
#include "parallel.h"
#include <ATen/ops/empty.h>
#include <torch/library.h>
#include "activation.h"

namespace {

using mvar::Activation;

/// How far a tile runs along k before its sums are folded.
constexpr int64_t depth_step = 1024;
constexpr int64_t block_rows = 48, block_columns = 64;
/// Fewer rows do not pay for arranging the weights.
constexpr int64_t fewest_panel_rows = 64;

/// Rows of x in one step along k, `stride` numbers apart.
template <class Number>
struct PackedRows {
  Number *numbers;
  int32_t *offsets;  // what is taken away from each row's sums, or null
  int64_t stride;

  PackedRows from(int64_t row) const { return {numbers + row * stride, offsets ? offsets + row : nullptr, stride}; }
};

/// A whole product.
struct Product {
  void *x;                     // packed: [steps][rows][step]
  float *row_scales;           // [rows], for whole numbers
  int32_t *offsets;            // [steps][rows], what is taken away from sums, where weights were shifted
  const void *weight;          // [columns, depth]
  const float *column_scales;  // [columns], for whole numbers, or null
  const float *bias;           // [columns], or null
  float *y;                    // [rows, columns]
  int64_t rows, columns, depth, packed_depth;
  Activation activation;

  /// The step that begins at `k`, with the zeros that fill the last register.
  template <class Number>
  PackedRows<Number> packed(int64_t k) const {
    return {
        static_cast<Number *>(x) + rows * k, offsets ? offsets + k / depth_step * rows : nullptr,
        std::min(depth_step, packed_depth - k)};
  }
};

/// One way to multiply.
struct Kernel {
  size_t number_size;  // bytes of a packed number
  int64_t width;       // numbers in a register
  bool has_row_scales, has_offsets;
  void (*pack_row)(const Product &, const float *x, int64_t row);
  void (*compute_block)(const Product &, int64_t row, int64_t column);
  // For many rows, where there are: a panel has packed depth × block_columns numbers.
  void (*pack_panel)(const Product &, int64_t column, void *panel) = nullptr;
  void (*compute_panel_block)(const Product &, int64_t row, int64_t column, const void *panel) = nullptr;
};

}  // namespace

#define MVAR_KERNEL "linear_arithmetic.h"
#define MVAR_AVX512_KERNEL "linear_avx512.h"
#include "each_instruction_set.h"

namespace {

Kernel best_kernel(at::ScalarType weight) {
#if defined(__x86_64__)
  const auto set = mvar::instruction_set();
  if (weight == at::kBFloat16 && set >= mvar::InstructionSet::avx512_bfloat16) {
    return avx512_more::kernel_of<avx512_more::BFloat16>();
  }
  if (set >= mvar::InstructionSet::avx512_vnni) {
    if (weight == at::kShort) return avx512_more::kernel_of<avx512_more::Int16>();
    if (weight == at::kChar) return avx512_more::int8_kernel();
  }
#endif
  return MVAR_BEST(kernel)(weight);
}

void run(const Kernel &kernel, Product &product, const float *x) {
  const int64_t rows = product.rows, depth = product.depth;
  if (rows == 0 || product.columns == 0) return;
  const auto number_size = static_cast<int64_t>(kernel.number_size);
  product.packed_depth = at::divup(depth, kernel.width) * kernel.width;
  at::Tensor packed, scales, offsets;
  // One step of whole registers of float32 is packed already.
  if (kernel.number_size == sizeof(float) && product.packed_depth == depth && depth <= depth_step) {
    product.x = const_cast<float *>(x);
  } else {
    packed = at::empty({rows * product.packed_depth * number_size}, at::kByte);
    product.x = packed.mutable_data_ptr();
    if (kernel.has_row_scales) product.row_scales = (scales = at::empty({rows})).mutable_data_ptr<float>();
    if (kernel.has_offsets) {
      offsets = at::empty({at::divup(depth, depth_step) * rows}, at::kInt);
      product.offsets = offsets.mutable_data_ptr<int32_t>();
    }
    at::parallel_for(0, rows, at::divup(32'768, depth), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) kernel.pack_row(product, x + row * depth, row);
    });
  }
  const int64_t row_blocks = at::divup(rows, block_rows), column_blocks = at::divup(product.columns, block_columns);
  const int64_t threads = mvar::loop_threads();
  const bool has_panels = kernel.pack_panel && rows >= fewest_panel_rows;
  const auto panels =
      at::empty({has_panels ? threads : 0, block_columns * product.packed_depth * number_size}, at::kByte);
  // Enough shares for every thread, of as many rows as can be.
  const int64_t groups = std::min(row_blocks, at::divup(16 * threads, column_blocks));
  at::parallel_for(0, groups * column_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
      const int64_t group = index % groups, column = index / groups * block_columns;
      auto *panel = panels.mutable_data_ptr<uint8_t>();
      if (has_panels) kernel.pack_panel(product, column, panel += at::get_thread_num() * panels.size(1));
      for (int64_t block = row_blocks * group / groups; block < row_blocks * (group + 1) / groups; block++) {
        if (has_panels) {
          kernel.compute_panel_block(product, block * block_rows, column, panel);
        } else {
          kernel.compute_block(product, block * block_rows, column);
        }
      }
    }
  });
}

bool is_whole(at::ScalarType type) { return type == at::kShort || type == at::kChar; }

/// x [..., K] float32, weight [N, K] of several types, scales [N] for whole numbers, bias [N] → [..., N] float32.
at::Tensor linear(
    const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &scales,
    const std::optional<at::Tensor> &bias, c10::string_view activation) {
  TORCH_CHECK(
      x.dim() >= 1 && weight.dim() == 2 && weight.size(1) > 0 && x.size(-1) == weight.size(1), "a product of ",
      x.sizes(), " with a weight of ", weight.sizes());
  TORCH_CHECK(
      !bias || (bias->dim() == 1 && bias->size(0) == weight.size(0)), "a bias of ", bias->sizes(), " for ",
      weight.size(0), " outputs");
  TORCH_CHECK(
      scales.has_value() == is_whole(weight.scalar_type()) &&
          (!scales || (scales->dim() == 1 && scales->size(0) == weight.size(0))),
      "weights of ", weight.scalar_type(), " for ", weight.size(0), " outputs with scales of ",
      scales ? scales->sizes() : at::IntArrayRef());
  TORCH_CHECK(
      x.scalar_type() == at::kFloat && (!bias || bias->scalar_type() == at::kFloat) &&
          (!scales || scales->scalar_type() == at::kFloat),
      "a product of ", x.scalar_type(), ", and not of float32");
  const auto kernel = best_kernel(weight.scalar_type());
  TORCH_CHECK(kernel.compute_block, "a product with weights of ", weight.scalar_type());
  auto shape = x.sizes().vec();
  shape.back() = weight.size(0);
  auto result = at::empty(shape, x.options());
  const auto factor = x.contiguous(), matrix = weight.contiguous();
  const auto shift = bias ? bias->contiguous() : at::Tensor();
  const auto units = scales ? scales->contiguous() : at::Tensor();
  Product product{};
  product.weight = matrix.const_data_ptr();
  product.column_scales = scales ? units.const_data_ptr<float>() : nullptr;
  product.bias = bias ? shift.const_data_ptr<float>() : nullptr;
  product.y = result.mutable_data_ptr<float>();
  product.rows = x.numel() / weight.size(1);
  product.columns = weight.size(0);
  product.depth = weight.size(1);
  product.activation = mvar::activation_named(activation);
  run(kernel, product, factor.const_data_ptr<float>());
  return result;
}

/// weight [N, K] float32 → whole numbers [N, K] of at most `limit`, and what 1 of each row stands for, [N].
std::tuple<at::Tensor, at::Tensor> quantized(const at::Tensor &weight, at::ScalarType type, int64_t limit) {
  TORCH_CHECK(weight.dim() == 2 && weight.scalar_type() == at::kFloat, "a weight of ", weight.sizes());
  TORCH_CHECK(
      type == at::kChar ? limit >= 1 && limit <= 127 : type == at::kShort && limit >= 1 && limit <= 2047,
      "whole numbers up to ", limit, " in ", type);
  const auto matrix = weight.contiguous();
  auto numbers = at::empty(weight.sizes(), weight.options().dtype(type));
  auto scales = at::empty({weight.size(0)}, weight.options());
  const auto quantize_row = type == at::kChar ? MVAR_BEST(quantize_row_int8) : MVAR_BEST(quantize_row_int16);
  const int64_t count = weight.size(1);
  const auto *from = matrix.const_data_ptr<float>();
  auto *to = static_cast<std::byte *>(numbers.mutable_data_ptr());
  auto *units = scales.mutable_data_ptr<float>();
  at::parallel_for(0, weight.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      quantize_row(
          from + row * count, count, static_cast<float>(limit), to + row * count * numbers.element_size(), units + row);
    }
  });
  return {numbers, scales};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def("linear(Tensor x, Tensor weight, Tensor? scales, Tensor? bias, str activation) -> Tensor");
  library.def("quantized(Tensor weight, ScalarType dtype, int limit) -> (Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(mvar, CPU, library) {
  library.impl("linear", linear);
  library.impl("quantized", quantized);
}
