// What `mvar::winograd` multiplies in each instruction set; see each_instruction_set.h.
#include "winograd_loops.h"

namespace MVAR_NAMESPACE {

Kernel kernel(bool has_halves) { return kernel_of<Floats>(has_halves); }

}  // namespace MVAR_NAMESPACE
