// Rows become columns, kLanes x kLanes floats at a time in registers.

#if HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_SSSE3 && HWY_TARGET != HWY_SSE4

/// 4 x 4 floats within each 16 bytes: result j has element j of every block of the four rows.
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

/// columns[c][r] = rows[r][c].
HWY_INLINE void transpose_square(const Float* rows, Float* columns) {
  const FloatTag tag;
  constexpr std::size_t kGroups = kLanes / 4;
  Float blocks[kLanes];  // [group of rows][column of a block]
  for (std::size_t g = 0; g < kGroups; ++g) transpose_blocks(rows + 4 * g, blocks + 4 * g);
  for (std::size_t j = 0; j < 4; ++j) {
    if constexpr (kGroups == 1) {
      columns[j] = blocks[j];
    } else if constexpr (kGroups == 2) {
      columns[j] = hn::ConcatLowerLower(tag, blocks[4 + j], blocks[j]);
      columns[4 + j] = hn::ConcatUpperUpper(tag, blocks[4 + j], blocks[j]);
    } else {
      const auto even = [&](std::size_t g)
                            HWY_ATTR { return hn::OddEvenBlocks(hn::SwapAdjacentBlocks(blocks[g + 4]), blocks[g]); };
      const auto odd = [&](std::size_t g)
                           HWY_ATTR { return hn::OddEvenBlocks(blocks[g + 4], hn::SwapAdjacentBlocks(blocks[g])); };
      const Float even_low = even(j);
      const Float even_high = even(8 + j);
      const Float odd_low = odd(j);
      const Float odd_high = odd(8 + j);
      columns[j] = hn::ConcatLowerLower(tag, even_high, even_low);
      columns[4 + j] = hn::ConcatLowerLower(tag, odd_high, odd_low);
      columns[8 + j] = hn::ConcatUpperUpper(tag, even_high, even_low);
      columns[12 + j] = hn::ConcatUpperUpper(tag, odd_high, odd_low);
    }
  }
}

#else

HWY_INLINE void transpose_square(const Float* rows, Float* columns) { columns[0] = rows[0]; }

#endif

HWY_ATTR void transpose(const Transposition& t) {
  for (std::size_t c = 0; c < t.n_columns; c += kLanes) {
    const std::size_t n_stored = std::min(kLanes, t.n_columns - c);
    for (std::size_t r = 0; r < t.n_rows; r += kLanes) {
      Float rows[kLanes];
      Float columns[kLanes];
      for (std::size_t i = 0; i < kLanes; ++i)
        rows[i] = load(t.from + std::min(r + i, t.n_rows - 1) * t.from_stride + c);
      transpose_square(rows, columns);
      for (std::size_t i = 0; i < kLanes; ++i) {
        if (i < n_stored) store(columns[i], t.to + (c + i) * t.to_stride + r);
      }
    }
  }
}
