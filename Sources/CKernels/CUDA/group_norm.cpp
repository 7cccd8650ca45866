// `mvar::group_norm` on NVIDIA GPUs.
#include "group_norm_launch.h"
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>
#include "../activation.h"
#include "operands.h"

namespace {

using namespace mvar::group_norm;

/// x [B, C, h, w] with channels last in memory; weight, bias [C], all of one type.
at::Tensor group_norm(
    const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias, double epsilon,
    c10::string_view activation) {
  const auto kind = mvar::activation_named(activation);
  TORCH_CHECK(
      kind == mvar::Activation::identity || kind == mvar::Activation::silu, "the activation ", activation,
      " is not served on a GPU");
  TORCH_CHECK(
      x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast), "a map with channels last is needed, not ",
      x.sizes());
  const int64_t batch = x.size(0), channels = x.size(1), pixels = x.size(2) * x.size(3);
  TORCH_CHECK(groups > 0 && channels > 0 && channels % groups == 0, channels, " channels in ", groups, " groups");
  TORCH_CHECK(
      channels % 8 == 0 && channels <= largest_channels, channels, " channels; on a GPU multiples of 8 up to ",
      largest_channels, " are served");
  for (const auto &parameter : {weight, bias}) {
    mvar::cuda::check_like(x, parameter, "parameter");
    TORCH_CHECK(
        parameter.dim() == 1 && parameter.size(0) == channels && parameter.is_contiguous(), "parameters of ",
        parameter.sizes(), " for ", channels, " channels");
  }
  const c10::DeviceGuard guard(x.device());
  auto result = at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast);
  if (x.numel() == 0) return result;
  TORCH_CHECK(
      reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0, "a map that begins between pieces of 16 bytes");
  Maps maps{};
  maps.x = x.const_data_ptr();
  maps.gain = weight.const_data_ptr();
  maps.shift = bias.const_data_ptr();
  maps.result = result.mutable_data_ptr();
  maps.groups = static_cast<int>(groups);
  const int number_bytes = static_cast<int>(x.element_size());
  divide(maps, pixels, channels, number_bytes);
  maps.epsilon = epsilon;
  maps.is_silu = kind == mvar::Activation::silu;
  const auto parts = at::empty({batch, maps.spans, 2, channels}, x.options().dtype(at::kFloat));
  const auto factors = at::empty({batch, 2, channels}, parts.options());
  maps.parts = parts.mutable_data_ptr<float>();
  maps.factors = factors.mutable_data_ptr<float>();
  const mvar::cuda::Program program{"group_norm", mvar::cuda::number_of(x), 0};
  for (const auto &launch : launches(maps, batch, number_bytes)) {
    mvar::cuda::start(x, program, launch.kernel, {launch.blocks, threads, launch.shared_bytes}, &maps);
  }
  return result;
}

}  // namespace

TORCH_LIBRARY_IMPL(mvar, CUDA, library) { library.impl("group_norm", group_norm); }
