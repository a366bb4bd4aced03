// The dry run: everything but the training.
#include "run/prepared_sweep.hpp"

namespace shoal {

PlanSummary plan_sweep(const SweepSpec& spec) {
  run::PreparedSweep sweep = run::prepare(spec);
  run::survey(sweep, spec, {});
  return sweep.summary(spec);
}

}  // namespace shoal
