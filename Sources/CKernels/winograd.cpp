// 3 × 3 convolutions of stride 1 and padding 1 by Winograd's minimal filtering (Lavin & Gray, arXiv:1509.09308), for
// maps whose channels lie next to each other, with what stands around them in a decoder: normalisation and activation
// of the input, a sum that the result is added to, and the result's statistics for the next normalisation.
//
// A map is cut into tiles of 4 × 4 outputs, each read from 6 × 6 inputs. With transforms of input, weight and output,
// the convolution becomes one matrix product per point of the 6 × 6: 36 products for 16 outputs where the definition
// takes 144.
//
// Up to 4 × 8 tiles make a block. Inputs are transformed once, into chunks of channels. Then, for every block and every
// panel of 32 outputs, a thread transforms a chunk's weights and multiplies them with the chunk's inputs, both small
// enough for its second cache, and transforms the sum of all chunks back. Transformed weights are never kept: they
// would take four times the weights' memory, and making them again costs 6% for a whole block.
//
// Nearest-neighbour enlargement by two folds into the input's transform. One of the points then sees differences of
// equal pixels: its row and column of products vanish, and 25 of 36 remain.
//
// Every output is a sum in an order of its own, so that neither the batch nor the number of threads changes it.
#include "parallel.h"
#include <ATen/ops/empty.h>
#include <torch/library.h>
#include <vector>
#include "activation.h"
#include "channel_statistics.h"

namespace {

using mvar::Activation;

/// Output channels whose weights lie together.
constexpr int64_t panel = 32;
/// Outputs along a tile's side, and inputs and points.
constexpr int64_t tile = 4, points = 6;
/// Tiles of a block from top to bottom, from left to right, and in all.
constexpr int64_t block_height = 4, block_width = 8, block_tiles = block_height * block_width;
/// Channels are padded to a multiple of this, and so many at most are transformed at once.
constexpr int64_t channel_step = 16, part = 80;
/// Words of a chunk. A word has one float or, where products are in bfloat16, the numbers of two channels.
constexpr int64_t chunk = part;
/// Words between the points of a chunk, so that their lines do not share a set of the cache.
constexpr int64_t gap = 16;

/// The points that the transforms evaluate at: 0, ±near, ±far and infinity. Of all choices whose square has an exact
/// float these lose the fewest digits: a third of what ±1 and ±2 lose, the usual ones. An enlarged map needs a 1.
struct Points {
  float near, far;
};
constexpr Points plain_points{0.75f, 1.5f}, enlarging_points{1, 1.5f};

/// A convolution's sizes, and what follows from them.
struct Shape {
  int64_t batch, height, width;  // of the input
  int64_t inputs, outputs;       // channels
  bool enlarges;

  int64_t output_height() const { return enlarges ? 2 * height : height; }
  int64_t output_width() const { return enlarges ? 2 * width : width; }
  int64_t tile_rows() const { return at::divup(output_height(), tile); }
  int64_t tile_columns() const { return at::divup(output_width(), tile); }
  int64_t block_rows() const { return at::divup(tile_rows(), block_height); }
  int64_t block_columns() const { return at::divup(tile_columns(), block_width); }
  int64_t picture_blocks() const { return block_rows() * block_columns(); }
  int64_t panels() const { return at::divup(outputs, panel); }
  int64_t padded_inputs() const { return at::divup(inputs, channel_step) * channel_step; }
  /// Points along an axis whose products do not vanish, and in all.
  int64_t live_side() const { return enlarges ? points - 1 : points; }
  int64_t live() const { return live_side() * live_side(); }
  /// How many inputs apart neighbouring tiles begin.
  int64_t input_step() const { return enlarges ? tile / 2 : tile; }
  /// The input, from the block's first, that stands at this point of a tile.
  int64_t input(int64_t point) const { return enlarges ? (point + 1) / 2 : point; }
  /// Words from one point to the next in a chunk's weights, and floats in a tile's products.
  static int64_t weight_stride(int64_t words) { return words * panel + gap; }
  int64_t product_stride() const { return (live() + 1) * panel; }
};

/// A block of tiles.
struct Block {
  int64_t picture, row, column;  // of the first output
  int64_t rows, columns;         // tiles
  int64_t pixels;                // outputs inside the map

  Block(const Shape &shape, int64_t index) {
    const int64_t block_row = index / shape.block_columns() % shape.block_rows();
    const int64_t block_column = index % shape.block_columns();
    picture = index / shape.picture_blocks();
    row = block_row * block_height * tile;
    column = block_column * block_width * tile;
    rows = std::min(block_height, shape.tile_rows() - block_row * block_height);
    columns = std::min(block_width, shape.tile_columns() - block_column * block_width);
    pixels =
        std::min(rows * tile, shape.output_height() - row) * std::min(columns * tile, shape.output_width() - column);
  }
  int64_t tiles() const { return rows * columns; }
  /// Words from one point to the next in the transformed inputs.
  int64_t input_stride() const { return tiles() * chunk + gap; }
};

/// What is done to an input before the convolution: x · scale + offset, then the activation. Nothing without a scale.
struct Preparation {
  const float *scale = nullptr, *offset = nullptr;  // of a picture's channels
  Activation activation = Activation::identity;
};

/// Where a result goes.
struct Target {
  const float *bias;
  bool adds;          // to what is there
  float *map;         // [B, h′, w′, Co]
  float *statistics;  // of the block, [2][Co]
};

/// One way to multiply.
struct Kernel {
  int64_t numbers;  // in a word
  void (*transform_input)(
      const Shape &, const Block &, int64_t first, const float *x, const Preparation &, float *region, float *to);
  void (*convolve)(
      const Shape &, const Block &, int64_t column, const float *x, const void *kernel, float *weights, float *products,
      const Target &);
};

}  // namespace

