// The inner loops of `mvar::group_norm`; see each_instruction_set.h.

namespace MVAR_NAMESPACE {

/// The sums and the sums of squares over some pixels, for every channel: sums [2][channels].
void add_up(const float *x, int64_t pixels, int64_t channels, float *sums) {
  for (int64_t channel = 0; channel < channels; channel += lanes) {
    const int64_t count = std::min<int64_t>(lanes, channels - channel);
    Vector sum{}, squares{};
    for (int64_t pixel = 0; pixel < pixels; pixel++) {
      const float *from = x + pixel * channels + channel;
      const Vector value = count == lanes ? load(from) : load(from, count);
      sum += value;
      squares = MVAR_FMA(value, value, squares);
    }
    store(sums + channel, sum, count);
    store(sums + channels + channel, squares, count);
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
