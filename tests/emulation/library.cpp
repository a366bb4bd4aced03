// Kernels of images that the program loads, and what the device says of itself.
#include <cstdlib>
#include <dlfcn.h>
#include <elf.h>
#include <filesystem>
#include <string>
#include <unistd.h>

#include "call.hpp"

namespace {

/// Of a shared library in memory: its sections' headers stand at its end.
std::size_t size_of_image(const void* image) {
  const auto& header = *static_cast<const Elf64_Ehdr*>(image);
  return header.e_shoff + std::size_t{header.e_shentsize} * header.e_shnum;
}

/// By a file of its own name: dlopen() takes two files of one name for the same library.
void* load(const void* image) {
  std::string name = (std::filesystem::temp_directory_path() / "shoal-kernels-XXXXXX").string();
  const int file = mkstemp(name.data());
  const auto n = static_cast<ssize_t>(size_of_image(image));
  void* library = nullptr;
  if (write(file, image, static_cast<std::size_t>(n)) == n) library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  close(file);
  unlink(name.c_str());
  return library;
}

}  // namespace

using shoal::emulation::allocating_call;
using shoal::emulation::call;
using shoal::emulation::releasing_call;

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor:
      *value = 9;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = 0;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(shoal::emulation::kMaxSharedBytes);
      break;
  }
  return cudaSuccess;
}

cudaError_t cudaLibraryLoadData(cudaLibrary_t* library, const void* image, const cudaJitOption*, void* const*, unsigned,
                                const cudaLibraryOption*, void* const*, unsigned) {
  return allocating_call([&] {
    *library = load(image);
    return *library == nullptr ? cudaErrorInvalidValue : cudaSuccess;
  });
}

cudaError_t cudaLibraryUnload(cudaLibrary_t library) {
  return releasing_call([&] { return dlclose(library) == 0 ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaLibraryGetKernel(cudaKernel_t* kernel, cudaLibrary_t library, const char* name) {
  return call([&] {
    *kernel = dlsym(library, name);
    return *kernel == nullptr ? cudaErrorInvalidValue : cudaSuccess;
  });
}
