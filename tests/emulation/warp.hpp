#pragma once

#include <array>
#include <cstdint>

#include "kernel_fault.hpp"

namespace shoal::emulation {

inline constexpr std::uint32_t kWarpSize = 32;

enum class WarpOperation : std::uint8_t { barrier, shuffle, ballot, collective };

/// What a warp does with what its lanes brought, once all are there.
using Collective = void (*)(const std::array<void*, kWarpSize>& brought);

/// What a lane brings to a collective operation of its warp.
struct Arrival {
  WarpOperation operation = WarpOperation::barrier;
  std::uint32_t mask = 0;    ///< the lanes that take part
  std::uint64_t value = 0;   ///< a shuffle's value, a ballot's 0 or 1
  std::uint32_t source = 0;  ///< a shuffle's lane to read
  CallSite site = CallSite::current();
  Collective collective = nullptr;
  void* brought = nullptr;
};

/// The meetings of 32 consecutive threads of a block. Lanes meet by operation (a collective one by its function) and
/// mask; disjoint parts of a warp may be in different meetings at the same time.
class Warp {
 public:
  Warp(std::uint32_t block, std::uint32_t first_thread, std::uint32_t n_lanes);

  /// The lane waits from here on. Returns the lanes that may go on because all of their mask have now arrived, or 0.
  /// Throws KernelFault where the mask is wrong or a lane would be read that does not take part.
  std::uint32_t arrive(std::uint32_t lane, const Arrival& arrival);
  /// What the meeting that ended gave this lane: the value of its source, or the lanes whose ballot was 1.
  [[nodiscard]] std::uint64_t result(std::uint32_t lane) const { return results_[lane]; }
  /// The fault of a waiting lane whose meeting never came about: names a thread that did not come.
  [[nodiscard]] KernelFault absence(std::uint32_t lane) const;

  /// Order of memory within the warp, as barriers of it make it: a vector clock a lane. What `other` did up to this
  /// time of its own is visible to `lane`.
  [[nodiscard]] std::uint32_t clock(std::uint32_t lane, std::uint32_t other) const { return clocks_[lane][other]; }

 private:
  [[nodiscard]] std::uint32_t waiting_with(std::uint32_t lane) const;
  void complete(std::uint32_t lanes, WarpOperation operation);
  void join_clocks(std::uint32_t lanes);
  [[nodiscard]] KernelFault fault(const std::string& what, std::uint32_t lane) const;

  std::uint32_t block_, first_thread_, n_lanes_;
  std::uint32_t waiting_ = 0;
  std::array<Arrival, kWarpSize> arrivals_{};
  std::array<std::uint64_t, kWarpSize> results_{};
  std::array<std::array<std::uint32_t, kWarpSize>, kWarpSize> clocks_{};
};

}  // namespace shoal::emulation
