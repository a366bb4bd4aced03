#include "engine/cuda/kernel_builder.hpp"

#include <cstdint>
#include <iterator>
#include <numeric>
#include <utility>
#include <vector>

#include "data/file_bytes.hpp"
#include "engine/cuda/kernel_text.hpp"
#include "engine/cuda/nvrtc_library.hpp"
#include "shoal/error.hpp"
#include "shoal/trial.hpp"

namespace shoal::cuda {
namespace {

/// What 255 registers hold beside all that a row needs: measured, see docs/decisions/thread-per-network.md.
constexpr std::size_t kMostParameters = 40;
constexpr std::int32_t kMostValues = 20;  ///< inputs and units of hidden layers
/// nvcc's for the compiled kernels; all functions are for the device.
constexpr const char* kOptions[] = {"-std=c++20", "-fmad=false", "-default-device", "--ptxas-options=-v"};

void check_nvrtc(nvrtcResult result, const char* call) {
  if (result == NVRTC_SUCCESS) return;
  throw Error(std::string(call) + " failed: " + nvrtc_library().error_string(result));
}

/// A source with the headers of kernel_text().
class Program {
 public:
  explicit Program(const KernelSource& source) {
    std::vector<const char*> texts;
    std::vector<const char*> names;
    for (const HeaderText& header : kernel_text()) {
      texts.push_back(header.text);
      names.push_back(header.name);
    }
    check_nvrtc(nvrtc_library().create(&program_, source.text.c_str(), source.file.c_str(),
                                       static_cast<int>(texts.size()), texts.data(), names.data()),
                "nvrtcCreateProgram");
  }
  ~Program() { nvrtc_library().destroy(&program_); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] KernelImage compiled(const std::string& architecture) const {
    const NvrtcLibrary& nvrtc = nvrtc_library();
    std::vector<const char*> options(std::begin(kOptions), std::end(kOptions));
    const std::string for_device = "-arch=" + architecture;
    options.push_back(for_device.c_str());
    const nvrtcResult result = nvrtc.compile(program_, static_cast<int>(options.size()), options.data());
    std::string log = read(nvrtc.log_size, nvrtc.log);
    if (result != NVRTC_SUCCESS) {
      throw Error(std::string("nvrtcCompileProgram failed: ") + nvrtc.error_string(result) + "\n" + log);
    }
    return {read(nvrtc.image_size, nvrtc.image), std::move(log)};
  }

 private:
  [[nodiscard]] std::string read(decltype(&nvrtcGetCUBINSize) size, decltype(&nvrtcGetCUBIN) get) const {
    std::size_t n = 0;
    check_nvrtc(size(program_, &n), "the size of what nvrtc made");
    std::string bytes(n, 0);
    check_nvrtc(get(program_, bytes.data()), "reading what nvrtc made");
    return bytes;
  }

  nvrtcProgram program_ = nullptr;
};

/// Whatever decides what NVRTC makes of a source.
std::uint64_t hash_of(const std::string& source, const std::string& architecture) {
  int major = 0;
  int minor = 0;
  check_nvrtc(nvrtc_library().version(&major, &minor), "nvrtcVersion");
  std::string all = std::to_string(major) + "." + std::to_string(minor) + " " + architecture + "\n" + source;
  for (const char* const option : kOptions) all += option;
  for (const HeaderText& header : kernel_text()) all += std::string(header.name) + "\n" + header.text;
  return data::hash_bytes(all, 0);
}

}  // namespace

const std::string& why_no_builder() {
  static const std::string why = [] {
    try {
      static_cast<void>(Program({"nothing.cu", "extern \"C\" void nothing() {}\n"}).compiled(device_architecture()));
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  }();
  return why;
}

ThreadSizes built_sizes(const Topology& topology, const ThreadVariant& variant) {
  return {.n_in = static_cast<std::uint32_t>(topology.n_inputs),
          .n_out = static_cast<std::uint32_t>(topology.n_outputs),
          .n_parameters = static_cast<std::uint32_t>(topology.n_parameters()),
          .n_moments = variant.is_plain && variant.solver == SolverKind::sgd ? 1U : 2U,
          .is_plain = variant.is_plain};
}

bool fits_registers(const Topology& topology) {
  const std::vector<std::int32_t>& hidden = topology.hidden_layer_sizes;
  const std::int32_t n_values = std::accumulate(hidden.begin(), hidden.end(), topology.n_inputs);
  return n_values <= kMostValues && topology.n_parameters() <= kMostParameters;
}

KernelImage build_kernel(const KernelSource& source, const std::string& architecture) {
  return Program(source).compiled(architecture);
}

const ThreadKernel& KernelBuilder::thread_kernel(const Topology& topology, const ThreadVariant& variant) {
  std::string name = "thread_" + sizes_text(topology, "-");
  if (variant.is_plain) {
    name += "_" + std::string(shoal::name(static_cast<Activation>(variant.activation))) + "_" +
            std::string(shoal::name(static_cast<Solver>(variant.solver)));
  }
  const auto found = thread_kernels_.find(name);
  if (found != thread_kernels_.end()) return found->second;
  ThreadKernel kernel;
  kernel.sizes.push_back(static_cast<std::uint32_t>(topology.n_inputs));
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    kernel.sizes.push_back(static_cast<std::uint32_t>(topology.fan_out(l)));
  }
  kernel.variant = variant;
  kernel.shared_bytes = thread_shared_bytes(built_sizes(topology, variant));
  kernel.function = function(name, thread_source(topology, variant));
  return thread_kernels_.emplace(name, std::move(kernel)).first->second;
}

const void* KernelBuilder::block_function(const NetworkShape& shape) {
  const KernelSource source = block_source(shape);
  return function("block_" + sizes_text(shape, "-") + "_" + std::to_string(data::hash_bytes(source.text, 0)), source);
}

const void* KernelBuilder::function(const std::string& name, const KernelSource& source) {
  auto found = libraries_.find(name);
  if (found == libraries_.end()) {
    const std::string architecture = device_architecture();
    const std::string file = name + "_" + architecture;
    const std::uint64_t hash = hash_of(source.text, architecture);
    std::optional<std::string> image = cache_.find(file, hash);
    if (!image) {
      image = build_kernel(source, architecture).image;
      cache_.keep(file, hash, *image);
    }
    found = libraries_.emplace(name, Library(*image)).first;
  }
  return found->second.kernel(kEntry);
}

}  // namespace shoal::cuda
