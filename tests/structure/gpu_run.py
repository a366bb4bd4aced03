#!/usr/bin/env python3
"""What scripts/gpu/run writes of a GPU, with nvidia-smi played by a script: `gpu_run.py ROOT`."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# Answers by the fields asked for; every other call fails, as that of a driver that does not know a field.
ALL = "clocks.sm,clocks.max.sm,clocks.mem,clocks.max.mem,power.limit"
FULL = {ALL: "345, 1980, 2619, 2619, 700.00\n1, 2, 3, 4, 5.00", "name": "NVIDIA A\nNVIDIA B", "driver_version": "580.1"}
OLD = {"clocks.sm": "345", "clocks.max.sm": "[N/A]", "clocks.mem": "", "power.limit": "700.00", "name": "NVIDIA A"}


def script(file, text):
    file.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    file.chmod(0o755)


@contextlib.contextmanager
def bundle(run, answers, tests="exit 0\n", shoal="exit 0\n"):
    """A bundle whose programs are these scripts, where nvidia-smi answers so (None: there is none): its folder, and
    what runs a stage of it for so many seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copy(run, folder / "run")
        for file in ("commit", "kernels.sha256"):
            (folder / file).write_text("0\n", encoding="utf-8")
        script(folder / "shoal_gpu_tests", tests)
        script(folder / "shoal", shoal)
        script(folder / "export_workloads", "echo cuda strict; echo cublas fp32\n")
        (folder / "bin").mkdir()
        if answers is not None:
            cases = "".join(f"--query-gpu={fields}) printf '%s\\n' '{text}' ;;\n" for fields, text in answers.items())
            script(folder / "bin/nvidia-smi", f'case "$1" in\n{cases}*) echo "not a valid field"; exit 2 ;;\nesac\n')
        path = f"{folder / 'bin'}:{os.environ['PATH']}"

        def result(stage, seconds="60"):
            command = [folder / "run", stage, folder / "out", seconds]
            subprocess.run(command, env={"PATH": path}, capture_output=True, check=False)
            return json.loads((folder / f"out/{stage}.json").read_text(encoding="utf-8"))

        yield folder, result


def clocks(sm, sm_max, memory, memory_max, power_limit):
    return {"sm_mhz": sm, "sm_max_mhz": sm_max, "memory_mhz": memory, "memory_max_mhz": memory_max, "power_limit_w": power_limit}


def main():
    run = pathlib.Path(sys.argv[1], "scripts/gpu/run")
    cases = [(FULL, "580.1", clocks(345, 1980, 2619, 2619, 700)), (OLD, "", clocks(345, None, None, None, 700))]
    if shutil.which("nvidia-smi") is None:
        cases.append((None, "", clocks(None, None, None, None, None)))
    for answers, driver, expected in cases:
        with bundle(run, answers) as (_, result):
            found = result("tests")
        assert found["gpu"] == ("NVIDIA A" if answers else ""), found
        assert found["driver"] == driver, found
        assert found["clocks_before"] == expected, found
        assert found["clocks_after"] == expected, found
        assert found["status"] == (0 if answers else 3), found
    check_failures(run)


def check_failures(run):
    # The second of two tests fails, and passes alone.
    tests = """case "$*" in
*--gtest_list_tests*) printf 'Suite.\\n  One\\n  Two  # of many\\n' ;;
--gtest_filter=Suite.Two) ;;
*) echo '[       OK ] Suite.One (1 ms)'; exit 1 ;;
esac
"""
    with bundle(run, FULL, tests=tests) as (folder, result):
        assert result("parity")["status"] == 1
        said = [line for line in (folder / "out/parity.log").read_text(encoding="utf-8").splitlines() if "run:" in line]
        assert said == ["run: Suite.Two alone ended with status 0"], said
    with bundle(run, FULL, tests="echo '[  SKIPPED ] BuiltKernels.One (0 ms)'\n") as (_, result):
        assert result("built")["status"] == 4
        assert result("tests")["status"] == 0
    # What a stage's end leaves running would disturb the next.
    with bundle(run, FULL, shoal="exec sleep 4711\n") as (_, result):
        for stage in ("bench", "verify"):
            assert result(stage, "1")["status"] == 124
            assert subprocess.run(["pgrep", "-f", "sleep 4711"], capture_output=True, check=False).returncode == 1
    with bundle(run, FULL, shoal="echo '{'; echo '}'\n") as (_, result):
        # 4 workloads of cuda, 3 of cublas, and the table on the host; 3 engines.
        for stage, n_documents in (("bench", 8), ("verify", 3)):
            found = result(stage)
            assert (found["status"], found["result"]) == (0, [{}] * n_documents), found


if __name__ == "__main__":
    main()
