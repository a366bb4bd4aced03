#include "store/manifest_json.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "shoal/error.hpp"
#include "store/trial_json.hpp"

namespace shoal::store {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// Raised when a reader of an older manifest would misread a new one.
constexpr int kManifestFormat = 2;

std::string hexadecimal(std::uint64_t value) {
  std::string digits(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4U) digits[i] = "0123456789abcdef"[value & 15U];
  return digits;
}

std::uint64_t from_hexadecimal(const std::string& digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) throw Error("'" + digits + "' is not a hash");
  return value;
}

template <class Enum>
Enum word(const json& entry, std::optional<Enum> (*named)(std::string_view)) {
  const auto text = entry.get<std::string>();
  const std::optional<Enum> value = named(text);
  if (!value) throw Error("unknown word '" + text + "'");
  return *value;
}

ordered_json hexadecimals(const std::map<std::string, std::uint64_t>& hashes) {
  ordered_json out = ordered_json::object();
  for (const auto& [name, hash] : hashes) out[name] = hexadecimal(hash);
  return out;
}

std::map<std::string, std::uint64_t> hashes_in(const json& entry) {
  std::map<std::string, std::uint64_t> hashes;
  for (const auto& [name, hash] : entry.items()) hashes.emplace(name, from_hexadecimal(hash.get<std::string>()));
  return hashes;
}

}  // namespace

std::string manifest_text(const Manifest& m) {
  ordered_json splits = ordered_json::array();
  for (const std::string& split : m.splits) splits.push_back(ordered_json::parse(split));
  ordered_json out = {
      {"format", kManifestFormat},
      {"version", m.version},
      {"status", m.status},
      {"sweep_file", m.sweep_file},
      {"engine",
       {{"name", m.engine},
        {"detail", m.engine_detail},
        {"reason", m.engine_reason},
        {"precision", name(m.precision)}}},
      {"metric", {{"name", name(m.metric)}, {"goal", m.maximize ? "maximize" : "minimize"}}},
      {"n_trials", m.n_trials},
      {"n_settings", m.n_settings},
      {"epochs_trained", m.epochs_trained},
      {"epochs_recomputed", m.epochs_recomputed},
      {"winner", m.winner},
      {"test", m.test ? to_json(*m.test) : ordered_json()},
      {"dataset",
       {{"name", m.dataset_name},
        {"hash", hexadecimal(m.dataset_hash)},
        {"tables", hexadecimals(m.table_hashes)},
        {"task", name(m.task)}}},
      {"initial_parameters", hexadecimals(m.initial_parameters)},
      {"sweep", m.sweep_yaml},
      {"preprocessing", ordered_json::parse(m.preprocessing)},
      {"splits", splits},
  };
  return out.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

Manifest manifest_from_text(std::string_view text, const std::string& file) try {
  const json j = json::parse(text);
  if (!j.is_object() || !j.contains("format")) throw Error("is not the manifest of a run");
  if (j.at("format") != kManifestFormat)
    throw Error("was written by another version of shoal; read results.csv instead");
  Manifest m;
  j.at("version").get_to(m.version);
  j.at("status").get_to(m.status);
  j.at("sweep_file").get_to(m.sweep_file);
  const json& engine = j.at("engine");
  engine.at("name").get_to(m.engine);
  engine.at("detail").get_to(m.engine_detail);
  engine.at("reason").get_to(m.engine_reason);
  m.precision = word(engine.at("precision"), precision_named);
  const json& metric = j.at("metric");
  m.metric = word(metric.at("name"), metric_named);
  m.maximize = metric.at("goal") == "maximize";
  j.at("n_trials").get_to(m.n_trials);
  j.at("n_settings").get_to(m.n_settings);
  j.at("epochs_trained").get_to(m.epochs_trained);
  j.at("epochs_recomputed").get_to(m.epochs_recomputed);
  j.at("winner").get_to(m.winner);
  if (!j.at("test").is_null()) m.test = metrics_from_json(j.at("test"));
  const json& dataset = j.at("dataset");
  dataset.at("name").get_to(m.dataset_name);
  m.dataset_hash = from_hexadecimal(dataset.at("hash").get<std::string>());
  m.task = word(dataset.at("task"), task_named);
  m.table_hashes = hashes_in(dataset.at("tables"));
  m.initial_parameters = hashes_in(j.at("initial_parameters"));
  j.at("sweep").get_to(m.sweep_yaml);
  m.preprocessing = j.at("preprocessing").dump();
  for (const json& split : j.at("splits")) m.splits.push_back(split.dump());
  return m;
} catch (const json::exception&) {
  throw Error(file + ": is damaged, the run cannot be read");
} catch (const Error& error) {
  throw Error(file + ": " + error.what());
}

}  // namespace shoal::store
