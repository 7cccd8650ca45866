// Compiles the loops in the file MVAR_KERNEL once for each instruction set, in the namespaces `avx512`, `avx2` and
// `portable`, each time after vector_math.h, all inside an anonymous namespace. MVAR_BEST(function) is then the version
// of a function that suits this processor.
//
// With MVAR_AVX512_KERNEL, that file too, in the namespace `avx512_more`, with AVX-512's instructions for bfloat16 and
// for whole numbers. A processor may have the latter alone: what runs there must not name the former.
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <algorithm>
#include "activation.h"
#include "instruction_set.h"

namespace {

#if defined(__x86_64__)
#define MVAR_FMA(a, b, c) __builtin_elementwise_fma(a, b, c)

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), apply_to = function)
#define MVAR_NAMESPACE avx512
#define MVAR_LANES 16
#define MVAR_REGISTERS 32
#include "vector_math.h"
#include MVAR_KERNEL
#undef MVAR_NAMESPACE
#undef MVAR_LANES
#undef MVAR_REGISTERS
#pragma clang attribute pop

#ifdef MVAR_AVX512_KERNEL
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx512vnni,fma"))), apply_to = function)
#define MVAR_NAMESPACE avx512_more
#define MVAR_LANES 16
#define MVAR_REGISTERS 32
#include "vector_math.h"
#include MVAR_AVX512_KERNEL
#undef MVAR_NAMESPACE
#undef MVAR_LANES
#undef MVAR_REGISTERS
#pragma clang attribute pop
#endif

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define MVAR_NAMESPACE avx2
#define MVAR_LANES 8
#define MVAR_REGISTERS 16
#include "vector_math.h"
#include MVAR_KERNEL
#undef MVAR_NAMESPACE
#undef MVAR_LANES
#undef MVAR_REGISTERS
#undef MVAR_FMA
#pragma clang attribute pop
#endif

#define MVAR_NAMESPACE portable
#define MVAR_LANES 4
#if defined(__aarch64__)
#define MVAR_REGISTERS 32
#define MVAR_FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define MVAR_REGISTERS 16
#define MVAR_FMA(a, b, c) ((a) * (b) + (c))
#endif
#include "vector_math.h"
#include MVAR_KERNEL

}  // namespace
#undef MVAR_NAMESPACE
#undef MVAR_LANES
#undef MVAR_REGISTERS
#undef MVAR_FMA

#if defined(__x86_64__)
#define MVAR_BEST(function)                                                   \
  (mvar::instruction_set() >= mvar::InstructionSet::avx512 ? avx512::function \
   : mvar::instruction_set() == mvar::InstructionSet::avx2 ? avx2::function   \
                                                           : portable::function)
#else
#define MVAR_BEST(function) portable::function
#endif
