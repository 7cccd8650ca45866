// float32 for the loops of linear_tile.h; see each_instruction_set.h.
#include "linear_tile.h"

namespace MVAR_NAMESPACE {

struct Float32 {
  using Number = float;
  using Numbers = Vector;
  static constexpr int64_t width = lanes;  // numbers in a register

  static Numbers read(const Number *from) { return load(from); }
  static Numbers read(const Number *from, int64_t count) { return load(from, count); }
  static Vector multiplied(Numbers a, Numbers b, Vector sum) { return MVAR_FMA(a, b, sum); }
  static Vector read_sums(const Number *from, int64_t count) { return load(from, count); }
  static void write_sums(Number *to, Vector sums, int64_t count) { store(to, sums, count); }
};

void block(const Block<float> &b) { block_of<Float32>(b); }

}  // namespace MVAR_NAMESPACE
