// Products of bytes for many rows; included after linear_tile.h.
//
// Bytes add up to the same sum in every order, so that here, unlike elsewhere, the form of a product may depend on how
// many rows it has. Where a panel of columns that lie next to each other is arranged once for many rows, sums need not
// be folded at the end of a step, which is a sixth of the time of a step of bytes.

namespace MVAR_NAMESPACE {

/// Vectors of outputs in a tile of a panel, and its rows.
constexpr int panel_vectors = 2;
constexpr int panel_rows = MVAR_REGISTERS == 32 ? 12 : 6;
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
template <class Arithmetic>
constexpr int64_t lane_numbers = Arithmetic::width / lanes;

/// Where in a panel the weights of a tile stand: [tiles of columns][packed depth / lane_numbers][panel_vectors].
template <class Arithmetic>
inline int64_t panel_place(const Product &p, int64_t k, int64_t c) {
  return (c / (panel_vectors * lanes) * p.packed_depth + k) / lane_numbers<Arithmetic> * panel_vectors +
         c / lanes % panel_vectors;
}

/// A block's weights → a panel, with zeros behind each row's end.
template <class Arithmetic>
void pack_panel(const Product &p, int64_t column, void *to) {
  using Right = typename Arithmetic::Right;
  for (int64_t c = 0; c < block_columns; c += lanes) {
    for (int64_t k = 0; k < p.packed_depth; k += Arithmetic::width) {
      Integers rows[lanes];
      for (int64_t r = 0; r < lanes; r++) {
        const auto *from = static_cast<const Right *>(p.weight) + std::min(column + c + r, p.columns - 1) * p.depth + k;
        rows[r] =
            (Integers)(k + Arithmetic::width <= p.depth ? Arithmetic::read(from) : Arithmetic::read(from, p.depth - k));
      }
      transpose(rows);
      auto *vectors = static_cast<Integers *>(to) + panel_place<Arithmetic>(p, k, c);
      for (int64_t r = 0; r < lanes; r++) vectors[r * panel_vectors] = rows[r];
    }
  }
}

/// to[r][c] (+)= Σ_k x[r][k] w[k][c] for `Rows` × `panel_vectors` vectors, k in one step of `groups` lanes.
template <class Arithmetic, int Rows>
inline void panel_tile(
    int64_t rows, const PackedRows<typename Arithmetic::Left> &x, const Integers *panel, int64_t groups, float *to,
    bool is_first) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return panel_tile<Arithmetic, Rows - 1>(rows, x, panel, groups, to, is_first);
  }
  using Numbers = typename Arithmetic::Numbers;
  typename Arithmetic::Sums sum[Rows][panel_vectors] = {};
#pragma clang loop unroll(disable)
  for (int64_t k = 0; k < groups; k++, panel += panel_vectors) {
    Numbers weight[panel_vectors];
#pragma clang loop unroll(full)
    for (int v = 0; v < panel_vectors; v++) weight[v] = (Numbers)panel[v];
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; r++) {
      int32_t group;
      __builtin_memcpy(&group, x.numbers + r * x.stride + k * lane_numbers<Arithmetic>, sizeof group);
      const Numbers value = (Numbers)(Integers{} + group);
#pragma clang loop unroll(full)
      for (int v = 0; v < panel_vectors; v++) sum[r][v] = Arithmetic::multiplied(value, weight[v], sum[r][v]);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < Rows; r++, to += block_columns) {
#pragma clang loop unroll(full)
    for (int v = 0; v < panel_vectors; v++) {
      Vector total = __builtin_convertvector(sum[r][v], Vector);
      if constexpr (Arithmetic::offset != 0) total -= splat(x.offsets[r]);
      store(to + v * lanes, is_first ? total : load(to + v * lanes) + total);
    }
  }
}

/// As `compute_block`, with the block's weights in a panel.
template <class Arithmetic>
void compute_panel_block(const Product &p, int64_t row, int64_t column, const void *panel) {
  const int64_t rows = std::min(block_rows, p.rows - row);
  float results[block_rows][block_columns];
  for (int64_t k = 0; k < p.depth; k += depth_step) {
    const auto x = p.packed<typename Arithmetic::Left>(k).from(row);
    const int64_t groups = x.stride / lane_numbers<Arithmetic>;
    for (int64_t c = 0; c < std::min(block_columns, p.columns - column); c += panel_vectors * lanes) {
      const auto *weights = static_cast<const Integers *>(panel) + panel_place<Arithmetic>(p, k, c);
      for (int64_t r = 0; r < rows; r += panel_rows) {
        panel_tile<Arithmetic, panel_rows>(rows - r, x.from(r), weights, groups, &results[r][c], k == 0);
      }
    }
  }
  finish_block<Arithmetic>(p, row, column, results);
}

/// As `kernel_of`, with panels.
template <class Arithmetic>
constexpr Kernel panel_kernel_of() {
  Kernel kernel = kernel_of<Arithmetic>();
  kernel.pack_panel = pack_panel<Arithmetic>;
  kernel.compute_panel_block = compute_panel_block<Arithmetic>;
  return kernel;
}

}  // namespace MVAR_NAMESPACE
