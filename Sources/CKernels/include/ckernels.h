// Operators of our own. They are registered with LibTorch under `mvar::` and called by name through its dispatcher;
// what stands here is all that is called directly.
#pragma once
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/// Makes sure that the linker keeps the files that only register operators. Called once by `Torch`.
void ckernels_register(void);

/// The number of distinct threads that took part in one of our own parallel loops.
int32_t ckernels_threads_seen(void);

/// The instruction set of kernels that are called on this thread: 0 what every processor has, 1 AVX2, 2 AVX-512, 3 with
/// VNNI, 4 with BF16 too.
int32_t ckernels_instruction_set(void);

/// Keeps kernels that are called on this thread from using a higher instruction set; for tests and benchmarks.
void ckernels_limit_instruction_set(int32_t level);

#ifdef __cplusplus
}
#endif
