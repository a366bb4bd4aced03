#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <utility>

#include "call.hpp"
#include "graph.hpp"
#include "stream.hpp"

namespace {

struct Text {
  cudaError_t error;
  const char* name;
  const char* text;
};
constexpr Text kTexts[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorDevicesUnavailable, "cudaErrorDevicesUnavailable", "CUDA-capable device(s) is/are busy or unavailable"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorECCUncorrectable, "cudaErrorECCUncorrectable", "uncorrectable ECC error encountered"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorIllegalState, "cudaErrorIllegalState", "the operation cannot be performed in the present state"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources", "too many resources requested for launch"},
    {cudaErrorLaunchTimeout, "cudaErrorLaunchTimeout", "the launch timed out and was terminated"},
    {cudaErrorHardwareStackError, "cudaErrorHardwareStackError", "hardware stack error"},
    {cudaErrorIllegalInstruction, "cudaErrorIllegalInstruction", "an illegal instruction was encountered"},
    {cudaErrorMisalignedAddress, "cudaErrorMisalignedAddress", "misaligned address"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureMerge, "cudaErrorStreamCaptureMerge",
     "operation would result in a merge of separate capture sequences"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const Text& text_of(cudaError_t error) {
  const auto* const found = std::ranges::find(kTexts, error, &Text::error);
  return found == std::end(kTexts) ? kTexts[std::size(kTexts) - 1] : *found;
}

/// After these the manual says: any further work returns the same error, until the process ends.
bool stays(cudaError_t error) {
  constexpr std::array kStay{cudaErrorIllegalAddress,     cudaErrorLaunchTimeout,     cudaErrorHardwareStackError,
                             cudaErrorIllegalInstruction, cudaErrorMisalignedAddress, cudaErrorLaunchFailure};
  return std::ranges::find(kStay, error) != kStay.end();
}

cudaError_t last_error = cudaSuccess;
cudaError_t staying_error = cudaSuccess;
cudaError_t planted_error = cudaSuccess;
std::uint64_t planted_call = 0;
std::uint64_t calls = 0;
std::uint64_t allocation_calls = 0;

}  // namespace

const char* cudaGetErrorName(cudaError_t error) { return text_of(error).name; }
const char* cudaGetErrorString(cudaError_t error) { return text_of(error).text; }
cudaError_t cudaPeekAtLastError() { return last_error; }
cudaError_t cudaGetLastError() {
  if (last_error != cudaSuccess) shoal::emulation::run_all_before_release();
  return std::exchange(last_error, staying_error);
}

namespace shoal::emulation {

cudaError_t next_call() {
  ++calls;
  if (staying_error != cudaSuccess) return staying_error;
  if (calls != planted_call) return cudaSuccess;
  if (stays(planted_error)) {
    staying_error = planted_error;
    drop_all();
  }
  static_cast<void>(refuse_in_capture());
  return planted_error;
}

cudaError_t note(cudaError_t status) {
  if (status == cudaSuccess || status == cudaErrorNotReady) return status;
  last_error = status;
  run_all_before_release();
  return status;
}

void count_allocation() { ++allocation_calls; }

void fail_call(std::uint64_t n, cudaError_t error) {
  planted_call = calls + n;
  planted_error = error;
}
std::uint64_t n_calls() { return calls; }
std::uint64_t n_allocation_calls() { return allocation_calls; }

void reset() {
  planted_call = 0;
  last_error = cudaSuccess;
  staying_error = cudaSuccess;
  drop_all();
  limit_device_memory(kDeviceBytes);
}

}  // namespace shoal::emulation
