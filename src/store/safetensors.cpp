#include "store/safetensors.hpp"

#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "shoal/error.hpp"
#include "shoal/sweep.hpp"
#include "store/atomic_file.hpp"
#include "store/csv_text.hpp"
#include "store/safetensors_frame.hpp"
#include "store/trial_json.hpp"

namespace shoal::store {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "floats are copied as they lie in memory");

std::string tensor_name(std::size_t layer, const char* part) { return "layers." + std::to_string(layer) + "." + part; }

void append(std::string& bytes, std::span<const float> values) {
  const std::size_t start = bytes.size();
  bytes.resize(start + values.size_bytes());
  if (!values.empty()) std::memcpy(bytes.data() + start, values.data(), values.size_bytes());
}

/// Of all that is read back.
std::string checksum_over(std::string_view trial, std::string_view metric, std::string_view data) {
  return checksum_text(with_bytes(with_bytes(with_bytes(0, trial), metric), data));
}

ordered_json metadata(const StoredNetwork& network, const std::map<std::string, std::string>& more,
                      std::string_view data) {
  const std::string trial = to_json(network.trial).dump(-1, ' ', false, json::error_handler_t::replace);
  const std::string metric = shortest(network.metric);
  ordered_json out = {
      {"format", "pt"}, {"trial", trial}, {"metric", metric}, {"crc32", checksum_over(trial, metric, data)}};
  for (const auto& [name, text] : parameters_of(network.trial)) {
    if (!text.empty()) out["parameter." + std::string(name)] = text;
  }
  for (const auto& [key, text] : more) out[key] = text;
  return out;
}

/// The bytes of one float32 tensor, whose place the header gives.
std::string_view tensor(const json& header, std::string_view data, const std::string& name,
                        const std::vector<std::int64_t>& shape) {
  const json& entry = header.at(name);
  if (entry.at("dtype") != "F32") throw Error(name + " is not float32");
  if (entry.at("shape").get<std::vector<std::int64_t>>() != shape) throw Error(name + " has the wrong shape");
  std::size_t n_bytes = sizeof(float);
  for (std::int64_t size : shape) n_bytes *= static_cast<std::size_t>(size);
  const auto offsets = entry.at("data_offsets").get<std::vector<std::uint64_t>>();
  if (offsets.size() != 2 || offsets[1] < offsets[0] || offsets[1] > data.size() ||
      offsets[1] - offsets[0] != n_bytes) {
    throw Error(name + " lies outside of the file");
  }
  return data.substr(offsets[0], n_bytes);
}

double number(const std::string& text) {
  double value = std::numeric_limits<double>::quiet_NaN();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!text.empty() && (error != std::errc() || end != text.data() + text.size())) throw Error("metric is no number");
  return value;
}

/// Sizes that the trial states, before anything is allocated by them.
void check_sizes(const Topology& topology, std::size_t data_bytes) {
  bool positive = topology.n_inputs > 0 && topology.n_outputs > 0;
  for (std::int32_t size : topology.hidden_layer_sizes) positive = positive && size > 0;
  if (!positive || topology.activations.size() != topology.hidden_layer_sizes.size()) {
    throw Error("the trial's network is not a network");
  }
  if (topology.n_parameters() * sizeof(float) != data_bytes) throw Error("the data's size is not the network's");
}

/// Header and data of a file.
struct Parts {
  json header;
  std::string_view data;
};

/// Files of others, and of earlier versions, have no checksum.
void check_checksum(const json& information, std::string_view data) {
  if (!information.contains("crc32") || !information.contains("trial")) return;
  const auto trial = information.at("trial").get<std::string>();
  const auto metric = information.at("metric").get<std::string>();
  if (checksum_over(trial, metric, data) != information.at("crc32")) throw Error("its checksum does not fit");
}

Parts parts_of(std::string_view bytes) {
  const auto [header, data] = safetensors_parts(bytes);
  return {json::parse(header), data};
}

/// Appends the matrix [W | b] of one layer.
void append_layer(const Parts& parts, std::size_t l, std::int64_t fan_in, std::int64_t fan_out,
                  std::vector<float>& parameters) {
  const auto n_inputs = static_cast<std::size_t>(fan_in);
  const std::string_view weight = tensor(parts.header, parts.data, tensor_name(l, "weight"), {fan_out, fan_in});
  const std::string_view bias = tensor(parts.header, parts.data, tensor_name(l, "bias"), {fan_out});
  std::size_t next = parameters.size();
  parameters.resize(next + static_cast<std::size_t>(fan_out) * (n_inputs + 1));
  for (std::size_t o = 0; o < static_cast<std::size_t>(fan_out); ++o, next += n_inputs + 1) {
    std::memcpy(&parameters[next], weight.data() + o * n_inputs * sizeof(float), n_inputs * sizeof(float));
    std::memcpy(&parameters[next + n_inputs], bias.data() + o * sizeof(float), sizeof(float));
  }
}

