#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/text.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kPredictExamples =
    "Examples:\n"
    "  shoal predict runs/letters-1 --trial best --data new.csv\n"
    "  shoal predict runs/letters-1 --trial top:5 --data new.csv --out predictions.csv\n"
    "  shoal predict runs/letters-1 --trial ensemble --data new.csv       what `shoal ensemble` chose\n"
    "  shoal predict runs/letters-1 --trial 3fa9c1 --data new.csv --json\n\n"
    "new.csv has the columns of the training table; it need not have the target.";

struct PredictOptions {
  std::string run, trial, data, out;
  bool json = false;
};

/// A row as the CSV has it, numbers as numbers.
nlohmann::ordered_json json_of_row(const Predictions& predictions, std::size_t row) {
  nlohmann::ordered_json cells = nlohmann::ordered_json::array();
  if (!predictions.classes.empty()) cells.push_back(predictions.classes[row]);
  const std::size_t width = predictions.columns.size();
  for (std::size_t column = 0; column < width; ++column) cells.push_back(predictions.values[row * width + column]);
  return cells;
}

nlohmann::ordered_json json_of(const Predictions& predictions) {
  nlohmann::ordered_json document = {{"task", name(predictions.task)}, {"ids", predictions.ids}};
  nlohmann::ordered_json& columns = document["columns"] = nlohmann::ordered_json::array();
  if (!predictions.classes.empty()) columns.push_back("prediction");
  for (const std::string& column : predictions.columns) columns.push_back(column);
  document["notes"] = predictions.notes;
  return document;
}

int predict_rows(const PredictOptions& options) {
  std::error_code ignored;
  if (!options.out.empty() && std::filesystem::equivalent(options.out, options.data, ignored)) {
    throw UsageError("--out: is the table itself, " + options.data);
  }
  check_out(options.run, options.out);
  const Predictions predictions = predict(options.run, options.trial, options.data);
  if (!options.out.empty()) write_predictions(predictions, options.out);
  if (options.json) {
    nlohmann::ordered_json document = json_of(predictions);
    if (options.out.empty()) {
      document["rows"] = nlohmann::ordered_json::array();
      for (std::size_t row = 0; row < predictions.n_rows; ++row)
        document["rows"].push_back(json_of_row(predictions, row));
    } else {
      document["out"] = options.out;
      document["n_rows"] = predictions.n_rows;
    }
    print_json(document);
    return kDone;
  }
  for (const std::string& note : predictions.notes) print_note(note);
  if (options.out.empty()) {
    print(predictions_csv(predictions));
  } else {
    print(fmt::format("{} by {} written to {}\n", counted(predictions.n_rows, "prediction"),
                      predictions.ids.size() == 1 ? "trial " + predictions.ids.front()
                                                  : fmt::format("{} networks", predictions.ids.size()),
                      options.out));
  }
  return kDone;
}

}  // namespace

void add_predict(CLI::App& app, Action& action) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* command = app.add_subcommand("predict", "Predict the rows of a table with stored networks");
  command->footer(kPredictExamples);
  command->add_option("DIR", options->run, "The run directory")->required();
  command
      ->add_option("--trial", options->trial,
                   "An id or its beginning, best, top:K for the average of the K best, or ensemble")
      ->required()
      ->type_name("ID|best|top:K|ensemble");
  command->add_option("--data", options->data, "The table")->required()->type_name("FILE");
  command->add_option("-o,--out", options->out, "Write the predictions here as CSV; default: print them")
      ->type_name("FILE")
      ->check(empty_path);
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, &action] { action = [options] { return predict_rows(*options); }; });
}

}  // namespace shoal::cli
