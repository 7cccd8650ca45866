// What concerns the process and not a tensor: the last error, threads, CUDA.
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <cstdlib>
#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string>
#include <torch/headeronly/version.h>
#include "ctorch_support.h"

namespace {
thread_local std::string last_error;

// Memory in pages of 2 MiB where the system grants them: activations of tens of MiB come and go with every layer, and
// cost one page fault instead of 512 each. LibTorch reads this at its first allocation; what the user has set stays.
[[gnu::constructor]] void use_huge_pages() { setenv("THP_MEM_ALLOC_ENABLE", "1", 0); }
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

bool ctorch_keep_freed_memory(size_t most) {
#ifdef __GLIBC__
  // One heap that grows and is trimmed from its end, in place of a mapping of its own for each large block. The largest
  // keep theirs: in a heap they leave holes that the next one does not fit.
  const int bytes = static_cast<int>(most);
  return mallopt(M_MMAP_THRESHOLD, bytes) && mallopt(M_ARENA_MAX, 1) && mallopt(M_TRIM_THRESHOLD, bytes);
#else
  return false;
#endif
}

void ctorch_return_freed_memory(void) {
#ifdef __GLIBC__
  // Left to itself, glibc raises both thresholds with the blocks that come back, up to these.
  const int largest_threshold = 32 << 20;
  mallopt(M_MMAP_THRESHOLD, largest_threshold);
  mallopt(M_TRIM_THRESHOLD, 2 * largest_threshold);
#endif
}

void ctorch_release_unused_memory(size_t least) {
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 33)
  if (mallinfo2().fordblks < least) return;
#endif
  malloc_trim(0);
#endif
}

CTorchStatus ctorch_load_cuda(const char *path) {
  return ctorch::guarded([&] {
    if (!dlopen(path, RTLD_NOW | RTLD_GLOBAL)) throw std::runtime_error(dlerror());
  });
}

int32_t ctorch_cuda_device_count(void) {
  int32_t count = 0;
  ctorch::guarded([&] {
    const auto &hooks = at::detail::getCUDAHooks();
    if (hooks.hasCUDA()) count = hooks.deviceCount();
  });
  return count;
}
}
