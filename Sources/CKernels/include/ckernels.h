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

#ifdef __cplusplus
}
#endif
