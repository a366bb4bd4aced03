#!/usr/bin/env python3
"""plant.py SOURCE COPY RIGHT WRONG: COPY is SOURCE with its only RIGHT replaced by WRONG."""
import pathlib
import sys


def main():
    source, copy, right, wrong = sys.argv[1:]
    text = pathlib.Path(source).read_text(encoding="utf-8")
    if text.count(right) != 1:
        sys.exit(f"{source}: {text.count(right)} times {right!r}, not once")
    pathlib.Path(copy).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(copy).write_text(text.replace(right, wrong), encoding="utf-8")


if __name__ == "__main__":
    main()
