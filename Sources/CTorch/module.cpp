// Networks that come as TorchScript files.
#include <stdexcept>
#include <string>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/python/update_graph_executor_opt.h>
#include <torch/csrc/jit/serialization/import.h>
#include "ctorch_support.h"

using ctorch::borrow;
using ctorch::give;
using ctorch::guarded;

namespace {

torch::jit::Module &implementation(CTorchModule module) { return *reinterpret_cast<torch::jit::Module *>(module); }

/// The interpreter tells where in the program it was on many lines, and what was wrong on the last.
std::string reason(const std::string &message) {
  if (message.find("TorchScript interpreter") == std::string::npos) return message;
  const auto end = message.find_last_not_of("\n ") + 1;
  const auto start = message.rfind('\n', end - 1) + 1;  // 0 where there is no line before
  return message.substr(start, end - start);
}

/// Without this the third call may run another program than the first, compiled for what it saw, with other roundings.
class WithoutOptimization {
 public:
  WithoutOptimization() : before_(torch::jit::getGraphExecutorOptimize()) {
    torch::jit::setGraphExecutorOptimize(false);
  }
  ~WithoutOptimization() { torch::jit::setGraphExecutorOptimize(before_); }

 private:
  bool before_;
};

c10::IValue call(torch::jit::Module &module, std::vector<c10::IValue> arguments) {
  try {
    const WithoutOptimization guard;
    return module.forward(std::move(arguments));
  } catch (const c10::Error &error) {
    throw std::runtime_error(reason(error.what_without_backtrace()));
  } catch (const std::exception &error) {
    throw std::runtime_error(reason(error.what()));
  }
}

}  // namespace

extern "C" {

CTorchStatus ctorch_module_load(const char *path, int32_t cuda_index, CTorchModule *result) {
  return guarded([&] {
    auto module = std::make_unique<torch::jit::Module>(torch::jit::load(path, ctorch::device(cuda_index)));
    module->eval();
    for (const auto &parameter : module->parameters()) parameter.set_requires_grad(false);
    *result = reinterpret_cast<CTorchModule>(module.release());
  });
}

void ctorch_module_release(CTorchModule module) { delete &implementation(module); }

CTorchStatus ctorch_module_call(
    CTorchModule module, const CTorchTensor *arguments, int32_t argument_count, CTorchTensor *result) {
  return guarded([&] {
    std::vector<c10::IValue> inputs;
    for (int32_t i = 0; i < argument_count; i++) inputs.emplace_back(borrow(arguments[i]));
    auto value = call(implementation(module), std::move(inputs));
    TORCH_CHECK(value.isTensor(), "forward returns a ", value.tagKind(), ", not a Tensor");
    auto tensor = std::move(value).toTensor();
    TORCH_CHECK(tensor.defined() && tensor.layout() == at::kStrided, "forward returns no dense tensor");
    const auto type = tensor.scalar_type();
    TORCH_CHECK(
        type == at::kFloat || type == at::kDouble || type == at::kHalf || type == at::kBFloat16,
        "forward returns a tensor of ", type, ", not of floating point");
    *result = give(std::move(tensor));
  });
}
}
