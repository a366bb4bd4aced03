// Streams, events and graphs: what a program may rely on, and what it sees where it relies on more.
#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "engine/cuda/device_memory.hpp"
#include "kernel_fault.hpp"

namespace shoal::cuda {
namespace {

using emulation::KernelFault;

SHOAL_KERNEL void set(float* to, float value) { to[thread()] = value; }
SHOAL_KERNEL void add_one(float* to, const float* from) { to[thread()] = from[thread()] + 1; }
SHOAL_KERNEL void diverge(float*) {
  if (thread() != 0) barrier();
}

class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreateWithFlags"); }
  ~Event() { static_cast<void>(cudaEventDestroy(event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  [[nodiscard]] cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_{};
};

/// Two streams and a float each of them works on.
struct Pair {
  Stream a, b;
  DeviceBuffer<float> x{1}, y{1};
  Event ready;

  void set_x(float value) const { launch({"set", 1, 1, 0, a.get()}, set, x.get(), value); }
  void record() const { check(cudaEventRecord(ready.get(), a.get()), "cudaEventRecord"); }
  void wait() const { check(cudaStreamWaitEvent(b.get(), ready.get()), "cudaStreamWaitEvent"); }
  /// In b: y = x + 1.
  void use_x() const { launch({"add_one", 1, 1, 0, b.get()}, add_one, y.get(), x.get()); }
  [[nodiscard]] float read_y() const {
    float value = 0;
    y.download({&value, 1}, b);
    b.wait();
    return value;
  }
};

void for_each_schedule(const std::function<void()>& body) {
  for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
    SCOPED_TRACE("schedule " + std::to_string(schedule));
    emulation::set_schedule(schedule);
    body();
  }
  emulation::set_schedule(0);
}

TEST(EmulatedStream, CopyReadsHostMemoryWhenItRuns) {
  const Stream stream;
  DeviceBuffer<float> buffer(1);
  float host = 1;
  buffer.upload({&host, 1}, stream);
  host = 2;
  float back = 0;
  buffer.download({&back, 1}, stream);
  EXPECT_EQ(back, 0) << "nobody has waited";
  stream.wait();
  EXPECT_EQ(back, 2);
}

TEST(EmulatedStream, EventOrdersTwoStreamsInEverySchedule) {
  for_each_schedule([] {
    const Pair p;
    p.set_x(41);
    p.record();
    p.wait();
    p.use_x();
    EXPECT_EQ(p.read_y(), 42);
  });
}

TEST(EmulatedStream, MissingEventWaitReadsPoison) {
  const Pair p;
  p.set_x(41);
  p.record();
  p.use_x();
  EXPECT_TRUE(std::isnan(p.read_y()));
}

TEST(EmulatedStream, OverwritingWhatAnotherStreamStillReadsIsSeenInOneScheduleAtLeast) {
  std::vector<float> seen;
  for_each_schedule([&] {
    const Pair p;
    p.set_x(1);
    p.record();
    p.wait();
    p.use_x();
    p.set_x(7);
    seen.push_back(p.read_y());
  });
  EXPECT_NE(std::ranges::count(seen, 8), 0);
}

TEST(EmulatedStream, EventStandsForItsLastRecordBeforeTheWait) {
  const Pair p;
  p.set_x(1);
  p.record();
  p.wait();
  p.set_x(2);
  p.record();
  p.use_x();
  EXPECT_EQ(p.read_y(), 2) << "the second record came after the wait";
}

TEST(EmulatedStream, DefaultStreamComesAfterAllAndBeforeAll) {
  for_each_schedule([] {
    const Pair p;
    p.set_x(1);
    launch({"add_one", 1, 1, 0, nullptr}, add_one, p.x.get(), p.x.get());
    p.use_x();
    EXPECT_EQ(p.read_y(), 3);
  });
}

TEST(EmulatedStream, FreeingMemoryWaitsForEverything) {
  float host = 0;
  {
    const Pair p;
    p.set_x(3);
    p.x.download({&host, 1}, p.a);
  }
  EXPECT_EQ(host, 3);
}

TEST(EmulatedStream, QueryTellsProgress) {
  const Pair p;
  EXPECT_EQ(cudaEventQuery(p.ready.get()), cudaSuccess) << "never recorded";
  p.set_x(1);
  p.record();
  EXPECT_EQ(cudaEventQuery(p.ready.get()), cudaErrorNotReady);
  int n_asked = 0;
  while (cudaEventQuery(p.ready.get()) == cudaErrorNotReady) ++n_asked;
  EXPECT_LT(n_asked, 10);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(EmulatedStream, FaultOfAKernelComesOutOfTheCallThatWaits) {
  const Stream stream;
  launch({"diverge", 1, 32, 0, stream.get()}, diverge, static_cast<float*>(nullptr));
  EXPECT_THROW(stream.wait(), KernelFault);
  EXPECT_NO_THROW(stream.wait());
  launch({"diverge", 1, 32, 0, stream.get()}, diverge, static_cast<float*>(nullptr));
  { const DeviceBuffer<float> freed_by_a_destructor(1); }
  EXPECT_THROW(stream.wait(), KernelFault);
}

TEST(EmulatedStream, FaultThatAQueryMeetsEndsWhatOtherStreamsWereGiven) {
  const Pair p;
  float host = 0;
  p.x.download({&host, 1}, p.b);
  launch({"diverge", 1, 32, 0, p.a.get()}, diverge, static_cast<float*>(nullptr));
  p.record();
  EXPECT_THROW(static_cast<void>(cudaEventQuery(p.ready.get())), KernelFault);
  p.b.wait();
  EXPECT_EQ(host, 0);
}

/// The graph of what `record` gives to the stream.
class Graph {
 public:
  Graph(const Stream& stream, const std::function<void()>& record) {
    check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    record();
    cudaGraph_t graph{};
    check(cudaStreamEndCapture(stream.get(), &graph), "cudaStreamEndCapture");
    check(cudaGraphInstantiate(&exec_, graph, 0), "cudaGraphInstantiate");
    check(cudaGraphDestroy(graph), "cudaGraphDestroy");
  }
  ~Graph() { static_cast<void>(cudaGraphExecDestroy(exec_)); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  void launch(const Stream& stream) const { check(cudaGraphLaunch(exec_, stream.get()), "cudaGraphLaunch"); }

 private:
  cudaGraphExec_t exec_{};
};

TEST(EmulatedGraph, RunsWhatWasCapturedAtEveryLaunch) {
  const Stream stream;
  DeviceBuffer<float> x(1);
  float host = 1;
  const Graph graph(stream, [&] {
    x.upload({&host, 1}, stream);
    launch({"add_one", 1, 1, 0, stream.get()}, add_one, x.get(), x.get());
    x.download({&host, 1}, stream);
  });
  stream.wait();
  EXPECT_EQ(host, 1) << "capturing runs nothing";
  for (int i = 0; i < 3; ++i) graph.launch(stream);
  stream.wait();
  EXPECT_EQ(host, 4);
}

TEST(EmulatedGraph, KeepsTheOrderOfForkedStreams) {
  for_each_schedule([] {
    const Pair p;
    const Event begin;
    const Event end;
    const Graph graph(p.a, [&] {
      check(cudaEventRecord(begin.get(), p.a.get()), "cudaEventRecord");
      check(cudaStreamWaitEvent(p.b.get(), begin.get()), "cudaStreamWaitEvent");
      p.set_x(5);
      p.record();
      p.wait();
      p.use_x();
      check(cudaEventRecord(end.get(), p.b.get()), "cudaEventRecord");
      check(cudaStreamWaitEvent(p.a.get(), end.get()), "cudaStreamWaitEvent");
    });
    for (int i = 0; i < 2; ++i) {
      shoal::cuda::launch({"set", 1, 1, 0, p.a.get()}, set, p.y.get(), 0.0F);
      graph.launch(p.a);
      p.a.wait();
      EXPECT_EQ(p.read_y(), 6);
    }
  });
}

TEST(EmulatedGraph, MissingEventWaitInsideOfACaptureReadsPoison) {
  const Pair p;
  const Event begin;
  const Event end;
  const Graph graph(p.b, [&] {
    check(cudaEventRecord(begin.get(), p.b.get()), "cudaEventRecord");
    check(cudaStreamWaitEvent(p.a.get(), begin.get()), "cudaStreamWaitEvent");
    p.set_x(5);
    check(cudaEventRecord(end.get(), p.a.get()), "cudaEventRecord");
    p.use_x();
    check(cudaStreamWaitEvent(p.b.get(), end.get()), "cudaStreamWaitEvent");
  });
  graph.launch(p.b);
  EXPECT_TRUE(std::isnan(p.read_y()));
}

cudaError_t end_of_capture(const Stream& stream) {
  cudaGraph_t graph{};
  const cudaError_t error = cudaStreamEndCapture(stream.get(), &graph);
  EXPECT_EQ(graph, nullptr);
  EXPECT_EQ(cudaGetLastError(), error);
  return error;
}

TEST(EmulatedGraph, RefusesWhatACaptureForbids) {
  const Pair p;
  const auto begin = [&] {
    EXPECT_EQ(cudaStreamBeginCapture(p.a.get(), cudaStreamCaptureModeThreadLocal), cudaSuccess);
  };
  begin();
  EXPECT_EQ(cudaStreamSynchronize(p.a.get()), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(end_of_capture(p.a), cudaErrorStreamCaptureInvalidated);
  begin();
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 4), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(end_of_capture(p.a), cudaErrorStreamCaptureInvalidated);
  begin();
  EXPECT_EQ(cudaMemsetAsync(p.x.get(), 0, 4, nullptr), cudaErrorStreamCaptureImplicit);
  EXPECT_EQ(end_of_capture(p.a), cudaErrorStreamCaptureInvalidated);
  begin();
  p.record();
  EXPECT_EQ(cudaEventSynchronize(p.ready.get()), cudaErrorCapturedEvent);
  EXPECT_EQ(cudaGetLastError(), cudaErrorCapturedEvent);
  p.wait();
  p.use_x();
  EXPECT_EQ(end_of_capture(p.b), cudaErrorStreamCaptureUnmatched);
  EXPECT_EQ(end_of_capture(p.a), cudaErrorStreamCaptureInvalidated);
  begin();
  p.record();
  p.wait();
  p.use_x();
  EXPECT_EQ(end_of_capture(p.a), cudaErrorStreamCaptureUnjoined);
  EXPECT_EQ(end_of_capture(p.a), cudaErrorIllegalState);
}

TEST(EmulatedGraph, CopyIntoMemoryThatIsFreedIsAFault) {
  const Stream stream;
  float host = 1;
  DeviceBuffer<float> x(1);
  const Graph graph(stream, [&] { x.upload({&host, 1}, stream); });
  x = {};
  graph.launch(stream);
  EXPECT_THROW(stream.wait(), KernelFault);
}

}  // namespace
}  // namespace shoal::cuda
