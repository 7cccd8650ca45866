// What is known of NVIDIA's libraries on this machine, and the compiler of our kernels, for `mvar doctor` and tests.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/// What keeps our kernels from running on a device, one line with what to do; empty for nothing. It is valid until the
/// next call on this thread.
const char *ckernels_cuda_problem(int32_t device);

/// What keeps the driver from serving LibTorch's CUDA, one line; empty for nothing.
const char *ckernels_cuda_driver_problem(void);

/// The same for a driver and a need that are given, as 13000 for 13.0.
const char *ckernels_cuda_version_problem(int32_t driver, int32_t needed);

/// What keeps NVRTC from being used; empty for nothing.
const char *ckernels_nvrtc_problem(void);

/// 13000 for 13.0, of NVIDIA's compiler and driver; 0 where there is none.
int32_t ckernels_nvrtc_version(void);
int32_t ckernels_cuda_driver_version(void);

/// The shared memory of a block of attention, in bytes, where a multiprocessor has so much and a window any size.
int32_t ckernels_cuda_attention_memory(int32_t depth, bool is_half, int32_t multiprocessor_bytes);

/// Compiles a source for numbers of a type (`float`, `half_t`, `bfloat16_t`) and a size, without the cache.
///
/// Returns its machine code and its size, to be freed by `free`; NULL where that fails, and then a line for
/// `ckernels_cuda_error`.
void *ckernels_cuda_compile(const char *source, const char *number, int32_t depth, int32_t architecture, int64_t *size);

/// The same by way of the cache.
void *ckernels_cuda_cubin(const char *source, const char *number, int32_t depth, int32_t architecture, int64_t *size);

/// Why the last call on this thread returned NULL.
const char *ckernels_cuda_error(void);

#ifdef __cplusplus
}
#endif
