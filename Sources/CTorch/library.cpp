// What concerns the process and not a tensor: the last error, threads, CUDA.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <cstdlib>
#include <dlfcn.h>
#include <string>
#include <torch/headeronly/version.h>
#include "ctorch_support.h"

namespace {

thread_local std::string last_error;

void allow_tf32(bool allowed) {
  at::globalContext().setAllowTF32CuDNN(allowed);
  at::globalContext().setAllowTF32CuBLAS(allowed);
}

}  // namespace

void ctorch::set_last_error(const char *message) noexcept {
  try {
    last_error = message;
  } catch (...) {  // out of memory while reporting: an older message is better than none
  }
}

extern "C" {

const char *ctorch_last_error(void) { return last_error.c_str(); }

const char *ctorch_version(void) { return TORCH_VERSION; }

const char *ctorch_library_folder(void) {
  static const std::string folder = [] {
    Dl_info info{};
    if (!dladdr(reinterpret_cast<const void *>(&at::get_num_threads), &info) || !info.dli_fname) return std::string();
    std::string path = info.dli_fname;
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
  }();
  return folder.c_str();
}

int32_t ctorch_thread_count(void) { return at::get_num_threads(); }

CTorchStatus ctorch_set_thread_count(int32_t count) {
  return ctorch::guarded([&] { at::set_num_threads(count); });
}

CTorchStatus ctorch_load_cuda(const char *path) {
  return ctorch::guarded([&] {
    if (!dlopen(path, RTLD_NOW | RTLD_GLOBAL)) throw std::runtime_error(dlerror());
    // Convolutions of float32 would else keep 10 bits of each factor, which changes codes.
    allow_tf32(false);
  });
}

CTorchStatus ctorch_allow_tf32(bool allowed) {
  return ctorch::guarded([&] { allow_tf32(allowed); });
}

bool ctorch_allows_tf32(void) { return at::globalContext().allowTF32CuBLAS(); }

int32_t ctorch_cuda_device_count(void) {
  int32_t count = 0;
  ctorch::guarded([&] {
    const auto &hooks = at::detail::getCUDAHooks();
    if (hooks.hasCUDA()) count = hooks.deviceCount();
  });
  return count;
}

CTorchStatus ctorch_cuda_peak_memory(int32_t device, int64_t *allocated, int64_t *reserved) {
  return ctorch::guarded([&] {
    at::globalContext().lazyInitDevice(c10::kCUDA);
    const auto stats = c10::getDeviceAllocator(c10::kCUDA)->getDeviceStats(static_cast<c10::DeviceIndex>(device));
    constexpr auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    *allocated = stats.allocated_bytes[all].peak;
    *reserved = stats.reserved_bytes[all].peak;
  });
}

CTorchStatus ctorch_cuda_memory(int32_t device, int64_t *free, int64_t *total) {
  return ctorch::guarded([&] {
    at::globalContext().lazyInitDevice(c10::kCUDA);
    const auto [unused, all] =
        c10::getDeviceAllocator(c10::kCUDA)->getMemoryInfo(static_cast<c10::DeviceIndex>(device));
    *free = static_cast<int64_t>(unused);
    *total = static_cast<int64_t>(all);
  });
}
}
