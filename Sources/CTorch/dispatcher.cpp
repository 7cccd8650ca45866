// One way to every operator: the boxed call of LibTorch's dispatcher.
#include <ATen/core/dispatch/Dispatcher.h>
#include <cstdlib>
#include "ctorch_support.h"

using ctorch::borrow;
using ctorch::give;
using ctorch::guarded;

namespace {

c10::IValue boxed(const CTorchValue &value) {
  switch (value.tag) {
    case CTorchTagNone:
      return {};
    case CTorchTagTensor:
      return value.as.tensor ? c10::IValue(borrow(value.as.tensor)) : c10::IValue(at::Tensor());
    case CTorchTagInteger:
      return value.as.integer;
    case CTorchTagNumber:
      return value.as.number;
    case CTorchTagBoolean:
      return value.as.boolean;
    case CTorchTagString:
      return std::string(value.as.string, value.count);
    case CTorchTagIntegers:
      return c10::List<int64_t>(at::IntArrayRef(value.as.integers, value.count));
    case CTorchTagNumbers:
      return c10::List<double>(at::ArrayRef<double>(value.as.numbers, value.count));
    case CTorchTagBooleans: {
      c10::List<bool> list;
      for (int32_t i = 0; i < value.count; i++) list.push_back(value.as.integers[i] != 0);
      return list;
    }
    case CTorchTagTensors: {
      c10::List<at::Tensor> list;
      for (int32_t i = 0; i < value.count; i++) list.push_back(borrow(value.as.tensors[i]));
      return list;
    }
    case CTorchTagOptionalTensors: {
      c10::List<std::optional<at::Tensor>> list;
      for (int32_t i = 0; i < value.count; i++) {
        const auto tensor = value.as.tensors[i];
        list.push_back(tensor ? std::optional<at::Tensor>(borrow(tensor)) : std::nullopt);
      }
      return list;
    }
    case CTorchTagDevice:
      return ctorch::device(value.count);
  }
  TORCH_CHECK(false, "an argument of unknown tag ", static_cast<int32_t>(value.tag));
}

CTorchValue unboxed(c10::IValue &&value) {
  CTorchValue result{};
  if (value.isTensor()) {
    result.tag = CTorchTagTensor;
    result.as.tensor = give(std::move(value).toTensor());
  } else if (value.isInt()) {
    result.tag = CTorchTagInteger;
    result.as.integer = value.toInt();
  } else if (value.isDouble()) {
    result.tag = CTorchTagNumber;
    result.as.number = value.toDouble();
  } else if (value.isBool()) {
    result.tag = CTorchTagBoolean;
    result.as.boolean = value.toBool();
  } else if (value.isTensorList()) {
    auto list = value.toTensorVector();
    result.tag = CTorchTagTensors;
    result.count = static_cast<int32_t>(list.size());
    result.as.tensors = static_cast<CTorchTensor *>(std::malloc(sizeof(CTorchTensor) * (list.size() + 1)));
    TORCH_CHECK(result.as.tensors, "out of memory");
    for (size_t i = 0; i < list.size(); i++) result.as.tensors[i] = give(std::move(list[i]));
  } else {
    TORCH_CHECK(value.isNone(), "a result of type ", value.tagKind(), ", which the binding does not pass on");
  }
  return result;
}

}  // namespace

extern "C" {

CTorchStatus ctorch_operator_find(const char *name, const char *overload, CTorchOperator *result) {
  return guarded([&] {
    const auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
    *result = reinterpret_cast<CTorchOperator>(new c10::OperatorHandle(handle));
  });
}

CTorchStatus ctorch_call(
    CTorchOperator callee, const CTorchValue *arguments, int32_t argument_count, CTorchValue *results,
    int32_t *result_count) {
  return guarded([&] {
    const auto &handle = *reinterpret_cast<const c10::OperatorHandle *>(callee);
    const auto &parameters = handle.schema().arguments();
    TORCH_CHECK(
        argument_count <= static_cast<int32_t>(parameters.size()), argument_count, " arguments where ",
        parameters.size(), " are known");
    torch::jit::Stack stack;
    stack.reserve(parameters.size());
    for (int32_t i = 0; i < argument_count; i++) stack.push_back(boxed(arguments[i]));
    for (size_t i = argument_count; i < parameters.size(); i++) {
      TORCH_CHECK(parameters[i].default_value(), "argument '", parameters[i].name(), "' is missing");
      stack.push_back(*parameters[i].default_value());
    }
    handle.callBoxed(stack);
    TORCH_CHECK(
        static_cast<int32_t>(stack.size()) <= *result_count, stack.size(), " results, more than there is room for");
    for (size_t i = 0; i < stack.size(); i++) results[i] = unboxed(std::move(stack[i]));
    *result_count = static_cast<int32_t>(stack.size());
  });
}

void ctorch_free(void *memory) { std::free(memory); }
}
