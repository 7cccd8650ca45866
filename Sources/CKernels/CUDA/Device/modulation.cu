// x + γ · branch, and layer normalisation with a scale and a shift: y = (x - mean) / deviation · (1 + scale) + shift.
// NUMBER and DEPTH, the width of a row, are defined from outside; a warp has a row, and each sum one order.
#include "device.h"
#include "modulation.h"
#include "pieces.h"

using namespace mvar::modulation;

namespace {

using OfRow = Piece<NUMBER>;
constexpr int pieces = DEPTH / OfRow::count;
static_assert(DEPTH % OfRow::count == 0, "a row is read in pieces of 16 bytes");
constexpr int owned = (pieces + 31) / 32;  // of a lane

template <bool is_summed, bool is_modulated>
inline void process(const Rows &p) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * rows_of_block + threadIdx.x / 32;
  if (row >= p.count) return;
  const int lane = threadIdx.x % 32;
  const int64_t first = row * pieces, picture = row / p.rows_of_picture;
  float x[owned][OfRow::count], sum = 0;
  MVAR_UNROLL
  for (int own = 0; own < owned; own++) {
    const int index = own * 32 + lane;
    const bool is_there = index < pieces;
    OfRow values = is_there ? piece<NUMBER>(p.x, first + index) : OfRow();
    if (is_summed && is_there) {
      const OfRow branch = piece<NUMBER>(p.branch, first + index);
      const OfRow gain = piece<NUMBER>(p.gain.of<NUMBER>(picture), index);
      MVAR_UNROLL
      for (int i = 0; i < OfRow::count; i++) values.set(i, values[i] + branch[i] * gain[i]);
      piece<NUMBER>(p.sum, first + index) = values;
    }
    MVAR_UNROLL
    for (int i = 0; i < OfRow::count; i++) {
      x[own][i] = is_there ? values[i] : 0;
      sum += x[own][i];
    }
  }
  if (!is_modulated) return;

  const float mean = sum_of_warp(sum) / DEPTH;
  float squares = 0;
  MVAR_UNROLL
  for (int own = 0; own < owned; own++) {
    MVAR_UNROLL
    for (int i = 0; i < OfRow::count; i++) {
      const float distance = own * 32 + lane < pieces ? x[own][i] - mean : 0;
      squares += distance * distance;
    }
  }
  const float factor = 1 / sqrtf(sum_of_warp(squares) / DEPTH + p.epsilon);
  MVAR_UNROLL
  for (int own = 0; own < owned; own++) {
    const int index = own * 32 + lane;
    if (index >= pieces) continue;
    const OfRow scale = piece<NUMBER>(p.scale.of<NUMBER>(picture), index);
    const OfRow shift = piece<NUMBER>(p.shift.of<NUMBER>(picture), index);
    OfRow result;
    MVAR_UNROLL
    for (int i = 0; i < OfRow::count; i++) result.set(i, (x[own][i] - mean) * factor * (1 + scale[i]) + shift[i]);
    piece<NUMBER>(p.modulated, first + index) = result;
  }
}

}  // namespace

MVAR_KERNEL(threads, 4, modulate, Rows) { process<false, true>(p); }
MVAR_KERNEL(threads, 4, add_gated, Rows) { process<true, false>(p); }
MVAR_KERNEL(threads, 4, add_gated_and_modulate, Rows) { process<true, true>(p); }
