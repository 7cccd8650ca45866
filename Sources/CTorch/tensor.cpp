// The life of a tensor, what it is, and its gradient.
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include "ctorch_support.h"

using ctorch::borrow;
using ctorch::give;
using ctorch::guarded;

namespace {

at::TensorImpl *implementation(CTorchTensor tensor) { return reinterpret_cast<at::TensorImpl *>(tensor); }

at::TensorOptions options(int8_t dtype, int32_t cuda_index) {
  return at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)).device(ctorch::device(cuda_index));
}

struct GradientObserver : torch::autograd::PostAccumulateGradHook {
  GradientObserver(void (*observe)(void *), void (*release)(void *), void *context)
      : observe(observe), release(release), context(context) {}
  ~GradientObserver() override { release(context); }
  void operator()(const torch::autograd::Variable &) override { observe(context); }

  void (*observe)(void *);
  void (*release)(void *);
  void *context;
};

}  // namespace

extern "C" {

CTorchTensor ctorch_tensor_retain(CTorchTensor tensor) { return give(borrow(tensor)); }

void ctorch_tensor_release(CTorchTensor tensor) {
  c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim(implementation(tensor));
}

CTorchStatus ctorch_tensor_empty(
    const int64_t *shape, int32_t rank, int8_t dtype, int32_t cuda_index, CTorchTensor *result) {
  return guarded([&] { *result = give(at::empty(at::IntArrayRef(shape, rank), options(dtype, cuda_index))); });
}

CTorchStatus ctorch_tensor_borrow(
    void *memory, const int64_t *shape, const int64_t *strides, int32_t rank, int8_t dtype, void (*release)(void *),
    void *context, CTorchTensor *result) {
  // from_blob only takes the deleter over when it succeeds; the flag keeps the promise of one call in either case.
  auto released = std::make_shared<bool>(false);
  const auto release_once = [=](void *) {
    if (!*released) {
      *released = true;
      release(context);
    }
  };
  const auto status = guarded([&] {
    *result = give(at::from_blob(
        memory, at::IntArrayRef(shape, rank), at::IntArrayRef(strides, rank), release_once, options(dtype, -1)));
  });
  if (status != 0) release_once(nullptr);
  return status;
}

int32_t ctorch_tensor_rank(CTorchTensor tensor) { return static_cast<int32_t>(implementation(tensor)->dim()); }

void ctorch_tensor_shape(CTorchTensor tensor, int64_t *shape) {
  const auto sizes = implementation(tensor)->sizes();
  std::copy(sizes.begin(), sizes.end(), shape);
}

CTorchStatus ctorch_tensor_strides(CTorchTensor tensor, int64_t *strides) {
  return guarded([&] {
    const auto found = implementation(tensor)->strides();
    std::copy(found.begin(), found.end(), strides);
  });
}

int64_t ctorch_tensor_count(CTorchTensor tensor) { return implementation(tensor)->numel(); }

int8_t ctorch_tensor_dtype(CTorchTensor tensor) {
  return static_cast<int8_t>(c10::typeMetaToScalarType(implementation(tensor)->dtype()));
}

int32_t ctorch_tensor_cuda_index(CTorchTensor tensor) {
  const auto device = implementation(tensor)->device();
  return device.is_cuda() ? device.index() : -1;
}

bool ctorch_tensor_is_contiguous(CTorchTensor tensor) { return implementation(tensor)->is_contiguous(); }

CTorchStatus ctorch_tensor_memory(CTorchTensor tensor, const void **result) {
  return guarded([&] {
    TORCH_CHECK(implementation(tensor)->device().is_cpu(), "the tensor is not in the CPU's memory");
    *result = borrow(tensor).const_data_ptr();
  });
}

CTorchStatus ctorch_tensor_item(CTorchTensor tensor, double *result) {
  return guarded([&] { *result = borrow(tensor).item().toDouble(); });
}

bool ctorch_tensor_requires_gradient(CTorchTensor tensor) { return implementation(tensor)->requires_grad(); }

CTorchStatus ctorch_tensor_set_requires_gradient(CTorchTensor tensor, bool value) {
  return guarded([&] { borrow(tensor).set_requires_grad(value); });
}

CTorchStatus ctorch_tensor_backward(CTorchTensor tensor, CTorchTensor gradient) {
  return guarded([&] { borrow(tensor).backward(gradient ? borrow(gradient) : at::Tensor()); });
}

CTorchStatus ctorch_tensor_gradient(CTorchTensor tensor, CTorchTensor *result) {
  return guarded([&] { *result = give(at::Tensor(borrow(tensor).grad())); });
}

CTorchStatus ctorch_tensor_set_gradient(CTorchTensor tensor, CTorchTensor gradient) {
  return guarded([&] { borrow(tensor).mutable_grad() = gradient ? borrow(gradient) : at::Tensor(); });
}

CTorchStatus ctorch_tensor_gradient_of(
    CTorchTensor tensor, CTorchTensor weights, CTorchTensor input, CTorchTensor *result) {
  return guarded([&] {
    auto gradients = torch::autograd::grad(
        {borrow(tensor)}, {borrow(input)}, {borrow(weights)}, /*retain_graph=*/true, /*create_graph=*/false);
    *result = give(std::move(gradients[0]));
  });
}

CTorchStatus ctorch_tensor_observe_gradient(
    CTorchTensor tensor, void (*observe)(void *), void (*release)(void *), void *context) {
  auto observer = std::make_unique<GradientObserver>(observe, release, context);
  return guarded([&] { torch::autograd::impl::set_post_acc_grad_hooks(borrow(tensor), std::move(observer)); });
}

bool ctorch_set_gradients_enabled(bool enabled) {
  const bool before = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(enabled);
  return before;
}
}
