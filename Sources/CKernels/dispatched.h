// Calls of operators by their names.
#pragma once
#include <ATen/core/dispatch/Dispatcher.h>
#include <utility>

namespace mvar {

/// Calls an operator through the dispatcher. `Function` is the type of what is registered.
template <typename Function, typename... Arguments>
auto dispatched(const char *name, Arguments &&...arguments) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Function>().call(
      std::forward<Arguments>(arguments)...);
}

}  // namespace mvar
