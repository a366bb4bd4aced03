#include "store/checkpoint.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unistd.h>

#include "shoal/error.hpp"
#include "store/atomic_file.hpp"
#include "store/safetensors_frame.hpp"
#include "store/trial_json.hpp"

namespace shoal::store {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

constexpr std::string_view kCheckpointFormat = "shoal checkpoint 4";
constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kEpochs = "epochs";

/// A row of the tensor `counters`.
struct Counters {
  std::uint64_t number, step, epoch, n_stalled, best_epoch, n_rate_drops, n_rate_stalled;
  std::uint64_t n_parameters, n_first_moment, n_second_moment, n_best_parameters, n_curve;
  std::uint64_t status, n_rungs;
};
constexpr std::size_t kCounters = sizeof(Counters) / sizeof(std::uint64_t);
static_assert(kCounters == 14);

/// A row of the tensor `numbers`.
struct Numbers {
  double beta_1_power, beta_2_power, best_metric, best_train_loss, train_seconds;
  std::array<double, kMetricCount> metrics;
};
constexpr std::size_t kNumbers = sizeof(Numbers) / sizeof(double);
static_assert(kNumbers == 14);

using Point = std::array<double, 4>;

Counters counters_of(const PausedTrial& trial) {
  const TrialState& s = trial.state;
  return {trial.result.trial.number,
          s.step,
          s.epoch,
          s.n_stalled,
          s.best_epoch,
          s.n_rate_drops,
          s.n_rate_stalled,
          s.parameters.size(),
          s.first_moment.size(),
          s.second_moment.size(),
          s.best_parameters.size(),
          trial.result.curve.size(),
          static_cast<std::uint64_t>(s.status),
          trial.n_rungs};
}

Numbers numbers_of(const PausedTrial& trial) {
  const TrialState& s = trial.state;
  Numbers n{s.beta_1_power, s.beta_2_power, s.best_metric, s.best_train_loss, trial.result.train_seconds, {}};
  std::ranges::copy(trial.result.metrics.values, n.metrics.begin());
  return n;
}

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

std::string_view bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// The data of all tensors, in their order.
void visit_data(std::span<const PausedTrial* const> trials, const std::function<void(std::string_view)>& visit) {
  for (const PausedTrial* trial : trials) visit(bytes_of(counters_of(*trial)));
  for (const PausedTrial* trial : trials) visit(bytes_of(numbers_of(*trial)));
  for (const PausedTrial* trial : trials) {
    for (const CurvePoint& point : trial->result.curve) {
      visit(bytes_of(Point{static_cast<double>(point.epoch), point.train_loss, point.val_loss, point.metric}));
    }
  }
  for (const PausedTrial* trial : trials) {
    const TrialState& s = trial->state;
    for (const auto* values : {&s.parameters, &s.first_moment, &s.second_moment, &s.best_parameters}) {
      visit(bytes_of(*values));
    }
  }
}

/// Where the tensors lie, for so many trials, points and floats.
ordered_json tensors(std::uint64_t n_trials, std::uint64_t n_points, std::uint64_t n_floats) {
  ordered_json header;
  std::uint64_t end = 0;
  const auto add = [&](const char* name, const char* type, std::vector<std::uint64_t> shape, std::uint64_t bytes) {
    for (const std::uint64_t size : shape) bytes *= size;
    header[name] = {{"dtype", type}, {"shape", std::move(shape)}, {"data_offsets", {end, end + bytes}}};
    end += bytes;
  };
  add("counters", "U64", {n_trials, kCounters}, sizeof(std::uint64_t));
  add("numbers", "F64", {n_trials, kNumbers}, sizeof(double));
  add("curves", "F64", {n_points, std::tuple_size_v<Point>}, sizeof(double));
  add("floats", "F32", {n_floats}, sizeof(float));
  return header;
}

/// Reads rows and vectors one after another; Error beyond the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T row() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::vector<float> floats(std::uint64_t count) {
    if (count > rest_.size() / sizeof(float)) throw Error("it ends in its data");
    std::vector<float> values(count);
    const std::string_view bytes = take(count * sizeof(float));
    if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view take(std::size_t count) {
    if (count > rest_.size()) throw Error("it ends in its data");
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest_;
};

/// What the trials that were copies are: nobody can tell from their numbers. JSON by id; empty where there are none.
std::string copies_text(std::span<const PausedTrial* const> trials) {
  ordered_json copies;
  for (const PausedTrial* trial : trials) {
    const TrialResult& result = trial->result;
    if (result.lineage.empty()) continue;
    ordered_json& copy = copies[result.trial.id];
    copy["trial"] = to_json(result.trial);
    for (const Takeover& takeover : result.lineage) copy["lineage"].push_back(to_json(takeover));
  }
  return copies.empty() ? "" : copies.dump();
}

void read_copies(const std::string& text, Checkpoint& checkpoint) {
  if (text.empty()) return;
  const json copies = json::parse(text);
  for (const auto& [id, copy] : copies.items()) {
    const auto found = checkpoint.find(id);
    if (found == checkpoint.end()) throw Error("it has a copy that is none of its trials");
    TrialResult& result = found->second.result;
    result.trial = trial_from_json(copy.at("trial"));
    for (const json& takeover : copy.at("lineage")) result.lineage.push_back(takeover_from_json(takeover));
  }
}

PausedTrial trial_of(const std::string& id, const Counters& c, const Numbers& n) {
  PausedTrial trial;
  trial.result.trial.id = id;
  trial.result.trial.number = c.number;
  trial.result.status = static_cast<TrialStatus>(c.status);
  trial.result.epochs = static_cast<std::uint32_t>(c.n_curve);
  trial.result.best_epoch = static_cast<std::uint32_t>(c.epoch);
  trial.n_rungs = static_cast<std::uint32_t>(c.n_rungs);
  trial.result.train_seconds = n.train_seconds;
  std::ranges::copy(n.metrics, trial.result.metrics.values.begin());
  TrialState& s = trial.state;
  s.step = c.step;
  s.epoch = static_cast<std::uint32_t>(c.epoch);
  s.n_stalled = static_cast<std::uint32_t>(c.n_stalled);
  s.best_epoch = static_cast<std::uint32_t>(c.best_epoch);
  s.n_rate_drops = static_cast<std::uint32_t>(c.n_rate_drops);
  s.n_rate_stalled = static_cast<std::uint32_t>(c.n_rate_stalled);
  s.beta_1_power = n.beta_1_power;
  s.beta_2_power = n.beta_2_power;
  s.status = trial.result.status;
  s.best_metric = n.best_metric;
  s.best_train_loss = n.best_train_loss;
  return trial;
}

Checkpoint decoded(const std::vector<std::string>& ids, std::string_view data) {
  Reader reader(data);
  std::vector<Counters> counters;
  std::vector<PausedTrial> trials;
  for (std::size_t i = 0; i < ids.size(); ++i) counters.push_back(reader.row<Counters>());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    trials.push_back(trial_of(ids[i], counters[i], reader.row<Numbers>()));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    for (std::uint64_t k = 0; k < counters[i].n_curve; ++k) {
      const auto [epoch, train_loss, val_loss, metric] = reader.row<Point>();
      trials[i].result.curve.push_back({static_cast<std::uint32_t>(epoch), train_loss, val_loss, metric});
    }
  }
  Checkpoint checkpoint;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    TrialState& s = trials[i].state;
    s.parameters = reader.floats(counters[i].n_parameters);
    s.first_moment = reader.floats(counters[i].n_first_moment);
    s.second_moment = reader.floats(counters[i].n_second_moment);
    s.best_parameters = reader.floats(counters[i].n_best_parameters);
    checkpoint.emplace(ids[i], std::move(trials[i]));
  }
  if (!reader.at_end()) throw Error("it goes on behind its data");
  return checkpoint;
}

