// What Sources/CKernels/CUDA/Device/device.h says in PTX, for a processor: a thread of a block is a fiber, blocks
// follow each other. Where threads work together they wait for each other as on a GPU; between these places each runs
// as far as it gets, in an order that a test chooses, so that a missing barrier shows. Shared memory begins as NaN, and
// background copies arrive only when they are waited for.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

namespace emulator {

struct Index {
  unsigned x;
};
Index thread();
extern Index block;
extern unsigned char *shared_memory;

enum class Order { forward, backward, mixed };

/// Runs a kernel. Throws std::runtime_error where threads wait for each other for ever or leave shared memory.
void launch(int64_t blocks, int threads, int shared_bytes, Order order, const std::function<void()> &kernel);

void wait_for_block();
/// Gives the others of the warp 32 bytes and gets theirs, `[32][32]`, valid until the next but one exchange.
const unsigned char *exchange(const void *mine, size_t bytes);
void copy_later(void *to, const void *from, bool is_there);
void finish_copies();
void check_shared(const void *address, size_t bytes);

/// Runs `body`; NULL, or what it threw.
const char *caught(const std::function<void()> &body);

template <typename T>
T taken(const unsigned char *all, int lane) {
  T x;
  std::memcpy(&x, all + lane * 32, sizeof(T));
  return x;
}

}  // namespace emulator

#define threadIdx (emulator::thread())
#define blockIdx (emulator::block)
#define MVAR_KERNEL(threads, blocks, name, parameters) [[maybe_unused]] static void name(const parameters p)
#define MVAR_SHARED_MEMORY(name) unsigned char *const name = emulator::shared_memory
#define MVAR_UNROLL

struct half_t {
  uint16_t bits;
};
struct bfloat16_t {
  uint16_t bits;
};

inline float widened(float x) { return x; }
inline float widened(bfloat16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
  float y;
  std::memcpy(&y, &bits, 4);
  return y;
}
inline float widened(half_t x) {
  _Float16 y;
  std::memcpy(&y, &x.bits, 2);
  return y;
}

inline float narrowed(float x, float) { return x; }
inline bfloat16_t narrowed(float x, bfloat16_t) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if (std::isnan(x)) return {0x7fff};
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
inline half_t narrowed(float x, half_t) {
  const _Float16 y = static_cast<_Float16>(x);
  half_t z;
  std::memcpy(&z.bits, &y, 2);
  return z;
}
template <typename Number>
uint32_t pair(float low, float high, Number type) {
  return narrowed(low, type).bits | static_cast<uint32_t>(narrowed(high, type).bits) << 16;
}

inline float of_bits(uint32_t x) {
  float y;
  std::memcpy(&y, &x, 4);
  return y;
}
inline uint32_t bits_of(float x) {
  uint32_t y;
  std::memcpy(&y, &x, 4);
  return y;
}
inline float rounded_product(float x, float y) {
  const volatile float product = x * y;  // which nothing may be fused with
  return product;
}

inline float power_of_two(float x) { return std::exp2(x); }
inline void wait_for_block() { emulator::wait_for_block(); }
inline void copy16(void *to, const void *from, bool is_there) { emulator::copy_later(to, from, is_there); }
inline void wait_for_copies() { emulator::finish_copies(); }

template <typename Value>
Value of_lane_xor(Value x, int distance) {
  const auto *all = emulator::exchange(&x, sizeof(x));
  return emulator::taken<Value>(all, (static_cast<int>(threadIdx.x) % 32) ^ distance);
}

/// As the PTX manual has it: row r of matrix m is at lane 8m + r's address; lane l gets numbers 2(l % 4) and the next
/// of row l / 4 of each, or of its transpose.
template <bool transposed>
void load_matrices_as(uint32_t (&to)[4], const void *row) {
  emulator::check_shared(row, 16);
  const auto *all = emulator::exchange(&row, sizeof(row));
  const int lane = static_cast<int>(threadIdx.x) % 32, r = lane / 4, c = lane % 4 * 2;
  for (int matrix = 0; matrix < 4; matrix++) {
    uint16_t two[2];
    for (int i = 0; i < 2; i++) {
      const int of_row = transposed ? c + i : r, of_column = transposed ? r : c + i;
      two[i] = emulator::taken<const uint16_t *>(all, matrix * 8 + of_row)[of_column];
    }
    to[matrix] = two[0] | static_cast<uint32_t>(two[1]) << 16;
  }
}
inline void load_matrices(uint32_t (&to)[4], const void *row) { load_matrices_as<false>(to, row); }
inline void load_matrices_transposed(uint32_t (&to)[4], const void *row) { load_matrices_as<true>(to, row); }

/// mma.m16n8k16 with the fragments of the PTX manual.
template <typename Number>
void multiply_add(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, Number) {
  const uint32_t mine[6] = {a[0], a[1], a[2], a[3], b0, b1};
  const auto *all = emulator::exchange(mine, sizeof(mine));
  struct Six {
    uint32_t x[6];
  };
  const auto number = [&](int lane, int word, int which) {
    const uint32_t two = emulator::taken<Six>(all, lane).x[word];
    return widened(Number{static_cast<uint16_t>(two >> (16 * which))});
  };
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int i = 0; i < 4; i++) {
    const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    float total = 0;
    for (int k = 0; k < 16; k++) {
      // a: words 0 and 1 are rows 0–7 and 8–15 of columns 0–7, words 2 and 3 of columns 8–15; b: words of rows 0–7,
      // 8–15.
      const float x = number(row % 8 * 4 + k % 8 / 2, k / 8 * 2 + row / 8, k % 2);
      const float y = number(column * 4 + k % 8 / 2, 4 + k / 8, k % 2);
      total += x * y;
    }
    sum[i] += total;
  }
}
