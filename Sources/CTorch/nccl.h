// NVIDIA's collectives, which come with LibTorch's CUDA libraries; opened when a tensor on a GPU is to travel.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>
#include <optional>

namespace ctorch {

/// The processes' GPUs, one each, connected with each other at the first use.
///
/// What is begun waits for what was queued on the tensor's device before, and runs beside what is queued after.
class DeviceGroup {
 public:
  DeviceGroup(c10::intrusive_ptr<c10d::Store> store, int rank, int count)
      : store_(std::move(store)), rank_(rank), count_(count) {}

  /// Replaces a tensor by its sum, or its maximum, over all processes.
  c10::intrusive_ptr<c10d::Work> reduce(const at::Tensor &tensor, bool to_maximum);

  /// Replaces a tensor by that of process 0.
  c10::intrusive_ptr<c10d::Work> broadcast(const at::Tensor &tensor);

 private:
  template <typename Start>
  c10::intrusive_ptr<c10d::Work> begin(const at::Tensor &tensor, Start start);

  c10::intrusive_ptr<c10d::Store> store_;
  int rank_, count_;
  struct CommunicatorOfNCCL *communicator_ = nullptr;
  std::optional<c10::Stream> stream_;
};

}  // namespace ctorch
