#!/usr/bin/env python3
"""What JAX and PyTorch reach on the workloads of `shoal bench`.

  export_workloads DATA --gpu
  peers.py --workload all --data DATA --peer all --json peers.json

Every peer begins with the exported parameters and takes the exported rows. Its first minibatches are compared with ours
before it is timed: tables on the device, whole minibatches, the median of at least 5 chunks. Of several variants of a peer
the fastest counts; all are reported. Peers run in processes of their own, so that none takes another one down. Exit
status 1: a peer computed something else.
"""
import argparse
import importlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import traceback

WORKLOADS = ["seed", "letters", "widths", "fashion"]
PEERS = {"jax_vmap": "jax_peers", "torch_bmm": "torch_peers", "torch_loop": "torch_peers", "torch_vmap": "torch_peers"}
# Of what the first minibatches change in the parameters: rates 2 % off give 1e-2 to 2e-2. Rounding is far below in fp32 (1e-6),
# but a unit's kink may fall on the other side of a row (1e-3); bf16 was seen at 2e-2, and tf32 rounds a quarter as much.
TOLERANCES = {"fp32": 5e-3, "tf32": 2e-2, "bf16": 1e-1}
LEAST_CHUNKS = 5


def message_of(error):
    return f"{type(error).__name__}: {error}"[:500]


def out_of_memory(error):
    text = f"{type(error).__name__} {error}".lower()
    return any(words in text for words in ("out of memory", "outofmemory", "resource_exhausted"))


def timed(trainer, n_minibatches, seconds):
    """Seconds a minibatch in each of some chunks, ascending."""
    def chunk(calls):
        start = time.perf_counter()
        for _ in range(calls):
            trainer.train(n_minibatches)
        trainer.synchronize()
        return (time.perf_counter() - start) / calls

    chunk(1)
    once = chunk(1)
    calls = max(1, int(seconds / (2 * LEAST_CHUNKS) / once))
    found, end = [], time.perf_counter() + seconds
    while len(found) < LEAST_CHUNKS or time.perf_counter() < end:
        found.append(chunk(calls) / n_minibatches)
    return sorted(found)


