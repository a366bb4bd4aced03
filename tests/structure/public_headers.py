#!/usr/bin/env python3
"""Every public header compiles alone, with the standard library only: `public_headers.py COMPILER ROOT`."""
import pathlib
import subprocess
import sys
import tempfile


def errors_of(compiler, include, text):
    """What the compiler says about a source with this text; empty if it compiles."""
    command = [compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", f"-I{include}", "-x", "c++", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode != 0 else ""


def main():
    compiler, root = sys.argv[1], pathlib.Path(sys.argv[2])
    headers = sorted((root / "include").rglob("*.hpp"))
    failed = 0
    for header in headers:
        name = header.relative_to(root / "include").as_posix()
        # Twice: a header without a guard fails as well.
        errors = errors_of(compiler, root / "include", f'#include "{name}"\n#include "{name}"\n')
        if errors:
            failed += 1
            print(f"{name} does not compile alone:\n{errors}")
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "planted.hpp").write_text("#pragma once\nstd::string text;\n", encoding="utf-8")
        if not errors_of(compiler, folder, '#include "planted.hpp"\n'):
            failed += 1
            print("a planted header that lacks an #include was not found")
    print(f"{len(headers)} public headers, {failed} faults")
    return 1 if failed or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
