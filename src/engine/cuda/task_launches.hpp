#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "engine/cuda/device_gangs.hpp"
#include "engine/cuda/device_memory.hpp"

namespace shoal::cuda {

/// The launches of a round: one a kernel with a thread a network or that is built for a shape, and one a size of other
/// blocks that have a network alone. Blocks begin in the order of their numbers, so the longest tasks of a launch come
/// first, and the launch with the longest one; none waits for another's last blocks.
class TaskLaunches {
 public:
  void clear();
  /// seconds: predicted of the task.
  void add(const DeviceGang& gang, const TrainTask& task, double seconds);
  /// All tasks, launch by launch, in the order in which they begin.
  void order(std::vector<TrainTask>& tasks);
  /// operands: of the blocks' products; tasks: what order() gave, on the device. What comes to `stream` after it waits
  /// for all launches.
  void launch(Operands operands, const TrainTask* tasks, const Stream& stream) const;

 private:
  /// One with a thread a network, or (null) blocks of n_threads with one each, by a built kernel or (null) the
  /// program's.
  struct Kernel {
    const ThreadKernel* of_threads;
    const void* of_blocks;
    std::uint32_t n_threads;
    auto operator<=>(const Kernel&) const = default;
  };
  struct Timed {
    double seconds;
    TrainTask task;
  };
  struct Launch {
    Kernel kernel;
    std::size_t shared_bytes = 0;
    std::vector<Timed> tasks;
  };
  static void launch(Operands operands, const Launch& launch, const TrainTask* tasks, const Stream& stream);

  std::map<Kernel, std::size_t> number_of_;
  std::vector<Launch> launches_;
  /// For all but the longest launch; those beyond take turns here, never behind that one.
  std::array<Stream, 7> beside_;
  Event begin_;
  std::array<Event, 7> ends_;
};

}  // namespace shoal::cuda
