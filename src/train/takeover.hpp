#pragma once

#include <span>
#include <string>
#include <utility>

#include "shoal/run.hpp"

namespace shoal::train {

/// New values of parameters, by name.
using Changes = std::span<const std::pair<std::string, double>>;

/// Makes `trial` a copy of `parent`, both at one rung, that goes on with `changes`: all but its id, number, setting and
/// the epochs that it has trained. What is copied is the parent's from now on, even where `trial` had diverged.
void take_over(PausedTrial& trial, const PausedTrial& parent, Changes changes);

/// Lets a trial go on with other numbers. A velocity that it did not have begins at 0, one without use is dropped.
void go_on_with(Changes changes, Trial& trial, TrialState& state);

}  // namespace shoal::train