std::uint64_t number_in(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// What the file `epochs` holds: of one length, so that a count is written over the last one.
std::string count_text(std::uint64_t n_epochs) { return fmt::format("{:20}\n", n_epochs); }

std::string mark_text(const ResultsMark& mark) { return fmt::format("{} {}", mark.n_commits, mark.n_ended); }

ResultsMark mark_from(std::string_view text) { return {number_in(text), number_in(text.substr(text.find(' ') + 1))}; }

}  // namespace

void write_checkpoint(std::span<const PausedTrial* const> trials, const ResultsMark& results,
                      const std::function<void(std::string_view)>& write) {
  std::string ids;
  std::uint64_t n_points = 0;
  std::uint64_t n_floats = 0;
  for (const PausedTrial* trial : trials) {
    ids += trial->result.trial.id + '\n';
    n_points += trial->result.curve.size();
    const TrialState& s = trial->state;
    n_floats += s.parameters.size() + s.first_moment.size() + s.second_moment.size() + s.best_parameters.size();
  }
  const std::string copies = copies_text(trials);
  const std::string mark = mark_text(results);
  std::uint32_t checksum = with_bytes(with_bytes(with_bytes(0, ids), copies), mark);
  visit_data(trials, [&](std::string_view bytes) { checksum = with_bytes(checksum, bytes); });
  ordered_json header = {{"__metadata__",
                          {{"format", kCheckpointFormat},
                           {"crc32", checksum_text(checksum)},
                           {"ids", ids},
                           {"copies", copies},
                           {"results", mark}}}};
  header.update(tensors(trials.size(), n_points, n_floats));
  write(safetensors_start(header.dump()));
  visit_data(trials, write);
}

