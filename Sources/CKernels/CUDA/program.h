// The kernels for GPUs: their sources, in the binary as text, and what is compiled of them.
#pragma once
#include <string>
#include "driver.h"
#include "nvrtc.h"

namespace mvar::cuda {

/// One source for one type of numbers and one size.
struct Program {
  std::string source;  // the name of a file of Device/ without its ending
  std::string number;  // float, half_t or bfloat16_t
  int depth;           // channels of a head, or what else the source wants as a constant; 0 for nothing

  /// What NVRTC is to do; throws for a source that there is not.
  Compilation compilation(int architecture) const;
};

/// The machine code of a program, from the cache or compiled.
std::string cubin(const Program &program, int architecture);

/// A kernel of a program, ready on a device. The first call may take seconds, later ones next to nothing.
Function kernel(const Program &program, const char *name, int device);

/// What keeps our kernels from running on a device, in one line, or nothing.
std::string problem(int device);

}  // namespace mvar::cuda
