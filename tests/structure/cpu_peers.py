#!/usr/bin/env python3
"""What bench/peers/cpu_peers.py says of words that it cannot use: `cpu_peers.py ROOT`."""
import pathlib
import subprocess
import sys
import tempfile


def refused(script, *words):
    """What it says last, having ended as wrong use does."""
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done
    assert done.stdout == "", done
    return done.stderr.splitlines()[-1].removeprefix("cpu_peers.py: error: ")


def main():
    script = pathlib.Path(sys.argv[1], "bench/peers/cpu_peers.py")
    with tempfile.TemporaryDirectory() as build:
        how = f": cmake -B {build} -DSHOAL_BENCHES=ON && cmake --build {build}"
        assert refused(script, "--build", build) == f"--build: there is no {build}/shoal{how}"
        shoal = pathlib.Path(build, "shoal")
        shoal.touch()
        shoal.chmod(0o755)
        assert refused(script, "--build", build) == f"--build: there is no {build}/bench/engine/export_workloads{how}"
    for text in ("0", "-1", "1.5", "many"):
        assert refused(script, "--rounds", text) == f"argument --rounds: must be a whole number of at least 1, is '{text}'"
    for text in ("0", "-1", "nan", "inf", "soon"):
        assert refused(script, "--seconds", text) == f"argument --seconds: must be a number above 0, is '{text}'"


if __name__ == "__main__":
    main()
