// Random and Sobol search: a point of the unit cube a setting, mapped onto the axes.
#include <boost/random/sobol.hpp>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <unordered_set>

#include "kernels/math/philox.hpp"
#include "search/expansion.hpp"

namespace shoal::search {
namespace {

std::uint32_t hash_of(const std::string& text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

std::string axis_name(const Axis& axis) {
  return axis.parameters.size() == 1 ? axis.parameters.front() : "architecture";
}

/// Six significant digits, so that what is printed is what ran.
double rounded(double value) {
  const std::string text = fmt::format("{:.6g}", value);
  double back = value;
  std::from_chars(text.data(), text.data() + text.size(), back);
  return back;
}

/// Sets an axis from u in (0, 1).
void apply_unit(const Axis& axis, double u, Settings& settings) {
  if (const std::uint64_t n = n_choices(axis); n > 0) {
    apply_choice(axis, std::min(n - 1, static_cast<std::uint64_t>(u * static_cast<double>(n))), settings);
    return;
  }
  double value = axis.min + u * (axis.max - axis.min);
  if (*axis.distribution == Distribution::log_uniform_values) {
    value = std::exp(std::log(axis.min) + u * (std::log(axis.max) - std::log(axis.min)));
  }
  set_parameter(settings, axis.parameters.front(), std::min(axis.max, std::max(axis.min, rounded(value))));
}

/// What random and Sobol search share: draws by index, and the table that leaves out those equal to an earlier one.
class Draws : public Expansion {
 public:
  [[nodiscard]] std::uint64_t size() const override { return unique_.empty() ? n_ : unique_.size(); }
  [[nodiscard]] std::uint64_t n_merged() const override { return n_ - size(); }
  [[nodiscard]] Settings at(std::uint64_t i) const override { return draw(unique_.empty() ? i : unique_[i]); }

 protected:
  Draws(const std::vector<Axis>& axes, const Settings& defaults, std::uint64_t n)
      : axes_(axes), defaults_(defaults), n_(n) {}

  [[nodiscard]] virtual double unit(std::uint64_t i, std::size_t axis) const = 0;

  void merge_equal() {
    std::unordered_set<std::uint64_t> seen;
    seen.reserve(n_);
    std::vector<std::uint32_t> unique;
    for (std::uint64_t i = 0; i < n_; ++i) {
      if (seen.insert(identity(draw(i))).second) unique.push_back(static_cast<std::uint32_t>(i));
    }
    if (unique.size() < n_) unique_ = std::move(unique);
  }

  std::vector<Axis> axes_;

 private:
  [[nodiscard]] Settings draw(std::uint64_t i) const {
    Settings settings = defaults_;
    for (std::size_t a = 0; a < axes_.size(); ++a) apply_unit(axes_[a], unit(i, a), settings);
    return settings;
  }

  Settings defaults_;
  std::uint64_t n_;
  std::vector<std::uint32_t> unique_;  ///< draws that equal no earlier one; empty where all are different
};

class RandomDraws final : public Draws {
 public:
  RandomDraws(const std::vector<Axis>& axes, const Settings& defaults, std::uint64_t n, std::uint64_t seed)
      : Draws(axes, defaults, n), seed_(seed) {
    for (const Axis& axis : axes) hashes_.push_back(hash_of(axis_name(axis)));
    merge_equal();
  }

 private:
  [[nodiscard]] double unit(std::uint64_t i, std::size_t axis) const override {
    const math::Words4 words = math::random_words(math::Purpose::search, static_cast<std::uint32_t>(i), hashes_[axis],
                                                  static_cast<std::uint32_t>(i >> 32), seed_);
    return math::open_unit(words.word[0], words.word[1]);
  }

  std::uint64_t seed_;
  std::vector<std::uint32_t> hashes_;
};

class SobolDraws final : public Draws {
 public:
  SobolDraws(const std::vector<Axis>& axes, const Settings& defaults, std::uint64_t n, std::uint64_t seed)
      : Draws(axes, defaults, n), sequence_(std::max<std::size_t>(1, axes.size())) {
    for (std::size_t a = 0; a < axes.size(); ++a) {
      const math::Words4 words =
          math::random_words(math::Purpose::search, 0, static_cast<std::uint32_t>(a), 1U << 31, seed);
      shift_.push_back((static_cast<std::uint64_t>(words.word[0]) << 32) | words.word[1]);
    }
    merge_equal();
  }

 private:
  [[nodiscard]] double unit(std::uint64_t i, std::size_t axis) const override {
    boost::random::sobol sequence = sequence_;
    sequence.seed(i);
    std::uint64_t digits = 0;
    for (std::size_t a = 0; a <= axis; ++a) digits = sequence();
    digits ^= shift_[axis];
    return math::open_unit(static_cast<std::uint32_t>(digits >> 32), static_cast<std::uint32_t>(digits));
  }

  boost::random::sobol sequence_;
  std::vector<std::uint64_t> shift_;
};

}  // namespace

std::unique_ptr<Expansion> make_random(const std::vector<Axis>& axes, const Settings& defaults, std::uint64_t n,
                                       std::uint64_t seed) {
  return std::make_unique<RandomDraws>(axes, defaults, n, seed);
}

std::unique_ptr<Expansion> make_sobol(const std::vector<Axis>& axes, const Settings& defaults, std::uint64_t n,
                                      std::uint64_t seed) {
  return std::make_unique<SobolDraws>(axes, defaults, n, seed);
}

}  // namespace shoal::search