StoredCheckpoint checkpoint_from(std::string_view bytes) try {
  const auto [header_text, data] = safetensors_parts(bytes);
  const json header = json::parse(header_text);
  const json& information = header.at("__metadata__");
  if (information.at("format") != kCheckpointFormat) throw Error("it is of another version");
  const auto text = information.at("ids").get<std::string>();
  const auto copies = information.at("copies").get<std::string>();
  const auto mark = information.at("results").get<std::string>();
  const std::uint32_t checksum = with_bytes(with_bytes(with_bytes(with_bytes(0, text), copies), mark), data);
  if (checksum_text(checksum) != information.at("crc32")) {
    throw Error("its checksum does not fit");
  }
  std::vector<std::string> ids;
  for (std::size_t first = 0; first < text.size();) {
    const std::size_t end = std::min(text.find('\n', first), text.size());
    ids.push_back(text.substr(first, end - first));
    first = end + 1;
  }
  StoredCheckpoint stored{decoded(ids, data), mark_from(mark)};
  read_copies(copies, stored.trials);
  return stored;
} catch (const json::exception& error) {
  throw Error(std::string("its header is broken: ") + error.what());
}

fs::path CheckpointFolder::file(std::uint64_t generation) const {
  return folder_ / (std::to_string(generation) + std::string(kSuffix));
}

std::vector<std::uint64_t> CheckpointFolder::generations() const {
  std::vector<std::uint64_t> all;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    const fs::path name = entry.path().filename();
    const std::uint64_t generation = number_in(name.stem().string());
    if (name.extension() == kSuffix && generation > 0) all.push_back(generation);
  }
  std::ranges::sort(all);
  return all;
}

void CheckpointFolder::write(std::span<const PausedTrial* const> trials, const ResultsMark& results) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw Error("cannot make " + folder_.string() + ": " + error.message());
  const std::vector<std::uint64_t> before = generations();
  AtomicFile next(file(before.empty() ? 1 : before.back() + 1));
  write_checkpoint(trials, results, [&](std::string_view bytes) { next.write(bytes); });
  next.commit();
  for (std::size_t i = 0; i + 1 < before.size(); ++i) fs::remove(file(before[i]), error);
}

Checkpoint CheckpointFolder::read(const ResultsMark& results, std::vector<std::string>& notes) {
  std::vector<std::uint64_t> all = generations();
  while (!all.empty()) {
    const fs::path newest = file(all.back());
    all.pop_back();
    bool is_ahead = false;
    try {
      StoredCheckpoint stored = checkpoint_from(read_whole(newest));
      is_ahead = stored.results.n_commits > results.n_commits;
      if (!is_ahead) return std::move(stored.trials);
      throw Error(fmt::format("results are lost: {} trials had ended when it was written, {} are in results.sqlite",
                              stored.results.n_ended, results.n_ended));
    } catch (const Error& damage) {
      notes.push_back(newest.string() + " cannot be used: " + damage.what() + "; going on with " +
                      (all.empty() ? "what has ended" : file(all.back()).string()));
    }
    std::error_code error;
    if (is_ahead) fs::remove(newest, error);
    if (error) throw Error("cannot remove " + newest.string() + ": " + error.message());
  }
  return {};
}

void CheckpointFolder::clear() {
  std::error_code error;
  fs::remove_all(folder_, error);
  if (error) throw Error("cannot remove " + folder_.string() + ": " + error.message());
}

void CheckpointFolder::count_epochs(std::uint64_t n_epochs) {
  const fs::path path = folder_ / kEpochs;
  std::error_code error;
  fs::create_directories(folder_, error);
  const auto fail = [&] {
    throw Error("cannot write " + path.string() + ": " + std::system_category().message(errno));
  };
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) fail();
  const std::string text = count_text(n_epochs);
  const ssize_t written = ::pwrite(descriptor, text.data(), text.size(), 0);
  ::close(descriptor);
  if (written != static_cast<ssize_t>(text.size())) fail();
}

std::uint64_t CheckpointFolder::counted_epochs(std::vector<std::string>& notes) const {
  std::error_code error;
  if (!fs::exists(folder_ / kEpochs, error)) return 0;
  const std::string text = read_whole(folder_ / kEpochs);
  const std::uint64_t count =
      number_in(std::string_view(text).substr(std::min(text.find_first_not_of(' '), text.size())));
  if (text == count_text(count)) return count;
  notes.push_back((folder_ / kEpochs).string() +
                  " is damaged: epochs that were trained after the last checkpoint are missing in the run's count");
  return 0;
}

}  // namespace shoal::store
