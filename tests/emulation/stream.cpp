#include "stream.hpp"

#include <exception>

#include "call.hpp"
#include "graph.hpp"
#include "kernel_fault.hpp"

namespace shoal::emulation {
namespace {

EmulatedStream& default_stream() {
  static EmulatedStream stream;
  return stream;
}
Handles<EmulatedStream>& streams() {
  static Handles<EmulatedStream> all;
  return all;
}
/// Destroyed streams that have not done all yet.
std::vector<std::unique_ptr<EmulatedStream>>& leaving_streams() {
  static std::vector<std::unique_ptr<EmulatedStream>> all;
  return all;
}
Handles<EmulatedEvent>& events() {
  static Handles<EmulatedEvent> all;
  return all;
}
std::exception_ptr kept_fault;

std::vector<Queue*> all_queues() {
  std::vector<Queue*> queues;
  for (EmulatedStream* const stream : all_streams()) queues.push_back(&stream->queue);
  for (const auto& stream : leaving_streams()) queues.push_back(&stream->queue);
  return queues;
}

void throw_kept_fault() {
  if (kept_fault) std::rethrow_exception(std::exchange(kept_fault, nullptr));
}

/// `later` waits for what `earlier` was given so far.
void order(EmulatedStream& earlier, EmulatedStream& later) {
  if (earlier.queue.empty()) return;
  const auto point = std::make_shared<Point>();
  earlier.queue.push({nullptr, nullptr, point});
  later.queue.push({point, nullptr, nullptr});
}

}  // namespace

EmulatedStream* find_stream(cudaStream_t handle) {
  if (handle == nullptr) return &default_stream();
  return streams().has(handle) ? handle : nullptr;
}

std::vector<EmulatedStream*> all_streams() {
  std::vector<EmulatedStream*> all{&default_stream()};
  for (const auto& stream : streams().all()) all.push_back(stream.get());
  return all;
}

cudaError_t push(EmulatedStream& stream, Operation operation) {
  if (stream.capture) {
    if (!stream.capture->valid) return cudaErrorStreamCaptureInvalidated;
    std::vector<Operation>& branch = stream.capture->branches[stream.branch];
    branch.push_back(std::move(operation));
    if (const auto& point = branch.back().reaches) {
      point->captured = true;
      point->capture = stream.capture;
      point->branch = stream.branch;
      point->place = branch.size();
    }
    return cudaSuccess;
  }
  if (&stream == &default_stream()) {
    if (refuse_in_capture()) return cudaErrorStreamCaptureImplicit;
    for (const auto& other : streams().all()) order(*other, stream);
    for (const auto& other : leaving_streams()) order(*other, stream);
  } else {
    order(default_stream(), stream);
  }
  stream.queue.push(std::move(operation));
  return cudaSuccess;
}

cudaError_t enqueue(cudaStream_t handle, std::function<void()> work) {
  EmulatedStream* const stream = find_stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  return push(*stream, {nullptr, std::move(work), nullptr});
}

void run_all() {
  throw_kept_fault();
  const std::vector<Queue*> queues = all_queues();
  for (Queue* const queue : queues) run(queues, *queue);
  leaving_streams().clear();
}

void run_all_before_release() {
  try {
    run_all();
  } catch (...) {
    kept_fault = std::current_exception();
  }
}

void drop_all() {
  for (Queue* const queue : all_queues()) queue->drop();
  leaving_streams().clear();
  kept_fault = nullptr;
}

std::size_t n_streams_and_events() { return streams().all().size() + events().all().size(); }

}  // namespace shoal::emulation

using namespace shoal::emulation;

cudaError_t cudaDeviceSynchronize() {
  return call([] {
    if (refuse_in_capture()) return cudaErrorStreamCaptureUnsupported;
    run_all();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return allocating_call([&] {
    *stream = streams().add(std::make_unique<EmulatedStream>());
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return releasing_call([&] {
    auto taken = streams().take(stream);
    if (!taken) return cudaErrorInvalidResourceHandle;
    if (taken->capture && taken->branch == 0) leave_capture(taken->capture);
    if (taken->capture) taken->capture->valid = false;
    if (!taken->queue.empty()) leaving_streams().push_back(std::move(taken));
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return call([&] {
    EmulatedStream* const stream = find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (stream->capture) {
      stream->capture->valid = false;
      return cudaErrorStreamCaptureUnsupported;
    }
    throw_kept_fault();
    run(all_queues(), stream->queue);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned flags) {
  return call([&] {
    EmulatedStream* const stream = find_stream(handle);
    if (stream == nullptr || !events().has(event)) return cudaErrorInvalidResourceHandle;
    if (flags != 0) return cudaErrorInvalidValue;
    if (!event->last) return cudaSuccess;
    const std::shared_ptr<Capture> capture = event->last->capture.lock();
    if (event->last->captured && !capture) return cudaErrorCapturedEvent;
    if (capture && !stream->capture) {  // the stream joins the capture
      stream->capture = capture;
      stream->branch = capture->branches.size();
      capture->branches.emplace_back();
    }
    if (stream->capture != capture) {
      stream->capture->valid = false;
      return capture ? cudaErrorStreamCaptureMerge : cudaErrorStreamCaptureIsolation;
    }
    return push(*stream, {event->last, nullptr, nullptr});
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return allocating_call([&] {
    if ((flags & ~cudaEventDisableTiming) != 0) return cudaErrorInvalidValue;
    *event = events().add(std::make_unique<EmulatedEvent>(EmulatedEvent{flags != cudaEventDisableTiming, nullptr}));
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return releasing_call([&] { return events().take(event) ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return call([&] {
    EmulatedStream* const stream = find_stream(handle);
    if (stream == nullptr || !events().has(event)) return cudaErrorInvalidResourceHandle;
    event->last = std::make_shared<Point>();
    return push(*stream, {nullptr, nullptr, event->last});
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call([&] {
    if (!events().has(event)) return cudaErrorInvalidResourceHandle;
    if (!event->last) return cudaSuccess;
    if (event->last->captured) return cudaErrorCapturedEvent;
    throw_kept_fault();
    if (event->last->passed) return cudaSuccess;
    run(all_queues(), *event->last->queue, [last = event->last] { return last->passed; });
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call([&] {
    if (!events().has(event)) return cudaErrorInvalidResourceHandle;
    if (!event->last) return cudaSuccess;
    if (event->last->captured) return cudaErrorCapturedEvent;
    throw_kept_fault();
    if (event->last->passed) return cudaSuccess;
    // Who asks until it is there must see time pass.
    bool asked = false;
    run(all_queues(), *event->last->queue, [&] { return std::exchange(asked, true); });
    return cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  return call([&] {
    for (const cudaEvent_t event : {begin, end}) {
      if (!events().has(event) || !event->timed || !event->last) return cudaErrorInvalidResourceHandle;
      if (event->last->captured) return cudaErrorCapturedEvent;
    }
    if (!begin->last->passed || !end->last->passed) return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(end->last->time - begin->last->time).count();
    return cudaSuccess;
  });
}
