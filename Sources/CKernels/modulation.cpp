// What stands between the products of a block, on GPUs in one pass, and its gradients: the operators and how they are
// differentiated. Where they run is registered elsewhere (CUDA/modulation.cpp).
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>
#include <array>
#include <optional>
#include <tuple>
#include "dispatched.h"

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using ModulatedForm = Tensor(const Tensor &, const Tensor &, const Tensor &, double);
using GatedSumForm = Tensor(const Tensor &, const Tensor &, const Tensor &);
using BothForm =
    std::tuple<Tensor, Tensor>(const Tensor &, const Tensor &, const Tensor &, const Tensor &, const Tensor &, double);
using ModulatedBackwardForm =
    std::tuple<Tensor, Tensor, Tensor>(const Tensor &, const Tensor &, const Tensor &, double, std::array<bool, 3>);
using GatedSumBackwardForm =
    std::tuple<Tensor, Tensor>(const Tensor &, const Tensor &, const Tensor &, std::array<bool, 2>);
using BothBackwardForm = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>(
    const std::optional<Tensor> &, const Tensor &, const Tensor &, const Tensor &, const Tensor &, const Tensor &,
    double, std::array<bool, 5>);

/// Which of the first arguments gradients are wanted of.
template <size_t count>
std::array<bool, count> wanted(const AutogradContext *context, size_t first = 0) {
  std::array<bool, count> result{};
  for (size_t i = 0; i < count; i++) result[i] = context->needs_input_grad(first + i);
  return result;
}

// Where a result has no gradient an undefined tensor comes, not zeros that kernels would read.

struct Modulated : torch::autograd::Function<Modulated> {
  static Tensor forward(
      AutogradContext *context, const Tensor &x, const Tensor &scale, const Tensor &shift, double epsilon) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    context->set_materialize_grads(false);
    context->save_for_backward({x, scale});
    context->saved_data["epsilon"] = epsilon;
    return mvar::dispatched<ModulatedForm>("mvar::modulated", x, scale, shift, epsilon);
  }

  static variable_list backward(AutogradContext *context, const variable_list &gradients) {
    if (!gradients[0].defined()) return variable_list(4);
    const auto saved = context->get_saved_variables();
    const auto [x, scale, shift] = mvar::dispatched<ModulatedBackwardForm>(
        "mvar::modulated_backward", gradients[0], saved[0], saved[1], context->saved_data["epsilon"].toDouble(),
        wanted<3>(context));
    return {x, scale, shift, {}};
  }
};

/// The gradients of x, branch and gain.
std::tuple<Tensor, Tensor, Tensor> of_gated_sum(
    const AutogradContext *context, const Tensor &gradient, const Tensor &branch, const Tensor &gain) {
  const auto [of_branch, of_gain] =
      mvar::dispatched<GatedSumBackwardForm>("mvar::gated_sum_backward", gradient, branch, gain, wanted<2>(context, 1));
  return {gradient, of_branch, of_gain};
}

struct GatedSum : torch::autograd::Function<GatedSum> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &branch, const Tensor &gain) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    context->set_materialize_grads(false);
    context->save_for_backward({branch, gain});
    return mvar::dispatched<GatedSumForm>("mvar::gated_sum", x, branch, gain);
  }

  static variable_list backward(AutogradContext *context, const variable_list &gradients) {
    if (!gradients[0].defined()) return variable_list(3);
    const auto saved = context->get_saved_variables();
    const auto [x, branch, gain] = of_gated_sum(context, gradients[0], saved[0], saved[1]);
    return {x, branch, gain};
  }
};

struct GatedSumModulated : torch::autograd::Function<GatedSumModulated> {
  static variable_list forward(
      AutogradContext *context, const Tensor &x, const Tensor &branch, const Tensor &gain, const Tensor &scale,
      const Tensor &shift, double epsilon) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    const auto [sum, modulated] =
        mvar::dispatched<BothForm>("mvar::gated_sum_modulated", x, branch, gain, scale, shift, epsilon);
    context->set_materialize_grads(false);
    context->save_for_backward({sum, branch, gain, scale});
    context->saved_data["epsilon"] = epsilon;
    return {sum, modulated};
  }

  static variable_list backward(AutogradContext *context, const variable_list &gradients) {
    const auto saved = context->get_saved_variables();
    const auto &of_sum = gradients[0], &of_modulated = gradients[1];
    if (of_modulated.defined()) {
      const auto [x, branch, gain, scale, shift] = mvar::dispatched<BothBackwardForm>(
          "mvar::gated_sum_modulated_backward", of_sum.defined() ? std::optional<Tensor>(of_sum) : std::nullopt,
          of_modulated, saved[0], saved[1], saved[2], saved[3], context->saved_data["epsilon"].toDouble(),
          wanted<5>(context));
      return {x, branch, gain, scale, shift, {}};
    }
    if (!of_sum.defined()) return variable_list(6);
    const auto [x, branch, gain] = of_gated_sum(context, of_sum, saved[1], saved[2]);
    return {x, branch, gain, {}, {}, {}};
  }
};

Tensor modulated_autograd(const Tensor &x, const Tensor &scale, const Tensor &shift, double epsilon) {
  return Modulated::apply(x, scale, shift, epsilon);
}

Tensor gated_sum_autograd(const Tensor &x, const Tensor &branch, const Tensor &gain) {
  return GatedSum::apply(x, branch, gain);
}

std::tuple<Tensor, Tensor> gated_sum_modulated_autograd(
    const Tensor &x, const Tensor &branch, const Tensor &gain, const Tensor &scale, const Tensor &shift,
    double epsilon) {
  const auto results = GatedSumModulated::apply(x, branch, gain, scale, shift, epsilon);
  return {results[0], results[1]};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def("modulated(Tensor x, Tensor scale, Tensor shift, float epsilon) -> Tensor");
  library.def("gated_sum(Tensor x, Tensor branch, Tensor gain) -> Tensor");
  library.def(
      "gated_sum_modulated(Tensor x, Tensor branch, Tensor gain, Tensor scale, Tensor shift, float epsilon) -> "
      "(Tensor, Tensor)");
  // The gradients of x, branch, gain, scale and shift, as far as there are such; undefined where none is wanted.
  library.def(
      "modulated_backward(Tensor gradient, Tensor x, Tensor scale, float epsilon, bool[3] wanted) -> "
      "(Tensor, Tensor, Tensor)");
  library.def("gated_sum_backward(Tensor gradient, Tensor branch, Tensor gain, bool[2] wanted) -> (Tensor, Tensor)");
  library.def(
      "gated_sum_modulated_backward(Tensor? sum_gradient, Tensor modulated_gradient, Tensor sum, Tensor branch, "
      "Tensor gain, Tensor scale, float epsilon, bool[5] wanted) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(mvar, Autograd, library) {
  library.impl("modulated", modulated_autograd);
  library.impl("gated_sum", gated_sum_autograd);
  library.impl("gated_sum_modulated", gated_sum_modulated_autograd);
}
