// `mvar::modulated`, `mvar::gated_sum` and both in one, on NVIDIA GPUs.
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>
#include "Device/modulation.h"
#include "operands.h"

namespace {

using namespace mvar::modulation;

/// Rows [B, T, C] and vectors [B, 1, C], held while a kernel reads them.
class Call {
 public:
  explicit Call(const at::Tensor &x) : x_(x.contiguous()) {
    TORCH_CHECK(x.dim() == 3, "rows of shape [B, T, C] are needed, not ", x.sizes());
    const int64_t width = x.size(2);
    TORCH_CHECK(
        width > 0 && width % 8 == 0 && width <= largest_width, "rows of ", width,
        " numbers; on a GPU multiples of 8 up to ", largest_width, " are served");
    x_ = mvar::cuda::in_pieces(x_);
    rows_.x = x_.const_data_ptr();
    rows_.count = x.size(0) * x.size(1);
    rows_.rows_of_picture = x.size(1);
  }

  void add(const at::Tensor &branch, const at::Tensor &gain) {
    mvar::cuda::check_like(x_, branch, "branch");
    TORCH_CHECK(branch.sizes() == x_.sizes(), "a branch of ", branch.sizes(), " for rows of ", x_.sizes());
    held_.push_back(mvar::cuda::in_pieces(branch.contiguous()));
    rows_.branch = held_.back().const_data_ptr();
    rows_.gain = of_pictures(gain, "gain");
    sum = at::empty_like(x_);
    rows_.sum = sum.mutable_data_ptr();
  }

  void modulate(const at::Tensor &scale, const at::Tensor &shift, double epsilon) {
    rows_.scale = of_pictures(scale, "scale");
    rows_.shift = of_pictures(shift, "shift");
    rows_.epsilon = static_cast<float>(epsilon);
    modulated = at::empty_like(x_);
    rows_.modulated = modulated.mutable_data_ptr();
  }

  void start(const char *kernel) {
    const mvar::cuda::Program program{"modulation", mvar::cuda::number_of(x_), static_cast<int>(x_.size(2))};
    mvar::cuda::start(x_, program, kernel, {(rows_.count + rows_of_block - 1) / rows_of_block, threads, 0}, &rows_);
  }

  at::Tensor sum, modulated;

 private:
  OfPictures of_pictures(const at::Tensor &vectors, const char *name) {
    mvar::cuda::check_like(x_, vectors, name);
    TORCH_CHECK(
        vectors.sizes() == at::IntArrayRef({x_.size(0), 1, x_.size(2)}), "a ", name, " of ", vectors.sizes(),
        " for rows of ", x_.sizes());
    held_.push_back(mvar::cuda::in_pieces(vectors));
    return {held_.back().const_data_ptr(), held_.back().stride(0)};
  }

  at::Tensor x_;
  std::vector<at::Tensor> held_;
  Rows rows_{};
};

at::Tensor modulated(const at::Tensor &x, const at::Tensor &scale, const at::Tensor &shift, double epsilon) {
  const c10::DeviceGuard guard(x.device());
  Call call(x);
  call.modulate(scale, shift, epsilon);
  call.start("modulate");
  return call.modulated;
}

at::Tensor gated_sum(const at::Tensor &x, const at::Tensor &branch, const at::Tensor &gain) {
  const c10::DeviceGuard guard(x.device());
  Call call(x);
  call.add(branch, gain);
  call.start("add_gated");
  return call.sum;
}

std::tuple<at::Tensor, at::Tensor> gated_sum_modulated(
    const at::Tensor &x, const at::Tensor &branch, const at::Tensor &gain, const at::Tensor &scale,
    const at::Tensor &shift, double epsilon) {
  const c10::DeviceGuard guard(x.device());
  Call call(x);
  call.add(branch, gain);
  call.modulate(scale, shift, epsilon);
  call.start("add_gated_and_modulate");
  return {call.sum, call.modulated};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def("modulated(Tensor x, Tensor scale, Tensor shift, float epsilon) -> Tensor");
  library.def("gated_sum(Tensor x, Tensor branch, Tensor gain) -> Tensor");
  library.def(
      "gated_sum_modulated(Tensor x, Tensor branch, Tensor gain, Tensor scale, Tensor shift, float epsilon) -> "
      "(Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(mvar, CUDA, library) {
  library.impl("modulated", modulated);
  library.impl("gated_sum", gated_sum);
  library.impl("gated_sum_modulated", gated_sum_modulated);
}
