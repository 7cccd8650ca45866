// `mvar::modulated`, `mvar::gated_sum`, both in one, and their gradients, for any place where something starts the
// kernels: NVIDIA GPUs (modulation.cpp) and the tests' emulation of them.
#pragma once
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>
#include <array>
#include <optional>
#include <tuple>
#include <vector>
#include "Device/modulation.h"
#include "operands.h"

namespace mvar::modulation {

/// Rows [B, T, C] and vectors [B, 1, C], all of one type, held while kernels read them.
class Operands {
 public:
  const int64_t pictures, rows_of_picture, width;

  /// For tensors like `first`, which is held by the caller.
  explicit Operands(const at::Tensor &first)
      : pictures(checked(first).size(0)), rows_of_picture(first.size(1)), width(first.size(2)), first_(first) {}

  const void *rows(const at::Tensor &rows, const char *name) {
    cuda::check_like(first_, rows, name);
    TORCH_CHECK(rows.sizes() == first_.sizes(), "a ", name, " of ", rows.sizes(), " for rows of ", first_.sizes());
    held_.push_back(cuda::in_pieces(rows.contiguous()));
    return held_.back().const_data_ptr();
  }

  OfPictures of_pictures(const at::Tensor &vectors, const char *name) {
    cuda::check_like(first_, vectors, name);
    TORCH_CHECK(
        vectors.sizes() == at::IntArrayRef({pictures, 1, width}), "a ", name, " of ", vectors.sizes(), " for rows of ",
        first_.sizes());
    held_.push_back(cuda::in_pieces(vectors));
    return {held_.back().const_data_ptr(), held_.back().stride(0)};
  }

  /// Rows for a kernel to write, if they are wanted; else nothing.
  at::Tensor new_rows(void *&to, bool are_wanted = true) const {
    return written(to, are_wanted, {pictures, rows_of_picture, width});
  }

  at::Tensor new_vectors(void *&to, bool are_wanted) const { return written(to, are_wanted, {pictures, 1, width}); }

  cuda::Program program(const char *source) const { return {source, cuda::number_of(first_), static_cast<int>(width)}; }

 private:
  static const at::Tensor &checked(const at::Tensor &rows) {
    TORCH_CHECK(rows.dim() == 3, "rows of shape [B, T, C] are needed, not ", rows.sizes());
    const int64_t width = rows.size(2);
    TORCH_CHECK(
        width > 0 && width % 8 == 0 && width <= largest_width, "rows of ", width,
        " numbers; on a GPU multiples of 8 up to ", largest_width, " are served");
    return rows;
  }

  at::Tensor written(void *&to, bool is_wanted, at::IntArrayRef shape) const {
    if (!is_wanted) return {};
    auto result = at::empty(shape, first_.options());
    to = result.mutable_data_ptr();
    return result;
  }

  const at::Tensor &first_;
  std::vector<at::Tensor> held_;
};

/// How kernels are started: mvar::cuda::start, or what stands in for it.
using Start = void (*)(const at::Tensor &, const cuda::Program &, const char *, const cuda::Grid &, void *);

template <Start start>
struct Operators {
  static at::Tensor modulated(const at::Tensor &x, const at::Tensor &scale, const at::Tensor &shift, double epsilon) {
    const c10::DeviceGuard guard(x.device());
    Operands operands(x);
    Rows rows{};
    const auto modulated = set_modulation(rows, operands, scale, shift, epsilon);
    process(x, operands, rows, "modulate");
    return modulated;
  }

  static at::Tensor gated_sum(const at::Tensor &x, const at::Tensor &branch, const at::Tensor &gain) {
    const c10::DeviceGuard guard(x.device());
    Operands operands(x);
    Rows rows{};
    const auto sum = set_sum(rows, operands, branch, gain);
    process(x, operands, rows, "add_gated");
    return sum;
  }

  static std::tuple<at::Tensor, at::Tensor> gated_sum_modulated(
      const at::Tensor &x, const at::Tensor &branch, const at::Tensor &gain, const at::Tensor &scale,
      const at::Tensor &shift, double epsilon) {
    const c10::DeviceGuard guard(x.device());
    Operands operands(x);
    Rows rows{};
    const auto sum = set_sum(rows, operands, branch, gain);
    const auto modulated = set_modulation(rows, operands, scale, shift, epsilon);
    process(x, operands, rows, "add_gated_and_modulate");
    return {sum, modulated};
  }

  /// The gradients of x, scale and shift.
  static std::tuple<at::Tensor, at::Tensor, at::Tensor> modulated_backward(
      const at::Tensor &gradient, const at::Tensor &x, const at::Tensor &scale, double epsilon,
      std::array<bool, 3> wanted) {
    const c10::DeviceGuard guard(x.device());
    Operands operands(x);
    Gradients gradients{};
    set_modulation(gradients, operands, gradient, x, scale, epsilon);
    const auto of_x = operands.new_rows(gradients.x_gradient, wanted[0]);
    const auto of_scale = operands.new_vectors(gradients.vector_gradients[1], wanted[1]);
    const auto of_shift = operands.new_vectors(gradients.vector_gradients[2], wanted[2]);
    differentiate(x, operands, gradients, "differentiate_modulated");
    return {of_x, of_scale, of_shift};
  }

