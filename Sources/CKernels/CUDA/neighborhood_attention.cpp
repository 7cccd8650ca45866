// `mvar::neighborhood_attention` and its gradients on NVIDIA GPUs.
#include "../neighborhood_operands.h"
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>
#include "neighborhood_launch.h"
#include "operands.h"

namespace {

using namespace mvar::neighborhood;

const at::ScalarType types[] = {at::kFloat, at::kBFloat16, at::kHalf};

Strides strides_of(const at::Tensor &tensor) { return {tensor.stride(0), tensor.stride(1), tensor.stride(2)}; }

/// As every kernel can read it.
at::Tensor aligned(const at::Tensor &tensor) {
  const auto result = readable(tensor);
  return result.scalar_type() == at::kFloat ? result : mvar::cuda::in_pieces(result);
}

/// The tensors of a call, held while kernels read them, and what the kernels are told.
struct Call {
  at::Tensor queries, keys, values, temperatures;
  Attention attention{};
  int64_t blocks;
  int device;

  Call(
      const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, int64_t height, int64_t width, int64_t kernel,
      double scale, const std::optional<at::Tensor> &t)
      : queries(aligned(q)), keys(aligned(k)), values(aligned(v)), device(q.device().index()) {
    const int64_t depth = queries.size(3);
    TORCH_CHECK(
        depth % 8 == 0 && depth <= largest_depth, "a head of ", depth, " channels; on a GPU multiples of 8 up to ",
        largest_depth, " are served");
    TORCH_CHECK(queries.size(2) <= largest_map, "a map of ", queries.size(2), " places; at most ", largest_map);
    for (const auto &other : {keys, values}) {
      TORCH_CHECK(other.device() == queries.device(), "queries on ", queries.device(), ", others on ", other.device());
    }
    if (t) {
      TORCH_CHECK(t->device() == queries.device(), "queries on ", queries.device(), ", temperatures on ", t->device());
      temperatures = t->to(at::kFloat).contiguous();
    }
    attention.queries = queries.const_data_ptr();
    attention.keys = keys.const_data_ptr();
    attention.values = values.const_data_ptr();
    attention.queries_at = strides_of(queries);
    attention.keys_at = strides_of(keys);
    attention.values_at = strides_of(values);
    attention.temperatures = t ? static_cast<const float *>(temperatures.const_data_ptr()) : nullptr;
    attention.scale = static_cast<float>(scale);
    attention.rows = {static_cast<int>(height), static_cast<int>(std::min(kernel, height))};
    attention.columns = {static_cast<int>(width), static_cast<int>(std::min(kernel, width))};
    attention.heads = static_cast<int>(queries.size(1));
    attention.depth = static_cast<int>(depth);
    blocks = queries.size(0) * queries.size(1) * attention.tiles_down() * attention.tiles_across();
  }

  void start(const char *source, const char *name, const KernelForm &form) {
    attention.stage_chunks =
        std::min(attention.most_chunks(), chunks_at_once(form, mvar::cuda::shared_memory_of(device)));
    mvar::cuda::start(
        queries, {source, mvar::cuda::number_of(queries), attention.depth}, name,
        {blocks, form.threads, attention.stage_chunks * form.bytes_of_chunk}, &attention);
  }
};

at::Tensor neighborhood_attention(
    const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values, int64_t height, int64_t width,
    int64_t kernel, double scale, const std::optional<at::Tensor> &temperatures) {
  check(queries, keys, values, height, width, kernel, temperatures, types);
  const c10::DeviceGuard guard(queries.device());
  Call call(queries, keys, values, height, width, kernel, scale, temperatures);
  const auto result = like(queries);
  call.attention.result = result.mutable_data_ptr();
  call.attention.result_at = strides_of(result);
  if (queries.scalar_type() == at::kFloat) {
    call.start("neighborhood_plain", "attend", plain_form(call.attention.depth));
  } else {
    call.start("neighborhood_tensor_cores", "attend", tensor_core_form(call.attention.depth));
  }
  return result;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> neighborhood_attention_backward(
    const at::Tensor &gradient, const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values,
    int64_t height, int64_t width, int64_t kernel, double scale, const std::optional<at::Tensor> &temperatures) {
  check(queries, keys, values, height, width, kernel, temperatures, types);
  TORCH_CHECK(
      gradient.sizes() == queries.sizes() && gradient.scalar_type() == queries.scalar_type() &&
          gradient.device() == queries.device(),
      "a gradient of ", gradient.scalar_type(), " ", gradient.sizes(), " for queries of ", queries.scalar_type(), " ",
      queries.sizes());
  const c10::DeviceGuard guard(queries.device());
  Call call(queries, keys, values, height, width, kernel, scale, temperatures);
  const auto given = aligned(gradient);
  const auto query_gradient = like(queries), key_gradient = like(queries), value_gradient = like(queries);
  // What the kernel of queries tells that of keys, and the temperatures' parts.
  const auto floats = queries.options().dtype(at::kFloat);
  const auto notes =
      at::empty({queries.size(0), queries.size(1), queries.size(2), sizeof(Notes) / sizeof(float)}, floats);
  const auto parts = at::empty({queries.size(0), queries.size(1), temperatures ? queries.size(2) : 0}, floats);
  Attention &attention = call.attention;
  attention.gradient = given.const_data_ptr();
  attention.gradient_at = strides_of(given);
  attention.query_gradient = query_gradient.mutable_data_ptr();
  attention.query_gradient_at = strides_of(query_gradient);
  attention.key_gradient = key_gradient.mutable_data_ptr();
  attention.key_gradient_at = strides_of(key_gradient);
  attention.value_gradient = value_gradient.mutable_data_ptr();
  attention.value_gradient_at = strides_of(value_gradient);
  attention.notes = static_cast<Notes *>(notes.mutable_data_ptr());
  attention.temperature_parts = temperatures ? static_cast<float *>(parts.mutable_data_ptr()) : nullptr;
  const bool is_plain = queries.scalar_type() == at::kFloat;
  const char *const source = is_plain ? "neighborhood_plain" : "neighborhood_tensor_core_gradients";
  const auto form = is_plain ? plain_form(attention.depth) : tensor_core_form(attention.depth);
  call.start(source, "differentiate_queries", form);
  call.start(source, "differentiate_keys", form);
  at::Tensor temperature_gradient;
  if (temperatures) temperature_gradient = parts.sum(at::IntArrayRef({0, 2})).to(temperatures->scalar_type());
  return {query_gradient, key_gradient, value_gradient, temperature_gradient};
}

}  // namespace

TORCH_LIBRARY_IMPL(mvar, CUDA, library) {
  library.impl("neighborhood_attention", neighborhood_attention);
  library.impl("neighborhood_attention_backward", neighborhood_attention_backward);
}
