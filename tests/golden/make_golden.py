#!/usr/bin/env python3
"""Trains small networks with PyTorch in float64 and writes what came out: `make_golden.py > golden.json`.

Needs PyTorch 1.12 or later with NumPy (Debian: python3-torch). Gradients are autograd's, steps torch.optim's and rates
lr_scheduler's where PyTorch has them. Where it defines something else (docs/numerics.md), the other definition is spelt
out here: adam's epsilon is divided by sqrt(1 - b2^t), biases have no decay, clipping adds nothing to the norm, and a
velocity holds the rate, so that momentum goes with a constant rate only. Rates and row weights are floats.
"""
import itertools
import json
import math
import sys

import numpy
import torch

N_ROWS, N_INPUTS, EPOCHS, BATCH = 38, 3, 5, 4  # 10 minibatches an epoch, the last with 2 rows: 50 steps
TARGETS = {"regression": 2, "classification": 3, "multilabel": 2}
ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, float(numpy.float32(0.01))),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "elu": torch.nn.functional.elu,
    "softplus": lambda z: torch.nn.functional.softplus(z, threshold=1e9),
    "silu": torch.nn.functional.silu,
    "gelu": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
}
TASK = {"squared_error": "regression", "half_squared_error": "regression", "absolute_error": "regression", "huber": "regression",
        "cross_entropy": "classification", "binary_cross_entropy": "multilabel"}
DEFAULTS = {"loss": "squared_error", "solver": "sgd", "learning_rate_init": 0.01, "learning_rate": "constant", "momentum": 0.0,
            "nesterovs_momentum": False, "alpha": 0.0, "l1": 0.0, "clip_norm": 0.0, "dropout": 0.0, "layer_rate": 1.0,
            "label_smoothing": 0.0, "class_weight": "none", "huber_delta": 1.0, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8,
            "step_size": 2, "gamma": 0.5, "eta_min": 0.001, "warmup_epochs": 2, "power_t": 0.5, "tol": 1e-4,
            "batch_size": BATCH, "max_iter": EPOCHS, "n_iter_no_change": 0, "shuffle": "none"}


def noise(n, seed):
    """n floats in (-1, 1), the same in every language: a multiplicative hash."""
    bits = ((numpy.arange(1, n + 1, dtype=numpy.uint64) + numpy.uint64(seed * 7919)) * numpy.uint64(2654435761)) % numpy.uint64(2**32)
    return ((bits >> numpy.uint64(9)).astype(numpy.float64) / 2**22 - 1.0).astype(numpy.float32).astype(numpy.float64)


