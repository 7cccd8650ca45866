// Which of several versions of a kernel runs here.
#pragma once
#include "ckernels.h"

namespace mvar {

enum class InstructionSet : int32_t { portable = 0, avx2 = 1, avx512 = 2, avx512_vnni = 3, avx512_bfloat16 = 4 };

/// The best that this processor has, or less if a test or a benchmark asked for less on this thread. An operator asks
/// before it starts its parallel loop.
InstructionSet instruction_set();

}  // namespace mvar
