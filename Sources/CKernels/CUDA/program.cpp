#include "program.h"
#include <c10/util/Exception.h>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>
#include "cubin_cache.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

namespace mvar::cuda {

namespace {

const char device_text[] = {
#embed "Device/device.h" suffix(, 0)
};
const char pieces_text[] = {
#embed "Device/pieces.h" suffix(, 0)
};
const char neighborhood_text[] = {
#embed "Device/neighborhood.h" suffix(, 0)
};
const char matrices_text[] = {
#embed "Device/neighborhood_matrices.h" suffix(, 0)
};
const char axis_text[] = {
#embed "../neighborhood_axis.h" suffix(, 0)
};
const char modulation_parameters_text[] = {
#embed "Device/modulation.h" suffix(, 0)
};
const char group_norm_parameters_text[] = {
#embed "Device/group_norm.h" suffix(, 0)
};
const char group_factors_text[] = {
#embed "../group_factors.h" suffix(, 0)
};
const char draw_parameters_text[] = {
#embed "Device/draw.h" suffix(, 0)
};
const char philox_text[] = {
#embed "../philox.h" suffix(, 0)
};
const char tensor_cores_text[] = {
#embed "Device/neighborhood_tensor_cores.cu" suffix(, 0)
};
const char tensor_core_gradients_text[] = {
#embed "Device/neighborhood_tensor_core_gradients.cu" suffix(, 0)
};
const char plain_text[] = {
#embed "Device/neighborhood_plain.cu" suffix(, 0)
};
const char modulation_text[] = {
#embed "Device/modulation.cu" suffix(, 0)
};
const char modulation_gradients_text[] = {
#embed "Device/modulation_gradients.cu" suffix(, 0)
};
const char group_norm_text[] = {
#embed "Device/group_norm.cu" suffix(, 0)
};
const char draw_text[] = {
#embed "Device/draw.cu" suffix(, 0)
};

const std::map<std::string, const char *> &sources() {
  static const std::map<std::string, const char *> all = {
      {"neighborhood_tensor_cores", tensor_cores_text},
      {"neighborhood_tensor_core_gradients", tensor_core_gradients_text},
      {"neighborhood_plain", plain_text},
      {"modulation", modulation_text},
      {"modulation_gradients", modulation_gradients_text},
      {"group_norm", group_norm_text},
      {"draw", draw_text},
  };
  return all;
}

/// What any of them may include.
const std::vector<SourceText> &headers() {
  static const std::vector<SourceText> all = {
      {"device.h", device_text},
      {"pieces.h", pieces_text},
      {"neighborhood.h", neighborhood_text},
      {"neighborhood_matrices.h", matrices_text},
      {"neighborhood_axis.h", axis_text},
      {"modulation.h", modulation_parameters_text},
      {"group_norm.h", group_norm_parameters_text},
      {"group_factors.h", group_factors_text},
      {"draw.h", draw_parameters_text},
      {"philox.h", philox_text},
  };
  return all;
}

}  // namespace

Compilation Program::compilation(int architecture) const {
  const auto found = sources().find(source);
  TORCH_CHECK(found != sources().end(), "there is no CUDA source '", source, "'");
  return {
      {source + ".cu", found->second},
      headers(),
      {"--std=c++17", "--device-as-default-execution-space", "--ptxas-options=-v", "-DNUMBER=" + number,
       "-DDEPTH=" + std::to_string(depth)},
      architecture};
}

std::string cubin(const Program &program, int architecture) {
  const std::string obstacle = nvrtc_problem();
  TORCH_CHECK(obstacle.empty(), obstacle);
  const auto compilation = program.compilation(architecture);
  const auto [major, minor] = nvrtc_version();
  std::string key =
      "NVRTC " + std::to_string(major) + "." + std::to_string(minor) + " sm_" + std::to_string(architecture);
  for (const auto &option : compilation.options) key += "\n" + option;
  key += "\n" + compilation.source.text;
  for (const auto &header : compilation.headers) key += "\n" + header.text;
  return cached_cubin(key, [&] { return compile(compilation).cubin; });
}

Function kernel(const Program &program, const char *name, int device) {
  static std::mutex mutex;
  static std::map<std::tuple<std::string, std::string, int, int>, std::pair<Module *, std::map<std::string, Function>>>
      known;
  const std::lock_guard<std::mutex> lock(mutex);
  auto &[module, functions] = known[{program.source, program.number, program.depth, device}];
  if (!module) {
    const std::string obstacle = problem(device);
    TORCH_CHECK(obstacle.empty(), obstacle);
    module = load_module(device, cubin(program, architecture_of(device)), program.source);
  }
  Function &function = functions[name];
  if (!function) function = function_of(module, name);
  return function;
}

std::string problem(int device) {
  if (const auto obstacle = driver_problem(); !obstacle.empty()) return obstacle;
  if (const auto obstacle = nvrtc_problem(); !obstacle.empty()) return obstacle;
  const auto [major, minor] = nvrtc_version();
  if (const auto obstacle = version_problem(driver_version(), 1000 * major + 10 * minor, "the compiler (NVRTC)");
      !obstacle.empty()) {
    return obstacle + ", or let MVAR_NVRTC name an older NVRTC";
  }
  try {
    return architecture_problem(architecture_of(device));
  } catch (const c10::Error &error) {
    return error.what_without_backtrace();
  }
}

}  // namespace mvar::cuda
