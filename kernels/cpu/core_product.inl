// The product of core_per_network.hpp, by tiles of accumulators that stay in registers.

// Rows of a tile that is two vectors wide: 28 accumulators of AVX-512's 32 registers, 12 of AVX2's 16. The rest holds
// the operands.
inline constexpr std::size_t kTileRows = kLanes == 16 ? 14 : 6;
inline constexpr std::size_t kTileVectors = 2;

/// kAdjacent: the elements of a column of A are neighbours (a_row = 1), which an instruction's displacement reaches.
template <std::size_t kRows, std::size_t kVectors, bool kAdjacent>
HWY_FLATTEN HWY_ATTR void tile(const Product& p, const float* a_first, const float* b, const float* start, float* c) {
  // An address holds a multiple of a stride up to 2: a pointer for every three rows leaves registers for all of them.
  constexpr std::size_t kShared = 3;
  constexpr std::make_index_sequence<kRows> kEveryRow;
  constexpr std::make_index_sequence<kVectors> kEveryVector;
  Float sum[kRows][kVectors];
  const float* a[kRows];
  unrolled(kEveryRow, [&](auto r) HWY_ATTR {
    a[r] = a_first + r / kShared * kShared * p.a_row;
    unrolled(kEveryVector, [&](auto v) HWY_ATTR {
      sum[r][v] = start == nullptr ? constant(0.0F) : load(start + r * p.start_stride + v * kLanes);
    });
  });
  const std::size_t a_row = kAdjacent ? 1 : p.a_row;
  const std::size_t a_depth = kAdjacent ? p.a_depth : 1;
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
  const std::size_t c_stride = p.c_stride;
  unrolled(kEveryRow, [&](auto r) HWY_ATTR {
    unrolled(kEveryVector, [&](auto v) HWY_ATTR { store(sum[r][v], c + v * kLanes); });
    c += c_stride;
  });
}

using Tile = void (*)(const Product&, const float* a, const float* b, const float* start, float* c);

/// Tiles of one width, of 1 row and more.
template <std::size_t kVectors, bool kAdjacent, std::size_t... kLess>
constexpr std::array<Tile, sizeof...(kLess)> tiles_of(std::index_sequence<kLess...>) {
  return {tile<kLess + 1, kVectors, kAdjacent>...};
}

/// All rows of kVectors vectors of columns from column n on, by tiles that are as equal as can be: one of few rows
/// waits for its sums. Tiles get addresses, not a Product of their own, which would be read before its stores are
/// through.
template <std::size_t kVectors, bool kAdjacent>
HWY_INLINE void tile_column(const Product& p, std::size_t n) {
  static constexpr auto kTiles = tiles_of<kVectors, kAdjacent>(std::make_index_sequence<kTileRows>());
  const float* a = p.a;
  const float* start = p.start == nullptr ? nullptr : p.start + n;
  float* c = p.c + n;
  std::size_t left = p.n_rows;
  for (std::size_t n_tiles = (left + kTileRows - 1) / kTileRows; n_tiles > 0; --n_tiles) {
    const std::size_t n_rows = (left + n_tiles - 1) / n_tiles;
    kTiles[n_rows - 1](p, a, p.b + n, start, c);
    left -= n_rows;
    a += n_rows * p.a_row;
    c += n_rows * p.c_stride;
    if (start != nullptr) start += n_rows * p.start_stride;
  }
}

template <bool kAdjacent>
HWY_INLINE void all_tiles(const Product& p) {
  std::size_t n = 0;
  for (; n + kTileVectors * kLanes <= p.columns; n += kTileVectors * kLanes) tile_column<kTileVectors, kAdjacent>(p, n);
  for (; n < p.columns; n += kLanes) tile_column<1, kAdjacent>(p, n);
}

HWY_ATTR void product(const Product& p) { p.a_row == 1 ? all_tiles<true>(p) : all_tiles<false>(p); }
