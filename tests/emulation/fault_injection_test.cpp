#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "cublas.hpp"
#include "engine/cuda/device_memory.hpp"
#include "shoal/error.hpp"

namespace shoal::cuda {
namespace {

SHOAL_KERNEL void set_number(float* to, float value) { *to = value; }

class FaultInjection : public ::testing::Test {
 protected:
  FaultInjection() = default;
  ~FaultInjection() override { emulation::reset(); }
};

std::string failure_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    const std::string what = error.what();
    return what.substr(0, what.find(','));
  }
  return "";
}

TEST_F(FaultInjection, FailsTheCallThatItIsToldToWithAnyError) {
  const struct {
    cudaError_t error;
    int value;
    const char* name;
  } errors[] = {
      {cudaErrorInvalidValue, 1, "cudaErrorInvalidValue"},
      {cudaErrorMemoryAllocation, 2, "cudaErrorMemoryAllocation"},
      {cudaErrorInitializationError, 3, "cudaErrorInitializationError"},
      {cudaErrorInvalidConfiguration, 9, "cudaErrorInvalidConfiguration"},
      {cudaErrorInsufficientDriver, 35, "cudaErrorInsufficientDriver"},
      {cudaErrorDevicesUnavailable, 46, "cudaErrorDevicesUnavailable"},
      {cudaErrorNoDevice, 100, "cudaErrorNoDevice"},
      {cudaErrorECCUncorrectable, 214, "cudaErrorECCUncorrectable"},
      {cudaErrorInvalidResourceHandle, 400, "cudaErrorInvalidResourceHandle"},
      {cudaErrorIllegalAddress, 700, "cudaErrorIllegalAddress"},
      {cudaErrorLaunchOutOfResources, 701, "cudaErrorLaunchOutOfResources"},
      {cudaErrorLaunchTimeout, 702, "cudaErrorLaunchTimeout"},
      {cudaErrorMisalignedAddress, 716, "cudaErrorMisalignedAddress"},
      {cudaErrorLaunchFailure, 719, "cudaErrorLaunchFailure"},
      {cudaErrorStreamCaptureInvalidated, 901, "cudaErrorStreamCaptureInvalidated"},
      {cudaErrorUnknown, 999, "cudaErrorUnknown"},
  };
  for (const auto& [error, value, name] : errors) {
    EXPECT_EQ(error, value);
    emulation::fail_call(2, error);
    const Stream stream;
    EXPECT_EQ(failure_of([&] { stream.wait(); }), std::string("cudaStreamSynchronize failed: ") + name);
    emulation::reset();
    EXPECT_EQ(failure_of([&] { stream.wait(); }), "");
  }
}

TEST_F(FaultInjection, ErrorStaysWhereTheManualSaysSo) {
  const Stream stream;
  emulation::fail_call(1, cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaStreamSynchronize(stream.get()), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(failure_of([&] { stream.wait(); }), "");
  emulation::fail_call(1, cudaErrorIllegalAddress);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(failure_of([&] { stream.wait(); }), "cudaStreamSynchronize failed: cudaErrorIllegalAddress");
    EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  }
}

TEST_F(FaultInjection, LaunchThatFailsDoesNotRun) {
  const Stream stream;
  DeviceBuffer<float> x(1);
  x.clear(stream);
  emulation::fail_call(1, cudaErrorLaunchOutOfResources);
  EXPECT_EQ(failure_of([&] {
              launch({"set", 1, 1, 0, stream.get()}, set_number, x.get(), 1.0F);
            }),
            "launch of set failed: cudaErrorLaunchOutOfResources");
  float value = -1;
  x.download({&value, 1}, stream);
  stream.wait();
  EXPECT_EQ(value, 0);
}

