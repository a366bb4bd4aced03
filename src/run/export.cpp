#include "shoal/export.hpp"

#include "data/preprocessing.hpp"
#include "export/c_header.hpp"
#include "export/json.hpp"
#include "export/onnx.hpp"
#include "run/chosen_networks.hpp"
#include "shoal/run.hpp"
#include "store/atomic_file.hpp"

namespace shoal {
namespace {

std::string bytes_of(const exporting::Network& network, ExportFormat format, const std::filesystem::path& file) {
  switch (format) {
    case ExportFormat::onnx:
      return exporting::to_onnx(network);
    case ExportFormat::safetensors:
      return exporting::to_safetensors(network);
    case ExportFormat::json:
      return exporting::to_json(network);
    case ExportFormat::c:
      break;
  }
  return exporting::to_c(network, file.stem().string());
}

}  // namespace

Exported export_network(const std::filesystem::path& run, std::string_view which, ExportFormat format,
                        const std::filesystem::path& file) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  exporting::Network network;
  network.stored = directory.network(run::chosen_network(directory, which));
  network.preprocessing = preprocessing_from_json(directory.manifest().preprocessing);
  network.split = split_from_json(directory.manifest().splits.at(network.stored.trial.fold));
  network.version = version().version;
  const std::string bytes = bytes_of(network, format, file);
  store::write_atomically(file, bytes);
  return {network.stored.trial.id, bytes.size()};
}

}  // namespace shoal
