// For the C++ files of CTorch and CKernels: how handles become tensors and exceptions become messages.
#pragma once
#ifdef __cplusplus
#include <ATen/core/Tensor.h>
#include <exception>
#include "ctorch.h"

namespace ctorch {

void set_last_error(const char *message) noexcept;

/// Another reference to the tensor behind a handle; the handle stays its owner's.
inline at::Tensor borrow(CTorchTensor handle) {
  return at::Tensor(c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim_copy(
      reinterpret_cast<at::TensorImpl *>(handle)));
}

/// A handle that its receiver owns; NULL for an undefined tensor.
inline CTorchTensor give(at::Tensor &&tensor) {
  if (!tensor.defined()) return nullptr;
  return reinterpret_cast<CTorchTensor>(tensor.unsafeReleaseTensorImpl());
}

/// The CUDA device of that index, or the CPU for a negative one.
inline at::Device device(int64_t cuda_index) {
  return cuda_index < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(cuda_index));
}

/// Runs `body`; whatever it throws becomes a status and a message. Nothing escapes.
template <class Body>
CTorchStatus guarded(Body &&body) noexcept {
  try {
    body();
    return 0;
  } catch (const c10::Error &error) {
    set_last_error(error.what_without_backtrace());
  } catch (const std::exception &error) {
    set_last_error(error.what());
  } catch (...) {
    set_last_error("a C++ exception of unknown type");
  }
  return 1;
}

}  // namespace ctorch
#endif
