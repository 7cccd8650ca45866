// Sources/CKernels/CUDA/Device's kernels on a processor, thread by thread, for tests.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/// Attention over windows of [B, H, T, D], each contiguous; or of the thirds of one fused [B, T, 3, H, D], which
/// `queries` points to. Numbers are float32 (type 0), bfloat16 (1) or float16 (2).
typedef struct {
  int32_t type, batch, heads, height, width, depth, kernel;
  /// 0: as the operator does; else so many chunks stand in shared memory at once.
  int32_t stage_chunks;
  /// In which threads run: 0 forward, 1 backward, 2 mixed.
  int32_t order;
  bool is_fused;
  float scale;
  const float *temperatures;  // [H], or NULL
  const void *queries, *keys, *values;
} CUDAEmulatorAttention;

/// Writes the result, [B, H, T, D]. Returns NULL, or what went wrong.
const char *cuda_emulator_attend(const CUDAEmulatorAttention *attention, void *result);

/// Writes the gradients, in the form of what they belong to, and each query's part of the temperatures', [B, H, T].
const char *cuda_emulator_differentiate(
    const CUDAEmulatorAttention *attention, const void *gradient, void *queries, void *keys, void *values,
    float *temperature_parts);

/// In which order threads run for calls, from this thread, of `mvar::modulated`, `mvar::gated_sum`, both in one and
/// their gradients: operators for GPUs, which take tensors of the CPU where this is linked.
void cuda_emulator_set_order(int32_t order);

/// Maps [B, pixels, C].
typedef struct {
  int32_t type, batch, pixels, channels, groups, order;
  bool is_silu;
  double epsilon;
  const void *x, *gain, *shift;
} CUDAEmulatorGroupNorm;

/// Writes the normalised maps.
const char *cuda_emulator_group_norm(const CUDAEmulatorGroupNorm *norm, void *result);

/// Logits [B, T, V], float32.
typedef struct {
  int32_t batch, tokens, codes, top_k, scale, order;
  double strength, temperature, top_p;
  uint64_t seed;
  const int64_t *images;  // [B]
  const float *logits;
  const float *unconditional;  // or NULL
} CUDAEmulatorDraw;

/// Writes tokens, [B, T].
const char *cuda_emulator_draw(const CUDAEmulatorDraw *draw, int64_t *tokens);

#ifdef __cplusplus
}
#endif
