#!/usr/bin/env python3
"""Who may include whom (CONTRIBUTING.md). `include_rules.py ROOT` checks every source; `--self-test` checks this check."""
import pathlib
import re
import sys

LAYERS = ["spec", "search", "data", "plan", "train", "store", "export", "run", "report", "cli"]
# Random numbers are one definition for the whole project; search and data draw from it.
RANDOM = ["kernels/math/philox.hpp", "kernels/math/permutation.hpp"]

# Where a file lies (the longest match counts) -> the project's headers that it may name. `shoal/` is include/shoal.
RULES = {
    "include/shoal/": ["shoal/"],
    "kernels/math/": ["kernels/math/"],
    "kernels/cpu/": ["kernels/math/", "kernels/cpu/"],
    "kernels/cuda/": ["kernels/math/", "kernels/cuda/"],
    # The one door between kernels and the device, real or emulated.
    "kernels/cuda/device.hpp": ["kernels/math/", "kernels/cuda/", "tests/emulation/", "shoal/error.hpp"],
    # The same door for CUB.
    "kernels/cuda/cub_api.hpp": ["tests/emulation/"],
    "src/spec/": ["shoal/", "spec/"],
    "src/search/": ["shoal/", "spec/", "search/", *RANDOM],
    "src/data/": ["shoal/", "spec/", "data/", *RANDOM],
    "src/plan/": ["shoal/", "spec/", "search/", "data/", "plan/"],
    "src/engine/": ["shoal/", "engine/definition.hpp", "kernels/math/"],
    "src/engine/make_engine.cpp": ["shoal/", "spec/", "engine/", "kernels/cpu/", "kernels/cuda/"],
    "src/engine/reference/": ["shoal/", "engine/definition.hpp", "engine/reference/", "plan/", "data/"],
    "src/engine/cpu/": ["shoal/", "engine/definition.hpp", "engine/cpu/", "plan/", "data/", "kernels/math/", "kernels/cpu/"],
    "src/engine/cuda/": ["shoal/", "engine/definition.hpp", "engine/cuda/", "plan/", "data/", "kernels/math/", "kernels/cuda/"],
    # The same door for cuBLAS and NVRTC.
    "src/engine/cuda/cublas_api.hpp": ["tests/emulation/"],
    "src/engine/cuda/nvrtc_api.hpp": ["tests/emulation/"],
    "src/train/": ["shoal/", "spec/", "search/", "data/", "plan/", "train/", "engine/definition.hpp"],
    "src/store/": ["shoal/", "spec/", "search/", "data/", "plan/", "store/"],
    "src/export/": ["shoal/", "data/", "store/", "export/"],
    "src/run/": ["shoal/", *[f"{layer}/" for layer in LAYERS if layer not in ("report", "cli")], "engine/definition.hpp"],
    "src/report/": ["shoal/", "spec/", "data/", "store/", "report/", "engine/definition.hpp"],
    "src/verify/": ["shoal/", "engine/definition.hpp", "engine/reference/", "verify/"],
    # The one other place that names an engine: cuda's, which has a clock of its own.
    "src/bench/": ["shoal/", "spec/", "bench/", "engine/cuda/cuda_engine.hpp", "kernels/math/", "kernels/cpu/"],
    "src/cli/": ["shoal/", "cli/"],
    "examples/": ["shoal/"],
}
STANDARD_LIBRARY_ONLY = ["include/shoal/", "kernels/math/"]
SUFFIXES = {".hpp", ".cpp", ".h", ".cu", ".cuh", ".inl"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def violations(path, text):
    """Sentences on what the file at `path` (from the root, with /) may not include."""
    places = [place for place in RULES if path.startswith(place)]
    if not places:
        return [f"{path}: no rule says what this folder may include; add one to {pathlib.Path(__file__).name}"]
    place = max(places, key=len)
    found = []
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        quoted, header = match.group(1) == '"', match.group(2)
        if quoted:
            if not any(header == allowed or (allowed.endswith("/") and header.startswith(allowed)) for allowed in RULES[place]):
                found.append(f'{path}:{line}: {place} may not include "{header}"')
        elif place in STANDARD_LIBRARY_ONLY and not re.fullmatch(r"[a-z_0-9]+", header):
            found.append(f"{path}:{line}: {place} is for the standard library only, not <{header}>")
        elif header.startswith(("cuda", "cub")) and not path.startswith(("kernels/cuda/", "src/engine/cuda/")):
            found.append(f"{path}:{line}: <{header}> belongs to the CUDA engine alone")
    return found


def self_test():
    """A planted violation of each kind is found, and what is allowed passes."""
    wrong = [
        ("src/engine/reference/a.cpp", '#include "kernels/math/scalar.hpp"'),
        ("src/engine/reference/a.cpp", '#include "engine/cpu/cpu_engine.hpp"'),
        ("src/train/loop.cpp", '#include "engine/cpu/cpu_engine.hpp"'),
        ("src/cli/sweep.cpp", '// text\n#include "spec/nearest.hpp"'),
        ("src/spec/a.cpp", '#include "store/b.hpp"'),
        ("src/search/a.cpp", '#include "kernels/math/scalar.hpp"'),
        ("src/report/a.cpp", '#include "run/kept_networks.hpp"'),
        ("src/run/a.cpp", '#include "report/sampling.hpp"'),
        ("kernels/cuda/a.cu", '#include "shoal/trial.hpp"'),
        ("kernels/cpu/a.cpp", '#include "kernels/cuda/a.cuh"'),
        ("include/shoal/a.hpp", "#include <nlohmann/json.hpp>"),
        ("include/shoal/a.hpp", "#  include <cuda_runtime.h>"),
        ("src/plan/a.cpp", "#include <cuda_runtime.h>"),
        ("src/plan/a.cpp", "#include <cub/device/device_scan.cuh>"),
        ("kernels/cuda/a.cu", '#include "tests/emulation/cub.hpp"'),
        ("src/spec/a.cpp", '#include "nearest.hpp"'),
        ("src/export/a.cpp", '#include "engine/definition.hpp"'),
        ("src/export/a.cpp", '#include "run/chosen_networks.hpp"'),
        ("src/unknown/a.cpp", ""),
    ]
    right = [
        ("src/engine/make_engine.cpp", '#include "engine/cpu/cpu_engine.hpp"\n#include "shoal/engine.hpp"\n#include <memory>'),
        ("src/engine/cpu/a.cpp", '#include "kernels/cpu/b.hpp"\n#include <hwy/highway.h>'),
        ("src/search/a.cpp", '#include "kernels/math/philox.hpp"'),
        ("kernels/math/a.hpp", "#include <cstdint>\n// #include <hwy/highway.h>"),
    ]
    missed = [text for path, text in wrong if not violations(path, text)]
    false_alarms = [problem for path, text in right for problem in violations(path, text)]
    for text in missed:
        print(f"a planted violation was not found: {text!r}")
    for problem in false_alarms:
        print(f"a false alarm: {problem}")
    return not missed and not false_alarms


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 0 if self_test() else 1
    root = pathlib.Path(sys.argv[1])
    sources = [path for folder in ("include", "kernels", "src", "examples") for path in sorted((root / folder).rglob("*"))
               if path.suffix in SUFFIXES]
    found = [problem for path in sources
             for problem in violations(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))]
    print("\n".join(found + [f"{len(sources)} sources, {len(found)} violations"]))
    return 1 if found or len(sources) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
