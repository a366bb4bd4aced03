// The product of core_per_network.hpp, by tiles of accumulators that stay in registers.

// Rows of a tile that is two vectors wide: 28 accumulators of AVX-512's 32 registers, 12 of AVX2's 16. The rest holds
// the operands.
inline constexpr std::size_t kTileRows = kLanes == 16 ? 14 : 6;
inline constexpr std::size_t kTileVectors = 2;

/// kAdjacent: the elements of a column of A are neighbours (a_row = 1), which an instruction's displacement reaches.
template <std::size_t kRows, std::size_t kVectors, bool kAdjacent>
HWY_FLATTEN HWY_ATTR void tile(const Product& p) {
  // An address holds a multiple of a stride up to 2: a pointer for every three rows leaves registers for all of them.
  constexpr std::size_t kShared = 3;
  constexpr std::make_index_sequence<kRows> kEveryRow;
  constexpr std::make_index_sequence<kVectors> kEveryVector;
  Float sum[kRows][kVectors];
  const float* a[kRows];
  unrolled(kEveryRow, [&](auto r) HWY_ATTR {
    a[r] = p.a + r / kShared * kShared * p.a_row;
    unrolled(kEveryVector, [&](auto v) HWY_ATTR {
      sum[r][v] = p.start == nullptr ? constant(0.0F) : load(p.start + r * p.start_stride + v * kLanes);
    });
  });
  const std::size_t a_row = kAdjacent ? 1 : p.a_row;
  const std::size_t a_depth = kAdjacent ? p.a_depth : 1;
  const float* b = p.b;
  for (std::size_t k = 0; k < p.depth; ++k) {
    Float right[kVectors];
    unrolled(kEveryVector, [&](auto v) HWY_ATTR { right[v] = load(b + v * kLanes); });
    unrolled(kEveryRow, [&](auto r) HWY_ATTR {
      const Float left = constant(kAdjacent ? a[0][r] : a[r][r % kShared * a_row]);
      unrolled(kEveryVector, [&](auto v) HWY_ATTR { sum[r][v] = fma(left, right[v], sum[r][v]); });
    });
    unrolled(kEveryRow, [&](auto r) HWY_ATTR { a[r] += a_depth; });
    b += p.b_stride;
  }
  float* c = p.c;
  const std::size_t c_stride = p.c_stride;
  unrolled(kEveryRow, [&](auto r) HWY_ATTR {
    unrolled(kEveryVector, [&](auto v) HWY_ATTR { store(sum[r][v], c + v * kLanes); });
    c += c_stride;
  });
}

/// Tiles of one width, of 1 row and more.
template <std::size_t kVectors, bool kAdjacent, std::size_t... kLess>
constexpr std::array<void (*)(const Product&), sizeof...(kLess)> tiles_of(std::index_sequence<kLess...>) {
  return {tile<kLess + 1, kVectors, kAdjacent>...};
}

/// All rows of the first kVectors vectors of columns, by tiles that are as equal as can be: one of few rows waits for
/// its sums.
template <std::size_t kVectors, bool kAdjacent>
HWY_INLINE void tile_column(Product p) {
  static constexpr auto kTiles = tiles_of<kVectors, kAdjacent>(std::make_index_sequence<kTileRows>());
  const std::size_t n_tiles = (p.n_rows + kTileRows - 1) / kTileRows;
  for (std::size_t left = n_tiles; left > 0; --left) {
    const std::size_t n_rows = (p.n_rows + left - 1) / left;
    kTiles[n_rows - 1](p);
    p.n_rows -= n_rows;
    p.a += n_rows * p.a_row;
    p.c += n_rows * p.c_stride;
    if (p.start != nullptr) p.start += n_rows * p.start_stride;
  }
}

template <std::size_t kVectors>
HWY_INLINE void next_column(Product& p) {
  p.a_row == 1 ? tile_column<kVectors, true>(p) : tile_column<kVectors, false>(p);
  p.columns -= kVectors * kLanes;
  p.b += kVectors * kLanes;
  p.c += kVectors * kLanes;
  if (p.start != nullptr) p.start += kVectors * kLanes;
}

HWY_ATTR void product(const Product& whole) {
  Product p = whole;
  while (p.columns >= kTileVectors * kLanes) next_column<kTileVectors>(p);
  while (p.columns > 0) next_column<1>(p);
}
