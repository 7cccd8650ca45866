// The inner loops of `mvar::group_norm`; see each_instruction_set.h.

namespace MVAR_NAMESPACE {

/// For every channel the mean over some pixels, and the sum of squared distances from it: statistics [2][channels].
void measure(const float *x, int64_t pixels, int64_t channels, float *statistics) {
  const Vector share = Vector{} + 1.0f / static_cast<float>(pixels);
  for (int64_t channel = 0; channel < channels; channel += lanes) {
    const int64_t count = std::min<int64_t>(lanes, channels - channel);
    const auto value = [&](int64_t pixel) {
      const float *from = x + pixel * channels + channel;
      return count == lanes ? load(from) : load(from, count);
    };
    // Distances from one of the values are as small as those from the mean, or nearly.
    const Vector origin = value(0);
    Vector sum{}, squares{};
    for (int64_t pixel = 1; pixel < pixels; pixel++) {
      const Vector distance = value(pixel) - origin;
      sum += distance;
      squares = MVAR_FMA(distance, distance, squares);
    }
    const Vector mean = sum * share, rest = squares - sum * mean, none{};
    store(statistics + channel, origin + mean, count);
    store(statistics + channels + channel, rest < none ? none : rest, count);
  }
}

/// y = activation(x · scale + offset), with a scale and an offset for every channel.
void apply(
    const float *x, float *y, int64_t pixels, int64_t channels, const float *scale, const float *offset,
    Activation activation) {
  for (int64_t pixel = 0; pixel < pixels; pixel++, x += channels, y += channels) {
    int64_t channel = 0;
    for (; channel + lanes <= channels; channel += lanes) {
      const Vector value = MVAR_FMA(load(x + channel), load(scale + channel), load(offset + channel));
      store(y + channel, activated(value, activation));
    }
    if (channel < channels) {
      const int64_t count = channels - channel;
      const Vector value =
          MVAR_FMA(load(x + channel, count), load(scale + channel, count), load(offset + channel, count));
      store(y + channel, activated(value, activation), count);
    }
  }
}

}  // namespace MVAR_NAMESPACE
