#include "nvrtc.h"
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <algorithm>
#include <cstdlib>
#include "ctorch_loaded_library.h"

namespace mvar::cuda {

namespace {

// As nvrtc.h of CUDA 12 and 13 has them.
using Program = struct ProgramOfNVRTC *;
using Status = int;

std::string folder_of(const void *function) {
  Dl_info info{};
  if (!dladdr(function, &info) || !info.dli_fname) return "";
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/') + 1);
}

std::vector<std::string> places() {
  if (const char *const named = std::getenv("MVAR_NVRTC"); named && *named) return {named};
  // Beside an installed Python package torch lies the package that it brings along.
  const std::string beside = folder_of(reinterpret_cast<const void *>(&at::get_num_threads)) + "../../nvidia/";
  return {
      beside + "cu13/lib/libnvrtc.so.13", "libnvrtc.so.13", beside + "cuda_nvrtc/lib/libnvrtc.so.12", "libnvrtc.so.12"};
}

/// The library and the functions of it that are used.
struct NVRTC {
  ctorch::LoadedLibrary library{places()};
  Status (*version)(int *, int *);
  const char *(*error)(Status);
  Status (*architecture_count)(int *);
  Status (*architectures)(int *);
  Status (*create)(Program *, const char *, const char *, int, const char *const *, const char *const *);
  Status (*destroy)(Program *);
  Status (*compile)(Program, int, const char *const *);
  Status (*cubin_size)(Program, size_t *);
  Status (*cubin)(Program, char *);
  Status (*log_size)(Program, size_t *);
  Status (*log)(Program, char *);
  std::pair<int, int> found{0, 0};
  std::vector<int> served;
  std::string problem;

  NVRTC() {
    library.find("nvrtcVersion", version);
    library.find("nvrtcGetErrorString", error);
    library.find("nvrtcGetNumSupportedArchs", architecture_count);
    library.find("nvrtcGetSupportedArchs", architectures);
    library.find("nvrtcCreateProgram", create);
    library.find("nvrtcDestroyProgram", destroy);
    library.find("nvrtcCompileProgram", compile);
    library.find("nvrtcGetCUBINSize", cubin_size);
    library.find("nvrtcGetCUBIN", cubin);
    library.find("nvrtcGetProgramLogSize", log_size);
    library.find("nvrtcGetProgramLog", log);
    if (!library.is_open()) {
      problem =
          "NVIDIA's compiler library NVRTC is not there (" + library.reason() +
          "): install the Python package nvidia-cuda-nvrtc 13 beside torch, or let MVAR_NVRTC name libnvrtc.so.13";
      return;
    }
    if (!library.missing().empty() || version(&found.first, &found.second) != 0) {
      problem =
          "the NVRTC that was found is too old or damaged (no " + library.missing() +
          "): install the Python package nvidia-cuda-nvrtc 13 beside torch, or let MVAR_NVRTC name libnvrtc.so.13";
      return;
    }
    // NVRTC opens it by its name alone, which fails where no search path has its folder.
    const std::string builtins =
        "libnvrtc-builtins.so." + std::to_string(found.first) + "." + std::to_string(found.second);
    ctorch::LoadedLibrary({folder_of(reinterpret_cast<const void *>(version)) + builtins, builtins});
    int count = 0;
    if (architecture_count(&count) == 0 && count > 0) {
      served.resize(count);
      if (architectures(served.data()) != 0) served.clear();
    }
  }

  static NVRTC &instance() {
    static NVRTC nvrtc;
    return nvrtc;
  }
};

/// A program that is destroyed with its scope.
struct OwnedProgram {
  Program program = nullptr;
  ~OwnedProgram() {
    if (program) NVRTC::instance().destroy(&program);
  }
};

std::string log_of(Program program) {
  NVRTC &nvrtc = NVRTC::instance();
  size_t size = 0;
  if (nvrtc.log_size(program, &size) != 0 || size == 0) return "";
  std::string text(size, '\0');
  if (nvrtc.log(program, text.data()) != 0) return "";
  text.resize(size - 1);  // it ends with a zero
  return text;
}

/// The line of the log that says what is wrong.
std::string first_error(const std::string &log) {
  const auto found = log.find("error");
  if (found == std::string::npos) return log.substr(0, log.find('\n'));
  const auto begin = log.rfind('\n', found), end = log.find('\n', found);
  return log.substr(begin == std::string::npos ? 0 : begin + 1, end == std::string::npos ? end : end - begin - 1);
}

}  // namespace

std::string nvrtc_problem() { return NVRTC::instance().problem; }

std::pair<int, int> nvrtc_version() { return NVRTC::instance().found; }

std::string architecture_problem(int architecture) {
  const std::string name = "sm_" + std::to_string(architecture);
  if (architecture < 80) {
    return "the kernels need a GPU of compute capability 8.0 (Ampere) or newer, and this one is " + name +
           ": compute on the CPU";
  }
  const auto &served = NVRTC::instance().served;
  if (served.empty() || std::find(served.begin(), served.end(), architecture) != served.end()) return "";
  const auto [major, minor] = nvrtc_version();
  return "NVRTC " + std::to_string(major) + "." + std::to_string(minor) + " does not know " + name +
         ": install a newer nvidia-cuda-nvrtc, or let MVAR_NVRTC name one";
}

Compiled compile(const Compilation &compilation) {
  NVRTC &nvrtc = NVRTC::instance();
  TORCH_CHECK(nvrtc.problem.empty(), nvrtc.problem);
  const std::string problem = architecture_problem(compilation.architecture);
  TORCH_CHECK(problem.empty(), problem);

  std::vector<const char *> texts, names, options;
  for (const auto &header : compilation.headers) {
    texts.push_back(header.text.c_str());
    names.push_back(header.name.c_str());
  }
  const std::string target = "--gpu-architecture=sm_" + std::to_string(compilation.architecture);
  options.push_back(target.c_str());
  for (const auto &option : compilation.options) options.push_back(option.c_str());

  OwnedProgram owned;
  const auto check = [&](Status status, const char *what) {
    TORCH_CHECK(
        status == 0, "NVRTC: ", what, " ", compilation.source.name, " for sm_", compilation.architecture, ": ",
        nvrtc.error(status), owned.program ? " (" + first_error(log_of(owned.program)) + ")" : "");
  };
  check(
      nvrtc.create(
          &owned.program, compilation.source.text.c_str(), compilation.source.name.c_str(),
          static_cast<int>(texts.size()), texts.data(), names.data()),
      "reading");
  check(nvrtc.compile(owned.program, static_cast<int>(options.size()), options.data()), "compiling");
  size_t size = 0;
  check(nvrtc.cubin_size(owned.program, &size), "asking for the code of");
  Compiled result{std::string(size, '\0'), log_of(owned.program)};
  check(nvrtc.cubin(owned.program, result.cubin.data()), "taking the code of");
  return result;
}

}  // namespace mvar::cuda
