#!/usr/bin/env python3
"""Draws many tiny networks from a queue: every one has its result, and memory does not grow with their number.

  queue_test.py SHOAL [--trials N]     1,000,000 take one minute on two cores, and 900 MB of disk

The run's resident memory is sampled. Its median in the last quarter may be a tenth more than in the second, by when
windows of the queue have reached their full size (150 bytes a trial would be more), and its peak a third more: a
window's vectors find room between others, or the allocator asks for more.
"""
import argparse
import csv
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

WINDOW = 65_536  # trials that are planned together
MOST_GROWTH = 1.1
MOST_PEAK = 4 / 3
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


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0  # it has ended


def run(shoal, folder, n_trials):
    """Samples of (seconds, resident bytes)."""
    points = [(i / 512 - 1, math.sin(3 * (i / 512 - 1))) for i in range(1024)]
    (folder / "curve.csv").write_text("x,y\n" + "".join(f"{x:.6f},{y:.6f}\n" for x, y in points))
    (folder / "sweep.yaml").write_text(SWEEP.replace("N_TRIALS", str(n_trials)))
    start = time.monotonic()
    process = subprocess.Popen([shoal, "sweep", folder / "sweep.yaml", "--out", folder / "run"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    samples = []
    while process.poll() is None:
        samples.append((time.monotonic() - start, resident_bytes(process.pid)))
        time.sleep(0.02)
    if process.returncode != 0:
        sys.exit(f"shoal sweep ended with {process.returncode}: {process.stderr.read()}")
    return samples


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
        samples = run(options.shoal, folder, options.trials)
        check_results(folder, options.trials)
    seconds = samples[-1][0]
    quarters = [[size for at, size in samples if q <= at / seconds * 4 < q + 1] for q in range(4)]
    medians = [statistics.median(quarter) for quarter in quarters]
    peak = max(map(max, quarters))
    print(f"{options.trials} trials, {seconds:.0f} s; MiB of memory, a median a quarter: "
          f"{', '.join(f'{median / 2**20:.0f}' for median in medians)}; at most {peak / 2**20:.0f}")
    if medians[3] > medians[1] * MOST_GROWTH or peak > medians[1] * MOST_PEAK:
        sys.exit("memory grows with the number of trials")


main()
