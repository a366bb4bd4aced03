/// Calls each(0), each(1) ... with constants: a compiler keeps an array of accumulators in registers, and nowhere else,
/// only where it sees every index.
template <class Each, std::size_t... kIndices>
HWY_INLINE void unrolled(std::index_sequence<kIndices...>, [[maybe_unused]] Each each) {
  (each(std::integral_constant<std::size_t, kIndices>()), ...);
}
