// Gradients of what modulation.cu computes. NUMBER and DEPTH, the width of a row, are defined from outside.
//
// A block has some rows of one picture. First a warp has a row at a time and finds what the whole row decides; then a
// thread has a few columns of all rows: it writes the gradients of what stands there and adds up those of the picture's
// vectors. What blocks add to these is put together by another kernel in the order of the rows: no sum depends on which
// thread is first.
#include "device.h"
#include "modulation.h"
#include "pieces.h"

using namespace mvar::modulation;

namespace {

using OfRow = Piece<NUMBER>;
constexpr int pieces = DEPTH / OfRow::count;
static_assert(DEPTH % OfRow::count == 0, "a row is read in pieces of 16 bytes");
constexpr int owned = (pieces + 31) / 32;  // of a lane
constexpr int block_threads = threads_of_span(DEPTH * static_cast<int>(sizeof(NUMBER)));
/// Blocks that a multiprocessor has registers for: a lane has its part of a row in them.
constexpr int blocks_at_once = owned * OfRow::count > 40 ? 3 : 4;

/// What normalisation needs of a row: x̂ = (x - mean) · factor. With h = the gradient of x̂, the gradient of x is
/// (h - mean of h - x̂ · mean of (h · x̂)) · factor.
struct OfWholeRow {
  float mean, factor, mean_gradient, mean_product;
};

/// Found by a warp, once for all of its lanes.
inline OfWholeRow of_whole_row(int64_t row, const NUMBER *scales, const Gradients &p) {
  const int lane = threadIdx.x % 32;
  float x[owned][OfRow::count], sum = 0;
  MVAR_UNROLL
  for (int own = 0; own < owned; own++) {
    const int index = own * 32 + lane;
    const bool is_there = index < pieces;
    const OfRow values = is_there ? piece<NUMBER>(p.x, row * pieces + index) : OfRow();
    MVAR_UNROLL
    for (int i = 0; i < OfRow::count; i++) {
      x[own][i] = is_there ? values[i] : 0;
      sum += x[own][i];
    }
  }
  const float mean = sum_of_warp(sum) / DEPTH;
  float squares = 0, gradients = 0, products = 0;
  MVAR_UNROLL
  for (int own = 0; own < owned; own++) {
    const int index = own * 32 + lane;
    if (index >= pieces) continue;
    const OfRow given = piece<NUMBER>(p.modulated_gradient, row * pieces + index), scale = piece<NUMBER>(scales, index);
    MVAR_UNROLL
    for (int i = 0; i < OfRow::count; i++) {
      const float distance = x[own][i] - mean, gradient = given[i] * (1 + scale[i]);
      squares += distance * distance;
      gradients += gradient;
      products += gradient * distance;
    }
  }
  const float factor = 1 / sqrtf(sum_of_warp(squares) / DEPTH + p.epsilon);
  return {mean, factor, sum_of_warp(gradients) / DEPTH, sum_of_warp(products) / DEPTH * factor};
}

template <bool is_summed, bool is_modulated>
inline void process(const Gradients &p) {
  MVAR_SHARED_MEMORY(memory);
  OfWholeRow *const rows = reinterpret_cast<OfWholeRow *>(memory);  // [span]
  const int64_t picture = blockIdx.x / p.spans, part = blockIdx.x % p.spans;
  const int64_t left = p.rows_of_picture - part * span, first = picture * p.rows_of_picture + part * span;
  const int count = static_cast<int>(left < span ? left : span);
  if (is_modulated) {
    for (int row = threadIdx.x / 32; row < count; row += block_threads / 32) {
      const OfWholeRow found = of_whole_row(first + row, p.scale.of<NUMBER>(picture), p);
      if (threadIdx.x % 32 == 0) rows[row] = found;
    }
    wait_for_block();
  }
  for (int index = threadIdx.x; index < pieces; index += block_threads) {
    const OfRow gain = is_summed ? piece<NUMBER>(p.gain.of<NUMBER>(picture), index) : OfRow();
    const OfRow scale = is_modulated ? piece<NUMBER>(p.scale.of<NUMBER>(picture), index) : OfRow();
    float of_gain[OfRow::count] = {}, of_scale[OfRow::count] = {}, of_shift[OfRow::count] = {};
    for (int row = 0; row < count; row++) {
      const int64_t here = (first + row) * pieces + index;
      float of_x[OfRow::count] = {};
      if (p.sum_gradient) {
        const OfRow given = piece<NUMBER>(p.sum_gradient, here);
        MVAR_UNROLL
        for (int i = 0; i < OfRow::count; i++) of_x[i] = given[i];
      }
      if (is_modulated) {
        const OfRow x = piece<NUMBER>(p.x, here), given = piece<NUMBER>(p.modulated_gradient, here);
        const OfWholeRow whole = rows[row];
        MVAR_UNROLL
        for (int i = 0; i < OfRow::count; i++) {
          const float normal = (x[i] - whole.mean) * whole.factor;
          of_x[i] += (given[i] * (1 + scale[i]) - whole.mean_gradient - normal * whole.mean_product) * whole.factor;
          of_scale[i] += given[i] * normal;
          of_shift[i] += given[i];
        }
        if (p.x_gradient) {
          OfRow result;
          MVAR_UNROLL
          for (int i = 0; i < OfRow::count; i++) result.set(i, of_x[i]);
          piece<NUMBER>(p.x_gradient, here) = result;
        }
      }
      if (is_summed && p.branch_gradient) {
        OfRow result;
        MVAR_UNROLL
        for (int i = 0; i < OfRow::count; i++) result.set(i, of_x[i] * gain[i]);
        piece<NUMBER>(p.branch_gradient, here) = result;
      }
      if (is_summed && p.vector_gradients[0]) {
        const OfRow branch = piece<NUMBER>(p.branch, here);
        MVAR_UNROLL
        for (int i = 0; i < OfRow::count; i++) of_gain[i] += of_x[i] * branch[i];
      }
    }
    float *const parts = p.parts + (picture * p.spans + part) * vectors * DEPTH + index * OfRow::count;
    MVAR_UNROLL
    for (int i = 0; i < OfRow::count; i++) {
      if (is_summed && p.vector_gradients[0]) parts[i] = of_gain[i];
      if (is_modulated && p.vector_gradients[1]) parts[DEPTH + i] = of_scale[i];
      if (is_modulated && p.vector_gradients[2]) parts[2 * DEPTH + i] = of_shift[i];
    }
  }
}

}  // namespace

MVAR_KERNEL(block_threads, blocks_at_once, differentiate_modulated, Gradients) { process<false, true>(p); }
MVAR_KERNEL(block_threads, blocks_at_once, differentiate_gated, Gradients) { process<true, false>(p); }
MVAR_KERNEL(block_threads, blocks_at_once, differentiate_gated_and_modulated, Gradients) { process<true, true>(p); }

/// A thread: a column of one of a picture's vectors.
MVAR_KERNEL(threads, 4, add_parts, Gradients) {
  constexpr int blocks = (DEPTH + threads - 1) / threads;  // of a vector
  const int64_t picture = blockIdx.x / (vectors * blocks);
  const int vector = blockIdx.x / blocks % vectors, column = blockIdx.x % blocks * threads + threadIdx.x;
  void *const result = p.vector_gradients[vector];
  if (!result || column >= DEPTH) return;
  const float *const parts = p.parts + (picture * p.spans * vectors + vector) * DEPTH + column;
  float sum = 0;
  for (int64_t part = 0; part < p.spans; part++) sum += parts[part * vectors * DEPTH];
  static_cast<NUMBER *>(result)[picture * DEPTH + column] = narrowed(sum, NUMBER());
}