def table(task):
    inputs = noise(N_ROWS * N_INPUTS, 1).reshape(N_ROWS, N_INPUTS)
    if task == "classification":
        return inputs, numpy.array([int(9 * abs(x[0])) % 3 for x in inputs])
    targets = noise(N_ROWS * TARGETS[task], 2).reshape(N_ROWS, -1)
    return inputs, (targets > 0).astype(numpy.float64) if task == "multilabel" else targets


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011)."""
    c, k = list(counter), [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def dropout_factors(share, seed, step, layer, n_rows, n_units):
    factor = float(numpy.float32(1 / (1 - share)))
    words = [philox((2, step, layer, e // 4), seed)[e % 4] for e in range(n_rows * n_units)]
    return torch.tensor([0.0 if w < int(share * 2**32) else factor for w in words], dtype=torch.float64).reshape(n_rows, n_units)


def row_loss(h, z, y):
    f = torch.nn.functional
    if h["loss"] == "cross_entropy":
        return f.cross_entropy(z, y, reduction="none", label_smoothing=h["label_smoothing"])
    if h["loss"] == "binary_cross_entropy":
        return f.binary_cross_entropy_with_logits(z, y, reduction="none").sum(1)
    if h["loss"] == "absolute_error":
        return f.l1_loss(z, y, reduction="none").sum(1)
    if h["loss"] == "huber":
        return f.huber_loss(z, y, reduction="none", delta=h["huber_delta"]).sum(1)
    squares = f.mse_loss(z, y, reduction="none").sum(1)
    return squares / 2 if h["loss"] == "half_squared_error" else squares


def rates(h):
    """The rate of each epoch by PyTorch's schedulers, of a parameter that is never trained."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=h["learning_rate_init"])
    epochs, warmup = h["max_iter"], h["warmup_epochs"]
    cosine = lambda e, n: h["eta_min"] / h["learning_rate_init"] + (1 - h["eta_min"] / h["learning_rate_init"]) * (1 + math.cos(math.pi * e / n)) / 2
    schedulers = torch.optim.lr_scheduler
    scheduler = {
        "constant": lambda: schedulers.LambdaLR(optimizer, lambda e: 1.0),
        "adaptive": lambda: schedulers.LambdaLR(optimizer, lambda e: 1.0),
        "step": lambda: schedulers.StepLR(optimizer, h["step_size"], h["gamma"]),
        "exponential": lambda: schedulers.ExponentialLR(optimizer, h["gamma"]),
        "cosine": lambda: schedulers.CosineAnnealingLR(optimizer, epochs, h["eta_min"]),
        "warmup_cosine": lambda: schedulers.LambdaLR(
            optimizer, lambda e: (e + 1) / (warmup + 1) if e < warmup else cosine(e - warmup, epochs - warmup)),
        "invscaling": lambda: schedulers.LambdaLR(optimizer, lambda e: (e * N_ROWS + 1) ** -h["power_t"]),
    }[h["learning_rate"]]()
    for _ in range(epochs):
        yield optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()


def make_optimizer(h, weights, biases):
    groups = [{"params": [p]} for p in itertools.chain(*zip(weights, biases))]
    if h["solver"] == "sgd":
        return torch.optim.SGD(groups, lr=1.0, momentum=h["momentum"], nesterov=h["nesterovs_momentum"])
    if h["solver"] == "rmsprop":
        return torch.optim.RMSprop(groups, lr=1.0, alpha=h["beta_2"], eps=h["epsilon"])
    kind = torch.optim.AdamW if h["solver"] == "adamw" else torch.optim.Adam
    optimizer = kind(groups, lr=1.0, betas=(h["beta_1"], h["beta_2"]), weight_decay=0.0)
    if h["solver"] == "adamw":
        for group in optimizer.param_groups[::2]:
            group["weight_decay"] = h["alpha"]
    return optimizer


