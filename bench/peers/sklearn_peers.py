"""scikit-learn: MLPRegressor and MLPClassifier, one network after another, by partial_fit over the exported rows in order."""
import warnings

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor

from workload import NEVER

warnings.filterwarnings("ignore")
ACTIVATION = {"sigmoid": "logistic"}


def versions():
    return {"scikit-learn": sklearn.__version__, "numpy": np.__version__}


class PartialFit:
    def __init__(self, workload, groups):
        self.workload, self.groups, self.minibatch = workload, groups, 0
        self.inputs = np.ascontiguousarray(workload.inputs[workload.order])
        targets = workload.classes if workload.is_classification else workload.targets.ravel()
        self.targets = np.ascontiguousarray(targets[workload.order])
        # Two classes would be one logistic output there; a third one that never comes has probability 0 and learns nothing.
        self.n_never = 1 if workload.is_classification and workload.n_outputs == 2 else 0
        self.networks = [self.made(group) for group in groups]

    def made(self, group):
        # Ours is the sum of squares, theirs half of it.
        rate = float(self.workload.rates[group.networks[0]]) * (1 if self.workload.is_classification else 2)
        activation = group.segments[0][0]
        settings = {"hidden_layer_sizes": group.sizes[1:-1], "activation": ACTIVATION.get(activation, activation),
                    "batch_size": self.workload.batch_size, "learning_rate_init": rate, "alpha": 0.0, "shuffle": False}
        if adam := self.workload.adam:
            settings |= {"solver": "adam", "beta_1": adam["b1"], "beta_2": adam["b2"], "epsilon": adam["eps"]}
        else:
            settings |= {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False}
        network = (MLPClassifier if self.workload.is_classification else MLPRegressor)(**settings)
        self.fit(network, slice(0, self.workload.batch_size))  # makes the arrays
        weights, biases = [w[0] for w in group.weights], [b[0] for b in group.biases]
        weights[-1] = np.vstack([weights[-1], np.zeros((self.n_never, weights[-1].shape[1]), np.float32)])
        biases[-1] = np.append(biases[-1], np.full(self.n_never, NEVER, np.float32))
        for own, exported in zip(network.coefs_ + network.intercepts_, [w.T for w in weights] + biases):
            own[:] = exported
        del network._optimizer  # made anew by the next call, from these
        return network

    def fit(self, network, rows):
        if self.workload.is_classification:
            classes = np.arange(self.workload.n_outputs + self.n_never)
            network.partial_fit(self.inputs[rows], self.targets[rows], classes=classes)
        else:
            network.partial_fit(self.inputs[rows], self.targets[rows])

    def train(self, n_minibatches):
        """The next minibatches of the epoch, which begins anew when it cannot give as many."""
        if self.minibatch + n_minibatches > self.workload.n_minibatches:
            self.minibatch = 0
        first = self.minibatch * self.workload.batch_size
        self.minibatch += n_minibatches
        for network in self.networks:
            self.fit(network, slice(first, first + n_minibatches * self.workload.batch_size))

    def synchronize(self):
        pass

    def fetch(self, g, positions):
        network, n_outputs = self.networks[g], self.workload.n_outputs
        layers = [(w.T[None], b[None]) for w, b in zip(network.coefs_, network.intercepts_)]
        return layers[:-1] + [(layers[-1][0][:, :n_outputs], layers[-1][1][:, :n_outputs])]


def sklearn_loop(workload, device, precision):
    yield "partial_fit", lambda: PartialFit(workload, workload.alone()), [workload.n_minibatches]


PEERS = {"sklearn_loop": sklearn_loop}
