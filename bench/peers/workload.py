"""A workload as `export_workloads` wrote it, and the check of what a peer's first minibatches make of it."""
import dataclasses
import json
import pathlib

import numpy as np

# Of sigmoid units that only fill a group up: their activation is exactly 0, and no gradient flows, without a mask.
NEVER = np.float32(-1e30)


@dataclasses.dataclass
class Group:
    """Networks of equal depth, narrower ones filled up with units that do nothing; sorted by activation."""
    networks: np.ndarray  # [n], their numbers
    sizes: list  # units of each layer, the inputs first
    segments: list  # (activation, number of networks) in order
    weights: list  # a layer: [n, fan_out, fan_in]
    biases: list  # a layer: [n, fan_out]


class Workload:
    def __init__(self, folder, n_networks=None):
        folder = pathlib.Path(folder)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.name = manifest["workload"]
        self.is_classification = manifest["loss"] == "cross_entropy"
        self.adam = manifest["update"] if manifest["solver"] == "adam" else None  # its constants b1, b2, eps; None: sgd
        self.n_networks = min(n_networks or manifest["networks"], manifest["networks"])
        self.n_rows, self.batch_size = manifest["rows"], manifest["batch_size"]
        self.n_inputs, self.n_outputs = manifest["n_inputs"], manifest["n_outputs"]
        self.kinds = [(kind["hidden_layer_sizes"], kind["activation"]) for kind in manifest["kinds"]]
        self.inputs = np.fromfile(folder / "inputs.f32", "<f4").reshape(self.n_rows, self.n_inputs)
        if self.is_classification:
            self.classes = np.fromfile(folder / "targets.i32", "<i4")
            self.targets = np.eye(self.n_outputs, dtype=np.float32)[self.classes]
        else:
            self.targets = np.fromfile(folder / "targets.f32", "<f4").reshape(self.n_rows, self.n_outputs)
        self.n_minibatches = self.n_rows // self.batch_size  # whole ones
        self.order = np.fromfile(folder / "order.u32", "<u4").astype(np.int32)[:self.n_minibatches * self.batch_size]
        self.rates = np.fromfile(folder / "rates.f32", "<f4")[:self.n_networks]
        self.n_first = min(manifest["after"]["networks"], self.n_networks)
        self.n_first_minibatches = manifest["after"]["minibatches"]
        self.n_parameters = np.array([sum(self._layer_lengths(k)) for k in range(len(self.kinds))])
        lengths = self.n_parameters[np.arange(self.n_networks) % len(self.kinds)]
        self.offsets = np.concatenate([[0], np.cumsum(lengths)])
        self.parameters = np.fromfile(folder / "parameters.f32", "<f4", self.offsets[-1])
        self.after = np.fromfile(folder / "after.f32", "<f4", self.offsets[self.n_first])
        self.n_all_parameters = int(self.offsets[-1])

    def sizes(self, kind):
        return [self.n_inputs, *self.kinds[kind][0], self.n_outputs]

    def _layer_lengths(self, kind):
        sizes = self.sizes(kind)
        return [fan_out * (fan_in + 1) for fan_in, fan_out in zip(sizes[:-1], sizes[1:])]

    def layers(self, parameters, kind):
        """[n, parameters] of networks of one kind -> a layer: [n, fan_out, fan_in + 1], the bias last."""
        sizes = self.sizes(kind)
        parts = np.split(parameters, np.cumsum(self._layer_lengths(kind))[:-1], axis=1)
        return [part.reshape(len(part), fan_out, -1) for part, fan_out in zip(parts, sizes[1:])]

    def widest(self):
        return max(max(hidden) for hidden, _ in self.kinds)

    def groups(self, n_widths=1, by_activation=False, only=None):
        """All networks, or `only` those of these numbers, in groups of similar width."""
        members = {}
        for kind, (hidden, activation) in enumerate(self.kinds):
            numbers = np.arange(kind, self.n_networks, len(self.kinds))
            if only is not None:
                numbers = numbers[np.isin(numbers, only)]
            if len(numbers):
                key = ((max(hidden) - 1) * n_widths // self.widest(), activation if by_activation else "")
                members.setdefault(key, []).append((activation, kind, numbers))
        return [self._group(sorted(kinds, key=lambda kind: kind[:2])) for _, kinds in sorted(members.items())]

    def alone(self):
        """Networks for a peer that trains one after another, a group each. One of a shape is enough to know the speed; of many
        widths a small, a middle and a large one, with every activation."""
        numbers = [0] if len(self.kinds) == 1 else [n for n in (9, 49, 92) if n < self.n_networks] or [0]
        return self.groups(self.widest(), only=numbers)

    def _group(self, kinds):
        sizes = [max(units) for units in zip(*(self.sizes(kind) for _, kind, _ in kinds))]
        numbers = [own for _, _, own in kinds]
        n = sum(map(len, numbers))
        weights = [np.zeros((n, fan_out, fan_in), np.float32) for fan_in, fan_out in zip(sizes[:-1], sizes[1:])]
        biases = [np.zeros((n, fan_out), np.float32) for fan_out in sizes[1:]]
        counts, at = {}, 0
        for activation, kind, own in kinds:
            if len(self.kinds) == 1:
                flat = self.parameters.reshape(self.n_networks, -1)[own]
            else:
                flat = self.parameters[self.offsets[own][:, None] + np.arange(self.n_parameters[kind])]
            for l, layer in enumerate(self.layers(flat, kind)):
                fan_out, fan_in = layer.shape[1], layer.shape[2] - 1
                weights[l][at:at + len(own), :fan_out, :fan_in] = layer[:, :, :-1]
                if activation == "sigmoid":
                    biases[l][at:at + len(own), fan_out:] = NEVER
                biases[l][at:at + len(own), :fan_out] = layer[:, :, -1]
            counts[activation] = counts.get(activation, 0) + len(own)
            at += len(own)
        return Group(np.concatenate(numbers), sizes, list(counts.items()), weights, biases)

    def compare(self, groups, fetch):
        """Trained networks against `after`. fetch(group's index, positions) -> a layer: (weights, biases) of those networks.
        -> error: of what training changed in all compared networks together, norm by norm, so that a unit whose kink falls
        on the other side of one row does not decide; and the largest error of a parameter, relative to its network's
        largest one."""
        error = change = worst = 0.0
        n_compared = 0
        for g, group in enumerate(groups):
            positions = np.flatnonzero(group.networks < self.n_first)
            trained = fetch(g, positions) if len(positions) else []
            n_compared += len(positions)
            for row, number in enumerate(group.networks[positions]):
                span = slice(self.offsets[number], self.offsets[number + 1])
                sizes = self.sizes(number % len(self.kinds))
                layers = [np.column_stack([w[row][:fan_out, :fan_in], b[row][:fan_out]]).ravel()
                          for (w, b), fan_in, fan_out in zip(trained, sizes[:-1], sizes[1:])]
                found = np.concatenate(layers).astype(np.float64)
                expected = self.after[span].astype(np.float64)
                error += np.sum((found - expected) ** 2)
                change += np.sum((expected - self.parameters[span]) ** 2)
                worst = max(worst, np.max(np.abs(found - expected)) / np.max(np.abs(expected)), key=lambda e: (e != e, e))
        return {"error_of_change": float(np.sqrt(error / change)), "max_relative_error": float(worst),
                "networks": n_compared, "minibatches": self.n_first_minibatches}
