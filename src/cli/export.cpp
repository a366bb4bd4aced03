#include "shoal/export.hpp"

#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/text.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kExportExamples =
    "Examples:\n"
    "  shoal export runs/letters-1 --trial best --format onnx --out letters.onnx\n"
    "  shoal export runs/letters-1 --trial 3fa9c1 --format c --out letters.h\n\n"
    "onnx: raw rows of the table in, labels and probabilities or targets out; for any ONNX runtime\n"
    "safetensors: parameters for PyTorch, encoding and scaling in the metadata\n"
    "json: everything as one document\n"
    "c: a C99 header without dependencies, whose names begin with the file's";

struct ExportOptions {
  std::string run, trial, format, out;
  bool json = false;
};

int write_export(const ExportOptions& options) {
  const std::optional<ExportFormat> format = export_format_named(options.format);
  if (!format) refuse_word("--format", "format", options.format, export_format_names());
  check_out(options.run, options.out);
  const Exported exported = export_network(options.run, options.trial, *format, options.out);
  if (options.json) {
    print_json({{"id", exported.id}, {"format", options.format}, {"out", options.out}, {"bytes", exported.bytes}});
  } else {
    print(fmt::format("trial {} written to {} as {}, {}\n", exported.id, options.out, options.format,
                      bytes(exported.bytes)));
  }
  return kDone;
}

}  // namespace

void add_export(CLI::App& app, Action& action) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Write a stored network for use without shoal");
  command->footer(kExportExamples);
  command->add_option("DIR", options->run, "The run directory")->required();
  command->add_option("--trial", options->trial, "An id or its beginning, or best")->required()->type_name("ID|best");
  command->add_option("--format", options->format, "What to write")->required()->type_name("onnx|safetensors|json|c");
  command->add_option("-o,--out", options->out, "Write it here; replaced if it is there")
      ->required()
      ->type_name("FILE");
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, &action] { action = [options] { return write_export(*options); }; });
}

}  // namespace shoal::cli