TEST_F(FaultInjection, CopiesHaveReadHostMemoryBeforeAnErrorIsTold) {
  const Stream stream;
  DeviceBuffer<float> x(1);
  std::vector<float> host{1};
  x.upload(host, stream);
  emulation::fail_call(1, cudaErrorMemoryAllocation);
  EXPECT_EQ(failure_of([] { const DeviceBuffer<float> y(1); }),
            "cudaMalloc of 4 bytes failed: cudaErrorMemoryAllocation");
  host[0] = 2;
  // Told late: the error of a call that nobody looked at.
  x.upload(host, stream);
  EXPECT_EQ(failure_of([&] {
              launch({"set", 0, 1, 0, stream.get()}, set_number, x.get(), 0.0F);
            }),
            "launch of set failed: cudaErrorInvalidConfiguration");
  host[0] = 3;
  x.download(host, stream);
  stream.wait();
  EXPECT_EQ(host[0], 2);
}

TEST_F(FaultInjection, CublasFailsInItsOwnWords) {
  cublasHandle_t handle{};
  emulation::fail_call(1, cudaErrorNoDevice);
  EXPECT_EQ(cublasCreate_v2(&handle), CUBLAS_STATUS_NOT_INITIALIZED);
  ASSERT_EQ(cublasCreate_v2(&handle), CUBLAS_STATUS_SUCCESS);
  emulation::fail_call(1, cudaErrorMemoryAllocation);
  EXPECT_EQ(cublasSetStream_v2(handle, nullptr), CUBLAS_STATUS_ALLOC_FAILED);
  emulation::fail_call(1, cudaErrorLaunchFailure);
  EXPECT_EQ(cublasSetMathMode(handle, CUBLAS_DEFAULT_MATH), CUBLAS_STATUS_EXECUTION_FAILED);
  EXPECT_EQ(cublasDestroy_v2(handle), CUBLAS_STATUS_EXECUTION_FAILED) << "it stays";
  EXPECT_EQ(emulation::n_allocations(), 0U) << "and is given back";
}

TEST_F(FaultInjection, DeviceMemoryEndsWhereItIsLimited) {
  emulation::limit_device_memory(1000);
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  {
    const DeviceBuffer<std::byte> x(600);
    ASSERT_EQ(cudaMemGetInfo(&free_bytes, &total_bytes), cudaSuccess);
    EXPECT_EQ(free_bytes, 400U);
    EXPECT_EQ(total_bytes, 1000U);
    EXPECT_EQ(failure_of([] { const DeviceBuffer<std::byte> y(401); }),
              "cudaMalloc of 401 bytes failed: cudaErrorMemoryAllocation");
    const DeviceBuffer<std::byte> z(400);
  }
  const DeviceBuffer<std::byte> x(1000);
}

TEST_F(FaultInjection, RemembersTheMostMemoryInUse) {
  emulation::forget_peak();
  {
    const DeviceBuffer<std::byte> x(600);
    { const DeviceBuffer<std::byte> y(300); }
    const DeviceBuffer<std::byte> z(200);
    EXPECT_EQ(emulation::used_device_bytes(), 800U);
  }
  EXPECT_EQ(emulation::used_device_bytes(), 0U);
  EXPECT_EQ(emulation::peak_device_bytes(), 900U);
  emulation::forget_peak();
  EXPECT_EQ(emulation::peak_device_bytes(), 0U);
}

TEST_F(FaultInjection, CountsWhatIsNotGivenBack) {
  ASSERT_EQ(emulation::n_allocations(), 0U);
  const std::uint64_t before = emulation::n_allocation_calls();
  void* device = nullptr;
  void* pinned = nullptr;
  cudaStream_t stream{};
  cudaEvent_t event{};
  cudaGraph_t graph{};
  cudaGraphExec_t exec{};
  cublasHandle_t handle{};
  EXPECT_EQ(cudaMalloc(&device, 4), cudaSuccess);
  EXPECT_EQ(cudaMallocHost(&pinned, 4), cudaSuccess);
  EXPECT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  EXPECT_EQ(cudaEventCreate(&event), cudaSuccess);
  EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  EXPECT_EQ(cublasCreate_v2(&handle), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(emulation::n_allocations(), 7U);
  EXPECT_EQ(emulation::n_allocation_calls() - before, 7U);
  EXPECT_EQ(cudaFree(device), cudaSuccess);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cublasDestroy_v2(handle), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(emulation::n_allocations(), 0U);
  EXPECT_EQ(emulation::n_allocation_calls() - before, 7U);
}

}  // namespace
}  // namespace shoal::cuda
