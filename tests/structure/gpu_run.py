#!/usr/bin/env python3
"""What scripts/gpu/run writes of a GPU, with nvidia-smi played by a script: `gpu_run.py ROOT`."""
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


def written(run, answers):
    """tests.json of a bundle whose tests pass, where nvidia-smi answers so; None: there is none."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copy(run, folder / "run")
        for file in ("commit", "kernels.sha256"):
            (folder / file).write_text("0\n", encoding="utf-8")
        script(folder / "shoal_gpu_tests", "exit 0\n")
        (folder / "bin").mkdir()
        if answers is not None:
            cases = "".join(f"--query-gpu={fields}) printf '%s\\n' '{text}' ;;\n" for fields, text in answers.items())
            script(folder / "bin/nvidia-smi", f'case "$1" in\n{cases}*) echo "not a valid field"; exit 2 ;;\nesac\n')
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        subprocess.run([folder / "run", "tests", folder / "out"], env={"PATH": path}, capture_output=True, check=False)
        return json.loads((folder / "out/tests.json").read_text(encoding="utf-8"))


def clocks(sm, sm_max, memory, memory_max, power_limit):
    return {"sm_mhz": sm, "sm_max_mhz": sm_max, "memory_mhz": memory, "memory_max_mhz": memory_max, "power_limit_w": power_limit}


def main():
    run = pathlib.Path(sys.argv[1], "scripts/gpu/run")
    cases = [(FULL, "580.1", clocks(345, 1980, 2619, 2619, 700)), (OLD, "", clocks(345, None, None, None, 700))]
    if shutil.which("nvidia-smi") is None:
        cases.append((None, "", clocks(None, None, None, None, None)))
    for answers, driver, expected in cases:
        found = written(run, answers)
        assert found["gpu"] == ("NVIDIA A" if answers else ""), found
        assert found["driver"] == driver, found
        assert found["clocks_before"] == expected, found
        assert found["clocks_after"] == expected, found
        assert found["status"] == (0 if answers else 3), found


if __name__ == "__main__":
    main()
