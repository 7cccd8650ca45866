#include "instruction_set.h"
#include <algorithm>

namespace {

using mvar::InstructionSet;

InstructionSet best() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    return __builtin_cpu_supports("avx512bf16") ? InstructionSet::avx512_bfloat16 : InstructionSet::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::portable;
}

thread_local int32_t limit = INT32_MAX;

}  // namespace

InstructionSet mvar::instruction_set() {
  static const auto known = static_cast<int32_t>(best());
  return static_cast<InstructionSet>(std::min(known, limit));
}

extern "C" {

int32_t ckernels_instruction_set(void) { return static_cast<int32_t>(mvar::instruction_set()); }

void ckernels_limit_instruction_set(int32_t level) { limit = level; }
}
