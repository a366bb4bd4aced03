#!/usr/bin/env python3
"""What scikit-learn, PyTorch and JAX reach on a CPU on the workloads of `shoal bench`, and what shoal does.

  cpu_peers.py --build build/release --json bench/evidence/cpu_peers.json

Needs a build with -DSHOAL_BENCHES=ON. Each library is tried in all its forms, as one process that has every core and as one
process a core, each with its part of the networks, with few networks and the best of these with all; what is fastest of each
library then takes turns with `shoal bench`, run by run, so that all meet the same company on a shared machine. Every form begins
with the exported parameters and rows and is compared with ours after its first minibatches. --python names interpreters that may have
a library; what none has is skipped. Exit status 1: a peer computed something else.
"""
import argparse
import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

WORKLOADS = ["seed", "deep", "widths", "letters", "fashion"]
FORMS = {"scikit-learn": [("sklearn_peers", "sklearn_loop")],
         "PyTorch": [("torch_peers", "torch_loop"), ("torch_peers", "torch_bmm"), ("torch_peers", "torch_vmap")],
         "JAX": [("jax_peers", "jax_vmap")]}
IMPORTS = {"scikit-learn": "sklearn", "PyTorch": "torch", "JAX": "jax"}
# Networks that stay in caches, tried besides all.
FEWER = {"seed": 8192, "deep": 64, "widths": 1000, "letters": 64}
TOLERANCE = 5e-3  # of what the first minibatches change in the parameters; peers.py says why
# Debian's PyTorch multiplies large matrices faster with OpenBLAS's OpenMP build, which shares its threads.
OPENMP_BLAS = pathlib.Path("/usr/lib/x86_64-linux-gnu/openblas-openmp")
# Of processors that it does not know OpenBLAS 0.3.21 takes the oldest: a sixth of the speed on an Emerald Rapids.
HAS_AVX512 = "avx512vl" in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
LONG_CALL = 0.03  # seconds
N_CORES = os.cpu_count()


def answer(**facts):
    print(json.dumps(facts), flush=True)


def work(options):
    """A worker: checks one form, then trains for as long as each line on stdin says."""
    from workload import Workload
    if options.core >= 0:
        os.sched_setaffinity(0, {options.core})
    module = importlib.import_module(options.module)
    if options.module == "torch_peers":
        module.torch.set_num_threads(1 if options.core >= 0 else N_CORES)
    workload = Workload(options.data, options.networks or None)
    variants = {label: (make, lengths) for label, make, lengths in module.PEERS[options.peer](workload, "cpu", "fp32")}
    if not options.variant:
        answer(variants=list(variants), versions=module.versions())
        return
    make, lengths = variants[options.variant]
    trainer = make()
    trainer.train(workload.n_first_minibatches)
    trainer.synchronize()
    first = workload.compare(trainer.groups, trainer.fetch)
    n_networks = sum(len(group.networks) for group in trainer.groups)

    answer(first_steps=first, ok=bool(first["error_of_change"] <= TOLERANCE))

    def run(length, n_calls):
        start = time.monotonic()
        for _ in range(n_calls):
            trainer.train(length)
        trainer.synchronize()
        return start, time.monotonic()

    for length in lengths:  # a call of more minibatches where one of few is over too soon
        run(length, 1)
        start, end = run(length, 1)
        if end - start > LONG_CALL:
            break
    for line in sys.stdin:
        n_calls = max(1, round(float(line) / (end - start)))
        begun, ended = run(length, n_calls)
        answer(start=begun, end=ended, samples=n_calls * length * workload.batch_size * n_networks)


