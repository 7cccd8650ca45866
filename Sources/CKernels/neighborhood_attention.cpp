// Attention of the tokens of a map to the tokens around them, in float32 or bfloat16, and its gradients.
//
// Queries, keys and values are read where they are, in the projection that they share. The L2-norm of queries and keys
// and the scale are computed on the way. Numbers in bfloat16 are widened as they are read: all that is computed of them
// is float32, and only the result and the gradients are rounded. Every query is a task of its own order, so that
// neither the batch nor the number of threads changes a bit of the result.
#include "parallel.h"
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>
#include "dispatched.h"
#include "neighborhood_attention.h"
#include "neighborhood_operands.h"

namespace {
using namespace mvar::neighborhood;
}

#define MVAR_KERNEL "neighborhood_attention_passes.h"
#include "each_instruction_set.h"

namespace {

template <typename Number>
View<const Number> reading(const at::Tensor &tensor) {
  const auto *data = static_cast<const Number *>(tensor.const_data_ptr());
  return {data, tensor.stride(0), tensor.stride(1), tensor.stride(2)};
}

template <typename Number>
View<Number> writing(const at::Tensor &tensor) {
  auto *data = static_cast<Number *>(tensor.mutable_data_ptr());
  return {data, tensor.stride(0), tensor.stride(1), tensor.stride(2)};
}

/// The tensors of a problem in a form that can be read, held while they are.
struct Inputs {
  at::Tensor queries, keys, values, temperatures;
  Problem problem;

  Inputs(
      const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, int64_t height, int64_t width, int64_t kernel,
      double scale, const std::optional<at::Tensor> &t)
      : queries(readable(q)), keys(readable(k)), values(readable(v)) {
    if (t) temperatures = t->to(at::kFloat).contiguous();
    problem = {
        queries.size(0),
        queries.size(1),
        queries.size(3),
        {height, std::min(kernel, height)},
        {width, std::min(kernel, width)},
        t ? static_cast<const float *>(temperatures.const_data_ptr()) : nullptr,
        static_cast<float>(scale)};
  }

  template <typename Number>
  Operands<Number> operands() const {
    return {reading<Number>(queries), reading<Number>(keys), reading<Number>(values)};
  }
};

/// Scratch for every thread of a parallel loop.
class ThreadMemory {
 public:
  explicit ThreadMemory(int64_t needed) : needed_(needed) {
    memory_.reset(std::aligned_alloc(64, std::max<int64_t>(needed, 16) * mvar::loop_threads() * sizeof(float)));
    if (!memory_) throw std::bad_alloc();
  }

  Scratch of_thread() const { return Scratch(static_cast<float *>(memory_.get()) + at::get_thread_num() * needed_); }

 private:
  struct Free {
    void operator()(void *memory) const { std::free(memory); }
  };
  int64_t needed_;  // floats, whole cache lines
  std::unique_ptr<void, Free> memory_;
};

template <typename Number>
void attend(const Inputs &inputs, const at::Tensor &result) {
  const Problem &problem = inputs.problem;
  const auto operands = inputs.operands<Number>();
  const auto to = writing<Number>(result);
  const int64_t height = problem.rows.length, width = problem.columns.length;

  const auto run = MVAR_BEST(forward_tile<Number>);
  const int64_t tile_rows = portable::tile_rows, tile_columns = portable::tile_columns;
  const int64_t down = at::divup(height, tile_rows), across = at::divup(width, tile_columns);
  Scratch needed(nullptr);
  run(problem, operands, {0, 0, 0, 1, 0, 1}, to, needed);
  const ThreadMemory memory(needed.used());
  at::parallel_for(0, problem.batch * problem.heads * down * across, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
      const int64_t map = index / (down * across), row = index / across % down * tile_rows,
                    column = index % across * tile_columns;
      Scratch scratch = memory.of_thread();
      run(problem, operands,
          {map / problem.heads, map % problem.heads, row, std::min(row + tile_rows, height), column,
           std::min(column + tile_columns, width)},
          to, scratch);
    }
  });
}

/// softmax(scale · q kᵀ) v over windows; with temperatures [H], softmax(temperature · q̂ k̂ᵀ) v with unit vectors.
at::Tensor neighborhood_attention(
    const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values, int64_t height, int64_t width,
    int64_t kernel, double scale, const std::optional<at::Tensor> &temperatures) {
  check(queries, keys, values, height, width, kernel, temperatures, {at::kFloat, at::kBFloat16});
  const Inputs inputs(queries, keys, values, height, width, kernel, scale, temperatures);
  const auto result = like(queries);
  queries.scalar_type() == at::kFloat ? attend<float>(inputs, result) : attend<at::BFloat16>(inputs, result);
  return result;
}

