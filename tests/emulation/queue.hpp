#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace shoal::emulation {

class Queue;
struct Capture;

/// A place in a queue or in a captured branch, for others to wait for.
struct Point {
  Queue* queue = nullptr;
  bool passed = false;
  std::chrono::steady_clock::time_point time;  ///< at which it was passed
  bool captured = false;
  std::weak_ptr<Capture> capture;
  std::size_t branch = 0;
  std::size_t place = 0;  ///< operations of the branch that lie before it
};

/// Waits, works, tells; each of them may be missing.
struct Operation {
  std::shared_ptr<Point> after;
  std::function<void()> work;
  std::shared_ptr<Point> reaches;
};

/// What a stream was given and has not done.
class Queue {
 public:
  Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  void push(Operation operation);
  [[nodiscard]] bool empty() const noexcept { return operations_.empty(); }
  /// The first operation, after what it waits for in other queues.
  void step();
  /// Forgets all; its points count as passed.
  void drop();

 private:
  std::deque<Operation> operations_;
};

/// Runs operations of `queues` in the order of the schedule until `done`; `target` is the queue that leads there. If
/// one throws, all are dropped, as a fault ends everything on a GPU.
void run(const std::vector<Queue*>& queues, Queue& target, const std::function<bool()>& done);
/// Until `target` is empty.
void run(const std::vector<Queue*>& queues, Queue& target);

}  // namespace shoal::emulation