class Peer:
    """One form of a library in its processes."""

    def __init__(self, python, data, form, variant, n_processes, n_networks):
        self.name = f"{form[1].removeprefix(form[0].split('_')[0] + '_')}, {variant}"
        self.layout = f"{n_processes} of 1 thread" if n_processes > 1 else f"1 of {N_CORES} threads"
        self.n_networks, self.rates = n_networks, []
        self.processes = [start(python, data, form, variant, i if n_processes > 1 else -1, -(-n_networks // n_processes))
                          for i in range(n_processes)]
        self.checks = [self.read(process) for process in self.processes]

    @staticmethod
    def read(process):
        line = process.stdout.readline()
        return json.loads(line) if line.startswith("{") else {"ok": False, "first_steps": "ended: " + tail(process)}

    def ok(self):
        return all(check["ok"] for check in self.checks)

    def run(self, seconds):
        """Network-samples a second of all processes together."""
        for process in self.processes:
            process.stdin.write(f"{seconds}\n")
            process.stdin.flush()
        found = [self.read(process) for process in self.processes]
        wall = max(f["end"] for f in found) - min(f["start"] for f in found)
        return sum(f["samples"] for f in found) / wall

    def close(self):
        for process in self.processes:
            process.stdin.close()
            process.wait()
            process.stdout.close()


def start(python, data, form, variant, core, n_networks):
    threads = str(1 if core >= 0 else N_CORES)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    if HAS_AVX512 and form[0] == "torch_peers":
        environment.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
    if OPENMP_BLAS.is_dir() and form[0] == "torch_peers" and core < 0:
        environment["LD_LIBRARY_PATH"] = str(OPENMP_BLAS)
    command = [python, __file__, "--worker", "--data", data, "--module", form[0], "--peer", form[1], "--variant", variant,
               "--core", str(core), "--networks", str(n_networks)]
    errors = tempfile.TemporaryFile("w+", errors="replace")
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
    process.errors = errors
    return process


def tail(process):
    process.wait()
    process.errors.seek(0)
    return (process.errors.read().strip().splitlines() or ["without a word"])[-1][-300:]


def python_with(pythons, module):
    """The first interpreter that has a library."""
    for python in pythons:
        if subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0:
            return python
    return None


def ask_variants(python, data, form):
    process = start(python, data, form, "", -1, 0)
    found = Peer.read(process)
    process.stdin.close()
    process.wait()
    return found


class Search:
    """Keeps the fastest of the forms that it tries, ready to run."""

    def __init__(self, python, data, seconds):
        self.python, self.data, self.seconds = python, data, seconds
        self.best, self.best_rate, self.best_way, self.tried = None, 0, None, []

    def attempt(self, form, variant, n_processes, n_networks):
        peer = Peer(self.python, self.data, form, variant, n_processes, n_networks)
        facts = {"form": peer.name, "processes": peer.layout, "networks": n_networks,
                 "first_steps": [check["first_steps"] for check in peer.checks], "ok": peer.ok()}
        self.tried.append(facts)
        slower = peer
        if peer.ok():
            facts["network_samples_per_s"] = max(peer.run(self.seconds) for _ in range(2))
            if facts["network_samples_per_s"] > self.best_rate:
                slower, self.best, self.best_rate = self.best, peer, facts["network_samples_per_s"]
                self.best_way = (form, variant, n_processes)
        if slower:
            slower.close()


def fastest(python, data, workload, n_all, library, seconds):
    """The best form of a library, what was tried, and the library's versions."""
    search, versions = Search(python, data, seconds), {}
    for form in FORMS[library]:
        known = ask_variants(python, data, form)
        versions |= known.get("versions", {})
        n_networks = min(N_CORES if "loop" in form[1] else FEWER.get(workload, n_all), n_all)
        for variant in known.get("variants", []):
            for n_processes in (1, N_CORES)[:min(n_all, 2)]:
                search.attempt(form, variant, n_processes, n_networks)
    if search.best and search.best.n_networks < n_all and "loop" not in search.best_way[0][1]:
        search.attempt(*search.best_way, n_all)
    return search.best, search.tried, versions


def ours(build, workload):
    # The median of three: a process's first run finds its memory cold, and those of peers have had their first steps.
    done = subprocess.run([build / "shoal", "bench", "--workload", workload, "--repetitions", "3", "--json"],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["workloads"][0]


def spread(values):
    return {"median": statistics.median(values), "range": [min(values), max(values)]}


def compare(options, workload, pythons):
    """One workload: a dictionary of a library's name and what it reached."""
    with tempfile.TemporaryDirectory() as data:
        subprocess.run([options.build / "bench/engine/export_workloads", data, "--workload", workload], check=True)
        folder = str(pathlib.Path(data, workload))
        n_all = json.loads(pathlib.Path(folder, "manifest.json").read_text(encoding="utf-8"))["networks"]
        results, best = {}, {}
        for library, python in pythons.items():
            peer, tried, versions = fastest(python, folder, workload, n_all, library, options.seconds / 2)
            results[library] = {"versions": versions, "tried": tried}
            if peer:
                best[library] = peer
        own, pairs = [], {library: [] for library in best}
        for _ in range(options.rounds if best else 0):
            own.append(ours(options.build, workload)["network_samples_per_s"])
            for library, peer in best.items():
                peer.rates.append(peer.run(options.seconds))
                pairs[library].append(own[-1] / peer.rates[-1])
        for library, peer in best.items():
            peer.close()
            results[library] |= {"best": peer.name, "processes": peer.layout, "networks": peer.n_networks,
                                 "network_samples_per_s": spread(peer.rates), "ours_over_it": spread(pairs[library])}
        return {"workload": workload, "networks": n_all, "ours": {"network_samples_per_s": spread(own)} if own else None,
                "peers": results}


def print_lines(result):
    def speed(found):
        low, high = found["range"]
        return f"{found['median']:.3g} ({low:.3g} to {high:.3g})"

    if result["ours"]:
        print(f"{result['workload']:8} shoal         {speed(result['ours']['network_samples_per_s']):32} "
              f"{result['networks']} networks")
    for library, peer in result["peers"].items():
        wrong = [f"{way['form']}: {way['first_steps']}" for way in peer["tried"] if not way["ok"]]
        if "best" in peer:
            ratio = peer["ours_over_it"]
            low, high = ratio["range"]
            print(f"{result['workload']:8} {library:13} {speed(peer['network_samples_per_s']):32} "
                  f"ours is {ratio['median']:.3g} times as fast ({low:.3g} to {high:.3g}); "
                  f"{peer['best']}, {peer['processes']}, {peer['networks']} networks")
        for line in wrong:
            print(f"{result['workload']:8} {library:13} wrong or failed: {line}")
    sys.stdout.flush()


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "")


def one_or_more(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, is '{text}'")
    return int(text)


def above_zero(text):
    try:
        if 0 < float(text) < float("inf"):
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"must be a number above 0, is '{text}'")


def check_build(build, parser):
    for program in (build / "shoal", build / "bench/engine/export_workloads"):
        if not os.access(program, os.X_OK):
            parser.error(f"--build: there is no {program}: cmake -B {build} -DSHOAL_BENCHES=ON && cmake --build {build}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"), help="default build/release")
    parser.add_argument("--workload", nargs="*", choices=WORKLOADS, default=WORKLOADS, help="default all")
    parser.add_argument("--library", nargs="*", choices=list(FORMS), default=list(FORMS), help="default all")
    parser.add_argument("--python", nargs="*", default=[sys.executable, "/usr/bin/python3"],
                        help="interpreters, the first that has a library counts")
    parser.add_argument("--rounds", type=one_or_more, default=7, help="runs of each (default 7)")
    parser.add_argument("--seconds", type=above_zero, default=1.5, help="a run (default 1.5)")
    parser.add_argument("--json", type=pathlib.Path, help="where results go")
    for name, kind in (("data", str), ("module", str), ("peer", str), ("variant", str), ("core", int), ("networks", int)):
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options)
        return 0
    check_build(options.build, parser)
    pythons = {}
    for library in options.library:
        python = python_with(options.python, IMPORTS[library])
        if python:
            pythons[library] = python
        else:
            print(f"{library}: skipped: none of {', '.join(options.python)} has {IMPORTS[library]}")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    results = []
    for workload in options.workload:
        results.append(compare(options, workload, pythons))
        print_lines(results[-1])
        if options.json:
            document = {"command": " ".join(["cpu_peers.py", *sys.argv[1:]]), "commit": commit, "machine": machine(),
                        "cores": N_CORES, "result": results}
            options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if any(not way["ok"] for r in results for peer in r["peers"].values() for way in peer["tried"]) else 0


if __name__ == "__main__":
    sys.exit(main())
