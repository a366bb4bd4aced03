#!/usr/bin/env python3
"""Compiles a source and says what became of its kernels: `kernel_code.py FOLDER nvcc OPTIONS... -c SOURCE -o OBJECT`.

Does what nvcc does, and writes a JSON listing of the kernels an architecture, FOLDER/SOURCE.sm_90a.json: the code's hash
and what ptxas says of registers and memory. --self-test checks this script.
"""
import hashlib
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

REPORT = re.compile(
    r"(?:Compiling entry function '(?P<entry>\w+)' for '(?P<arch>\w+)')"
    r"|(?:Function properties for (?P<function>\w+)\n"
    r"\s*(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads)"
    r"|(?:Used (?P<registers>\d+) registers(?P<rest>.*))"
)


def resources(report):
    """ptxas -v -> mangled kernel -> its row. What a function that is called and not inlined takes counts for every
    kernel of the source: the report does not say who calls it."""
    kernels, called, entry = {}, [], None
    for match in REPORT.finditer(report):
        if match["entry"]:
            entry = kernels.setdefault(match["entry"], {"arch": match["arch"]})
        elif match["function"]:
            row = {"stack_bytes": int(match["stack"]), "spill_store_bytes": int(match["stores"]), "spill_load_bytes": int(match["loads"])}
            if match["function"] in kernels:
                kernels[match["function"]].update(row)
            else:
                called.append(row)
        else:
            static = re.search(r"(\d+) bytes smem", match["rest"])
            stack = re.search(r"(\d+) bytes cumulative stack", match["rest"])
            entry["registers"] = int(match["registers"])
            entry["shared_bytes"] = int(static[1]) if static else 0
            entry["stack_bytes"] = max(entry["stack_bytes"], int(stack[1]) if stack else 0)
    for row in kernels.values():
        for other in called:
            for key in ("spill_store_bytes", "spill_load_bytes"):
                row[key] += other[key]
    return kernels


