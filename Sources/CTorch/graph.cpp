// CUDA graphs. LibTorch's own class, which knows the allocator's and the libraries' part in them, is found by name in
// its CUDA library: its header wants NVIDIA's, and the library is opened only where it is there.
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include "ctorch_loaded_library.h"
#include "ctorch_support.h"

namespace {

using Pool = std::pair<unsigned long long, unsigned long long>;
/// cudaStreamCaptureModeThreadLocal: what other threads do meanwhile is their own.
constexpr int of_this_thread = 1;

/// Methods of at::cuda::CUDAGraph, `this` first.
struct Methods {
  ctorch::LoadedLibrary library{{"libtorch_cuda.so"}};
  void (*construct)(void *, bool);
  void (*destroy)(void *);
  void (*begin)(void *, Pool, int);
  void (*end)(void *);
  void (*replay)(void *);

  Methods() {
    library.find("_ZN2at4cuda9CUDAGraphC1Eb", construct);
    library.find("_ZN2at4cuda9CUDAGraphD1Ev", destroy);
    library.find("_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode", begin);
    library.find("_ZN2at4cuda9CUDAGraph11capture_endEv", end);
    library.find("_ZN2at4cuda9CUDAGraph6replayEv", replay);
    TORCH_CHECK(library.is_open(), "LibTorch's CUDA library is not loaded: ", library.reason());
    TORCH_CHECK(
        library.missing().empty(), "this LibTorch's CUDA graphs are not those of 2.11 (no ", library.missing(), ")");
  }

  static const Methods &instance() {
    static const Methods methods;
    return methods;
  }
};

/// A stream of its own for what is recorded on a device, always the same: cuBLAS keeps a workspace for each that it
/// meets.
c10::Stream recording_stream(const c10::impl::VirtualGuardImpl &guard, c10::Device device) {
  static std::mutex mutex;
  static std::map<c10::DeviceIndex, c10::Stream> streams;
  const std::lock_guard<std::mutex> lock(mutex);
  return streams.try_emplace(device.index(), guard.getStreamFromGlobalPool(device, false)).first->second;
}

/// Whether a recording could not be ended: LibTorch's allocator then goes on as if it were being made, and must not
/// meet another one.
std::atomic<bool> is_broken = false;

class Graph {
 public:
  explicit Graph(c10::DeviceIndex device)
      : device_(c10::kCUDA, device), guard_(c10::kCUDA), methods_(Methods::instance()) {
    const c10::DeviceGuard of_device(device_);
    methods_.construct(object_, false);
  }

  Graph(const Graph &) = delete;
  Graph &operator=(const Graph &) = delete;

  ~Graph() {
    // Nobody is left who could be told of an error.
    try {
      if (is_recording_) end();
    } catch (...) {
    }
    methods_.destroy(object_);
  }

  /// From here to `end` this thread's work goes to a stream of its own, as recording demands.
  void begin() {
    TORCH_CHECK(!is_broken, "an earlier recording of this process failed");
    guard_.synchronizeDevice(device_.index());
    // The graph's tensors have memory of their own: what is in reserve from before is made free for them.
    c10::getDeviceAllocator(c10::kCUDA)->emptyCache();
    outer_device_ = guard_.exchangeDevice(device_);
    outer_stream_ = guard_.exchangeStream(recording_stream(guard_, device_));
    try {
      methods_.begin(object_, {0, 0}, of_this_thread);
    } catch (...) {
      leave();
      throw;
    }
    is_recording_ = true;
  }

  void end() {
    is_recording_ = false;
    try {
      methods_.end(object_);
    } catch (...) {
      is_broken = true;
      leave();
      throw;
    }
    leave();
  }

  void replay() const {
    const c10::DeviceGuard of_device(device_);
    methods_.replay(const_cast<std::byte *>(object_));
  }

 private:
  void leave() {
    guard_.exchangeStream(outer_stream_);
    guard_.exchangeDevice(outer_device_);
  }

  c10::Device device_;
  c10::impl::VirtualGuardImpl guard_;
  const Methods &methods_;
  c10::Device outer_device_{c10::kCUDA, 0};
  c10::Stream outer_stream_{c10::Stream::DEFAULT, outer_device_};
  bool is_recording_ = false;
  /// An at::cuda::CUDAGraph, which takes some 150 bytes (ATen/cuda/CUDAGraph.h).
  alignas(std::max_align_t) std::byte object_[1024];
};

Graph &graph_of(CTorchGraph handle) { return *reinterpret_cast<Graph *>(handle); }

}  // namespace

extern "C" {

CTorchStatus ctorch_graph_begin(int32_t device, CTorchGraph *result) {
  return ctorch::guarded([&] {
    auto graph = std::make_unique<Graph>(static_cast<c10::DeviceIndex>(device));
    graph->begin();
    *result = reinterpret_cast<CTorchGraph>(graph.release());
  });
}

CTorchStatus ctorch_graph_end(CTorchGraph graph) {
  return ctorch::guarded([&] { graph_of(graph).end(); });
}

CTorchStatus ctorch_graph_replay(CTorchGraph graph) {
  return ctorch::guarded([&] { graph_of(graph).replay(); });
}

void ctorch_graph_release(CTorchGraph graph) { delete &graph_of(graph); }
}