  /// The gradients of branch and gain; that of x is the sum's.
  static std::tuple<at::Tensor, at::Tensor> gated_sum_backward(
      const at::Tensor &gradient, const at::Tensor &branch, const at::Tensor &gain, std::array<bool, 2> wanted) {
    const c10::DeviceGuard guard(branch.device());
    Operands operands(branch);
    Gradients gradients{};
    gradients.sum_gradient = operands.rows(gradient, "gradient");
    gradients.branch = operands.rows(branch, "branch");
    gradients.gain = operands.of_pictures(gain, "gain");
    const auto of_branch = operands.new_rows(gradients.branch_gradient, wanted[0]);
    const auto of_gain = operands.new_vectors(gradients.vector_gradients[0], wanted[1]);
    differentiate(branch, operands, gradients, "differentiate_gated");
    return {of_branch, of_gain};
  }

  /// The gradients of x, branch, gain, scale and shift.
  static std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor> gated_sum_modulated_backward(
      const std::optional<at::Tensor> &sum_gradient, const at::Tensor &modulated_gradient, const at::Tensor &sum,
      const at::Tensor &branch, const at::Tensor &gain, const at::Tensor &scale, double epsilon,
      std::array<bool, 5> wanted) {
    const c10::DeviceGuard guard(sum.device());
    Operands operands(sum);
    Gradients gradients{};
    set_modulation(gradients, operands, modulated_gradient, sum, scale, epsilon);
    if (sum_gradient) gradients.sum_gradient = operands.rows(*sum_gradient, "gradient");
    gradients.branch = operands.rows(branch, "branch");
    gradients.gain = operands.of_pictures(gain, "gain");
    const auto of_x = operands.new_rows(gradients.x_gradient, wanted[0]);
    const auto of_branch = operands.new_rows(gradients.branch_gradient, wanted[1]);
    const auto of_gain = operands.new_vectors(gradients.vector_gradients[0], wanted[2]);
    const auto of_scale = operands.new_vectors(gradients.vector_gradients[1], wanted[3]);
    const auto of_shift = operands.new_vectors(gradients.vector_gradients[2], wanted[4]);
    differentiate(sum, operands, gradients, "differentiate_gated_and_modulated");
    return {of_x, of_branch, of_gain, of_scale, of_shift};
  }

  static void serve(torch::Library &library) {
    library.impl("modulated", modulated);
    library.impl("gated_sum", gated_sum);
    library.impl("gated_sum_modulated", gated_sum_modulated);
    library.impl("modulated_backward", modulated_backward);
    library.impl("gated_sum_backward", gated_sum_backward);
    library.impl("gated_sum_modulated_backward", gated_sum_modulated_backward);
  }

 private:
  static at::Tensor set_sum(Rows &rows, Operands &operands, const at::Tensor &branch, const at::Tensor &gain) {
    rows.branch = operands.rows(branch, "branch");
    rows.gain = operands.of_pictures(gain, "gain");
    return operands.new_rows(rows.sum);
  }

  static at::Tensor set_modulation(
      Rows &rows, Operands &operands, const at::Tensor &scale, const at::Tensor &shift, double epsilon) {
    rows.scale = operands.of_pictures(scale, "scale");
    rows.shift = operands.of_pictures(shift, "shift");
    rows.epsilon = static_cast<float>(epsilon);
    return operands.new_rows(rows.modulated);
  }

  static void set_modulation(
      Gradients &gradients, Operands &operands, const at::Tensor &given, const at::Tensor &x, const at::Tensor &scale,
      double epsilon) {
    gradients.x = operands.rows(x, "x");
    gradients.modulated_gradient = operands.rows(given, "gradient");
    gradients.scale = operands.of_pictures(scale, "scale");
    gradients.epsilon = static_cast<float>(epsilon);
  }

  static void process(const at::Tensor &x, Operands &operands, Rows &rows, const char *kernel) {
    rows.x = operands.rows(x, "x");
    rows.rows_of_picture = operands.rows_of_picture;
    rows.count = operands.pictures * operands.rows_of_picture;
    start(
        x, operands.program("modulation"), kernel, {(rows.count + rows_of_block - 1) / rows_of_block, threads, 0},
        &rows);
  }

  static void differentiate(
      const at::Tensor &where, const Operands &operands, Gradients &gradients, const char *kernel) {
    const int64_t rows = operands.rows_of_picture, width = operands.width;
    gradients.rows_of_picture = rows;
    gradients.spans = (rows + span - 1) / span;
    at::Tensor parts;
    for (const void *const wanted : gradients.vector_gradients) {
      if (!wanted || parts.defined()) continue;
      parts = at::empty({operands.pictures, gradients.spans, vectors, width}, where.options().dtype(at::kFloat));
      gradients.parts = parts.mutable_data_ptr<float>();
    }
    const auto program = operands.program("modulation_gradients");
    const int row_bytes = static_cast<int>(width * where.element_size());
    start(
        where, program, kernel, {operands.pictures * gradients.spans, threads_of_span(row_bytes), bytes_of_span},
        &gradients);
    if (!parts.defined()) return;
    start(
        where, program, "add_parts", {operands.pictures * vectors * ((width + threads - 1) / threads), threads, 0},
        &gradients);
  }
};

}  // namespace mvar::modulation