def sections(elf):
    """Name -> bytes of the sections of a 64-bit little-endian ELF file that have any."""
    if elf[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no 64-bit ELF file")
    (start,) = struct.unpack_from("<Q", elf, 0x28)
    size, count, names = struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", elf, start + i * size) for i in range(count)]
    strings = headers[names][4]
    found = {}
    for name, kind, _, _, offset, length in headers:
        if kind != 8:  # NOBITS
            begin = strings + name
            found[elf[begin : elf.index(b"\0", begin)].decode()] = elf[offset : offset + length]
    return found


def code_hash(parts, kernel):
    """sha256 of a kernel's instructions and of the constants that it may read. Bank 0 holds its arguments."""
    own, common = [], []
    for name, content in sorted(parts.items()):
        if name == f".text.{kernel}" or re.fullmatch(rf"\.nv\.constant[1-9]\d*\.{kernel}", name):
            own.append(content)
        elif re.fullmatch(r"\.nv\.constant[1-9]\d*|\.nv\.global\.init", name):
            common.append(content)
    if not own:
        raise ValueError(f"the code has no {kernel}")
    digest = hashlib.sha256()
    for content in own + common:
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()


def short_names(mangled):
    """`train_kernel<FixedShape<1,2,2,1>>`: no namespaces, arguments, result or spaces; of CUB's kernels no template
    arguments, which are pages."""
    plain = subprocess.run(["c++filt", *mangled], capture_output=True, text=True, check=True).stdout.splitlines()
    names = []
    for text in plain:
        text = re.sub(r"^(?:void )?cub::[\w:]*?(\w+)<.*", r"\1", text)
        text = text.replace("(anonymous namespace)::", "")
        text = re.sub(r"\b(?:\w+::)+", "", text)
        depth, end = 0, len(text)
        for i, character in enumerate(text):
            depth += {"<": 1, ">": -1}.get(character, 0)
            if character == "(" and depth == 0:
                end = i
                break
        text = re.sub(r"^[\w ]+? (?=\w+<)", "", text[:end])
        text = re.sub(r"\b(\d+)(?:u|ul|l)\b", r"\1", text)
        names.append(text.replace(" ", ""))
    if len(set(names)) != len(names):
        raise ValueError(f"two kernels have one short name: {sorted(names)}")
    return names


def listing(rows, elf):
    parts = sections(elf)
    names = short_names(list(rows)) if rows else []
    return {name: {**rows[kernel], "sha256": code_hash(parts, kernel)} for name, kernel in zip(names, rows)}


def of_architectures(report):
    """ptxas -v for several architectures -> architecture -> what resources() says of its kernels."""
    reports = {}
    for part in re.split(r"(?m)^(?=ptxas info +: Compiling entry)", report):
        if "Compiling entry" in part:
            reports.setdefault(re.search(r"for '(\w+)'", part)[1], []).append(part)
    return {architecture: resources("".join(parts)) for architecture, parts in reports.items()}


def read_listings(paths):
    """The kernels of several listings: (architecture, name) -> row."""
    kernels = {}
    for path in sorted(paths):
        for name, row in json.loads(pathlib.Path(path).read_text(encoding="utf-8")).items():
            if (row["arch"], name) in kernels:
                raise ValueError(f"{path}: {name} is in two sources")
            kernels[row["arch"], name] = row
    return kernels


SAMPLE = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z1aIfEvi' for 'sm_90a'
ptxas info    : Function properties for _Z1aIfEvi
    264 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 176 registers, used 1 barriers, 272 bytes cumulative stack size, 4096 bytes smem
ptxas info    : Compiling entry function '_Z1bi' for 'sm_90a'
ptxas info    : Function properties for _Z1bi
    0 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 40 registers, used 0 barriers
ptxas info    : Function properties for _Z1ci
    8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads
"""


def self_test():
    a, b = resources(SAMPLE).values()
    assert a == {"arch": "sm_90a", "stack_bytes": 272, "spill_store_bytes": 4, "spill_load_bytes": 4, "registers": 176, "shared_bytes": 4096}, a
    assert b == {"arch": "sm_90a", "stack_bytes": 0, "spill_store_bytes": 12, "spill_load_bytes": 16, "registers": 40, "shared_bytes": 0}, b
    two = of_architectures(SAMPLE + SAMPLE.replace("sm_90a", "sm_80"))
    assert two == {"sm_90a": resources(SAMPLE), "sm_80": resources(SAMPLE.replace("sm_90a", "sm_80"))}, two
    space = "_ZN5shoal4cuda54_GLOBAL__N__17783543_21_thread_per_network_cu_fcd9f708"
    assert short_names([
        space + "12train_kernelINS0_10FixedShapeILj2ELj3ELj3ELj2EEEEEvPKNS0_9TrainTaskE",
        "_ZN5shoal4cuda53_GLOBAL__N__cfcb9172_20_block_per_network_cu_44861b8119train_blocks_kernelEPKNS0_9TrainTaskE",
        "_ZN3cub17CUB_300001_SM_90011EmptyKernelIvEEvv",
    ]) == ["train_kernel<FixedShape<2,3,3,2>>", "train_blocks_kernel", "EmptyKernel"]
    code = {".text.k": b"abc", ".nv.constant0.k": b"0", ".nv.constant2.k": b"2", ".nv.constant3": b"3", ".text.other": b"x"}
    first = code_hash(code, "k")
    for name, changes in ((".text.k", True), (".nv.constant2.k", True), (".nv.constant3", True), (".text.other", False), (".nv.constant0.k", False)):
        assert (code_hash({**code, name: b"changed"}, "k") != first) == changes, name


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    listings, command = pathlib.Path(sys.argv[1]), sys.argv[2:]
    source = pathlib.Path(command[command.index("-c") + 1]).stem
    with tempfile.TemporaryDirectory() as folder:
        options = ["-Xptxas", "-v", "--keep", "--keep-dir", folder]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.stderr.write(done.stdout + done.stderr)
            return done.returncode
        cubins = list(pathlib.Path(folder).glob("*.cubin"))
        for architecture, rows in of_architectures(done.stdout + done.stderr).items():
            # SOURCE.compute_90a.cubin, SOURCE.compute_120.sm_120.cubin beside PTX, SOURCE.cubin where there is no other.
            number = architecture.removeprefix("sm_")
            (cubin,) = [file for file in cubins if file.stem.endswith(f"_{number}")] or cubins
            text = json.dumps(listing(rows, cubin.read_bytes()), indent=1, sort_keys=True) + "\n"
            listings.joinpath(f"{source}.{architecture}.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
