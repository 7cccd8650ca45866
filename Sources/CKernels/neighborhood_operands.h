// The tensors that attention over windows gets, on every device.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <algorithm>
#include <optional>

namespace mvar::neighborhood {

/// Channels next to each other.
inline at::Tensor readable(const at::Tensor &tensor) {
  return tensor.stride(3) == 1 || tensor.size(3) == 1 ? tensor : tensor.contiguous();
}

/// [B, H, T, D] in memory as [B, T, H, D], as the layer after the attention wants it.
inline at::Tensor like(const at::Tensor &tensor) {
  return at::empty({tensor.size(0), tensor.size(2), tensor.size(1), tensor.size(3)}, tensor.options()).transpose(1, 2);
}

inline void check(
    const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values, int64_t height, int64_t width,
    int64_t kernel, const std::optional<at::Tensor> &temperatures, at::ArrayRef<at::ScalarType> types) {
  TORCH_CHECK(queries.dim() == 4, "queries of ", queries.sizes(), " are not [B, H, T, D]");
  TORCH_CHECK(
      keys.sizes() == queries.sizes() && values.sizes() == queries.sizes(), "queries of ", queries.sizes(),
      " with keys of ", keys.sizes(), " and values of ", values.sizes());
  TORCH_CHECK(
      height > 0 && width > 0 && queries.size(2) % width == 0 && queries.size(2) / width == height, "a map of ", height,
      " × ", width, " for ", queries.size(2), " tokens");
  TORCH_CHECK(queries.size(1) > 0, "queries of ", queries.sizes(), " have no heads");
  TORCH_CHECK(queries.size(3) > 0, "queries of ", queries.sizes(), " have no channels");
  TORCH_CHECK(kernel > 0, "a kernel of ", kernel, "; the least is 1");
  const auto type = queries.scalar_type();
  TORCH_CHECK(
      std::find(types.begin(), types.end(), type) != types.end(), "queries of ", type, ", not of one of ", types);
  TORCH_CHECK(keys.scalar_type() == type, "keys of ", keys.scalar_type(), " for queries of ", type);
  TORCH_CHECK(values.scalar_type() == type, "values of ", values.scalar_type(), " for queries of ", type);
  if (temperatures) {
    TORCH_CHECK(
        temperatures->dim() == 1 && temperatures->size(0) == queries.size(1), "temperatures of ", temperatures->sizes(),
        " for ", queries.size(1), " heads");
    TORCH_CHECK(
        temperatures->scalar_type() == at::kFloat || temperatures->scalar_type() == type, "temperatures of ",
        temperatures->scalar_type(), " for queries of ", type);
  }
}

}  // namespace mvar::neighborhood
