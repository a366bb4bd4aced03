#include "shoal/metric.hpp"

namespace shoal {

bool larger_is_better(Metric value) {
  switch (value) {
    case Metric::val_accuracy:
    case Metric::val_balanced_accuracy:
    case Metric::val_macro_f1:
    case Metric::val_auc:
    case Metric::val_r2:
      return true;
    case Metric::val_loss:
    case Metric::val_rmse:
    case Metric::val_mae:
    case Metric::train_loss:
      break;
  }
  return false;
}

bool metric_applies(Metric value, Task task) {
  switch (value) {
    case Metric::val_accuracy:
    case Metric::val_balanced_accuracy:
    case Metric::val_macro_f1:
    case Metric::val_auc:
      return task != Task::regression;
    case Metric::val_rmse:
    case Metric::val_mae:
    case Metric::val_r2:
      return task == Task::regression;
    case Metric::val_loss:
    case Metric::train_loss:
      break;
  }
  return true;
}

}  // namespace shoal
