#include "nccl.h"
#include <c10/core/DeviceGuard.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <chrono>
#include <cstring>
#include <thread>
#include "ctorch_loaded_library.h"

namespace ctorch {

namespace {

// As nccl.h has them; these functions and numbers are its stable interface.
using Status = int;
using Communicator = CommunicatorOfNCCL *;
struct UniqueID {
  char bytes[128];
};
constexpr int sum = 0, maximum = 2;  // ncclSum, ncclMax

int type_of(at::ScalarType type) {
  switch (type) {
    case at::kChar:
      return 0;
    case at::kByte:
      return 1;
    case at::kInt:
      return 2;
    case at::kLong:
      return 4;
    case at::kHalf:
      return 6;
    case at::kFloat:
      return 7;
    case at::kDouble:
      return 8;
    case at::kBFloat16:
      return 9;
    default:
      TORCH_CHECK(false, "NCCL has no numbers of ", type);
  }
}

struct NCCL {
  LoadedLibrary library{{"libnccl.so.2", "libnccl.so"}};
  Status (*unique_id)(UniqueID *);
  Status (*join)(Communicator *, int, UniqueID, int);
  Status (*all_reduce)(const void *, void *, size_t, int, int, Communicator, void *);
  Status (*broadcast)(const void *, void *, size_t, int, int, Communicator, void *);
  const char *(*error_text)(Status);

  NCCL() {
    library.find("ncclGetUniqueId", unique_id);
    library.find("ncclCommInitRank", join);
    library.find("ncclAllReduce", all_reduce);
    library.find("ncclBroadcast", broadcast);
    library.find("ncclGetErrorString", error_text);
    TORCH_CHECK(
        library.is_open(), "NVIDIA's collectives (libnccl.so.2) are not there (", library.reason(),
        "): install the Python package nvidia-nccl-cu13 beside torch, or start one process");
    TORCH_CHECK(
        library.missing().empty(), "NVIDIA's collectives are too old (no ", library.missing(),
        "): install a newer nvidia-nccl-cu13, or start one process");
  }

  void check(Status status, const char *what) const {
    TORCH_CHECK(status == 0, "NCCL: ", what, ": ", error_text(status));
  }

  static const NCCL &instance() {
    static const NCCL nccl;
    return nccl;
  }
};

/// Work on a stream of its own.
class StreamWork : public c10d::Work {
 public:
  StreamWork(at::Tensor tensor, c10::Event done) : tensor_(std::move(tensor)), done_(std::move(done)) {}

  bool isCompleted() override { return done_.query(); }

  /// Returns when the work is done. Where it is not in time this throws, so that whoever waits can look after the
  /// others.
  bool wait(std::chrono::milliseconds timeout) override {
    const auto begin = std::chrono::steady_clock::now();
    while (!done_.query()) {
      TORCH_CHECK(
          timeout == kNoTimeout || std::chrono::steady_clock::now() - begin < timeout, "not done within ",
          timeout.count(), " ms");
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    const c10::impl::VirtualGuardImpl guard(tensor_.device().type());
    done_.block(guard.getStream(tensor_.device()));
    return true;
  }

 private:
  at::Tensor tensor_;
  c10::Event done_;
};

}  // namespace

template <typename Start>
c10::intrusive_ptr<c10d::Work> DeviceGroup::begin(const at::Tensor &tensor, Start start) {
  TORCH_CHECK(tensor.is_contiguous(), "a tensor with gaps of ", tensor.sizes(), " cannot travel");
  const NCCL &nccl = NCCL::instance();
  const c10::DeviceGuard device(tensor.device());
  const c10::impl::VirtualGuardImpl guard(tensor.device().type());
  if (!communicator_) {
    const std::string key = "nccl";
    UniqueID id{};
    if (rank_ == 0) {
      nccl.check(nccl.unique_id(&id), "asking for an identity");
      store_->set(key, std::vector<uint8_t>(id.bytes, id.bytes + sizeof id.bytes));
    } else {
      const auto bytes = store_->get(key);
      TORCH_CHECK(bytes.size() == sizeof id.bytes, "NCCL: the identity of process 0 has ", bytes.size(), " bytes");
      std::memcpy(id.bytes, bytes.data(), sizeof id.bytes);
    }
    nccl.check(nccl.join(&communicator_, count_, id, rank_), "connecting the processes' GPUs");
    stream_ = guard.getStreamFromGlobalPool(tensor.device(), /*isHighPriority=*/true);
  }
  c10::Event ready(tensor.device().type());
  ready.record(guard.getStream(tensor.device()));
  ready.block(*stream_);
  nccl.check(start(nccl, guard.getStreamNativeHandle(*stream_)), "sending a tensor");
  c10::Event done(tensor.device().type());
  done.record(*stream_);
  return c10::make_intrusive<StreamWork>(tensor, std::move(done));
}

c10::intrusive_ptr<c10d::Work> DeviceGroup::reduce(const at::Tensor &tensor, bool to_maximum) {
  void *const data = tensor.mutable_data_ptr();
  const auto count = static_cast<size_t>(tensor.numel());
  return begin(tensor, [&](const NCCL &nccl, void *stream) {
    return nccl.all_reduce(
        data, data, count, type_of(tensor.scalar_type()), to_maximum ? maximum : sum, communicator_, stream);
  });
}

c10::intrusive_ptr<c10d::Work> DeviceGroup::broadcast(const at::Tensor &tensor) {
  void *const data = tensor.mutable_data_ptr();
  const auto count = static_cast<size_t>(tensor.numel());
  return begin(tensor, [&](const NCCL &nccl, void *stream) {
    return nccl.broadcast(data, data, count, type_of(tensor.scalar_type()), 0, communicator_, stream);
  });
}

}  // namespace ctorch
