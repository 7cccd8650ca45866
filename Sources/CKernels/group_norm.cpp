// Group normalisation of maps whose channels lie next to each other, with the activation behind it in the same pass, or
// as factors for the convolution behind it (winograd.cpp).
#include "parallel.h"
#include <ATen/ops/empty.h>
#include <torch/library.h>
#include <vector>
#include "activation.h"
#include "channel_statistics.h"

namespace {

using mvar::Activation;

/// Pixels whose statistics are taken in float32 before they are put together.
constexpr int64_t span = 64;

}  // namespace

#define MVAR_KERNEL "group_norm_loops.h"
#include "each_instruction_set.h"

namespace {

/// Means and sums of squared distances of one picture's channels, [2][channels].
void measure_picture(const float *x, int64_t pixels, int64_t channels, double *statistics) {
  const auto measure = MVAR_BEST(measure);
  const int64_t spans = at::divup(pixels, span);
  std::vector<float> values(spans * 2 * channels);
  std::vector<mvar::StatisticsPart> parts(spans);
  at::parallel_for(0, spans, 4, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
      const int64_t first = index * span, count = std::min(span, pixels - first);
      parts[index] = {count, &values[index * 2 * channels]};
      measure(x + first * channels, count, channels, &values[index * 2 * channels]);
    }
  });
  mvar::put_together(parts, channels, statistics);
}

/// x [B, C, h, w] with channels last in memory; its channels' statistics, [B, 2, C] float64, if they are known; weight,
/// bias [C] → [B, 2, C]: what x is multiplied with, and what is added then.
at::Tensor group_norm_factors(
    const at::Tensor &x, const std::optional<at::Tensor> &statistics, int64_t groups, const at::Tensor &weight,
    const at::Tensor &bias, double epsilon) {
  TORCH_CHECK(
      x.dim() == 4 && x.scalar_type() == at::kFloat && x.is_contiguous(at::MemoryFormat::ChannelsLast),
      "a float32 map with channels last is needed, not ", x.scalar_type(), " ", x.sizes());
  const int64_t batch = x.size(0), channels = x.size(1), pixels = x.size(2) * x.size(3);
  TORCH_CHECK(groups > 0 && channels > 0 && channels % groups == 0, channels, " channels in ", groups, " groups");
  for (const auto &parameter : {weight, bias}) {
    TORCH_CHECK(
        parameter.dim() == 1 && parameter.size(0) == channels && parameter.scalar_type() == at::kFloat &&
            parameter.is_contiguous(),
        "parameters of ", parameter.sizes(), " for ", channels, " channels");
  }
  if (statistics) {
    TORCH_CHECK(
        statistics->sizes() == at::IntArrayRef({batch, 2, channels}) && statistics->scalar_type() == at::kDouble &&
            statistics->is_contiguous(),
        "statistics of ", statistics->sizes(), " for a map of ", x.sizes());
  }
  auto result = at::empty({batch, 2, channels}, x.options(), at::MemoryFormat::Contiguous);
  auto *to = static_cast<float *>(result.mutable_data_ptr());
  const auto *from = static_cast<const float *>(x.const_data_ptr());
  std::vector<double> measured(2 * channels);
  for (int64_t picture = 0; picture < batch; picture++) {
    const double *of_picture = measured.data();
    if (statistics) {
      of_picture = static_cast<const double *>(statistics->const_data_ptr()) + picture * 2 * channels;
    } else {
      measure_picture(from + picture * pixels * channels, pixels, channels, measured.data());
    }
    mvar::normalization_factors(
        of_picture, pixels, channels, groups, static_cast<const float *>(weight.const_data_ptr()),
        static_cast<const float *>(bias.const_data_ptr()), epsilon, to + picture * 2 * channels);
  }
  return result;
}

/// x [B, C, h, w] with channels last in memory; weight, bias [C].
at::Tensor group_norm(
    const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias, double epsilon,
    c10::string_view activation) {
  const auto kind = mvar::activation_named(activation);
  const auto factors = group_norm_factors(x, std::nullopt, groups, weight, bias, epsilon);
  auto result = at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast);
  const int64_t channels = x.size(1), pixels = x.size(2) * x.size(3);
  const auto *from = static_cast<const float *>(x.const_data_ptr());
  const auto *scale = static_cast<const float *>(factors.const_data_ptr());
  auto *to = static_cast<float *>(result.mutable_data_ptr());
  const auto apply = MVAR_BEST(apply);
  for (int64_t picture = 0; picture < x.size(0); picture++, scale += 2 * channels) {
    at::parallel_for(picture * pixels, (picture + 1) * pixels, 64, [&](int64_t begin, int64_t end) {
      apply(from + begin * channels, to + begin * channels, end - begin, channels, scale, scale + channels, kind);
    });
  }
  return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def("group_norm(Tensor x, int groups, Tensor weight, Tensor bias, float epsilon, str activation) -> Tensor");
  library.def(
      "group_norm_factors(Tensor x, Tensor? statistics, int groups, Tensor weight, Tensor bias, float epsilon) -> "
      "Tensor");
}
TORCH_LIBRARY_IMPL(mvar, CPU, library) {
  library.impl("group_norm", group_norm);
  library.impl("group_norm_factors", group_norm_factors);
}
