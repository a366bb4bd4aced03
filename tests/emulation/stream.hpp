#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "queue.hpp"
#include "runtime.hpp"

/// The branch of a capture that its operations go to while there is one.
struct EmulatedStream {
  shoal::emulation::Queue queue;
  std::shared_ptr<shoal::emulation::Capture> capture;
  std::size_t branch = 0;
};

struct EmulatedEvent {
  bool timed = true;
  std::shared_ptr<shoal::emulation::Point> last;  ///< null: never recorded
};

namespace shoal::emulation {

/// The objects of one type that are not yet destroyed.
template <class T>
class Handles {
 public:
  T* add(std::unique_ptr<T> object) { return all_.emplace_back(std::move(object)).get(); }
  /// Null where there is no such handle.
  std::unique_ptr<T> take(const T* handle) {
    const auto found = std::ranges::find(all_, handle, &std::unique_ptr<T>::get);
    if (found == all_.end()) return nullptr;
    std::unique_ptr<T> object = std::move(*found);
    all_.erase(found);
    return object;
  }
  [[nodiscard]] bool has(const T* handle) const {
    return std::ranges::find(all_, handle, &std::unique_ptr<T>::get) != all_.end();
  }
  [[nodiscard]] const std::vector<std::unique_ptr<T>>& all() const noexcept { return all_; }

 private:
  std::vector<std::unique_ptr<T>> all_;
};

/// Null: no such stream. A null handle is the default stream.
[[nodiscard]] EmulatedStream* find_stream(cudaStream_t handle);
/// Every stream that is not destroyed, the default stream first.
[[nodiscard]] std::vector<EmulatedStream*> all_streams();
cudaError_t push(EmulatedStream& stream, Operation operation);
/// Gives the stream something to do after what it has; into the graph while it is captured.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);
/// Runs everything that any stream was given.
void run_all();
/// As run_all(), for what a destructor calls: a fault is kept and thrown by the next call that waits.
void run_all_before_release();
/// Forgets it.
void drop_all();
[[nodiscard]] std::size_t n_streams_and_events();

}  // namespace shoal::emulation
