// What the kernels need of the machine, in PTX that every architecture from sm_80 on has. No CUDA headers: NVRTC gets
// this file and those beside it, and nothing else. Tests run the same kernels on the CPU (Tests/CUDAEmulator), where
// these words have another home.
#pragma once
#ifndef __CUDACC_RTC__
#include "cuda_emulator.h"
#else

typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;

/// A kernel of blocks of so many threads, of which a multiprocessor shall have room for that many.
#define MVAR_KERNEL(threads, blocks, name, parameters) \
  extern "C" __global__ void __launch_bounds__(threads, blocks) name(const parameters p)
#define MVAR_SHARED_MEMORY(name) extern __shared__ __align__(16) unsigned char name[]
/// In loops over registers, which only constants may index.
#define MVAR_UNROLL _Pragma("unroll")

/// Numbers of 16 bits, two of which go into a register.
struct half_t {
  uint16_t bits;
};
struct bfloat16_t {
  uint16_t bits;
};

inline float widened(float x) { return x; }
inline float widened(bfloat16_t x) { return __uint_as_float(static_cast<uint32_t>(x.bits) << 16); }
inline float widened(half_t x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
}

/// Two numbers, rounded to nearest, the first in the lower half.
inline uint32_t pair(float low, float high, bfloat16_t) {
  uint32_t y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}
inline uint32_t pair(float low, float high, half_t) {
  uint32_t y;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}

inline float narrowed(float x, float) { return x; }
template <typename Number>
inline Number narrowed(float x, Number type) {
  return Number{static_cast<uint16_t>(pair(x, 0, type))};
}

/// 2ˣ.
inline float power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

inline uint32_t bits_of(float x) { return __float_as_uint(x); }
inline float of_bits(uint32_t x) { return __uint_as_float(x); }

/// A product that is rounded before anything is added to it.
inline float rounded_product(float x, float y) { return __fmul_rn(x, y); }

inline float of_lane_xor(float x, int distance) { return __shfl_xor_sync(0xffffffffu, x, distance); }
inline uint64_t of_lane_xor(uint64_t x, int distance) { return __shfl_xor_sync(0xffffffffu, x, distance); }
inline void wait_for_block() { __syncthreads(); }

inline uint32_t shared_address(const void *x) { return static_cast<uint32_t>(__cvta_generic_to_shared(x)); }

/// Copies 16 bytes to shared memory, or writes zeros there, in the background.
inline void copy16(void *to, const void *from, bool is_there) {
  const int bytes = is_there ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes));
}
inline void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/// Four matrices of 8 × 8 numbers of 16 bits; lane l gives the address of row l % 8 of matrix l / 8.
inline void load_matrices(uint32_t (&to)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(shared_address(row))
               : "memory");
}
inline void load_matrices_transposed(uint32_t (&to)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(shared_address(row))
               : "memory");
}

/// sum [16 × 8] += a [16 × 16] · b [16 × 8].
inline void multiply_add(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, bfloat16_t) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
inline void multiply_add(float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, half_t) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#define INFINITY __int_as_float(0x7f800000)

#endif
