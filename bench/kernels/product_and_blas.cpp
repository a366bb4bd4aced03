// The strict product on one core beside OpenBLAS's sgemm, at the shapes of a 784-512-512-10 network in minibatches of
// 8192: forwards, backwards and of the gradient. Both are compared with sums in double first; they and the core's
// multiply-add probe take turns. OpenBLAS is loaded when it runs.
//   bench_product [libopenblas.so.0]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/fma_probe.hpp"
#include "kernels/cpu/core_per_network.hpp"

namespace {

using namespace shoal;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kRows = 8192;
constexpr std::size_t kBlockRows = 256;   // that the engine takes through the layers together
constexpr std::size_t kSliceInputs = 28;  // whose gradients it computes together
constexpr int kRounds = 9;

/// cblas.h's sgemm and its values for row-major, plain and transposed.
using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112;

Sgemm sgemm_of(const char* library) {
  void* handle = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw std::runtime_error(::dlerror());
  const auto set_threads = reinterpret_cast<void (*)(int)>(::dlsym(handle, "openblas_set_num_threads"));
  const auto sgemm = reinterpret_cast<Sgemm>(::dlsym(handle, "cblas_sgemm"));
  if (set_threads == nullptr || sgemm == nullptr) throw std::runtime_error(std::string(library) + " is no OpenBLAS");
  set_threads(1);
  return sgemm;
}

struct Free {
  void operator()(float* floats) const { std::free(floats); }
};
using Floats = std::unique_ptr<float[], Free>;

/// Aligned as kernels want it, filled with numbers in (-1, 1).
Floats floats(std::size_t n) {
  Floats made(static_cast<float*>(std::aligned_alloc(cpu::kAlignment, n * sizeof(float))));
  for (std::size_t i = 0; i < n; ++i) made[i] = std::sin(static_cast<float>(i % 100'003));
  return made;
}

/// C = A B, [n_rows, depth] and [depth, n_columns]: A holds a minibatch's activations or deltas and B weights, or (the
/// gradient) A is a layer's inputs transposed and B its deltas.
class Case {
 public:
  Case(std::string name, std::size_t n_rows, std::size_t depth, std::size_t n_columns, bool transposed)
      : name_(std::move(name)), transposed_(transposed), n_columns_(n_columns) {
    const std::size_t a_stride = cpu::padded(transposed ? n_rows : depth);
    const std::size_t columns = cpu::padded(n_columns);
    const std::size_t b_stride = transposed ? cpu::padded(n_columns + 1) : columns;
    a_ = floats((transposed ? depth : n_rows) * a_stride);
    b_ = floats(depth * b_stride);
    c_ = floats(n_rows * columns);
    slice_ = floats(kBlockRows * cpu::kPanel);
    panels_ = floats((transposed ? kBlockRows : depth) * columns);
    if (!transposed) copy_in_panels(b_.get(), b_stride, depth, depth);
    product_ = {.a = a_.get(),
                .a_row = transposed ? 1 : a_stride,
                .a_depth = transposed ? a_stride : 1,
                .b = b_.get(),
                .b_stride = b_stride,
                .start = nullptr,
                .start_stride = 0,
                .c = c_.get(),
                .c_stride = columns,
                .n_rows = n_rows,
                .columns = columns,
                .depth = depth};
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] double flops() const {
    return 2.0 * static_cast<double>(product_.n_rows * product_.depth) * static_cast<double>(n_columns_);
  }
  /// As the engine does it, by blocks of a minibatch's rows.
  void ours() const {
    const std::size_t n_rows = transposed_ ? product_.depth : product_.n_rows;
    for (std::size_t first = 0; first < n_rows; first += kBlockRows) {
      const std::size_t count = std::min(kBlockRows, n_rows - first);
      transposed_ ? add_block(first, count) : multiply_block(first, count);
    }
  }
  void theirs(Sgemm sgemm) const {
    const auto whole = [](std::size_t n) { return static_cast<int>(n); };
    sgemm(kRowMajor, transposed_ ? kTransposed : kPlain, kPlain, whole(product_.n_rows), whole(n_columns_),
          whole(product_.depth), 1, product_.a, whole(transposed_ ? product_.a_depth : product_.a_row), product_.b,
          whole(product_.b_stride), 0, c_.get(), whole(product_.c_stride));
  }

  /// Whether C, of ours or of theirs, is what sums in double give, within depth roundings of a sum of absolute products
  /// (Higham, 3.5).
  [[nodiscard]] bool is_right(bool is_ours) const {
    for (std::size_t i = 0; i < 2000; ++i) {
      const std::size_t row = i * 7919 % product_.n_rows;
      const std::size_t column = i * 104'729 % n_columns_;
      double sum = 0;
      double absolute = 0;
      for (std::size_t k = 0; k < product_.depth; ++k) {
        const double term = static_cast<double>(product_.a[row * product_.a_row + k * product_.a_depth]) *
                            static_cast<double>(product_.b[k * product_.b_stride + column]);
        sum += term;
        absolute += std::abs(term);
      }
      const double error =
          std::abs(static_cast<double>(c_[is_ours ? of_ours(row, column) : row * product_.c_stride + column]) - sum);
      if (!(error <= std::ldexp(static_cast<double>(product_.depth), -24) * absolute)) return false;
    }
    return true;
  }
  void spoil() const { std::fill_n(c_.get(), product_.n_rows * product_.c_stride, NAN); }

 private:
  [[nodiscard]] std::size_t width_of_panel(std::size_t first) const {
    return std::min(cpu::kPanel, cpu::padded(n_columns_) - first);
  }
  /// Floats before an element of our C: a gradient lies in panels.
  [[nodiscard]] std::size_t of_ours(std::size_t row, std::size_t column) const {
    if (!transposed_) return row * product_.c_stride + column;
    const std::size_t first = column / cpu::kPanel * cpu::kPanel;
    return first * product_.n_rows + row * width_of_panel(first) + column - first;
  }

  void copy_in_panels(const float* b, std::size_t stride, std::size_t n_rows, std::size_t panel_rows) const {
    for (std::size_t n = 0; n < cpu::padded(n_columns_); n += cpu::kPanel) {
      cpu::kernels().copy({.from = b + n,
                           .from_stride = stride,
                           .to = panels_.get() + n * panel_rows,
                           .to_stride = width_of_panel(n),
                           .n_rows = n_rows,
                           .n_columns = width_of_panel(n)});
    }
  }

  void multiply_block(std::size_t first, std::size_t count) const {
    cpu::Product part = product_;
    part.a += first * part.a_row;
    part.n_rows = count;
    for (std::size_t n = 0; n < product_.columns; n += cpu::kPanel) {
      part.columns = part.b_stride = width_of_panel(n);
      part.b = panels_.get() + n * part.depth;
      part.c = c_.get() + first * part.c_stride + n;
      cpu::kernels().product(part);
    }
  }

  /// Sums go on from block to block.
  void add_block(std::size_t first, std::size_t count) const {
    copy_in_panels(b_.get() + first * product_.b_stride, product_.b_stride, count, kBlockRows);
    const std::size_t n_inputs = product_.n_rows;
    const std::size_t n_slices = (n_inputs + kSliceInputs - 1) / kSliceInputs;
    cpu::Product part = product_;
    part.a = slice_.get();
    part.a_depth = cpu::kPanel;
    part.depth = count;
    for (std::size_t slice = 0; slice < n_slices; ++slice) {
      const std::size_t m = slice * n_inputs / n_slices;
      part.n_rows = (slice + 1) * n_inputs / n_slices - m;
      cpu::kernels().copy({.from = a_.get() + first * product_.a_depth + m,
                           .from_stride = product_.a_depth,
                           .to = slice_.get(),
                           .to_stride = cpu::kPanel,
                           .n_rows = count,
                           .n_columns = part.n_rows});
      for (std::size_t n = 0; n < product_.columns; n += cpu::kPanel) {
        part.columns = part.b_stride = part.c_stride = part.start_stride = width_of_panel(n);
        part.b = panels_.get() + n * kBlockRows;
        part.c = c_.get() + of_ours(m, n);
        part.start = first > 0 ? part.c : nullptr;
        cpu::kernels().product(part);
      }
    }
  }

  std::string name_;
  bool transposed_;
  std::size_t n_columns_;
  Floats a_, b_, c_, panels_, slice_;
  cpu::Product product_;
};

template <class Work>
double seconds(Work work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double probe_flops() {
  const bench::FmaProbe& probe = bench::fma_probes().front();
  constexpr int kCalls = 500;
  const double s = seconds([&] {
    for (int i = 0; i < kCalls; ++i) probe.run(0.5F, 0.25F);
  });
  return kCalls * probe.flops / s;
}

nlohmann::ordered_json rates(std::vector<double> values) {
  std::ranges::sort(values);
  return {{"median", values[values.size() / 2]}, {"range", {values.front(), values.back()}}};
}

nlohmann::ordered_json measure(const Case& shape, Sgemm sgemm) {
  shape.spoil();
  shape.ours();
  bool ok = shape.is_right(true);
  shape.spoil();
  shape.theirs(sgemm);
  ok = ok && shape.is_right(false);
  nlohmann::ordered_json result{{"product", shape.name()}, {"ok", ok}};
  if (!ok) return result;
  std::vector<double> ours, theirs, ratios, peaks;
  for (int round = 0; round < kRounds; ++round) {
    peaks.push_back(probe_flops() / 1e9);
    ours.push_back(shape.flops() / seconds([&] { shape.ours(); }) / 1e9);
    theirs.push_back(shape.flops() / seconds([&] { shape.theirs(sgemm); }) / 1e9);
    ratios.push_back(ours.back() / theirs.back());
  }
  result["ours_gflops"] = rates(ours);
  result["openblas_gflops"] = rates(theirs);
  result["ours_over_openblas"] = rates(ratios);
  result["peak_gflops"] = *std::ranges::max_element(peaks);
  return result;
}

}  // namespace

int main(int n_arguments, char** arguments) {
  try {
    const Sgemm sgemm = sgemm_of(n_arguments > 1 ? arguments[1] : "libopenblas.so.0");
    bool ok = true;
    nlohmann::ordered_json results = nlohmann::ordered_json::array();
    for (const auto& [n_in, n_out] : {std::pair<std::size_t, std::size_t>{784, 512}, {512, 512}, {512, 10}}) {
      const std::string layer = " of a layer " + std::to_string(n_in) + "-" + std::to_string(n_out);
      // A column of ones carries the biases.
      results.push_back(measure(Case("forwards" + layer, kRows, n_in + 1, n_out, false), sgemm));
      if (n_in != 784) results.push_back(measure(Case("backwards" + layer, kRows, n_out, n_in, false), sgemm));
      results.push_back(measure(Case("gradient" + layer, n_in + 1, kRows, n_out, true), sgemm));
    }
    for (const auto& result : results) ok = ok && result["ok"];
    std::puts(results.dump(1).c_str());
    return ok ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_product: %s\n", error.what());
    return 1;
  }
}
