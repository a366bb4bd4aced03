#include "spec/nearest.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <utility>
#include <vector>

namespace shoal {
namespace {

using namespace std::string_view_literals;

/// What other tools call it, and what it is called here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 35> kOtherNames{{
    {"lr"sv, "learning_rate_init"sv},
    {"lr_schedule"sv, "learning_rate"sv},
    {"scheduler"sv, "learning_rate"sv},
    {"epochs"sv, "max_iter"sv},
    {"n_epochs"sv, "max_iter"sv},
    {"num_epochs"sv, "max_iter"sv},
    {"iterations"sv, "max_iter"sv},
    {"optimizer"sv, "solver"sv},
    {"weight_decay"sv, "alpha"sv},
    {"l2"sv, "alpha"sv},
    {"layers"sv, "hidden_layer_sizes"sv},
    {"units"sv, "hidden_layer_sizes"sv},
    {"hidden_units"sv, "hidden_layer_sizes"sv},
    {"batch"sv, "batch_size"sv},
    {"minibatch_size"sv, "batch_size"sv},
    {"patience"sv, "n_iter_no_change"sv},
    {"early_stopping"sv, "n_iter_no_change"sv},
    {"random_state"sv, "seed"sv},
    {"initializer"sv, "init"sv},
    {"gradient_clipping"sv, "clip_norm"sv},
    {"betas"sv, "beta_1"sv},
    {"nesterov"sv, "nesterovs_momentum"sv},
    {"mse"sv, "squared_error"sv},
    {"bce"sv, "binary_cross_entropy"sv},
    {"log_loss"sv, "cross_entropy"sv},
    {"softmax"sv, "cross_entropy"sv},
    {"linear"sv, "identity"sv},
    {"logistic"sv, "sigmoid"sv},
    {"gpu"sv, "cuda"sv},
    {"bayes"sv, "random"sv},
    {"file"sv, "train"sv},
    {"label"sv, "target"sv},
    {"labels"sv, "target"sv},
    {"folds"sv, "cv"sv},
    {"val_f1"sv, "val_macro_f1"sv},
}};

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Optimal string alignment distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

bool same_letters(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

bool begins(std::string_view candidate, std::string_view word) {
  return same_letters(candidate.substr(0, word.size()), word);
}
bool ends(std::string_view candidate, std::string_view word) {
  return candidate.size() > word.size() && same_letters(candidate.substr(candidate.size() - word.size()), word);
}

/// The shortest candidate that `fits`.
template <class Fits>
std::optional<std::string_view> shortest(std::span<const std::string_view> candidates, Fits fits) {
  std::optional<std::string_view> best;
  for (const std::string_view candidate : candidates) {
    if (fits(candidate) && (!best || candidate.size() < best->size())) best = candidate;
  }
  return best;
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates) {
  for (const auto& [other, ours] : kOtherNames) {
    if (same_letters(word, other) && std::ranges::find(candidates, ours) != candidates.end()) return ours;
  }
  const auto begun = shortest(candidates, [&](std::string_view c) { return begins(c, word); });
  constexpr std::size_t kBeginning = 4;
  if (begun && word.size() >= kBeginning) return begun;
  constexpr std::size_t kTypingSlip = 1;
  const auto slip = std::ranges::find_if(candidates, [&](auto c) { return distance(word, c) <= kTypingSlip; });
  if (slip != candidates.end() && word.size() > 2) return *slip;
  if (begun && word.size() > 1) return begun;
  const auto ended = shortest(candidates, [&](std::string_view c) { return ends(c, word); });
  if (ended && word.size() > 1) return ended;
  std::optional<std::string_view> best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 2);
  for (std::string_view candidate : candidates) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance || (!best && d == best_distance && d < word.size())) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  if (const auto near = nearest(word, candidates)) return "; did you mean '" + std::string(*near) + "'?";
  constexpr std::size_t kFew = 30;
  if (candidates.empty() || candidates.size() > kFew) return "";
  std::string known;
  for (std::string_view candidate : candidates) known += (known.empty() ? "" : ", ") + std::string(candidate);
  return "; known: " + known;
}

}  // namespace shoal
