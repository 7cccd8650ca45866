// Guidance, temperature, top-k, top-p and the draw of one token in one pass; a block has a place. DEPTH, the number of
// codes, is defined from outside.
//
// Nothing is sorted. Everything asked for is the largest number at which a sum over the codes is still small enough:
// the k-th likeliest logit (of codes below it are at most V - k), the logit up to which top-p drops (those below it
// weigh at most 1 - p), and the token (the codes before it weigh at most u). Such a number is found bit by bit. Weights
// are whole multiples of 2^-44 of the likeliest code's, so that no order of adding matters.
#include "device.h"
#include "draw.h"
#include "philox.h"

using namespace mvar::draw;

namespace {

constexpr int owned = (DEPTH + threads - 1) / threads;  // codes of a thread
constexpr int warps = threads / 32;

constexpr int bits_for(int number) { return number == 0 ? 0 : 1 + bits_for(number / 2); }

/// Sums and largest numbers over the block, which every thread gets.
struct Block {
  uint64_t *shared;  // [2][warps]
  int turn;

  template <typename Value, typename Combined>
  Value combined(Value x, Combined combine) {
    MVAR_UNROLL
    for (int distance = 16; distance > 0; distance /= 2) x = combine(x, of_lane_xor(x, distance));
    // Who is still reading the last result reads the other half.
    turn ^= 1;
    Value *const of_warps = reinterpret_cast<Value *>(shared + turn * warps);
    if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = x;
    wait_for_block();
    Value result = of_warps[0];
    for (int warp = 1; warp < warps; warp++) result = combine(result, of_warps[warp]);
    return result;
  }
  uint64_t sum(uint64_t x) {
    return combined(x, [](uint64_t a, uint64_t b) { return a + b; });
  }
  float largest(float x) {
    return combined(x, [](float a, float b) { return fmaxf(a, b); });
  }

  /// The largest number of so many bits for which a sum over the block is at most `limit`; the sum grows with it.
  template <typename Sum>
  uint32_t largest_within(uint64_t limit, int bits, Sum own_sum) {
    uint32_t found = 0;
    for (int bit = bits - 1; bit >= 0; bit--) {
      const uint32_t candidate = found | 1u << bit;
      if (sum(own_sum(candidate)) <= limit) found = candidate;
    }
    return found;
  }
};

/// A whole number that grows with x, from 1 on.
inline uint32_t order_of(float x) {
  const uint32_t bits = bits_of(x + 0.0f);  // the two zeros are one
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

inline int code_of(int own) { return own * threads + static_cast<int>(threadIdx.x); }

/// Adds what `of` says of this thread's codes.
template <typename Of>
inline uint64_t own_sum(Of of) {
  uint64_t sum = 0;
  MVAR_UNROLL
  for (int own = 0; own < owned; own++) sum += code_of(own) < DEPTH ? of(own) : 0;
  return sum;
}

}  // namespace

MVAR_KERNEL(threads, 2, draw, Draw) {
  MVAR_SHARED_MEMORY(memory);
  Block block{reinterpret_cast<uint64_t *>(memory), 0};
  const int64_t place = blockIdx.x;

  float x[owned], largest = -INFINITY;
  uint64_t strange = 0;
  MVAR_UNROLL
  for (int own = 0; own < owned; own++) {
    const int64_t index = place * DEPTH + code_of(own);
    x[own] = -INFINITY;
    if (code_of(own) >= DEPTH) continue;
    x[own] = p.logits[index];
    if (p.unconditional) {
      x[own] = rounded_product(x[own], p.factor) - rounded_product(p.unconditional[index], p.unconditional_factor);
    }
    if (!(x[own] < INFINITY)) strange = 1;
    largest = fmaxf(largest, x[own]);
  }
  largest = block.largest(largest);
  if (block.sum(strange) > 0 || largest == -INFINITY) {
    if (threadIdx.x == 0) p.tokens[place] = -1;
    return;
  }
  if (p.temperature != 1) {
    MVAR_UNROLL
    for (int own = 0; own < owned; own++) x[own] = (x[own] - largest) / p.temperature;
    largest = 0;
  }

  uint32_t order[owned];
  MVAR_UNROLL
  for (int own = 0; own < owned; own++) order[own] = order_of(x[own]);
  uint32_t least = 0;
  if (p.top_k > 0 && p.top_k < DEPTH) {
    least = block.largest_within(DEPTH - p.top_k, 32, [&](uint32_t candidate) {
      return own_sum([&](int own) { return static_cast<uint64_t>(order[own] < candidate); });
    });
  }
  uint64_t weights[owned];
  MVAR_UNROLL
  for (int own = 0; own < owned; own++) {
    const bool is_kept = code_of(own) < DEPTH && order[own] >= least;
    weights[own] = is_kept ? static_cast<uint64_t>(expf(x[own] - largest) * 0x1p44f) : 0;
  }

  if (p.has_top_p) {
    const uint64_t all = block.sum(own_sum([&](int own) { return weights[own]; }));
    const auto limit = static_cast<uint64_t>(static_cast<double>(p.dropped) * static_cast<double>(all));
    const auto below = [&](uint32_t candidate) {
      return own_sum([&](int own) { return order[own] < candidate ? weights[own] : 0; });
    };
    const uint32_t highest = order_of(largest), found = block.largest_within(limit, 32, below);
    const uint32_t edge = found < highest ? found : highest;
    // Of equally likely codes at the edge, the first ones are dropped, as many as weigh little enough; never all.
    const uint64_t lower = block.sum(below(edge));
    const uint64_t equals =
        block.sum(own_sum([&](int own) { return static_cast<uint64_t>(order[own] == edge && weights[own] > 0); }));
    const uint64_t together = block.sum(own_sum([&](int own) { return order[own] == edge ? weights[own] : 0; }));
    uint64_t dropped = equals > 0 && limit > lower ? (limit - lower) / (together / equals) : 0;
    if (dropped >= equals) dropped = equals > 0 ? equals - 1 : 0;
    uint32_t first_kept = 0;
    if (dropped > 0) {
      first_kept = block.largest_within(dropped, bits_for(DEPTH), [&](uint32_t candidate) {
        return own_sum([&](int own) {
          return static_cast<uint64_t>(
              order[own] == edge && weights[own] > 0 && static_cast<uint32_t>(code_of(own)) < candidate);
        });
      });
    }
    MVAR_UNROLL
    for (int own = 0; own < owned; own++) {
      const bool is_dropped =
          order[own] < edge || (order[own] == edge && static_cast<uint32_t>(code_of(own)) < first_kept);
      if (is_dropped) weights[own] = 0;
    }
  }

  const int64_t image = place / p.tokens_of_image;
  const auto token = static_cast<uint32_t>(place % p.tokens_of_image);
  const double uniform =
      mvar::random_block(p.seed, static_cast<uint64_t>(p.images[image]), p.scale, token, 0).unit_interval(0);
  const uint64_t all = block.sum(own_sum([&](int own) { return weights[own]; }));
  // Rounding must not reach the whole: there is always a code beyond.
  const auto reached = static_cast<uint64_t>(uniform * static_cast<double>(all));
  const uint64_t limit = reached < all ? reached : all - 1;
  const uint32_t drawn = block.largest_within(limit, bits_for(DEPTH), [&](uint32_t candidate) {
    return own_sum([&](int own) { return static_cast<uint32_t>(code_of(own)) < candidate ? weights[own] : 0; });
  });
  if (threadIdx.x == 0) p.tokens[place] = drawn;
}
