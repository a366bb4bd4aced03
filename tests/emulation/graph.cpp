#include "graph.hpp"

#include <map>

#include "call.hpp"
#include "stream.hpp"

struct EmulatedGraph {
  std::shared_ptr<const shoal::emulation::Branches> branches;
};
struct EmulatedGraphExec {
  std::shared_ptr<const shoal::emulation::Branches> branches;
};

namespace shoal::emulation {
namespace {

Handles<EmulatedGraph>& graphs() {
  static Handles<EmulatedGraph> all;
  return all;
}
Handles<EmulatedGraphExec>& execs() {
  static Handles<EmulatedGraphExec> all;
  return all;
}

/// Whether the first branch's end comes after all work of the others.
bool joined(const Branches& branches) {
  std::vector<std::size_t> reached(branches.size());
  std::vector<std::size_t> followed(branches.size());
  reached[0] = branches[0].size();
  for (bool more = true; more;) {
    more = false;
    for (std::size_t b = 0; b < branches.size(); ++b) {
      for (; followed[b] < reached[b]; ++followed[b]) {
        const Point* const after = branches[b][followed[b]].after.get();
        if (after == nullptr) continue;
        reached[after->branch] = std::max(reached[after->branch], after->place);
        more = true;
      }
    }
  }
  for (std::size_t b = 0; b < branches.size(); ++b) {
    for (std::size_t i = reached[b]; i < branches[b].size(); ++i) {
      if (branches[b][i].work) return false;
    }
  }
  return true;
}

/// A launch has points of its own.
void replay(const Branches& branches) {
  std::map<std::shared_ptr<Point>, std::shared_ptr<Point>> points{{nullptr, nullptr}};
  std::deque<Queue> queues(branches.size());
  std::vector<Queue*> all;
  for (const auto& branch : branches) {
    for (const Operation& operation : branch) {
      if (operation.reaches) points.emplace(operation.reaches, std::make_shared<Point>());
    }
  }
  for (std::size_t b = 0; b < branches.size(); ++b) {
    for (const Operation& operation : branches[b]) {
      queues[b].push({points.at(operation.after), operation.work, points.at(operation.reaches)});
    }
    all.push_back(&queues[b]);
  }
  for (Queue* const queue : all) run(all, *queue);
}

}  // namespace

bool refuse_in_capture() {
  bool refused = false;
  for (EmulatedStream* const stream : all_streams()) {
    if (!stream->capture || stream->capture->mode == cudaStreamCaptureModeRelaxed) continue;
    stream->capture->valid = false;
    refused = true;
  }
  return refused;
}

void leave_capture(const std::shared_ptr<Capture>& capture) {
  for (EmulatedStream* const stream : all_streams()) {
    if (stream->capture == capture) stream->capture = nullptr;
  }
}

std::size_t n_graphs() { return graphs().all().size() + execs().all().size(); }

}  // namespace shoal::emulation

using namespace shoal::emulation;

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return call([&] {
    if (handle == nullptr) return cudaErrorStreamCaptureUnsupported;
    EmulatedStream* const stream = find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return cudaErrorIllegalState;
    stream->capture = std::make_shared<Capture>(Capture{mode, true, Branches(1)});
    stream->branch = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  count_allocation();
  return releasing_call([&] {
    EmulatedStream* const stream = find_stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    const std::shared_ptr<Capture> capture = stream->capture;
    if (!capture) return cudaErrorIllegalState;
    if (stream->branch != 0) {
      capture->valid = false;
      return cudaErrorStreamCaptureUnmatched;
    }
    leave_capture(capture);
    *graph = nullptr;
    if (!capture->valid) return cudaErrorStreamCaptureInvalidated;
    if (!joined(capture->branches)) return cudaErrorStreamCaptureUnjoined;
    auto branches = std::make_shared<const Branches>(std::move(capture->branches));
    *graph = graphs().add(std::make_unique<EmulatedGraph>(EmulatedGraph{std::move(branches)}));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags) {
  return allocating_call([&] {
    if (!graphs().has(graph) || flags != 0) return cudaErrorInvalidValue;
    *exec = execs().add(std::make_unique<EmulatedGraphExec>(EmulatedGraphExec{graph->branches}));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  return call([&] {
    if (!execs().has(exec)) return cudaErrorInvalidValue;
    return enqueue(stream, [branches = exec->branches] { replay(*branches); });
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  return releasing_call([&] { return execs().take(exec) ? cudaSuccess : cudaErrorInvalidValue; });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return releasing_call([&] { return graphs().take(graph) ? cudaSuccess : cudaErrorInvalidValue; });
}
