// What group normalisation does to the channels of a group. Read by the processor's compiler and by NVIDIA's.
#pragma once
#ifndef __CUDACC_RTC__
#include <cmath>
#include <cstdint>
#endif

namespace mvar {

/// What normalises a group of `width` channels to mean 0 and variance 1 and then scales and shifts each: x · factor +
/// summand.
///
/// - means, squares: of each channel over `pixels` places, and the sum of squared distances from it.
/// - gain, shift: of a channel.
template <typename Gain, typename Shift>
void group_factors(
    const double *means, const double *squares, int64_t pixels, int width, Gain gain, Shift shift, double epsilon,
    float *factors, float *summands) {
  double mean = 0, sum = 0;
  for (int channel = 0; channel < width; channel++) mean += means[channel];
  mean /= width;
  for (int channel = 0; channel < width; channel++) {
    const double distance = means[channel] - mean;
    sum += squares[channel] + static_cast<double>(pixels) * distance * distance;
  }
  const double factor = 1 / sqrt(sum / static_cast<double>(pixels * width) + epsilon);
  for (int channel = 0; channel < width; channel++) {
    const double scale = static_cast<double>(gain(channel));
    factors[channel] = static_cast<float>(scale * factor);
    summands[channel] = static_cast<float>(static_cast<double>(shift(channel)) - mean * factor * scale);
  }
}

}  // namespace mvar