#define MVAR_KERNEL "winograd_arithmetic.h"
#define MVAR_AVX512_KERNEL "winograd_avx512.h"
#include "each_instruction_set.h"

namespace {

Kernel best_kernel(bool has_halves, at::ScalarType products) {
#if defined(__x86_64__)
  if (products == at::kBFloat16 && mvar::instruction_set() >= mvar::InstructionSet::avx512_bfloat16) {
    return avx512_more::kernel(has_halves);
  }
#endif
  return MVAR_BEST(kernel)(has_halves);
}

/// weight [Co, Ci, 3, 3] → [panels of 32 outputs, Ci rounded up, 9, 32], in float32 or float16.
at::Tensor winograd_weight(const at::Tensor &weight, bool halves) {
  TORCH_CHECK(
      weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3 && weight.scalar_type() == at::kFloat,
      "a float32 kernel of 3 x 3 is needed, not ", weight.scalar_type(), " ", weight.sizes());
  const Shape shape{1, 1, 1, weight.size(1), weight.size(0), false};
  auto result = at::empty(
      {shape.panels(), shape.padded_inputs(), 9, panel}, weight.options().dtype(halves ? at::kHalf : at::kFloat));
  const auto source = weight.contiguous();
  const auto *from = static_cast<const float *>(source.const_data_ptr());
  void *to = result.mutable_data_ptr();
  at::parallel_for(0, shape.panels() * shape.padded_inputs(), 8, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
      const int64_t input = index % shape.padded_inputs();
      for (int64_t lane = 0; lane < panel; lane++) {
        const int64_t output = index / shape.padded_inputs() * panel + lane;
        const bool is_there = input < shape.inputs && output < shape.outputs;
        for (int64_t tap = 0; tap < 9; tap++) {
          const float value = is_there ? from[(output * shape.inputs + input) * 9 + tap] : 0;
          const int64_t place = (index * 9 + tap) * panel + lane;
          if (halves) {
            static_cast<at::Half *>(to)[place] = static_cast<at::Half>(value);
          } else {
            static_cast<float *>(to)[place] = value;
          }
        }
      }
    }
  });
  return result;
}

void check(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const Shape &shape,
    const std::optional<at::Tensor> &factors, const std::optional<at::Tensor> &total) {
  TORCH_CHECK(shape.inputs > 0 && shape.outputs > 0 && bias.dim() == 1, "no channels, or a bias of ", bias.sizes());
  TORCH_CHECK(bias.scalar_type() == at::kFloat && bias.is_contiguous(), "a float32 bias is needed");
  TORCH_CHECK(
      weight.sizes() == at::IntArrayRef({shape.panels(), shape.padded_inputs(), 9, panel}) &&
          (weight.scalar_type() == at::kFloat || weight.scalar_type() == at::kHalf) && weight.is_contiguous(),
      "an arranged weight of ", weight.sizes(), " for a map of ", x.sizes(), " and ", shape.outputs, " outputs");
  if (factors) {
    TORCH_CHECK(
        factors->sizes() == at::IntArrayRef({shape.batch, 2, shape.inputs}) && factors->scalar_type() == at::kFloat &&
            factors->is_contiguous(),
        "factors of ", factors->sizes(), " for a map of ", x.sizes());
  }
  if (total) {
    const std::vector<int64_t> sizes{shape.batch, shape.outputs, shape.output_height(), shape.output_width()};
    TORCH_CHECK(
        total->sizes() == at::IntArrayRef(sizes) && total->scalar_type() == at::kFloat &&
            total->is_contiguous(at::MemoryFormat::ChannelsLast) && total->const_data_ptr() != x.const_data_ptr(),
        "a sum of ", total->sizes(), " for a result of ", sizes);
  }
}

