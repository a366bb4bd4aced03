#include "report/rung_survival.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace shoal::report {

RungSurvival rung_survival(const TrialTable& table) {
  struct Setting {
    std::uint32_t epochs = 0;
    bool is_pruned = false;
  };
  std::map<std::string_view, Setting> settings;
  std::set<std::uint32_t> epochs;
  for (std::size_t row = 0; row < table.size(); ++row) {
    Setting& setting = settings[setting_of(table.ids[row])];
    setting.epochs = std::max(setting.epochs, table.epochs[row]);
    if (table.statuses[row] != TrialStatus::pruned) continue;
    setting.is_pruned = true;
    epochs.insert(table.epochs[row]);
  }
  RungSurvival survival;
  survival.n_settings = settings.size();
  std::uint64_t n_left = settings.size();
  std::uint32_t before = 0;
  for (const std::uint32_t epoch : epochs) {
    Rung rung{.epoch = epoch};
    for (const auto& [id, setting] : settings) {
      const bool is_here = setting.epochs > before && setting.epochs <= epoch;
      if (setting.is_pruned && setting.epochs == epoch) ++rung.n_pruned;
      if (!setting.is_pruned && (is_here || (before == 0 && setting.epochs == 0))) ++rung.n_ended_before;
    }
    n_left -= rung.n_pruned + rung.n_ended_before;
    rung.n_left = n_left;
    before = epoch;
    survival.rungs.push_back(rung);
  }
  return survival;
}

}  // namespace shoal::report
