// What the results of a layer go through, in the operators that fuse it.
#pragma once
#include <c10/util/Exception.h>
#include <c10/util/string_view.h>

namespace mvar {

enum class Activation { identity, gelu_tanh, silu };

inline Activation activation_named(c10::string_view name) {
  if (name == "identity") return Activation::identity;
  if (name == "gelu_tanh") return Activation::gelu_tanh;
  TORCH_CHECK(name == "silu", "no activation is named ", name);
  return Activation::silu;
}

}  // namespace mvar
