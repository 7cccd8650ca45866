#include "cuda_emulator.h"
#include <setjmp.h>
#include <ucontext.h>
#include <algorithm>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace emulator {

Index block;
unsigned char *shared_memory;

namespace {

constexpr size_t stack_bytes = 64 * 1024, exchanged_bytes = 32;

struct Copy {
  void *to;
  const void *from;
  bool is_there;
};

struct Fiber {
  ucontext_t context;  // where it begins
  jmp_buf place;       // where it is: unlike swapcontext, a jump asks nothing of the system
  std::unique_ptr<char[]> stack{new char[stack_bytes]};
  std::vector<Copy> copies;
  int64_t exchanges = 0, barriers = 0;
  bool has_begun = false, is_done = false;
};

struct Warp {
  unsigned char buffer[2][32 * exchanged_bytes];
};

// One block at a time in the whole process.
std::mutex in_use;
std::vector<std::unique_ptr<Fiber>> fibers;
std::vector<Warp> warps;
jmp_buf scheduler;
int current, shared_size;
bool has_progress;
const std::function<void()> *work;
const char *failure;

Fiber &self() { return *fibers[current]; }

/// Back to the scheduler, until it is this fiber's turn again.
void let_others_run() {
  if (_setjmp(self().place) == 0) _longjmp(scheduler, 1);
}

/// Lets a fiber run until it waits or ends.
void resume(Fiber &fiber) {
  if (_setjmp(scheduler) != 0) return;
  if (fiber.has_begun) _longjmp(fiber.place, 1);
  fiber.has_begun = true;
  setcontext(&fiber.context);
}

void run() {
  (*work)();
  if (!self().copies.empty()) failure = "a thread ended with copies on their way";
  self().is_done = true;
  has_progress = true;
  let_others_run();
}

/// Lets others run until all of a range of threads have come as far as `count` says.
template <typename Reached>
void wait_until_all(int first, int end, Reached reached) {
  has_progress = true;
  for (;;) {
    bool all = true;
    for (int i = first; i < end && all; i++) all = reached(*fibers[i]);
    if (all) break;
    let_others_run();
  }
  has_progress = true;
}

}  // namespace

Index thread() { return {static_cast<unsigned>(current)}; }

void wait_for_block() {
  const int64_t mine = ++self().barriers;
  wait_until_all(0, static_cast<int>(fibers.size()), [=](const Fiber &fiber) { return fiber.barriers >= mine; });
}

const unsigned char *exchange(const void *mine, size_t bytes) {
  const int warp = current / 32;
  const int64_t number = ++self().exchanges;
  unsigned char *const buffer = warps[warp].buffer[number % 2];
  std::memcpy(buffer + current % 32 * exchanged_bytes, mine, bytes);
  wait_until_all(warp * 32, warp * 32 + 32, [=](const Fiber &fiber) { return fiber.exchanges >= number; });
  return buffer;
}

void check_shared(const void *address, size_t bytes) {
  const auto *const begin = static_cast<const unsigned char *>(address);
  if (begin < shared_memory || begin + bytes > shared_memory + shared_size) failure = "a thread left shared memory";
  if (reinterpret_cast<uintptr_t>(address) % bytes != 0) failure = "an address in shared memory is not aligned";
}

void copy_later(void *to, const void *from, bool is_there) {
  check_shared(to, 16);
  if (reinterpret_cast<uintptr_t>(from) % 16 != 0) failure = "a copy begins at an address that is not aligned";
  self().copies.push_back({to, from, is_there});
}

void finish_copies() {
  for (const Copy &copy : self().copies) {
    if (copy.is_there) {
      std::memcpy(copy.to, copy.from, 16);
    } else {
      std::memset(copy.to, 0, 16);
    }
  }
  self().copies.clear();
}

void launch(int64_t blocks, int threads, int shared_bytes, Order order, const std::function<void()> &kernel) {
  std::unique_ptr<unsigned char, void (*)(void *)> memory(
      static_cast<unsigned char *>(std::aligned_alloc(64, (shared_bytes + 128) / 64 * 64)), std::free);
  const std::lock_guard<std::mutex> lock(in_use);
  shared_memory = memory.get();
  shared_size = shared_bytes;
  work = &kernel;
  failure = nullptr;
  fibers.clear();
  warps.assign((threads + 31) / 32, Warp());
  std::vector<int> turn(threads);
  for (int i = 0; i < threads; i++) {
    fibers.push_back(std::make_unique<Fiber>());
    turn[i] = order == Order::backward ? threads - 1 - i : i;
  }
  std::mt19937 random(7);
  for (int64_t index = 0; index < blocks; index++) {
    block = {static_cast<unsigned>(index)};
    std::memset(shared_memory, 0xff, shared_bytes);
    for (auto &fiber : fibers) {
      fiber->has_begun = fiber->is_done = false;
      fiber->exchanges = fiber->barriers = 0;
      fiber->copies.clear();
      getcontext(&fiber->context);
      fiber->context.uc_stack.ss_sp = fiber->stack.get();
      fiber->context.uc_stack.ss_size = stack_bytes;
      makecontext(&fiber->context, run, 0);
    }
    for (int left = threads; left > 0;) {
      if (order == Order::mixed) std::shuffle(turn.begin(), turn.end(), random);
      has_progress = false;
      for (const int i : turn) {
        if (fibers[i]->is_done) continue;
        current = i;
        resume(*fibers[i]);
        if (failure) throw std::runtime_error(failure);
        left -= fibers[i]->is_done;
      }
      if (!has_progress && left > 0) throw std::runtime_error("threads wait for each other for ever");
    }
  }
}

const char *caught(const std::function<void()> &body) {
  static thread_local std::string message;
  try {
    body();
    return nullptr;
  } catch (const std::exception &error) {
    message = error.what();
    return message.c_str();
  }
}

}  // namespace emulator
