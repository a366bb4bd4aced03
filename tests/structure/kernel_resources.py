#!/usr/bin/env python3
"""Registers and memory of every kernel beside the checked-in table, so that a change of them is seen and meant.

  kernel_resources.py --check COMMAND TABLE NVCC LISTING...   COMMAND: what writes the table, for the message
  kernel_resources.py --write TABLE NVCC LISTING...           NVCC: the compiler's version
  kernel_resources.py --self-test

Listings are those of scripts/kernel_code.py. Exit status 77 where the table is of another nvcc: its numbers then say
nothing of ours.
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from kernel_code import read_listings

SKIPPED = 77
# (kernel, architecture) -> why its registers may spill to local memory.
MAY_SPILL = {}
COLUMNS = ("registers", "stack_bytes", "spill_store_bytes", "spill_load_bytes", "shared_bytes")
HEADING = "# What each kernel takes. stack is local memory in all: with no spill it holds arrays that are indexed at run time.\n"


def note_of(row):
    if row["spill_store_bytes"] or row["spill_load_bytes"]:
        return "spills"
    return "stack without spills" if row["stack_bytes"] else ""


def lines_of(kernels):
    """(architecture, kernel) -> its line."""
    width = max(len(name) for _, name in kernels)
    return {
        (arch, name): f"{name:<{width}}  {arch:<7}" + "".join(f"{row[c]:>{len(c) + 2}}" for c in COLUMNS) + f"  {note_of(row)}".rstrip()
        for (arch, name), row in sorted(kernels.items(), key=lambda item: (item[0][1], item[0][0]))
    }


def table(kernels, nvcc):
    width = max(len(name) for _, name in kernels)
    head = f"{'kernel':<{width}}  {'arch':<7}" + "".join(f"  {c}" for c in COLUMNS) + "  note"
    return "\n".join([f"{HEADING}nvcc {nvcc}", head, *lines_of(kernels).values()]) + "\n"


def parsed(text):
    """(architecture, kernel) -> what the table says of it, spaces aside."""
    lines = [line.split() for line in text.splitlines()[3:]]
    return {(words[1], words[0]): " ".join(words) for words in lines}


def differences(before, kernels):
    """Old and new line of every kernel that the table does not have like this."""
    after = {key: " ".join(line.split()) for key, line in lines_of(kernels).items()}
    found = []
    for key in sorted({*before, *after}, key=lambda k: (k[1], k[0])):
        if before.get(key) != after.get(key):
            found += [f"  old  {before.get(key, 'no such kernel')}", f"  new  {after.get(key, 'no such kernel')}"]
    return found


def unexpected_spills(kernels, may_spill):
    spilling = {(name, arch): row for (arch, name), row in kernels.items() if note_of(row) == "spills"}
    return [f"  {name} spills on {arch}: {row['spill_store_bytes']} bytes stored, {row['spill_load_bytes']} loaded"
            for (name, arch), row in spilling.items() if (name, arch) not in may_spill] + [
            f"  {name} does not spill on {arch}, MAY_SPILL says that it may" for name, arch in may_spill if (name, arch) not in spilling]


def check(command, text, nvcc, kernels):
    version = text.splitlines()[1].removeprefix("nvcc ") if text else nvcc
    if version != nvcc:
        print(f"the table is of nvcc {version}, this is nvcc {nvcc}: not compared")
        return SKIPPED
    changed = differences(parsed(text), kernels)
    spills = unexpected_spills(kernels, MAY_SPILL)
    if changed:
        print("\n".join(["resources of kernels changed (columns: kernel, arch, " + ", ".join(COLUMNS) + ")", *changed,
                         f"if that is meant, write the table: {command}"]))
    if spills:
        print("\n".join(["registers of kernels spill; what must, stands in MAY_SPILL of kernel_resources.py with its reason", *spills]))
    stack = [f"{name} on {arch}" for (arch, name), row in kernels.items() if note_of(row) == "stack without spills"]
    print(f"{len(kernels)} kernels, {len(changed) // 2} changed, {len(spills)} unexpected spills, {len(stack)} with a stack and no spill")
    return 1 if changed or spills else 0


def self_test():
    row = {"registers": 40, "stack_bytes": 0, "spill_store_bytes": 0, "spill_load_bytes": 0, "shared_bytes": 16}
    kernels = {("sm_80", "a<1>"): row, ("sm_90a", "a<1>"): {**row, "stack_bytes": 264}, ("sm_80", "long_name"): row}
    text = table(kernels, "1.2")
    assert check("", text, "1.2", kernels) == 0
    assert check("", text, "1.3", kernels) == SKIPPED
    assert text.splitlines()[4].split(maxsplit=7) == ["a<1>", "sm_90a", "40", "264", "0", "0", "16", "stack without spills"], text
    for column in COLUMNS:
        changed = {**kernels, ("sm_80", "a<1>"): {**row, column: 99}}
        assert len(differences(parsed(text), changed)) == 2, column
    assert differences(parsed(text), {("sm_80", "a<1>"): row, ("sm_90a", "a<1>"): kernels["sm_90a", "a<1>"]}) == [
        "  old  long_name sm_80 40 0 0 0 16", "  new  no such kernel"]
    spilling = {("sm_80", "a<1>"): {**row, "spill_store_bytes": 8}}
    assert len(unexpected_spills(spilling, {})) == 1
    assert not unexpected_spills(spilling, {("a<1>", "sm_80"): "because"})
    assert len(unexpected_spills(kernels, {("a<1>", "sm_80"): "because"})) == 1


def main(words):
    if words == ["--self-test"]:
        self_test()
        return 0
    command = words.pop(1) if words[0] == "--check" else ""
    option, path, nvcc, *listings = words
    kernels = read_listings(listings)
    if option == "--write":
        pathlib.Path(path).write_text(table(kernels, nvcc), encoding="utf-8")
        return 0
    return check(command, pathlib.Path(path).read_text(encoding="utf-8"), nvcc, kernels)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
