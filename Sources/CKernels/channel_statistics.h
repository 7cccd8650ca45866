// Means and variances of channels, put together from parts of a map.
//
// Each part brings, for every channel, the mean and the sum of squared distances from it, in float32; they are put
// together in order and in float64 (Chan, Golub & LeVeque, "Algorithms for computing the sample variance", 1983). A
// picture's statistics depend on nothing but the picture, and keep their digits where the mean is far from 0.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>
#include "group_factors.h"

namespace mvar {

/// A part: its pixels, and [2][channels] means and squares.
struct StatisticsPart {
  int64_t pixels;
  const float *values;
};

/// Means and squares of all parts together, [2][channels].
inline void put_together(const std::vector<StatisticsPart> &parts, int64_t channels, double *statistics) {
  double *means = statistics, *squares = statistics + channels;
  std::fill(statistics, statistics + 2 * channels, 0.0);
  double all = 0;
  for (const auto &part : parts) {
    all += static_cast<double>(part.pixels);
    for (int64_t channel = 0; channel < channels; channel++) {
      means[channel] += static_cast<double>(part.pixels) * static_cast<double>(part.values[channel]);
    }
  }
  for (int64_t channel = 0; channel < channels; channel++) means[channel] /= all;
  for (const auto &part : parts) {
    for (int64_t channel = 0; channel < channels; channel++) {
      const double distance = static_cast<double>(part.values[channel]) - means[channel];
      squares[channel] +=
          static_cast<double>(part.values[channels + channel]) + static_cast<double>(part.pixels) * distance * distance;
    }
  }
}

/// What normalises groups of channels to mean 0 and variance 1 and then scales and shifts them: x · factors[0] +
/// factors[1]. `statistics`: [2][channels] over `pixels` each; `factors`: [2][channels].
inline void normalization_factors(
    const double *statistics, int64_t pixels, int64_t channels, int64_t groups, const float *gain, const float *shift,
    double epsilon, float *factors) {
  const int64_t width = channels / groups;
  for (int64_t first = 0; first < channels; first += width) {
    group_factors(
        statistics + first, statistics + channels + first, pixels, static_cast<int>(width),
        [&](int channel) { return gain[first + channel]; }, [&](int channel) { return shift[first + channel]; },
        epsilon, factors + first, factors + channels + first);
  }
}

}  // namespace mvar