def measure(workload, make, lengths, seconds, precision):
    """One variant of a peer: compared, then timed with each length of a call."""
    trainer = make()
    trainer.train(workload.n_first_minibatches)
    trainer.synchronize()
    first = {**workload.compare(trainer.groups, trainer.fetch), "tolerance": TOLERANCES[precision]}
    if not first["error_of_change"] <= first["tolerance"]:
        return {"status": "wrong", "first_steps": first}
    n_networks = sum(len(group.networks) for group in trainer.groups)
    n_parameters = sum(int(workload.n_parameters[group.networks % len(workload.kinds)].sum()) for group in trainer.groups)
    calls = []
    for length in lengths:
        times = timed(trainer, length, seconds / len(lengths))
        rows = workload.batch_size / times[len(times) // 2]
        calls.append({"minibatches_a_call": length, "chunks": len(times), "median_s": times[len(times) // 2],
                      "min_s": times[0], "max_s": times[-1], "network_samples_per_s": rows * n_networks,
                      "gflop_per_s": 6e-9 * rows * n_parameters})
    best = max(calls, key=lambda call: call["network_samples_per_s"])
    return {"status": "ok", "first_steps": first, "networks": n_networks, "samples": workload.batch_size * n_networks,
            "seconds": best["median_s"], "network_samples_per_s": best["network_samples_per_s"],
            "gflop_per_s": best["gflop_per_s"], "calls": calls}


def measure_peer(name, folder, precision, options, seconds_left):
    """All variants of a peer on one workload; with fewer networks where they do not fit into memory."""
    result = {"workload": folder.name, "peer": name, "precision": precision, "status": "failed"}
    variants = {}

    def too_late(*_):
        raise TimeoutError(f"took longer than {seconds_left:.0f} s")

    end = time.monotonic() + seconds_left
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(max(1, int(seconds_left)))
    try:
        from workload import Workload
        module = importlib.import_module(PEERS[name])
        result |= {"versions": module.versions(), "device": module.device_name(options.device)}
        workload = Workload(folder, options.networks)
        while True:
            try:
                ways = list(module.PEERS[name](workload, options.device, precision))
                for label, make, lengths in ways:
                    if time.monotonic() > end:  # a library may have caught the alarm
                        too_late()
                    variants[label] = {"status": "failed"}
                    try:
                        variants[label] = measure(workload, make, lengths, options.seconds / len(ways), precision)
                    except Exception as error:  # the next variant may work
                        variants[label]["message"] = message_of(error)
                        if isinstance(error, TimeoutError) or out_of_memory(error):
                            raise
                        traceback.print_exc()
                break
            except Exception as error:
                if not out_of_memory(error) or workload.n_networks < 2:
                    raise
                result["note"] = f"{workload.n_networks} networks did not fit into memory"
                error = None  # lets go of the frames that hold the memory
            workload = Workload(folder, workload.n_networks // 2)
    except ModuleNotFoundError as error:
        result |= {"status": "skipped", "message": f"this machine's python3 has no {error.name}"}
    except Exception as error:
        traceback.print_exc()
        result["message"] = message_of(error)
    finally:
        signal.alarm(0)
    done = [way for way in variants.items() if way[1]["status"] == "ok"]
    if done:
        label, best = max(done, key=lambda way: way[1]["network_samples_per_s"])
        result |= {key: value for key, value in best.items() if key != "calls"} | {"best": label}
    if any(way["status"] == "wrong" for way in variants.values()):
        result["status"] = "wrong"
    return {**result, "variants": variants}


def share(seconds, start, n_left):
    """What one of `n_left` may take of what is left."""
    return max(1.0, (seconds - (time.monotonic() - start)) / n_left)


def describe(result):
    if result["status"] == "ok":
        first = result["first_steps"]
        text = f"{result['network_samples_per_s']:.3e} network-samples/s, {result['gflop_per_s']:.1f} GFLOP/s " \
               f"({result['best']}); " \
               f"first steps: error {first['error_of_change']:.1e}, at most {first['max_relative_error']:.1e} of a parameter"
    else:
        errors = [f"{label}: {way.get('message') or way.get('first_steps') or way['status']}"
                  for label, way in result["variants"].items()]
        text = f"{result['status']}: {result.get('message') or '; '.join(errors)}"
    return f"{result['workload']:8} {result['peer']:10} {result['precision']} {text}"


def in_own_process(peer, precision, seconds):
    """Lines of results of one peer, and what ended its process."""
    command = [sys.executable, __file__, *sys.argv[1:], "--inside", "--peer", peer, "--precision", precision,
               "--limit", str(seconds)]
    with tempfile.TemporaryFile("w+", errors="replace") as output:  # a pipe would wait for what a library leaves behind
        try:
            done = subprocess.run(command, stdout=output, timeout=seconds + 5, check=False)
            why = f"its process ended with status {done.returncode}"
        except subprocess.TimeoutExpired:
            why = f"took longer than {seconds:.0f} s"
        output.seek(0)
        return [line for line in output if line.startswith('{"workload"')], why


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", default="all", help="all, or some of " + ",".join(WORKLOADS))
    parser.add_argument("--data", type=pathlib.Path, required=True, help="the folder given to export_workloads")
    parser.add_argument("--peer", default="all", help="all, or some of " + ",".join(PEERS))
    parser.add_argument("--json", type=pathlib.Path, help="where results go")
    parser.add_argument("--seconds", type=float, default=10, help="of timing, a peer and workload (default 10)")
    parser.add_argument("--limit", type=float, default=200, help="seconds for everything, shared fairly (default 200)")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--precision", default="fp32", help="of products, some of " + ",".join(TOLERANCES))
    parser.add_argument("--networks", type=int, help="fewer than were exported")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    workloads = WORKLOADS if options.workload == "all" else options.workload.split(",")
    peers = list(PEERS) if options.peer == "all" else options.peer.split(",")
    precisions = options.precision.split(",")
    if unknown := set(workloads) - set(WORKLOADS) | set(peers) - set(PEERS) | set(precisions) - set(TOLERANCES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    start = time.monotonic()
    if options.inside:
        for i, name in enumerate(workloads):
            seconds = share(options.limit, start, len(workloads) - i)
            result = measure_peer(peers[0], options.data / name, precisions[0], options, seconds)
            print(json.dumps(result), flush=True)
        return 0
    results = []
    jobs = [(peer, precision) for peer in peers for precision in precisions]
    for i, (peer, precision) in enumerate(jobs):
        lines, why = in_own_process(peer, precision, share(options.limit, start, len(jobs) - i))
        found = {result["workload"]: result for result in map(json.loads, lines)}
        for name in workloads:
            missing = {"workload": name, "peer": peer, "precision": precision, "status": "failed", "message": why,
                       "variants": {}}
            results.append(found.get(name, missing))
            print(describe(results[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 1 if any(result["status"] == "wrong" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
