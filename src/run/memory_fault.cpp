#include "run/memory_fault.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace shoal::run {
namespace {

struct Part {
  std::uint64_t bytes;
  const char* key;
  const char* name;
};

}  // namespace

InputError memory_fault(const plan::GangTooLarge& gang, const BesideNetworks& beside, std::uint64_t memory_bytes,
                        const SweepSpec& spec) {
  const bool in_architecture =
      spec.places.contains("parameters.architecture") && !spec.places.contains("parameters.hidden_layer_sizes");
  const std::array parts{
      Part{gang.network_bytes(), in_architecture ? "parameters.architecture" : "parameters.hidden_layer_sizes",
           "networks in training"},
      Part{beside.table_bytes, "data.train", "the table"},
      Part{beside.curve_bytes, "parameters.max_iter", "records and learning curves"},
      Part{beside.trial_bytes, "run_cap", "trials"},
      Part{beside.waiting_bytes, "early_terminate.group", "trials that wait at rungs"},
  };
  const Part& largest = *std::ranges::max_element(parts, {}, &Part::bytes);
  const std::string need =
      fmt::format("{}, {} of them for {}", gang.need(), plan::bytes_text(largest.bytes), largest.name);
  const std::string limit = plan::bytes_text(memory_bytes);
  if (spec.trainer.memory_bytes > 0) {
    return InputError(Diagnostic{"", 0, "trainer.memory", fmt::format("is {}, but {} ({})", limit, need, largest.key)});
  }
  return InputError(Diagnostic{
      "", 0, largest.key,
      fmt::format("{}; there are {}, the share of what is free that a sweep takes: trainer.memory sets another", need,
                  limit)});
}

}  // namespace shoal::run
