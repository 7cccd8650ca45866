// 3 × 3 convolutions of stride 1 and padding 1 by Winograd's minimal filtering (Lavin & Gray, arXiv:1509.09308), for
// maps whose channels lie next to each other.
//
// A map is cut into tiles of R × R outputs, R = 2 or 4, each read from N × N inputs, N = R + 2. With transforms of
// input, weight and output, the convolution becomes one matrix product per point of the N × N: 36 products for 16
// outputs where the definition takes 144. R = 2 is as exact as the definition; R = 4 loses about one decimal digit, and
// its transformed weights take 2.25 times as much memory.
//
// Nearest-neighbour enlargement by two folds into the input's transform. With R = 4 the point -1 then sees differences
// of equal pixels: its row and column of products vanish, and 25 of 36 remain.
//
// Every output is a sum in an order of its own, so that neither the batch nor the number of threads changes it.
#include "parallel.h"
#include <ATen/ops/empty.h>
#include <torch/library.h>
#include <vector>

namespace {

/// Output channels whose weights lie together.
constexpr int64_t panel = 32;

/// A convolution's sizes, and what follows from them.
struct Shape {
  int64_t batch, height, width;  // of the input
  int64_t inputs, outputs;       // channels
  int64_t tile;                  // R
  bool enlarges;

  int64_t points() const { return tile + 2; }
  int64_t output_height() const { return enlarges ? 2 * height : height; }
  int64_t output_width() const { return enlarges ? 2 * width : width; }
  int64_t tile_rows() const { return at::divup(output_height(), tile); }
  int64_t tile_columns() const { return at::divup(output_width(), tile); }
  int64_t panels() const { return at::divup(outputs, panel); }
  /// Whether the products of this row or column of points are zero.
  bool vanishes(int64_t point) const { return enlarges && tile == 4 && point == 2; }
};

/// Where a tile stands.
struct Place {
  int64_t picture, row, column;  // of the first output

  Place(const Shape &shape, int64_t index)
      : picture(index / (shape.tile_rows() * shape.tile_columns())),
        row(index / shape.tile_columns() % shape.tile_rows() * shape.tile),
        column(index % shape.tile_columns() * shape.tile) {}
};

}  // namespace

#define MVAR_KERNEL "winograd_loops.h"
#include "each_instruction_set.h"

namespace {

/// The points whose products do not vanish, as row · N + column.
std::vector<int64_t> live_points(const Shape &shape) {
  std::vector<int64_t> points;
  for (int64_t row = 0; row < shape.points(); row++) {
    for (int64_t column = 0; column < shape.points(); column++) {
      if (!shape.vanishes(row) && !shape.vanishes(column)) points.push_back(row * shape.points() + column);
    }
  }
  return points;
}

void check_tile(int64_t tile) { TORCH_CHECK(tile == 2 || tile == 4, "tiles of 2 or 4 outputs, not ", tile); }

/// weight [Co, Ci, 3, 3] → [live points, panels of 32 outputs, Ci, 32].
at::Tensor winograd_weight(const at::Tensor &weight, int64_t tile, bool enlarges) {
  check_tile(tile);
  TORCH_CHECK(
      weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3 && weight.scalar_type() == at::kFloat,
      "a float32 kernel of 3 x 3 is needed, not ", weight.scalar_type(), " ", weight.sizes());
  static constexpr double small[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  static constexpr double large[6][3] = {
      {1.0 / 4, 0, 0},
      {-1.0 / 6, -1.0 / 6, -1.0 / 6},
      {-1.0 / 6, 1.0 / 6, -1.0 / 6},
      {1.0 / 24, 1.0 / 12, 1.0 / 6},
      {1.0 / 24, -1.0 / 12, 1.0 / 6},
      {0, 0, 1}};
  const auto *transform = tile == 2 ? small : large;
  const Shape shape{1, 1, 1, weight.size(1), weight.size(0), tile, enlarges};
  const auto points = live_points(shape);
  const auto count = static_cast<int64_t>(points.size());
  auto result = at::empty({count, shape.panels(), shape.inputs, panel}, weight.options());
  const auto source = weight.contiguous();
  const auto *from = static_cast<const float *>(source.const_data_ptr());
  auto *to = static_cast<float *>(result.mutable_data_ptr());
  at::parallel_for(0, shape.panels() * shape.inputs, 8, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
      const int64_t input = index % shape.inputs;
      for (int64_t lane = 0; lane < panel; lane++) {
        const int64_t output = index / shape.inputs * panel + lane;
        const float *kernel = output < shape.outputs ? from + (output * shape.inputs + input) * 9 : nullptr;
        double rows[6][3] = {};  // the transform along y
        for (int64_t point = 0; kernel && point < shape.points(); point++) {
          for (int64_t x = 0; x < 3; x++) {
            for (int64_t y = 0; y < 3; y++) rows[point][x] += transform[point][y] * kernel[y * 3 + x];
          }
        }
        for (int64_t i = 0; i < count; i++) {
          const double *row = rows[points[i] / shape.points()], *along_x = transform[points[i] % shape.points()];
          to[(i * shape.panels() * shape.inputs + index) * panel + lane] =
              static_cast<float>(row[0] * along_x[0] + row[1] * along_x[1] + row[2] * along_x[2]);
        }
      }
    }
  });
  return result;
}

