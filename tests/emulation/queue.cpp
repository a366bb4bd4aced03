#include "queue.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <ranges>
#include <utility>

#include "runtime.hpp"

namespace shoal::emulation {
namespace {

std::uint32_t current_schedule = 0;
std::minstd_rand shuffled;

Queue& any_busy(const std::vector<Queue*>& queues) {
  std::vector<Queue*> busy;
  std::ranges::copy_if(queues, std::back_inserter(busy), [](const Queue* queue) { return !queue->empty(); });
  return *busy[std::uniform_int_distribution<std::size_t>(0, busy.size() - 1)(shuffled)];
}

}  // namespace

void set_schedule(std::uint32_t schedule) {
  current_schedule = schedule;
  shuffled.seed(schedule);
}
std::uint32_t schedule() { return current_schedule; }

void Queue::push(Operation operation) {
  if (operation.reaches) operation.reaches->queue = this;
  operations_.push_back(std::move(operation));
}

void Queue::step() {
  // What another queue waits for was given to it earlier, so these waits never close a circle.
  const std::shared_ptr<Point> after = operations_.front().after;
  while (after && !after->passed) after->queue->step();
  const Operation operation = std::move(operations_.front());
  operations_.pop_front();
  if (operation.work) operation.work();
  if (operation.reaches) {
    operation.reaches->passed = true;
    operation.reaches->time = std::chrono::steady_clock::now();
  }
}

void Queue::drop() {
  for (const Operation& operation : operations_) {
    if (operation.reaches) operation.reaches->passed = true;
  }
  operations_.clear();
}

void run(const std::vector<Queue*>& queues, Queue& target, const std::function<bool()>& done) {
  try {
    if (current_schedule == 1) {
      for (Queue* const queue : std::views::reverse(queues)) {
        while (queue != &target && !queue->empty()) queue->step();
      }
    }
    while (!done()) (current_schedule < 2 ? target : any_busy(queues)).step();
  } catch (...) {
    for (Queue* const queue : queues) queue->drop();
    throw;
  }
}

void run(const std::vector<Queue*>& queues, Queue& target) {
  run(queues, target, [&] { return target.empty(); });
}

}  // namespace shoal::emulation
