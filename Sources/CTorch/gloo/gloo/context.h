// Stands in for Gloo's header of this name, which LibTorch's package lacks: what c10d's ProcessGroupGloo.hpp names. Our
// files hold Gloo's types by pointer only, so their layout does not matter; the members are LibTorch's own.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace gloo {
constexpr std::chrono::milliseconds kNoTimeout = std::chrono::milliseconds(0);

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
  std::chrono::milliseconds getTimeout() const;
};
}  // namespace gloo
