// Processes that compute together: c10d's key-value store, and its collectives over Gloo; NCCL's for tensors on GPUs.
#define USE_C10D_GLOO
#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdlib>
#include <cstring>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include "ctorch_support.h"
#include "nccl.h"

C10_DECLARE_int(caffe2_log_level);

using ctorch::borrow;
using ctorch::guarded;

namespace {

using Store = c10::intrusive_ptr<c10d::Store>;
using Work = c10::intrusive_ptr<c10d::Work>;

struct Group {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> processors;
  ctorch::DeviceGroup gpus;
};

// A handle is a pointer to a counted pointer of its own: c10d's calls want one at hand.
template <class Pointer, class Handle>
const Pointer &pointer(Handle handle) {
  return *reinterpret_cast<const Pointer *>(handle);
}

template <class Handle, class Pointer>
Handle handle(Pointer &&pointer) {
  return reinterpret_cast<Handle>(new std::decay_t<Pointer>(std::forward<Pointer>(pointer)));
}

Group &of(CTorchGroup group) { return *reinterpret_cast<Group *>(group); }

std::vector<uint8_t> bytes(const char *text) { return {text, text + std::strlen(text)}; }

char *copied(const std::vector<uint8_t> &bytes) {
  const auto text = static_cast<char *>(std::malloc(bytes.size() + 1));
  TORCH_CHECK(text, "out of memory");
  std::copy(bytes.begin(), bytes.end(), text);
  text[bytes.size()] = 0;
  return text;
}

// The address by which this machine reaches the meeting place, and so by which others reach it. Its own name's address
// is often a loopback one, which no other machine can connect to.
std::string address_towards(const char *host, int32_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (getaddrinfo(host, std::to_string(port).c_str(), &hints, &found) != 0) return {};
  std::string result;
  for (auto info = found; info && result.empty(); info = info->ai_next) {
    const int descriptor = socket(info->ai_family, SOCK_DGRAM, 0);
    if (descriptor < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    char text[NI_MAXHOST];
    // Connecting a datagram socket sends nothing; it only finds the way.
    if (connect(descriptor, info->ai_addr, info->ai_addrlen) == 0 &&
        getsockname(descriptor, reinterpret_cast<sockaddr *>(&own), &length) == 0 &&
        getnameinfo(reinterpret_cast<sockaddr *>(&own), length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      result = text;
    close(descriptor);
  }
  freeaddrinfo(found);
  return result;
}

std::shared_ptr<gloo::transport::Device> device(const char *host, int32_t port) {
  // PyTorch's variable, for machines with several networks.
  if (const char *name = std::getenv("GLOO_SOCKET_IFNAME")) {
    return c10d::ProcessGroupGloo::createDeviceForInterface(name);
  }
  const auto address = address_towards(host, port);
  return address.empty() ? c10d::ProcessGroupGloo::createDefaultDevice()
                         : c10d::ProcessGroupGloo::createDeviceForHostname(address);
}

// The watch over the processes ends a wait that is in vain; Gloo's own limit must not end one that is merely long, as
// while process 0 measures.
constexpr auto kLongest = std::chrono::hours(24 * 7);

}  // namespace

extern "C" {

CTorchStatus ctorch_store_connect(
    const char *host, int32_t port, bool is_host, int64_t milliseconds, const char *prefix, CTorchStore *result) {
  return guarded([&] {
    // Attempts to connect that fail are no news: what matters comes as an error.
    FLAGS_caffe2_log_level = std::max(FLAGS_caffe2_log_level, 3);
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(port);
    options.isServer = is_host;
    options.waitWorkers = false;
    options.timeout = std::chrono::milliseconds(milliseconds);
    Store store = c10::make_intrusive<c10d::TCPStore>(host, options);
    *result = handle<CTorchStore>(Store(c10::make_intrusive<c10d::PrefixStore>(prefix, std::move(store))));
  });
}

CTorchStatus ctorch_store_clone(CTorchStore store, int64_t milliseconds, CTorchStore *result) {
  return guarded([&] {
    auto copy = pointer<Store>(store)->clone();
    copy->setTimeout(std::chrono::milliseconds(milliseconds));
    *result = handle<CTorchStore>(std::move(copy));
  });
}

void ctorch_store_release(CTorchStore store) { delete reinterpret_cast<Store *>(store); }

CTorchStatus ctorch_store_set(CTorchStore store, const char *key, const char *value) {
  return guarded([&] { pointer<Store>(store)->set(key, bytes(value)); });
}

CTorchStatus ctorch_store_get(CTorchStore store, const char *key, char **result) {
  return guarded([&] { *result = copied(pointer<Store>(store)->get(key)); });
}

CTorchStatus ctorch_store_has(CTorchStore store, const char *key, bool *result) {
  return guarded([&] { *result = pointer<Store>(store)->check({key}); });
}

CTorchStatus ctorch_store_claim(CTorchStore store, const char *key, const char *value, char **result) {
  return guarded([&] { *result = copied(pointer<Store>(store)->compareSet(key, {}, bytes(value))); });
}

CTorchStatus ctorch_group_join(
    CTorchStore store, const char *host, int32_t port, int32_t rank, int32_t count, int64_t milliseconds,
    CTorchGroup *result) {
  return guarded([&] {
    auto options = c10d::ProcessGroupGloo::Options::create(std::chrono::milliseconds(milliseconds));
    options->devices.push_back(device(host, port));
    *result = reinterpret_cast<CTorchGroup>(new Group{
        c10::make_intrusive<c10d::ProcessGroupGloo>(pointer<Store>(store), rank, count, options),
        ctorch::DeviceGroup(pointer<Store>(store), rank, count)});
  });
}

void ctorch_group_release(CTorchGroup group) { delete &of(group); }

CTorchStatus ctorch_group_reduce(CTorchGroup group, CTorchTensor tensor, CTorchReduction reduction, CTorchWork *work) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{borrow(tensor)};
    if (tensors[0].is_cuda()) {
      *work = handle<CTorchWork>(of(group).gpus.reduce(tensors[0], reduction == CTorchReductionMaximum));
      return;
    }
    c10d::AllreduceOptions options;
    options.reduceOp = reduction == CTorchReductionSum ? c10d::ReduceOp::SUM : c10d::ReduceOp::MAX;
    options.timeout = kLongest;
    *work = handle<CTorchWork>(of(group).processors->allreduce(tensors, options));
  });
}

CTorchStatus ctorch_group_broadcast(CTorchGroup group, CTorchTensor tensor, CTorchWork *work) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{borrow(tensor)};
    if (tensors[0].is_cuda()) {
      *work = handle<CTorchWork>(of(group).gpus.broadcast(tensors[0]));
      return;
    }
    c10d::BroadcastOptions options;
    options.timeout = kLongest;
    *work = handle<CTorchWork>(of(group).processors->broadcast(tensors, options));
  });
}

CTorchStatus ctorch_work_wait(CTorchWork work, int64_t milliseconds, bool *is_done) {
  return guarded([&] {
    const auto &waited = pointer<Work>(work);
    try {
      waited->wait(std::chrono::milliseconds(milliseconds));
    } catch (const std::exception &) {
      // Either the time is over or the work has failed; only the work knows.
      if (!waited->isCompleted()) {
        *is_done = false;
        return;
      }
      waited->wait();
    }
    *is_done = true;
  });
}

void ctorch_work_release(CTorchWork work) { delete reinterpret_cast<Work *>(work); }
}
