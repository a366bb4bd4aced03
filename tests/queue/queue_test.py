#!/usr/bin/env python3
"""Draws many tiny networks from a queue: every one has its result, and memory does not grow with their number.

  queue_test.py SHOAL [--trials N]     1,000,000 take one minute on two cores, and 900 MB of disk

The most that it takes, as the kernel counts it, may be twice that of a run of two windows of the queue: threads' arenas
make it 150 to 215 MiB whatever the number. 1200 bytes that stay of each trial would be more, of a million trials 180.
"""
import argparse
import csv
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

WINDOW = 65_536  # trials that are planned together
MOST_GROWTH = 2
SWEEP = """data: {train: curve.csv, target: y, validation: 0.2}
method: random
run_cap: N_TRIALS
metric: {name: val_loss}
trainer: {seed: 7, engine: cpu}
parameters:
  hidden_layer_sizes: {value: [2, 2]}
  activation: relu
  solver: sgd
  learning_rate_init: {distribution: log_uniform_values, min: 1e-3, max: 1}
  batch_size: 32
  max_iter: 2
"""


def run(shoal, folder, n_trials):
    """Seconds, and the most resident bytes."""
    folder.mkdir()
    points = [(i / 512 - 1, math.sin(3 * (i / 512 - 1))) for i in range(1024)]
    (folder / "curve.csv").write_text("x,y\n" + "".join(f"{x:.6f},{y:.6f}\n" for x, y in points))
    (folder / "sweep.yaml").write_text(SWEEP.replace("N_TRIALS", str(n_trials)))
    start = time.monotonic()
    process = subprocess.Popen([shoal, "sweep", folder / "sweep.yaml", "--out", folder / "run"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"shoal sweep ended with {process.returncode}")
    check_results(folder, n_trials)
    return time.monotonic() - start, usage.ru_maxrss * 1024


def check_results(folder, n_trials):
    ids = set()
    with open(folder / "run/results.csv", newline="") as file:
        for row in csv.DictReader(file):
            ids.add(row["id"])
            if row["status"] not in ("finished", "diverged"):
                sys.exit(f"trial {row['id']} is {row['status']}")
            if row["status"] == "finished" and not (row["epochs"] == "2" and math.isfinite(float(row["val_loss"]))):
                sys.exit(f"trial {row['id']} has no result: {row}")
    if len(ids) != n_trials:
        sys.exit(f"{len(ids)} of {n_trials} trials have a result")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shoal")
    parser.add_argument("--trials", type=int, default=4 * WINDOW)
    options = parser.parse_args()
    if options.trials < 4 * WINDOW:
        sys.exit(f"--trials: fewer than {4 * WINDOW} say nothing of memory")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _, few = run(options.shoal, folder / "few", 2 * WINDOW)
        seconds, many = run(options.shoal, folder / "many", options.trials)
    print(f"{options.trials} trials, {seconds:.0f} s; at most {many / 2**20:.0f} MiB of memory, "
          f"{few / 2**20:.0f} for {2 * WINDOW}")
    if many > few * MOST_GROWTH:
        sys.exit("memory grows with the number of trials")


main()