StoredNetwork decoded_network(std::string_view bytes) {
  const Parts parts = parts_of(bytes);
  StoredNetwork out;
  const json& information = parts.header.at("__metadata__");
  out.trial = trial_from_json(json::parse(information.at("trial").get<std::string>()));
  out.metric = number(information.at("metric").get<std::string>());
  const Topology& topology = out.trial.topology;
  check_sizes(topology, parts.data.size());
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    append_layer(parts, l, topology.fan_in(l), topology.fan_out(l), out.parameters);
  }
  check_checksum(information, parts.data);
  return out;
}

StoredParameters decoded_parameters(std::string_view bytes) {
  const Parts parts = parts_of(bytes);
  StoredParameters out;
  for (std::size_t l = 0; parts.header.contains(tensor_name(l, "weight")); ++l) {
    const auto shape = parts.header.at(tensor_name(l, "weight")).at("shape").get<std::vector<std::int64_t>>();
    // No tensor is larger than the file, so products of these sizes do not overflow.
    const auto most = static_cast<std::int64_t>(parts.data.size());
    if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1 || shape[0] > most / shape[1]) {
      throw Error(tensor_name(l, "weight") + " is no matrix of the file");
    }
    if (l > 0 && shape[1] != out.sizes.back()) throw Error(tensor_name(l, "weight") + " does not fit the layer below");
    if (l == 0) out.sizes.push_back(shape[1]);
    out.sizes.push_back(shape[0]);
    append_layer(parts, l, shape[1], shape[0], out.parameters);
  }
  if (out.sizes.empty()) throw Error("there is no tensor " + tensor_name(0, "weight"));
  if (parts.header.contains("__metadata__")) check_checksum(parts.header.at("__metadata__"), parts.data);
  return out;
}

/// decode(bytes), its failures under the file's name.
template <class Decode>
auto named(Decode decode, std::string_view bytes, const std::string& file) try {
  return decode(bytes);
} catch (const json::exception& error) {
  throw Error(file + ": not a stored network: " + error.what());
} catch (const Error& error) {
  throw Error(file + ": not a stored network: " + error.what());
}

}  // namespace

std::string to_safetensors(const StoredNetwork& network, const std::map<std::string, std::string>& more) {
  const Topology& topology = network.trial.topology;
  if (network.parameters.size() != topology.n_parameters()) {
    throw Error("trial " + network.trial.id + " has " + std::to_string(topology.n_parameters()) + " parameters, not " +
                std::to_string(network.parameters.size()));
  }
  ordered_json header = {{"__metadata__", nullptr}};  // the first, although its checksum is of all that follows
  std::string data;
  const auto close_tensor = [&](const std::string& name, ordered_json shape, std::size_t start) {
    header[name] = {{"dtype", "F32"}, {"shape", std::move(shape)}, {"data_offsets", {start, data.size()}}};
  };
  std::span<const float> rest = network.parameters;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const auto n_inputs = static_cast<std::size_t>(topology.fan_in(l));
    const auto n_outputs = static_cast<std::size_t>(topology.fan_out(l));
    std::vector<float> bias;
    std::size_t start = data.size();
    for (std::size_t o = 0; o < n_outputs; ++o) {
      append(data, rest.first(n_inputs));
      bias.push_back(rest[n_inputs]);
      rest = rest.subspan(n_inputs + 1);
    }
    close_tensor(tensor_name(l, "weight"), {n_outputs, n_inputs}, start);
    start = data.size();
    append(data, bias);
    close_tensor(tensor_name(l, "bias"), ordered_json::array({n_outputs}), start);
  }
  header["__metadata__"] = metadata(network, more, data);
  return safetensors_start(header.dump(-1, ' ', false, json::error_handler_t::replace)) + data;
}

StoredNetwork from_safetensors(std::string_view bytes, const std::string& file) {
  return named(decoded_network, bytes, file);
}

StoredParameters parameters_from_safetensors(std::string_view bytes, const std::string& file) {
  return named(decoded_parameters, bytes, file);
}

}  // namespace shoal::store
