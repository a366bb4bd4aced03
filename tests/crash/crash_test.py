#!/usr/bin/env python3
"""Kills a sweep at its steps of output and, or stops it, at random moments, lets disks fail and takes away what was
committed last; then resumes it.

  crash_test.py SHOAL IO_FAULT_LIBRARY --rule RULE [--every N] [--random N]

What is resumed must give the results.csv and lineage.csv of a run that was left alone, byte for byte, and store the
same networks; it must train again no more than was trained after the last checkpoint. A disk that fails is one error, or no harm at all.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SWEEP = """data: {train: table.csv, target: y, cv: 2}
method: random
run_cap: 12
metric: {name: val_loss}
early_terminate: {EARLY_TERMINATE}
trainer: {checkpoint_every: 1e-9, keep: 2, threads: 1, engine: cpu}
parameters:
  hidden_layer_sizes: {values: [[3], [4, 2]]}
  learning_rate_init: {distribution: log_uniform_values, min: 1e-3, max: LARGEST_RATE}
  momentum: 0.5
  solver: {values: [adam, sgd]}
  batch_size: 16
  max_iter: MAX_ITER
"""
RULES = {
    # Most diverge, at different epochs.
    "none": {"EARLY_TERMINATE": "type: none", "LARGEST_RATE": "1e30", "MAX_ITER": "{values: [5, 9]}"},
    "halving": {"EARLY_TERMINATE": "type: halving, min_iter: 2, eta: 2, group: 6",
                "LARGEST_RATE": "1e-1", "MAX_ITER": "9"},
    "folds": {"EARLY_TERMINATE": "type: halving, min_iter: 2, eta: 2, folds: 1, group: 6",
              "LARGEST_RATE": "1e-1", "MAX_ITER": "9"},
    # Some diverge and live again, some end while others are still copied.
    "pbt": {"EARLY_TERMINATE": "type: pbt, interval: 2, quantile: 0.4, resample: 0.3, group: 6",
            "LARGEST_RATE": "1e30", "MAX_ITER": "{values: [5, 9]}"},
}
RESULTS = ["results.csv", "lineage.csv"]
KINDS = ["kill", "torn", "fail", "from_then", "lost"]
WAL = "results.sqlite-wal"


class Crashes:
    def __init__(self, shoal, library, folder, rule):
        self.shoal, self.library, self.folder = shoal, library, folder
        rows = random.Random(1)
        points = [(rows.uniform(-1, 1), rows.uniform(-1, 1)) for _ in range(60)]
        text = "a,b,y\n" + "".join(f"{a:.6f},{b:.6f},{a * b + a:.6f}\n" for a, b in points)
        (folder / "table.csv").write_text(text)
        sweep = SWEEP
        for word, text in RULES[rule].items():
            sweep = sweep.replace(word, text)
        (folder / "sweep.yaml").write_text(sweep)
        self.failures = []
        self.n_kills = self.n_faults = self.most_recomputed = 0
        self.expected, self.stored, self.epochs = self.whole()

    def run(self, out, **variables):
        faults = {"LD_PRELOAD": str(self.library), "IO_FAULT_FOLDER": str(out)} if variables else {}
        return subprocess.Popen([self.shoal, "sweep", "sweep.yaml", "--out", str(out), "--resume"], cwd=self.folder,
                                env={**os.environ, **faults, **{k: str(v) for k, v in variables.items()}},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def whole(self):
        out = self.folder / "whole"
        _, error = self.run(out).communicate()
        manifest = json.loads((out / "manifest.json").read_text())
        assert manifest["status"] == "done" and manifest["epochs_recomputed"] == 0, error
        return self.results(out), self.networks(out), manifest["epochs_trained"]

    @staticmethod
    def results(out):
        return [(out / name).read_bytes() if (out / name).exists() else None for name in RESULTS]

    @staticmethod
    def networks(out):
        return sorted(file.name for file in (out / "models").iterdir())

    def check(self, what, out, most_lost):
        """Resumes what is in `out`. most_lost: network-epochs that may be trained again; None: not known."""
        process = self.run(out)
        _, error = process.communicate()
        if process.returncode != 0:
            self.failures.append(f"{what}: does not resume: {error.strip()}")
            return
        if self.results(out) != self.expected:
            self.failures.append(f"{what}: other results")
        if self.networks(out) != self.stored:
            self.failures.append(f"{what}: stores {self.networks(out)}, not {self.stored}")
        manifest = json.loads((out / "manifest.json").read_text())
        recomputed = manifest["epochs_recomputed"]
        self.most_recomputed = max(self.most_recomputed, recomputed)
        if manifest["epochs_trained"] - recomputed != self.epochs:
            self.failures.append(f"{what}: {manifest['epochs_trained']} epochs, {recomputed} of them again")
        if most_lost is not None and recomputed > most_lost:
            self.failures.append(f"{what}: {recomputed} epochs again, {most_lost} since the checkpoint")

    def step(self, kind, number):
        """One run with one fault. False where it has fewer steps."""
        out, log = self.folder / "run", self.folder / "log"
        shutil.rmtree(out, ignore_errors=True)
        log.unlink(missing_ok=True)
        process = self.run(out, IO_FAULT_STEP=number, IO_FAULT_KIND="kill" if kind == "lost" else kind, IO_FAULT_LOG=log)
        _, error = process.communicate()
        steps = log.read_text().splitlines()
        if len(steps) < number:
            return False
        what = f"{kind} at step {number} ({' '.join(steps[number - 1].split()[1:3])})"
        if kind in ("kill", "torn", "lost"):
            self.n_kills += 1
            if process.returncode == 0:
                return True  # there is no half of a sync
        else:
            self.n_faults += 1
            if process.returncode not in (0, 1) or (process.returncode == 1 and len(error.strip().splitlines()) != 1):
                self.failures.append(f"{what}: status {process.returncode}: {error.strip()}")
        if kind == "lost":
            self.lose_results(out)
            self.check(what, out, None)
            return True
        trained = stored = 0
        for line in steps[:number]:
            fields = line.split()
            if fields[1] in ("write", "pwrite") and fields[2].endswith("/epochs") and len(fields) > 3:
                trained = int(fields[3])
            if fields[1] == "rename" and "/checkpoint/" in fields[2] and line != steps[number - 1]:
                stored = trained
        uncounted = steps[number - 1].split()[2].endswith("/epochs")
        self.check(what, out, None if uncounted else trained - stored)
        return True

    @staticmethod
    def lose_results(out):
        """What SQLite does where a disk returned other bytes: the last transaction is not there."""
        log = out / WAL
        if log.exists() and log.stat().st_size > 0:
            os.truncate(log, log.stat().st_size - 1)

    def at_random(self, what, moment):
        out = self.folder / "run"
        shutil.rmtree(out, ignore_errors=True)
        process = self.run(out)
        time.sleep(moment)
        process.send_signal(what)
        _, error = process.communicate()
        self.n_kills += 1
        name = f"{what.name} after {moment:.4f} s"
        if what == signal.SIGINT and process.returncode not in (0, 3, -signal.SIGINT):
            self.failures.append(f"{name}: status {process.returncode}: {error.strip()}")
        self.check(name, out, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shoal", type=pathlib.Path)
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=37, help="try every Nth step of each kind (default 37)")
    parser.add_argument("--rule", choices=list(RULES), required=True, help="the early_terminate of the sweep")
    parser.add_argument("--random", type=int, default=10, help="kills, and stops, at random moments (default 10)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        crashes = Crashes(options.shoal.resolve(), options.library.resolve(), pathlib.Path(name), options.rule)
        if (crashes.expected[1] is not None) != (options.rule == "pbt"):
            crashes.failures.append("there is a lineage.csv where there should be none, or the other way round")
        start = time.monotonic()
        shutil.rmtree(crashes.folder / "whole")
        crashes.whole()
        seconds = time.monotonic() - start
        for kind_index, kind in enumerate(KINDS):
            number = 1 + kind_index
            while crashes.step(kind, number):
                number += options.every
        moments = random.Random(7)
        for _ in range(options.random):
            crashes.at_random(signal.SIGKILL, moments.uniform(0, seconds))
            crashes.at_random(signal.SIGINT, moments.uniform(0, seconds))
        print(f"{crashes.n_kills} kills, {crashes.n_faults} failing calls; at most {crashes.most_recomputed} of "
              f"{crashes.epochs} network-epochs trained again")
        for failure in crashes.failures:
            print(failure)
        return 1 if crashes.failures else 0


if __name__ == "__main__":
    sys.exit(main())
