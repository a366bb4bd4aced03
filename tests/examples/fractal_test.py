#!/usr/bin/env python3
"""Draws the sweeps of examples/fractal at 8 x 8 and looks at the pictures.

  fractal_test.py SHOAL EXAMPLE_FOLDER
"""
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib


def pixels(file):
    """Width, height and (red, green, blue) of every pixel, of the one kind of PNG that picture.py writes."""
    data = file.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "is no PNG"
    chunks, at = {}, 8
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(name + body), f"{name} is torn"
        chunks[name] = body
        at += 12 + size
    width, height, bits, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (bits, kind) == (8, 2), "is not 8 bits RGB"
    lines = zlib.decompress(chunks[b"IDAT"])
    assert len(lines) == height * (1 + 3 * width), "has another size than it says"
    return width, height, [tuple(lines[row * (1 + 3 * width) + 1 + 3 * x:][:3]) for row in range(height)
                           for x in range(width)]


def drawn(shoal, example, sweep, folder, *overrides):
    """The picture's pixels: for each, whether it is of a network that has learnt."""
    run, picture = folder / "run", folder / "picture.png"
    subprocess.run([shoal, "sweep", example / sweep, *overrides, "--out", run], check=True, capture_output=True)
    subprocess.run([sys.executable, example / "picture.py", run, picture], check=True, capture_output=True)
    width, height, colours = pixels(picture)
    assert (width, height) == (8, 8), f"{sweep}: {width} x {height} pixels"
    return [blue > red for red, _, blue in colours]


def main(shoal, example):
    rates = ["parameters.learning_rate_init.count=8", "parameters.layer_rate.count=8"]
    cases = [("rates.yaml", rates, {True, False}),
             ("weights.yaml", ["parameters.learning_rate_init.count=8", "parameters.init_range.count=8"], {True, False}),
             # Rates at which nothing runs away: the pictures above are of both because their networks are.
             ("rates.yaml", [*rates, "parameters.learning_rate_init.max=0.06", "parameters.layer_rate.max=1"], {True})]
    for sweep, overrides, expected in cases:
        with tempfile.TemporaryDirectory() as folder:
            learnt = drawn(shoal, pathlib.Path(example), sweep, pathlib.Path(folder), *overrides)
        assert set(learnt) == expected, f"{sweep} {overrides}: {learnt.count(True)} of {len(learnt)} have learnt"
        if len(expected) == 2:
            # Small rates and weights are to the left and below, and more networks learn there.
            assert sum(learnt[::8]) > sum(learnt[7::8]), f"{sweep}: left is right"
            assert sum(learnt[56:]) > sum(learnt[:8]), f"{sweep}: the picture is upside down"


main(*sys.argv[1:])
