// CUDA C++ → machine code, by NVIDIA's run-time compiler, where it is installed.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace mvar::cuda {

/// A named text: a source, or a header that it includes.
struct SourceText {
  std::string name, text;
};

/// What is compiled.
struct Compilation {
  SourceText source;
  std::vector<SourceText> headers;
  std::vector<std::string> options;
  int architecture;  // 90 for sm_90
};

struct Compiled {
  std::string cubin;
  std::string log;  // registers and memory of each kernel
};

/// What keeps NVRTC from being used, in one line, or nothing.
std::string nvrtc_problem();

/// Major and minor, or zeros.
std::pair<int, int> nvrtc_version();

/// What keeps NVRTC from compiling for an architecture, or nothing.
std::string architecture_problem(int architecture);

/// Compiles, or throws with the compiler's first error.
Compiled compile(const Compilation &compilation);

}  // namespace mvar::cuda
