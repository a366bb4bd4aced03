#!/usr/bin/env python3
"""What sweeps take of memory, as the kernel counts it, against what `shoal plan` predicts: `memory_test.py SHOAL`.

No more than 1.2 times as much, for networks of every size, many epochs, folds and rungs.
"""
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

MOST = 1.2
SWEEP = """data: {{train: {table}.csv, target: y, {data}}}
method: random
run_cap: {n_trials}
metric: {{name: {metric}}}
trainer: {{seed: 7, engine: cpu, {trainer}}}
{more}
parameters:
  hidden_layer_sizes: {{{layers}}}
  activation: relu
  solver: {solver}
  learning_rate_init: {{distribution: log_uniform_values, min: 1e-4, max: 0.1}}
  batch_size: 32
  max_iter: {epochs}
  {rest}
"""
HALVING = "early_terminate: {type: halving, min_iter: 2, eta: 3}"
SWEEPS = {
    "few": {"n_trials": 16},
    "tiny, a window": {"n_trials": 70_000, "table": "small", "epochs": 2},
    "tiny, many epochs": {"n_trials": 4000, "table": "small", "epochs": 500},
    "of many widths": {"n_trials": 3000, "layers": "values: [[4], [9], [17], [23, 5], [31], [40]]", "solver": "adam"},
    "on a core each": {"n_trials": 400, "layers": "value: [64, 64]", "solver": "adam"},
    "wide": {"n_trials": 6, "layers": "value: [512, 512]", "solver": "adam", "epochs": 1},
    "a table of 16 MB": {"n_trials": 4, "table": "large", "epochs": 1},
    "five folds": {"n_trials": 500, "data": "cv: 5"},
    "rungs": {"n_trials": 3000, "more": HALVING, "epochs": 18},
    "one large": {"n_trials": 1, "layers": "value: [2000, 2000]", "solver": "adam", "epochs": 1, "rest": "n_iter_no_change: 5"},
    "in checkpoints": {"n_trials": 4, "layers": "value: [1500, 1500]", "solver": "adam", "epochs": 3, "trainer": "checkpoint_every: 0.05"},
    "measured on many rows": {"n_trials": 64, "table": "classes", "data": "validation: 0.9", "layers": "value: [8]", "epochs": 1, "metric": "val_accuracy"},
    "ranked by auc, folds": {"n_trials": 60, "table": "classes", "data": "cv: 3", "layers": "value: [32]", "epochs": 1, "metric": "val_auc"},
}


def sine(row):
    return f"{math.sin(3 * sum(row)):.5f}"


def one_of_26(row):
    return f"c{int((row[0] + 1) * 13)}"


def write_table(file, n_rows, n_inputs, target):
    draw = random.Random(1)
    with open(file, "w", encoding="utf-8") as out:
        out.write(",".join(f"x{i}" for i in range(n_inputs)) + ",y\n")
        for _ in range(n_rows):
            row = [draw.uniform(-1, 1) for _ in range(n_inputs)]
            out.write(",".join(f"{x:.4f}" for x in row) + f",{target(row)}\n")


def main():
    shoal = sys.argv[1]
    failed = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for table, n_rows, n_inputs in (("small", 128, 1), ("table", 1000, 8), ("large", 200_000, 20)):
            write_table(folder / f"{table}.csv", n_rows, n_inputs, sine)
        write_table(folder / "classes.csv", 20_000, 8, one_of_26)
        for number, (title, changes) in enumerate(SWEEPS.items()):
            settings = {"table": "table", "data": "validation: 0.2", "layers": "value: [2, 2]", "solver": "sgd", "epochs": 4, "more": "", "rest": "",
                        "metric": "val_loss", "trainer": ""}
            file = folder / f"{number}.yaml"
            file.write_text(SWEEP.format(**{**settings, **changes}), encoding="utf-8")
            plan = subprocess.run([shoal, "plan", file, "--json"], check=True, capture_output=True, text=True)
            predicted = json.loads(plan.stdout)["predicted_bytes"]
            process = subprocess.Popen([shoal, "sweep", file, "--out", folder / str(number)], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                sys.exit(f"{title}: shoal sweep ended with {process.returncode}")
            taken = usage.ru_maxrss * 1024
            print(f"{title:20} {taken / 2**20:6.1f} MiB of {predicted / 2**20:6.1f} predicted: {taken / predicted:.2f}", flush=True)
            if taken > MOST * predicted:
                failed.append(title)
    if failed:
        sys.exit(f"take more than {MOST} times what was predicted: {', '.join(failed)}")


main()
