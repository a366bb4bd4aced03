#pragma once

#include <dlfcn.h>
#include <string>
#include <utility>

#include "shoal/error.hpp"

namespace shoal::cuda {

/// A library of CUDA Toolkit 13 that need not be there. Stays loaded until the program ends: cuBLAS does not bear to be
/// unloaded.
class DynamicLibrary {
 public:
  /// As the loader finds it, then where the toolkit puts it. Throws UnavailableError that says what was looked for.
  explicit DynamicLibrary(std::string name) : name_(std::move(name)) {
    std::string why;
    for (const std::string& place : {name_, "/usr/local/cuda/lib64/" + name_}) {
      library_ = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (library_ != nullptr) return;
      why += why.empty() ? dlerror() : "";
    }
    throw UnavailableError(name_ + " of CUDA Toolkit 13 cannot be loaded (" + why + ")");
  }

  template <class Function>
  void find(const char* name, Function& function) const {
    function = reinterpret_cast<Function>(dlsym(library_, name));
    if (function == nullptr) throw UnavailableError(name_ + " has no " + name);
  }

 private:
  std::string name_;
  void* library_ = nullptr;
};

}  // namespace shoal::cuda
