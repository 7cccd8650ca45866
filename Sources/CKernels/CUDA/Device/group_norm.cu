// Group normalisation in three passes: means and squares of every channel over spans of places, what they make of the
// channels, and the result. NUMBER is defined from outside. Every sum has one order, and keeps its digits where the
// mean is far from 0.
#include "device.h"
#include "group_factors.h"
#include "group_norm.h"
#include "pieces.h"

using namespace mvar::group_norm;

namespace {
using OfMap = Piece<NUMBER>;
}  // namespace

/// A block: a span of a map.
MVAR_KERNEL(threads, 3, measure, Maps) {
  MVAR_SHARED_MEMORY(memory);
  // [2 · numbers of a piece][threads]
  float *const sums = reinterpret_cast<float *>(memory);
  const int thread = threadIdx.x, pieces = p.channels / OfMap::count;
  // Teams of threads have every so many pixels; a thread has a column of each.
  const int columns = pieces < threads ? pieces : threads, teams = threads / columns;
  const int column = thread % columns, team = thread / columns;
  const int64_t map = blockIdx.x / p.spans, part = blockIdx.x % p.spans, first = part * span;
  const int count = static_cast<int>(p.pixels - first < span ? p.pixels - first : span);
  for (int base = 0; base < pieces; base += columns) {
    const int index = base + column;
    const bool is_there = team < teams && index < pieces;
    // Distances from one of the values are as small as those from the mean, or nearly.
    OfMap origin;
    if (is_there) {
      origin = piece<NUMBER>(p.x, (map * p.pixels + first) * pieces + index);
      float sum[OfMap::count] = {}, squares[OfMap::count] = {};
      for (int pixel = team; pixel < count; pixel += teams) {
        const OfMap values = piece<NUMBER>(p.x, (map * p.pixels + first + pixel) * pieces + index);
        MVAR_UNROLL
        for (int i = 0; i < OfMap::count; i++) {
          const float distance = values[i] - origin[i];
          sum[i] += distance;
          squares[i] += distance * distance;
        }
      }
      MVAR_UNROLL
      for (int i = 0; i < OfMap::count; i++) {
        sums[(2 * i) * threads + thread] = sum[i];
        sums[(2 * i + 1) * threads + thread] = squares[i];
      }
    }
    wait_for_block();
    if (is_there && team == 0) {
      float *const means = p.parts + (map * p.spans + part) * 2 * p.channels + index * OfMap::count;
      MVAR_UNROLL
      for (int i = 0; i < OfMap::count; i++) {
        float sum = 0, squares = 0;
        for (int other = 0; other < teams; other++) {
          sum += sums[(2 * i) * threads + other * columns + column];
          squares += sums[(2 * i + 1) * threads + other * columns + column];
        }
        const float mean = sum / count;
        means[i] = origin[i] + mean;
        means[p.channels + i] = fmaxf(squares - sum * mean, 0);
      }
    }
    wait_for_block();
  }
}

/// A block: a map.
MVAR_KERNEL(threads, 1, prepare, Maps) {
  MVAR_SHARED_MEMORY(memory);
  double *const means = reinterpret_cast<double *>(memory), *const squares = means + p.channels;
  const int64_t map = blockIdx.x;
  const float *const parts = p.parts + map * p.spans * 2 * p.channels;
  const auto count = [&](int part) {
    const int64_t left = p.pixels - static_cast<int64_t>(part) * span;
    return static_cast<double>(left < span ? left : span);
  };
  for (int channel = threadIdx.x; channel < p.channels; channel += threads) {
    double mean = 0, sum = 0;
    for (int part = 0; part < p.spans; part++) {
      mean += count(part) * static_cast<double>(parts[part * 2 * p.channels + channel]);
    }
    mean /= static_cast<double>(p.pixels);
    for (int part = 0; part < p.spans; part++) {
      const float *const of_part = parts + part * 2 * p.channels + channel;
      const double distance = static_cast<double>(of_part[0]) - mean;
      sum += static_cast<double>(of_part[p.channels]) + count(part) * distance * distance;
    }
    means[channel] = mean;
    squares[channel] = sum;
  }
  wait_for_block();
  const int width = p.channels / p.groups;
  for (int group = threadIdx.x; group < p.groups; group += threads) {
    const int first = group * width;
    const auto of_channel = [=](const void *values) {
      return [=](int channel) { return widened(static_cast<const NUMBER *>(values)[first + channel]); };
    };
    float *const factors = p.factors + map * 2 * p.channels + first;
    mvar::group_factors(
        means + first, squares + first, p.pixels, width, of_channel(p.gain), of_channel(p.shift), p.epsilon, factors,
        factors + p.channels);
  }
}

/// A block: so many pieces of a map.
MVAR_KERNEL(threads, 4, apply, Maps) {
  const int64_t map = blockIdx.x / p.blocks_of_map, part = blockIdx.x % p.blocks_of_map;
  const int pieces = p.channels / OfMap::count;
  const int64_t all = p.pixels * pieces;
  const float *const factors = p.factors + map * 2 * p.channels, *const summands = factors + p.channels;
  MVAR_UNROLL
  for (int own = 0; own < pieces_of_thread; own++) {
    const int64_t index = (part * pieces_of_thread + own) * threads + threadIdx.x;
    if (index >= all) continue;
    const OfMap values = piece<NUMBER>(p.x, map * all + index);
    const int channel = static_cast<int>(index % pieces) * OfMap::count;
    OfMap result;
    MVAR_UNROLL
    for (int i = 0; i < OfMap::count; i++) {
      const float y = values[i] * factors[channel + i] + summands[channel + i];
      result.set(i, p.is_silu ? y / (1 + expf(-y)) : y);
    }
    piece<NUMBER>(p.result, map * all + index) = result;
  }
}
