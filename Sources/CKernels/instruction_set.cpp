#include "instruction_set.h"
#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace {

using mvar::InstructionSet;

/// What the processor has.
InstructionSet present() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    if (!__builtin_cpu_supports("avx512vnni")) return InstructionSet::avx512;
    return __builtin_cpu_supports("avx512bf16") ? InstructionSet::avx512_bfloat16 : InstructionSet::avx512_vnni;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    return InstructionSet::avx2;
#endif
  return InstructionSet::portable;
}

/// What the user allows: LibTorch's own variable, so that one word holds for its kernels and for ours.
InstructionSet allowed() {
  const char *variable = std::getenv("ATEN_CPU_CAPABILITY");
  const std::string_view capability = variable ? variable : "";
  if (capability == "default") return InstructionSet::portable;
  if (capability == "avx2") return InstructionSet::avx2;
  return InstructionSet::avx512_bfloat16;
}

thread_local int32_t limit = INT32_MAX;

}  // namespace

InstructionSet mvar::instruction_set() {
  static const auto known = static_cast<int32_t>(std::min(present(), allowed()));
  return static_cast<InstructionSet>(std::min(known, limit));
}

extern "C" {

int32_t ckernels_instruction_set(void) { return static_cast<int32_t>(mvar::instruction_set()); }

void ckernels_limit_instruction_set(int32_t level) { limit = level; }
}
