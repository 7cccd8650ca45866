// `mvar::draw` on NVIDIA GPUs.
#include "draw_launch.h"
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>
#include "operands.h"

namespace {

using namespace mvar::draw;

/// Tokens [B, T] from logits [B, T, V], float32: guided away from the unconditional ones, at a temperature, among the
/// likeliest `top_k` (0: all) and of these among the likeliest that have `top_p` (0: all) of the probability together.
/// Element (i, t) draws the number of (seed, images[i], scale, t). -1 where logits are no numbers.
at::Tensor draw(
    const at::Tensor &logits, const std::optional<at::Tensor> &unconditional, double strength, double temperature,
    int64_t top_k, double top_p, int64_t seed, const at::Tensor &images, int64_t scale) {
  TORCH_CHECK(
      logits.dim() == 3 && logits.scalar_type() == at::kFloat, "float32 logits of shape [B, T, V] are needed, not ",
      logits.scalar_type(), " ", logits.sizes());
  const int64_t batch = logits.size(0), tokens = logits.size(1), codes = logits.size(2);
  TORCH_CHECK(
      codes > 0 && codes <= largest_vocabulary, codes, " codes; on a GPU up to ", largest_vocabulary, " are served");
  TORCH_CHECK(
      temperature > 0 && top_k >= 0 && top_p >= 0 && top_p <= 1 && scale >= 0 && scale < (1 << 30), "temperature ",
      temperature, ", top-k ", top_k, ", top-p ", top_p, ", scale ", scale);
  mvar::cuda::check_like(logits, images, "list of images", at::kLong);
  TORCH_CHECK(images.sizes() == at::IntArrayRef({batch}), "numbers of images of ", images.sizes(), " for ", batch);
  if (unconditional) {
    mvar::cuda::check_like(logits, *unconditional, "table of unconditional logits");
    TORCH_CHECK(
        unconditional->sizes() == logits.sizes(), "unconditional logits of ", unconditional->sizes(), " for ",
        logits.sizes());
  }
  const c10::DeviceGuard guard(logits.device());
  const auto conditional = logits.contiguous(), numbers = images.contiguous();
  const auto other = unconditional ? unconditional->contiguous() : at::Tensor();
  auto result = at::empty({batch, tokens}, logits.options().dtype(at::kLong));
  Draw parameters{};
  parameters.logits = conditional.const_data_ptr<float>();
  parameters.unconditional = unconditional ? other.const_data_ptr<float>() : nullptr;
  parameters.tokens = result.mutable_data_ptr<int64_t>();
  parameters.images = numbers.const_data_ptr<int64_t>();
  parameters.seed = static_cast<uint64_t>(seed);
  parameters.scale = static_cast<uint32_t>(scale);
  parameters.tokens_of_image = static_cast<int>(tokens);
  set_choice(parameters, strength, temperature, top_k, top_p, codes);
  mvar::cuda::start(
      logits, {"draw", "float", static_cast<int>(codes)}, "draw", {batch * tokens, threads, shared_bytes}, &parameters);
  return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def(
      "draw(Tensor logits, Tensor? unconditional, float strength, float temperature, int top_k, float top_p, int seed, "
      "Tensor images, int scale) -> Tensor");
}
TORCH_LIBRARY_IMPL(mvar, CUDA, library) { library.impl("draw", draw); }
