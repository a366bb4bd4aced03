// Rows become columns, kLanes x kLanes floats at a time in registers.

#if HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_SSSE3 && HWY_TARGET != HWY_SSE4

/// Floats c, ..., c + 3 of row r in block 0, of row r + 4 in block 1, and so on.
template <class Row>
HWY_INLINE Float rows_in_blocks(std::size_t r, std::size_t c, Row row) {
  const FloatTag tag;
  const hn::Full128<float> block;
  // Not by loads that fill all blocks (LoadDup128): g++ 12 fails on them with AVX-512 and sanitizers.
  const auto four = [&](std::size_t i) HWY_ATTR { return hn::LoadU(block, row(r + i) + c); };
  if constexpr (kLanes == 4) {
    return four(0);
  } else if constexpr (kLanes == 8) {
    return hn::Combine(tag, four(4), four(0));
  } else {
    const hn::Half<FloatTag> half;
    return hn::Combine(tag, hn::Combine(half, four(12), four(8)), hn::Combine(half, four(4), four(0)));
  }
}

/// results[j]: float c + j of kLanes rows, from what they have in blocks: 4 x 4 floats of each.
HWY_INLINE void transpose_blocks(const Float* rows, Float* results) {
  const FloatTag tag;
  const hn::RepartitionToWide<FloatTag> pairs;
  const auto low_01 = hn::BitCast(pairs, hn::InterleaveLower(tag, rows[0], rows[1]));
  const auto low_23 = hn::BitCast(pairs, hn::InterleaveLower(tag, rows[2], rows[3]));
  const auto high_01 = hn::BitCast(pairs, hn::InterleaveUpper(tag, rows[0], rows[1]));
  const auto high_23 = hn::BitCast(pairs, hn::InterleaveUpper(tag, rows[2], rows[3]));
  results[0] = hn::BitCast(tag, hn::InterleaveLower(pairs, low_01, low_23));
  results[1] = hn::BitCast(tag, hn::InterleaveUpper(pairs, low_01, low_23));
  results[2] = hn::BitCast(tag, hn::InterleaveLower(pairs, high_01, high_23));
  results[3] = hn::BitCast(tag, hn::InterleaveUpper(pairs, high_01, high_23));
}

/// columns[j]: float c + j of kLanes rows.
template <class Row>
HWY_INLINE void four_columns(std::size_t c, Row row, Float* columns) {
  Float rows[4];
  for (std::size_t r = 0; r < 4; ++r) rows[r] = rows_in_blocks(r, c, row);
  transpose_blocks(rows, columns);
}

#else

template <class Row>
HWY_INLINE void four_columns(std::size_t c, Row row, Float* columns) {
  for (std::size_t j = 0; j < 4; ++j) columns[j] = row(0)[c + j];
}

#endif

/// kLanes rows from row r on. kAll: there are so many; else the last one stands in for those that are missing.
template <bool kAll>
HWY_INLINE void transpose_rows(const Move& move, std::size_t r) {
  const float* from = move.from + r * move.from_stride;
  const std::size_t stride = move.from_stride;
  const std::size_t last = move.n_rows - 1 - r;
  const auto row = [=](std::size_t i) HWY_ATTR { return from + (kAll ? i : std::min(i, last)) * stride; };
  for (std::size_t c = 0; c < move.n_columns; c += 4) {
    Float columns[4];
    four_columns(c, row, columns);
    float* to = move.to + c * move.to_stride + r;
    const std::size_t n = std::min<std::size_t>(4, move.n_columns - c);
    store(columns[0], to);
    if (n > 1) store(columns[1], to + move.to_stride);
    if (n > 2) store(columns[2], to + 2 * move.to_stride);
    if (n > 3) store(columns[3], to + 3 * move.to_stride);
  }
}

HWY_ATTR void transpose(const Move& move) {
  std::size_t r = 0;
  for (; r + kLanes <= move.n_rows; r += kLanes) transpose_rows<true>(move, r);
  if (r < move.n_rows) transpose_rows<false>(move, r);
}
