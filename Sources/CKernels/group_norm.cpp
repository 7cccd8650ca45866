// Group normalisation of maps whose channels lie next to each other, with the activation behind it in the same pass.
//
// Means and variances are taken over spans of pixels of a fixed length and put together in order (Chan, Golub &
// LeVeque, "Algorithms for computing the sample variance", 1983): a picture's result depends on nothing but the
// picture, and the variance keeps its digits where the mean is far from 0.
#include "parallel.h"
#include <ATen/ops/empty.h>
#include <torch/library.h>
#include <cmath>
#include <vector>
#include "activation.h"

namespace {

using mvar::Activation;

/// Pixels whose statistics are taken in float32 before they are put together in float64.
constexpr int64_t span = 64;

}  // namespace

#define MVAR_KERNEL "group_norm_loops.h"
#include "each_instruction_set.h"

namespace {

/// x [B, C, h, w] with channels last in memory; weight, bias [C].
at::Tensor group_norm(
    const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias, double epsilon,
    c10::string_view activation) {
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
  const auto kind = mvar::activation_named(activation);
  auto result = at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast);
  const auto *from = static_cast<const float *>(x.const_data_ptr());
  auto *to = static_cast<float *>(result.mutable_data_ptr());
  const auto *gain = static_cast<const float *>(weight.const_data_ptr());
  const auto *shift = static_cast<const float *>(bias.const_data_ptr());
  const auto measure = MVAR_BEST(measure);
  const auto apply = MVAR_BEST(apply);

  const int64_t spans = at::divup(pixels, span), group_channels = channels / groups;
  std::vector<float> statistics(spans * 2 * channels), scale(channels), offset(channels);
  for (int64_t picture = 0; picture < batch; picture++) {
    const int64_t start = picture * pixels * channels;
    at::parallel_for(0, spans, 4, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; index++) {
        const int64_t first = index * span;
        measure(
            from + start + first * channels, std::min(span, pixels - first), channels,
            &statistics[index * 2 * channels]);
      }
    });
    for (int64_t group = 0; group < groups; group++) {
      const auto each_part = [&](auto &&body) {
        for (int64_t index = 0; index < spans; index++) {
          const float *part = &statistics[index * 2 * channels + group * group_channels];
          const auto count = static_cast<double>(std::min(span, pixels - index * span));
          for (int64_t channel = 0; channel < group_channels; channel++) {
            body(count, static_cast<double>(part[channel]), static_cast<double>(part[channels + channel]));
          }
        }
      };
      const auto count = static_cast<double>(pixels * group_channels);
      double sum = 0, squares = 0;
      each_part([&](double part_count, double part_mean, double) { sum += part_count * part_mean; });
      const double mean = sum / count;
      each_part([&](double part_count, double part_mean, double part_squares) {
        squares += part_squares + part_count * (part_mean - mean) * (part_mean - mean);
      });
      const double factor = 1 / std::sqrt(squares / count + epsilon);
      for (int64_t channel = group * group_channels; channel < (group + 1) * group_channels; channel++) {
        scale[channel] = static_cast<float>(gain[channel] * factor);
        offset[channel] = static_cast<float>(shift[channel] - mean * factor * gain[channel]);
      }
    }
    at::parallel_for(0, pixels, 64, [&](int64_t begin, int64_t end) {
      apply(
          from + start + begin * channels, to + start + begin * channels, end - begin, channels, scale.data(),
          offset.data(), kind);
    });
  }
  return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def("group_norm(Tensor x, int groups, Tensor weight, Tensor bias, float epsilon, str activation) -> Tensor");
}
TORCH_LIBRARY_IMPL(mvar, CPU, library) { library.impl("group_norm", group_norm); }
