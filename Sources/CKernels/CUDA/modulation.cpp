// `mvar::modulated`, `mvar::gated_sum`, both in one, and their gradients, on NVIDIA GPUs.
#include "modulation_operators.h"

TORCH_LIBRARY_IMPL(mvar, CUDA, library) { mvar::modulation::Operators<mvar::cuda::start>::serve(library); }