/// x [B, Ci, h, w] with channels last in memory, a weight from `winograd_weight`, bias [Co] → [B, Co, h′, w′],
/// likewise.
at::Tensor winograd(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t tile, bool enlarges) {
  check_tile(tile);
  TORCH_CHECK(
      x.dim() == 4 && x.scalar_type() == at::kFloat && x.is_contiguous(at::MemoryFormat::ChannelsLast),
      "a float32 map with channels last is needed, not ", x.scalar_type(), " ", x.sizes());
  const Shape shape{x.size(0), x.size(2), x.size(3), x.size(1), bias.numel(), tile, enlarges};
  const auto points = live_points(shape);
  const auto count = static_cast<int64_t>(points.size());
  TORCH_CHECK(
      weight.sizes() == at::IntArrayRef({count, shape.panels(), shape.inputs, panel}) &&
          weight.scalar_type() == at::kFloat && weight.is_contiguous(),
      "a transformed weight of ", weight.sizes(), " for a map of ", x.sizes(), " and ", shape.outputs, " outputs");
  TORCH_CHECK(shape.inputs > 0 && shape.outputs > 0 && bias.dim() == 1, "no channels, or a bias of ", bias.sizes());
  TORCH_CHECK(bias.scalar_type() == at::kFloat && bias.is_contiguous(), "a float32 bias is needed");
  auto result = at::empty(
      {shape.batch, shape.outputs, shape.output_height(), shape.output_width()}, x.options(),
      at::MemoryFormat::ChannelsLast);
  const auto *from = static_cast<const float *>(x.const_data_ptr());
  const auto *kernel = static_cast<const float *>(weight.const_data_ptr());
  const auto *shift = static_cast<const float *>(bias.const_data_ptr());
  auto *to = static_cast<float *>(result.mutable_data_ptr());

  // As many tiles at once as keep the transformed maps in the last cache.
  constexpr int64_t budget = 8 << 20, fewest = 48;
  const int64_t tiles = shape.batch * shape.tile_rows() * shape.tile_columns(), padded = shape.panels() * panel;
  const int64_t bytes = count * (shape.inputs + padded) * static_cast<int64_t>(sizeof(float));
  const int64_t step = std::min(tiles, std::max(fewest, budget / bytes));
  auto transformed = at::empty({count, step, shape.inputs}, x.options());
  auto products = at::empty({count, step, padded}, x.options());
  auto *in = static_cast<float *>(transformed.mutable_data_ptr());
  auto *out = static_cast<float *>(products.mutable_data_ptr());
  const std::vector<float> zeros(shape.inputs);
  const auto transform_input = MVAR_BEST(transform_input);
  const auto multiply = MVAR_BEST(multiply);
  const auto transform_output = MVAR_BEST(transform_output);

  for (int64_t first = 0; first < tiles; first += step) {
    const int64_t present = std::min(step, tiles - first);
    at::parallel_for(0, present, 4, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; index++) {
        transform_input(
            shape, Place(shape, first + index), from, zeros.data(), in + index * shape.inputs, step * shape.inputs);
      }
    });
    at::parallel_for(0, count * shape.panels(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; index++) {
        const int64_t point = index / shape.panels(), column = index % shape.panels();
        multiply(
            in + point * step * shape.inputs, present, shape.inputs, kernel + index * shape.inputs * panel,
            out + point * step * padded + column * panel, padded);
      }
    });
    at::parallel_for(0, present, 4, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; index++) {
        transform_output(shape, Place(shape, first + index), out + index * padded, step * padded, shift, to);
      }
    });
  }
  return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def("winograd_weight(Tensor weight, int tile, bool enlarges) -> Tensor");
  library.def("winograd(Tensor x, Tensor weight, Tensor bias, int tile, bool enlarges) -> Tensor");
}
TORCH_LIBRARY_IMPL(mvar, CPU, library) {
  library.impl("winograd_weight", winograd_weight);
  library.impl("winograd", winograd);
}
