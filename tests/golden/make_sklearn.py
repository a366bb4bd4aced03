#!/usr/bin/env python3
"""Loss curves of scikit-learn's networks, from given parameters and in the table's order:
`make_sklearn.py ../../examples/data > sklearn.json`. Needs scikit-learn 1.x.

Inputs are scaled here as the test does it; rates are floats, which shoal rounds them to. Loss curves are without the L2 penalty, which scikit-learn adds to them.
"""
import csv
import json
import pathlib
import sys
import warnings

import numpy
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor

EPOCHS, HIDDEN, BATCH, ALPHA = 20, [20], 50, 0.01


def noise(n, seed):
    """As in make_golden.py."""
    bits = ((numpy.arange(1, n + 1, dtype=numpy.uint64) + numpy.uint64(seed * 7919)) * numpy.uint64(2654435761)) % numpy.uint64(2**32)
    return ((bits >> numpy.uint64(9)).astype(numpy.float64) / 2**22 - 1.0).astype(numpy.float32).astype(numpy.float64)


def standardised(columns):
    columns = numpy.asarray(columns, dtype=numpy.float64)
    return ((columns - columns.mean(0)) / columns.std(0)).astype(numpy.float32).astype(numpy.float64)


def table(folder, name):
    with open(folder / f"{name}.csv", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    if name == "letters":
        rows = rows[:2000]
        return standardised([row[:-1] for row in rows]), numpy.array([row[-1] for row in rows])
    return standardised([row[:-1] for row in rows]), standardised([[row[-1]] for row in rows])[:, 0]


def with_given_start(kind):
    class Given(kind):
        """Begins with parameters from noise(), and keeps the L2 penalty out of the loss curve."""

        def _initialize(self, y, layer_units, dtype):
            super()._initialize(y, layer_units, dtype)
            drawn = noise(sum((a + 1) * b for a, b in zip(layer_units, layer_units[1:])), 5) * 0.5
            at = 0
            for l, (a, b) in enumerate(zip(layer_units, layer_units[1:])):
                matrix = drawn[at:at + (a + 1) * b].reshape(b, a + 1)
                self.coefs_[l], self.intercepts_[l] = matrix[:, :a].T.copy(), matrix[:, a].copy()
                at += (a + 1) * b

        def _backprop(self, X, y, *arguments):
            result = super()._backprop(X, y, *arguments)
            penalty = 0.5 * self.alpha * sum(numpy.dot(w.ravel(), w.ravel()) for w in self.coefs_) / X.shape[0]
            return (result[0] - penalty, *result[1:])

    return Given


def main():
    warnings.filterwarnings("ignore")
    folder = pathlib.Path(sys.argv[1])
    curves = []
    for name, kind in (("letters", MLPClassifier), ("diabetes", MLPRegressor)):
        inputs, targets = table(folder, name)
        for solver, rate in (("sgd", 3 / 64 if name == "letters" else 1 / 64), ("adam", 1 / 256)):
            for activation in ("relu", "tanh", "logistic"):
                model = with_given_start(kind)(hidden_layer_sizes=HIDDEN, activation=activation, solver=solver, alpha=ALPHA, batch_size=BATCH,
                                               learning_rate_init=rate, max_iter=EPOCHS, shuffle=False, tol=0.0,
                                               n_iter_no_change=EPOCHS)
                model.fit(inputs, targets)
                curves.append({"table": name, "solver": solver, "activation": activation, "learning_rate_init": rate,
                               "losses": model.loss_curve_})
    json.dump({"made_with": f"scikit-learn {sklearn.__version__}", "hidden_layer_sizes": HIDDEN, "batch_size": BATCH,
               "alpha": ALPHA, "curves": curves}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
