// Products of bytes for many rows; included after linear_avx512.h's arithmetic.
//
// Bytes add up to the same sum in every order, so that here, unlike elsewhere, the form of a product may depend on how
// many rows it has. Where a panel of columns that lie next to each other is arranged once for many rows, sums need not
// be folded at the end of a step (docs/decisions/0004).

namespace MVAR_NAMESPACE {

/// Vectors of outputs in a tile of a panel, and its rows.
constexpr int panel_vectors = 2;
constexpr int panel_rows = 12;
static_assert(block_columns % (panel_vectors * lanes) == 0 && block_rows % panel_rows == 0);

/// The lanes of two vectors by turns, from the first or from the middle on.
template <int Begin, int... Index>
inline Integers interleaved(Integers a, Integers b, std::integer_sequence<int, Index...>) {
  return __builtin_shufflevector(a, b, (Begin + Index / 2 + Index % 2 * lanes)...);
}

/// Turns `lanes` vectors into their columns.
inline void transpose(Integers *rows) {
  constexpr auto every_lane = std::make_integer_sequence<int, lanes>();
#pragma clang loop unroll(full)
  for (int round = 1; round < lanes; round *= 2) {
    Integers next[lanes];
#pragma clang loop unroll(full)
    for (int i = 0; i < lanes / 2; i++) {
      next[2 * i] = interleaved<0>(rows[i], rows[i + lanes / 2], every_lane);
      next[2 * i + 1] = interleaved<lanes / 2>(rows[i], rows[i + lanes / 2], every_lane);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < lanes; i++) rows[i] = next[i];
  }
}

/// Numbers of a row of x that share a lane.
constexpr int64_t lane_numbers = Int8::width / lanes;

/// Where in a panel the weights of a tile stand: [tiles of columns][packed depth / lane_numbers][panel_vectors].
inline int64_t panel_place(const Product &p, int64_t k, int64_t c) {
  return (c / (panel_vectors * lanes) * p.packed_depth + k) / lane_numbers * panel_vectors + c / lanes % panel_vectors;
}

/// A block's weights → a panel, with zeros behind each row's end.
void pack_panel(const Product &p, int64_t column, void *to) {
  using Right = Int8::Right;
  for (int64_t c = 0; c < block_columns; c += lanes) {
    for (int64_t k = 0; k < p.packed_depth; k += Int8::width) {
      Integers rows[lanes];
      for (int64_t r = 0; r < lanes; r++) {
        const auto *from = static_cast<const Right *>(p.weight) + std::min(column + c + r, p.columns - 1) * p.depth + k;
        rows[r] = (Integers)(k + Int8::width <= p.depth ? Int8::read(from) : Int8::read(from, p.depth - k));
      }
      transpose(rows);
      auto *vectors = static_cast<Integers *>(to) + panel_place(p, k, c);
      for (int64_t r = 0; r < lanes; r++) vectors[r * panel_vectors] = rows[r];
    }
  }
}

/// to[r][c] (+)= Σ_k x[r][k] w[k][c] for `Rows` × `panel_vectors` vectors, k in one step of `groups` lanes.
template <int Rows>
inline void panel_tile(
    int64_t rows, const PackedRows<Int8::Left> &x, const Integers *panel, int64_t groups, float *to, bool is_first) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return panel_tile<Rows - 1>(rows, x, panel, groups, to, is_first);
  }
  using Numbers = Int8::Numbers;
  Int8::Sums sum[Rows][panel_vectors] = {};
#pragma clang loop unroll(disable)
  for (int64_t k = 0; k < groups; k++, panel += panel_vectors) {
    Numbers weight[panel_vectors];
#pragma clang loop unroll(full)
    for (int v = 0; v < panel_vectors; v++) weight[v] = (Numbers)panel[v];
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; r++) {
      int32_t group;
      __builtin_memcpy(&group, x.numbers + r * x.stride + k * lane_numbers, sizeof group);
      const Numbers value = (Numbers)(Integers{} + group);
#pragma clang loop unroll(full)
      for (int v = 0; v < panel_vectors; v++) sum[r][v] = Int8::multiplied(value, weight[v], sum[r][v]);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < Rows; r++, to += block_columns) {
#pragma clang loop unroll(full)
    for (int v = 0; v < panel_vectors; v++) {
      const Vector total = __builtin_convertvector(sum[r][v] - x.offsets[r], Vector);
      store(to + v * lanes, is_first ? total : load(to + v * lanes) + total);
    }
  }
}

/// As `compute_block`, with the block's weights in a panel.
void compute_panel_block(const Product &p, int64_t row, int64_t column, const void *panel) {
  const int64_t rows = std::min(block_rows, p.rows - row);
  float results[block_rows][block_columns];
  for (int64_t k = 0; k < p.depth; k += depth_step) {
    const auto x = p.packed<Int8::Left>(k).from(row);
    const int64_t groups = x.stride / lane_numbers;
    for (int64_t c = 0; c < std::min(block_columns, p.columns - column); c += panel_vectors * lanes) {
      const auto *weights = static_cast<const Integers *>(panel) + panel_place(p, k, c);
      for (int64_t r = 0; r < rows; r += panel_rows) {
        panel_tile<panel_rows>(rows - r, x.from(r), weights, groups, &results[r][c], k == 0);
      }
    }
  }
  finish_block<Int8>(p, row, column, results);
}

/// Products of bytes, with panels.
Kernel int8_kernel() {
  Kernel kernel = kernel_of<Int8>();
  kernel.pack_panel = pack_panel;
  kernel.compute_panel_block = compute_panel_block;
  return kernel;
}

}  // namespace MVAR_NAMESPACE