/// x [B, Ci, h, w] with channels last in memory, a weight from `winograd_weight`, bias [Co], factors [B, 2, Ci] → the
/// convolution of activation(x · factors[0] + factors[1]), [B, Co, h′, w′], likewise, and its channels' means and sums
/// of squared distances, [B, 2, Co] float64. With a `total` the result is added to it, in place. `products` is what is
/// multiplied: float32, or bfloat16 where the processor can.
std::tuple<at::Tensor, at::Tensor> winograd(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, bool enlarges,
    const std::optional<at::Tensor> &factors, c10::string_view activation, const std::optional<at::Tensor> &total,
    at::ScalarType products) {
  TORCH_CHECK(products == at::kFloat || products == at::kBFloat16, "products in ", products);
  TORCH_CHECK(
      x.dim() == 4 && x.scalar_type() == at::kFloat && x.is_contiguous(at::MemoryFormat::ChannelsLast),
      "a float32 map with channels last is needed, not ", x.scalar_type(), " ", x.sizes());
  const Shape shape{x.size(0), x.size(2), x.size(3), x.size(1), bias.numel(), enlarges};
  check(x, weight, bias, shape, factors, total);
  const auto kind = mvar::activation_named(activation);
  auto result = total ? *total
                      : at::empty(
                            {shape.batch, shape.outputs, shape.output_height(), shape.output_width()}, x.options(),
                            at::MemoryFormat::ChannelsLast);
  auto statistics = at::empty({shape.batch, 2, shape.outputs}, x.options().dtype(at::kDouble));
  const auto *from = static_cast<const float *>(x.const_data_ptr());
  const auto *scales = factors ? static_cast<const float *>(factors->const_data_ptr()) : nullptr;
  const auto *shift = static_cast<const float *>(bias.const_data_ptr());
  auto *to = static_cast<float *>(result.mutable_data_ptr());
  const auto kernel = best_kernel(weight.scalar_type() == at::kHalf, products);
  const auto *matrix = static_cast<const std::byte *>(weight.const_data_ptr());
  const int64_t panel_bytes = shape.padded_inputs() * 9 * panel * weight.element_size();

  // As many blocks at once as give every thread something to do and keep their transformed inputs in the last cache.
  const int64_t blocks = shape.batch * shape.picture_blocks(), in_parts = at::divup(shape.padded_inputs(), part);
  const int64_t threads = mvar::loop_threads();
  const int64_t largest = std::min(block_height, shape.tile_rows()) * std::min(block_width, shape.tile_columns());
  const int64_t block_words =
      at::divup(shape.padded_inputs(), chunk * kernel.numbers) * shape.live() * (largest * chunk + gap);
  const int64_t budget = threads * (int64_t{3} << 20) / static_cast<int64_t>(sizeof(float));
  const int64_t step = std::max<int64_t>(1, std::min(budget / block_words, blocks));
  auto transformed = at::empty({step, block_words}, x.options());
  const int64_t region = (shape.input_step() * block_height + 2) * (shape.input_step() * block_width + 2) * part;
  const int64_t weights = shape.live() * Shape::weight_stride(chunk);
  const int64_t sums = block_tiles * shape.product_stride();
  auto scratch = at::empty({threads, std::max(region, weights + sums)}, x.options());
  auto parts = at::empty({blocks, 2, shape.outputs}, x.options());
  auto *in = static_cast<float *>(transformed.mutable_data_ptr());
  auto *own = static_cast<float *>(scratch.mutable_data_ptr());
  auto *measured = static_cast<float *>(parts.mutable_data_ptr());

  for (int64_t first = 0; first < blocks; first += step) {
    const int64_t present = std::min(step, blocks - first);
    at::parallel_for(0, present * in_parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; index++) {
        const Block block(shape, first + index / in_parts);
        Preparation preparation{nullptr, nullptr, kind};
        if (scales) {
          preparation.scale = scales + block.picture * 2 * shape.inputs;
          preparation.offset = preparation.scale + shape.inputs;
        }
        kernel.transform_input(
            shape, block, index % in_parts * part, from, preparation, own + at::get_thread_num() * scratch.size(1),
            in + index / in_parts * block_words);
      }
    });
    at::parallel_for(0, present * shape.panels(), 1, [&](int64_t begin, int64_t end) {
      float *weights_of_thread = own + at::get_thread_num() * scratch.size(1);
      for (int64_t index = begin; index < end; index++) {
        const int64_t number = index / shape.panels(), column = index % shape.panels();
        kernel.convolve(
            shape, Block(shape, first + number), column, in + number * block_words, matrix + column * panel_bytes,
            weights_of_thread, weights_of_thread + weights,
            Target{shift, total.has_value(), to, measured + (first + number) * 2 * shape.outputs});
      }
    });
  }
  for (int64_t picture = 0; picture < shape.batch; picture++) {
    std::vector<mvar::StatisticsPart> of_picture;
    for (int64_t index = picture * shape.picture_blocks(); index < (picture + 1) * shape.picture_blocks(); index++) {
      of_picture.push_back({Block(shape, index).pixels, measured + index * 2 * shape.outputs});
    }
    mvar::put_together(
        of_picture, shape.outputs, static_cast<double *>(statistics.mutable_data_ptr()) + picture * 2 * shape.outputs);
  }
  return {result, statistics};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(mvar, library) {
  library.def("winograd_weight(Tensor weight, bool halves) -> Tensor");
  library.def(
      "winograd(Tensor x, Tensor weight, Tensor bias, bool enlarges, Tensor? factors, str activation, "
      "Tensor(a!)? total, ScalarType products) -> (Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(mvar, CPU, library) {
  library.impl("winograd_weight", winograd_weight);
  library.impl("winograd", winograd);
}
