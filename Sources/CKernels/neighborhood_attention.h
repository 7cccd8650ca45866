// What the loops of `mvar::neighborhood_attention` work on, the same for every instruction set.
#pragma once
#include <algorithm>
#include <cstdint>
#include "neighborhood_axis.h"

namespace mvar::neighborhood {

using Axis = AxisOf<int64_t>;

/// Rows of channels, one for every place of the map, of one picture and head; the channels of a row are neighbours.
template <typename Number>
struct Rows {
  Number *data;
  int64_t stride;  // numbers from a place to the next

  Number *operator[](int64_t place) const { return data + place * stride; }
};

/// A tensor [B, H, T, D] whose last axis has stride 1.
template <typename Number>
struct View {
  Number *data;
  int64_t batch_stride, head_stride, token_stride;

  Rows<Number> of(int64_t batch, int64_t head) const {
    return {data + batch * batch_stride + head * head_stride, token_stride};
  }
};

/// softmax(scale · q kᵀ) v over the windows of a map.
struct Problem {
  int64_t batch, heads, depth;
  Axis rows, columns;
  /// Queries and keys are compared as unit vectors, and products weighed by one number per head; or null.
  const float *temperatures;
  float scale;  // where there are no temperatures

  int64_t window() const { return rows.kernel * columns.kernel; }
  bool normalizes() const { return temperatures != nullptr; }
  float scale_of(int64_t head) const { return temperatures ? temperatures[head] : scale; }
};

/// What it is computed of. `Number` is float or at::BFloat16; all that is computed on the way is float.
template <typename Number>
struct Operands {
  View<const Number> queries, keys, values;
};

/// The gradients of the loss: given, and wanted.
template <typename Number>
struct Gradients {
  View<const Number> result;
  View<Number> queries, keys, values;
  /// For each picture, head and row of the map, that row's part of the gradient of the temperature; or null.
  double *temperature_parts;
};

/// A rectangle of queries, of one picture and head.
struct Tile {
  int64_t batch, head;
  int64_t row, end_row, column, end_column;
};

/// Some rows of the map of one picture and head.
struct Band {
  int64_t batch, head, row, end_row;
};

/// The least length that a vector is divided by to make it a unit vector.
constexpr float least_norm = 1e-12f;

/// Memory of one thread, handed out in pieces of whole cache lines. With a null base it only counts.
class Scratch {
 public:
  explicit Scratch(float *base) : base_(base) {}

  float *take(int64_t count) {
    float *const result = base_ ? base_ + used_ : nullptr;
    used_ += (count + 15) / 16 * 16;
    return result;
  }

  int64_t used() const { return used_; }

 private:
  float *base_;
  int64_t used_ = 0;
};

}  // namespace mvar::neighborhood