def train(sizes, activations, changes, weighted):
    h = {**DEFAULTS, **changes}
    task = TASK[h["loss"]]
    inputs, targets = table(task)
    widths = [N_INPUTS, *sizes, TARGETS[task]]
    n_parameters = sum((a + 1) * b for a, b in zip(widths, widths[1:]))
    start = noise(n_parameters, 3) * 0.75
    weights, biases, at = [], [], 0
    for a, b in zip(widths, widths[1:]):
        matrix = torch.tensor(start[at:at + (a + 1) * b].reshape(b, a + 1))
        weights.append(matrix[:, :a].clone().requires_grad_())
        biases.append(matrix[:, a].clone().requires_grad_())
        at += (a + 1) * b
    row_weights = (numpy.abs(noise(N_ROWS, 4)) + 0.25).astype(numpy.float32) if weighted else numpy.ones(N_ROWS, numpy.float32)
    if h["class_weight"] == "balanced":
        counts = numpy.bincount(targets, minlength=3)
        row_weights = row_weights * (N_ROWS / (3 * counts)).astype(numpy.float32)[targets]
    x, y = torch.tensor(inputs), torch.tensor(targets)
    importance = torch.tensor(row_weights.astype(numpy.float64))
    optimizer = make_optimizer(h, weights, biases)
    losses, step, drops, stalled, best = [], 0, 0, 0, math.inf
    for rate in rates(h):
        total = 0.0
        for begin in range(0, N_ROWS, h["batch_size"]):
            rows = slice(begin, begin + h["batch_size"])
            a = x[rows]
            for l, f in enumerate(activations):
                a = ACTIVATIONS[f](a @ weights[l].T + biases[l])
                if h["dropout"]:
                    a = a * dropout_factors(h["dropout"], 11, step, l, *a.shape)
            z = a @ weights[-1].T + biases[-1]
            loss = (importance[rows] * row_loss(h, z, y[rows])).sum()
            total += loss.item()
            l2 = 0.0 if h["solver"] == "adamw" else h["alpha"]
            penalty = sum(l2 / 2 * (w * w).sum() + h["l1"] * w.abs().sum() for w in weights)
            optimizer.zero_grad()
            ((loss + penalty) / importance[rows].sum()).backward()
            if h["clip_norm"]:
                norm = math.sqrt(sum((p.grad ** 2).sum().item() for p in weights + biases))
                for p in weights + biases:
                    p.grad *= min(1.0, h["clip_norm"] / norm)
            step += 1
            base = float(numpy.float32(rate / 5.0**drops if h["learning_rate"] == "adaptive" else rate))
            for i, group in enumerate(optimizer.param_groups):
                group["lr"] = base * h["layer_rate"] ** (len(weights) - 1 - i // 2)
                if "adam" in h["solver"]:
                    group["eps"] = h["epsilon"] / math.sqrt(1 - h["beta_2"] ** step)
            optimizer.step()
        losses.append(total / importance.sum().item())
        if h["learning_rate"] == "adaptive":
            stalled = 0 if best - losses[-1] >= h["tol"] else stalled + 1
            best = min(best, losses[-1])
            if stalled > 10:
                drops, stalled = drops + 1, 0
    final = numpy.concatenate([torch.cat([w, b[:, None]], 1).detach().numpy().ravel() for w, b in zip(weights, biases)])
    return {"hidden_layer_sizes": sizes, "activations": activations, "weighted": weighted, "hyperparameters": h, "losses": losses,
            "parameters": final.tolist()}


def configurations():
    for f in ACTIVATIONS:
        for loss in ("squared_error", "cross_entropy"):
            yield [4, 3], [f, f], {"loss": loss}, False
    for loss in TASK:
        for solver in ("sgd", "adam", "adamw", "rmsprop"):
            yield [5], ["tanh"], {"loss": loss, "solver": solver, "alpha": 0.1}, solver == "adam"
    for schedule in ("constant", "step", "exponential", "cosine", "warmup_cosine", "invscaling"):
        yield [4], ["sigmoid"], {"learning_rate": schedule, "learning_rate_init": 0.05}, False
        yield [4], ["tanh"], {"learning_rate": schedule, "solver": "adam"}, False
    yield [4], ["tanh"], {"learning_rate": "adaptive", "tol": 10.0, "max_iter": 30, "learning_rate_init": 0.05}, False
    yield [4], ["tanh"], {"momentum": 0.9}, False
    yield [4], ["gelu"], {"momentum": 0.8, "nesterovs_momentum": True}, False
    yield [], [], {"loss": "binary_cross_entropy"}, True
    yield [3, 3, 3], ["silu", "elu", "softplus"], {"solver": "adam", "epsilon": 1e-2}, False
    for regulariser in ({"alpha": 0.5}, {"l1": 0.05}, {"clip_norm": 0.3}, {"dropout": 0.25}, {"layer_rate": 0.6}):
        yield [5, 4], ["tanh", "relu"], {"loss": "squared_error", **regulariser}, False
        yield [5, 4], ["tanh", "sigmoid"], {"loss": "cross_entropy", "solver": "adam", **regulariser}, False
    for smoothing, balance in ((0.2, "none"), (0.0, "balanced"), (0.1, "balanced")):
        yield [5], ["relu"], {"loss": "cross_entropy", "label_smoothing": smoothing, "class_weight": balance}, smoothing > 0
    yield [5], ["relu"], {"loss": "huber", "huber_delta": 0.4}, False
    yield [6], ["leaky_relu"], {"batch_size": 38, "max_iter": 50}, False


def main():
    torch.set_default_dtype(torch.float64)
    json.dump({"made_with": f"PyTorch {torch.__version__}", "configurations": [train(*c) for c in configurations()]}, sys.stdout,
              separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
