// Memory for tensors that keeps its pages.
//
// Activations of tens of MiB come and go with every layer. A heap that keeps them gets holes, into which the next ones
// do not fit; mapped and unmapped each time, the system clears the same pages over and over. Here a freed block gives
// its pages to the next one whatever its size: `mremap` moves them to other addresses without touching them.
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>
#ifdef __linux__
#include <sys/mman.h>
#endif
#include "ctorch_support.h"

#ifdef __linux__
namespace {

/// Blocks of less are the C library's.
constexpr size_t least_block = 1 << 20;
/// Sizes are multiples of it; what is left of a block is worth keeping from it on.
constexpr size_t grain = 64 << 10;
/// Every block begins at a multiple of it.
constexpr uintptr_t grain_of_pages = 4096;
/// The share of the pool that may lie idle when new pages are needed: the inverse of it.
constexpr size_t idle_share = 16;

class PagePool final : public c10::Allocator {
 public:
  static PagePool &shared() {
    // Never destroyed: tensors of static lifetime may come back after it.
    static auto &pool = *new PagePool;
    return pool;
  }

  c10::DataPtr allocate(size_t bytes) override {
    const auto device = c10::Device(c10::DeviceType::CPU);
    if (bytes < least_block) {
      const auto data = c10::alloc_cpu(bytes);
      return {data, data, &release, device};
    }
    const size_t size = (bytes + grain - 1) / grain * grain;
    const std::lock_guard lock(mutex);
    // Near the largest number the rounding wraps.
    const auto data = size >= bytes ? take(size) : nullptr;
    TORCH_CHECK_WITH(OutOfMemoryError, data, "out of memory: tried to allocate ", bytes, " bytes");
    used.emplace(data, size);
    return {data, data, &release, device};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void *target, const void *source, size_t count) const override {
    default_copy_data(target, source, count);
  }

 private:
  std::mutex mutex;
  std::unordered_map<void *, size_t> used;
  std::multimap<size_t, void *> idle;
  size_t idle_bytes = 0;
  /// Of all blocks, idle or not.
  size_t total_bytes = 0;

  static void release(void *data) {
    if (!shared().take_back(data)) c10::free_cpu(data);
  }

  /// Whether it is one of the pool's.
  bool take_back(void *data) {
    if (reinterpret_cast<uintptr_t>(data) % grain_of_pages != 0) return false;
    const std::lock_guard lock(mutex);
    const auto found = used.find(data);
    if (found == used.end()) return false;
    keep(data, found->second);
    used.erase(found);
    return true;
  }

  void keep(void *data, size_t size) {
    idle.emplace(size, data);
    idle_bytes += size;
  }

  std::pair<size_t, char *> remove(std::multimap<size_t, void *>::iterator block) {
    const std::pair<size_t, char *> result(block->first, static_cast<char *>(block->second));
    idle_bytes -= block->first;
    idle.erase(block);
    return result;
  }

  /// A block of that size: an idle one, part of one, one with pages added, or a new one; null where there is no memory.
  void *take(size_t size) {
    const auto fitting = idle.lower_bound(size);
    if (fitting != idle.end()) {
      const auto [found, data] = remove(fitting);
      if (found > size) keep(data + size, found - size);
      return data;
    }
    if (idle.empty()) return map(size);
    const auto [found, data] = remove(std::prev(idle.end()));
    const size_t missing = size - found;
    // New pages while others lie idle: those go.
    const size_t spare = total_bytes / idle_share;
    if (idle_bytes > spare) unmap_idle(std::min(idle_bytes - spare, missing));
    const auto grown = mremap(data, found, size, MREMAP_MAYMOVE);
    if (grown != MAP_FAILED) {
      total_bytes += missing;
      return grown;
    }
    keep(data, found);
    unmap_idle(idle_bytes);
    return map(size);
  }

  void *map(size_t size) {
    const auto data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) return nullptr;
    total_bytes += size;
    return data;
  }

  /// Unmaps the smallest idle blocks until that many bytes are gone.
  void unmap_idle(size_t bytes) {
    for (size_t gone = 0; gone < bytes && !idle.empty();) {
      const auto [size, data] = remove(idle.begin());
      if (munmap(data, size) != 0) return keep(data, size);
      total_bytes -= size;
      gone += size;
    }
  }
};

}  // namespace
#endif

extern "C" {

bool ctorch_pool_memory(bool pools) {
#ifdef __linux__
  c10::SetCPUAllocator(pools ? &PagePool::shared() : c10::GetDefaultCPUAllocator(), 1);
  return true;
#else
  return false;
#endif
}

}  // extern "C"