/// Writes the gradients of queries, keys and values, and the parts of temperatures' for each picture, head and row.
template <typename Number>
void differentiate(const Inputs &inputs, const Gradients<Number> &gradients) {
  const Problem &problem = inputs.problem;
  const auto operands = inputs.operands<Number>();
  const int64_t maps = problem.batch * problem.heads, height = problem.rows.length;
  // A band computes the weights of the queries around it once more: maps are divided only where threads would idle.
  const auto run = MVAR_BEST(backward_band<Number>);
  const int64_t wanted = maps > 0 ? at::divup(4 * at::get_num_threads(), maps) : 1;
  const int64_t band_rows = std::max(at::divup(height, wanted), std::min(height, 2 * problem.rows.kernel));
  const int64_t bands = at::divup(height, band_rows);
  const auto band = [&](int64_t index) {
    const int64_t map = index / bands, row = index % bands * band_rows;
    return Band{map / problem.heads, map % problem.heads, row, std::min(row + band_rows, height)};
  };
  int64_t needed = 0;
  for (int64_t index = 0; index < bands; index++) {
    Scratch scratch(nullptr);
    run(problem, operands, gradients, band(index), scratch);
    needed = std::max(needed, scratch.used());
  }
  const ThreadMemory memory(needed);
  at::parallel_for(0, maps * bands, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
      Scratch scratch = memory.of_thread();
      run(problem, operands, gradients, band(index), scratch);
    }
  });
}

/// The gradients of queries, keys, values and temperatures [H] (undefined where there are none).
std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> neighborhood_attention_backward(
    const at::Tensor &gradient, const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values,
    int64_t height, int64_t width, int64_t kernel, double scale, const std::optional<at::Tensor> &temperatures) {
  check(queries, keys, values, height, width, kernel, temperatures, {at::kFloat, at::kBFloat16});
  TORCH_CHECK(
      gradient.sizes() == queries.sizes() && gradient.scalar_type() == queries.scalar_type(), "a gradient of ",
      gradient.scalar_type(), " ", gradient.sizes(), " for queries of ", queries.scalar_type(), " ", queries.sizes());
  const Inputs inputs(queries, keys, values, height, width, kernel, scale, temperatures);
  const Problem &problem = inputs.problem;
  const auto result = readable(gradient);
  const auto query_gradient = like(queries), key_gradient = like(queries), value_gradient = like(queries);
  std::vector<double> parts(temperatures ? problem.batch * problem.heads * height : 0);
  const auto run = [&](auto number) {
    using Number = decltype(number);
    differentiate<Number>(
        inputs, {reading<Number>(result), writing<Number>(query_gradient), writing<Number>(key_gradient),
                 writing<Number>(value_gradient), temperatures ? parts.data() : nullptr});
  };
  queries.scalar_type() == at::kFloat ? run(float()) : run(at::BFloat16());

  at::Tensor temperature_gradient;
  if (temperatures) {
    temperature_gradient = at::empty({problem.heads}, queries.options().dtype(at::kFloat));
    auto *const to = static_cast<float *>(temperature_gradient.mutable_data_ptr());
    for (int64_t head = 0; head < problem.heads; head++) {
      double sum = 0;
      for (int64_t batch = 0; batch < problem.batch; batch++) {
        const double *const rows = parts.data() + (batch * problem.heads + head) * height;
        for (int64_t row = 0; row < height; row++) sum += rows[row];
      }
      to[head] = static_cast<float>(sum);
    }
    temperature_gradient = temperature_gradient.to(temperatures->scalar_type());
  }
  return {query_gradient, key_gradient, value_gradient, temperature_gradient};
}

struct NeighborhoodAttention : torch::autograd::Function<NeighborhoodAttention> {
  static at::Tensor forward(
      torch::autograd::AutogradContext *context, const at::Tensor &queries, const at::Tensor &keys,
      const at::Tensor &values, int64_t height, int64_t width, int64_t kernel, double scale,
      const std::optional<at::Tensor> &temperatures) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    context->save_for_backward({queries, keys, values, temperatures.value_or(at::Tensor())});
    context->saved_data["height"] = height;
    context->saved_data["width"] = width;
    context->saved_data["kernel"] = kernel;
    context->saved_data["scale"] = scale;
    return mvar::dispatched<decltype(neighborhood_attention)>(
        "mvar::neighborhood_attention", queries, keys, values, height, width, kernel, scale, temperatures);
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    const auto saved = context->get_saved_variables();
    const auto integer = [&](const char *name) { return context->saved_data[name].toInt(); };
    const auto [queries, keys, values, temperatures] = mvar::dispatched<decltype(neighborhood_attention_backward)>(
        "mvar::neighborhood_attention_backward", gradients[0], saved[0], saved[1], saved[2], integer("height"),
        integer("width"), integer("kernel"), context->saved_data["scale"].toDouble(),
        saved[3].defined() ? std::optional<at::Tensor>(saved[3]) : std::nullopt);
    return {queries, keys, values, {}, {}, {}, {}, temperatures};
  }
};

at::Tensor neighborhood_attention_autograd(
    const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values, int64_t height, int64_t width,
    int64_t kernel, double scale, const std::optional<at::Tensor> &temperatures) {
  return NeighborhoodAttention::apply(queries, keys, values, height, width, kernel, scale, temperatures);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def(
      "neighborhood_attention(Tensor queries, Tensor keys, Tensor values, int height, int width, int kernel, "
      "float scale, Tensor? temperatures=None) -> Tensor");
  library.def(
      "neighborhood_attention_backward(Tensor gradient, Tensor queries, Tensor keys, Tensor values, int height, "
      "int width, int kernel, float scale, Tensor? temperatures=None) -> (Tensor, Tensor, Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(mvar, CPU, library) {
  library.impl("neighborhood_attention", neighborhood_attention);
  library.impl("neighborhood_attention_backward", neighborhood_attention_backward);
}
TORCH_LIBRARY_IMPL(mvar, Autograd, library) { library.impl("neighborhood_attention", neighborhood_attention_autograd); }
