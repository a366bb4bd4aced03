#pragma once

#include <cstddef>
#include <cstdint>

// The same tests run over the emulated device, under several orders of its threads, and on a GPU.
#if defined(SHOAL_EMULATION)

#include "tests/emulation/runtime.hpp"
#if defined(SHOAL_EMULATION_RACES)
#include "tests/emulation/race_checker.hpp"
#endif
#define SHOAL_CUDA_SUITE EmulatedCuda

namespace shoal {
// A switch of fibers costs AddressSanitizer fifty times as much, and it looks for other faults than a schedule's.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr std::uint32_t kSchedules = 2;
inline constexpr std::uint32_t kShare = 8;  ///< one sweep of so many is trained
#else
inline constexpr std::uint32_t kSchedules = 8;
inline constexpr std::uint32_t kShare = 1;
#endif
inline constexpr std::uint32_t kPlacesThatMatter = 40;
inline constexpr bool kProductsIgnoreCompany = true;
inline void set_schedule(std::uint32_t schedule) { emulation::set_schedule(schedule); }
inline std::size_t n_allocations() { return emulation::n_allocations(); }
#if defined(SHOAL_EMULATION_RACES)
inline constexpr bool kFindsRaces = true;
using RaceWatch = emulation::RaceChecker;  ///< a race is a KernelFault
#else
inline constexpr bool kFindsRaces = false;
#endif
}  // namespace shoal

#else

#define SHOAL_CUDA_SUITE GpuCuda

namespace shoal {
inline constexpr std::uint32_t kSchedules = 4;
inline constexpr std::uint32_t kShare = 1;
inline constexpr std::uint32_t kPlacesThatMatter = 20'000;  ///< 1.7 to 3 GB
/// cuBLAS may take another kernel for another number of networks, with another order of sums.
inline constexpr bool kProductsIgnoreCompany = false;
inline constexpr bool kFindsRaces = false;
inline void set_schedule(std::uint32_t) {}
inline std::size_t n_allocations() { return 0; }
}  // namespace shoal

#endif

#if !defined(SHOAL_EMULATION_RACES)
namespace shoal {
struct RaceWatch {
  [[nodiscard]] std::uint64_t n_accesses() const { return 0; }  ///< that it has seen
};
}  // namespace shoal
#endif
