#!/usr/bin/env python3
"""Draws a sweep over a grid of two numbers, one pixel a network: how fast it learnt, or how fast it ran away.

  picture.py RUN_DIRECTORY PICTURE.png

The first parameter that the sweep varies goes to the right, the second one upwards. A network has learnt where its loss
in the end is finite and below 1, the loss of answering the targets' mean. Blue: it has, the darker the smaller its loss
on average over the epochs. Red to yellow: it has not, the brighter the later its loss overflowed, or would have.
Each of the two scales is by rank, so that every shade has as many pixels.
"""
import array
import json
import math
import pathlib
import sqlite3
import struct
import sys
import zlib

LEARNT = [(6, 10, 38), (13, 42, 92), (20, 105, 148), (92, 190, 196), (236, 250, 240)]
RAN_AWAY = [(18, 4, 14), (88, 10, 36), (188, 46, 30), (246, 150, 40), (255, 240, 170)]
LOG_OVERFLOW = math.log(3.4e38)


def varied(database):
    """The two parameters of the grid, each with its values in ascending order."""
    columns = [row[1] for row in database.execute("PRAGMA table_info(trials)")]
    grid = []
    for column in columns[1:columns.index("status")]:
        texts = [row[0] for row in database.execute(f"SELECT DISTINCT {column} FROM trials")]
        if len(texts) > 1:
            grid.append((column, sorted(map(float, texts))))
    if len(grid) != 2:
        sys.exit(f"the sweep varies {len(grid)} parameters, a picture needs 2")
    return grid


def curves(database):
    """(id, training losses of its epochs) in the order of ids; a loss that is not finite is None."""
    # A row a curve; the view `curves` has a row an epoch, and takes half as long again.
    for trial, curve in database.execute("SELECT id, curve FROM trials JOIN points ON trial = number ORDER BY id"):
        losses = (loss for _, loss, *_ in json.loads(curve))
        yield trial, [loss if loss is not None and math.isfinite(loss) else None for loss in losses]


def escape(losses):
    """The epoch, and what part of it, in which a loss overflows that goes on growing as it did last."""
    logs = [math.log(max(loss, 1e-30)) for loss in losses if loss is not None]
    if len(logs) == len(losses):
        return len(logs) + 1 / (1 + sum(losses) / len(losses))
    growth = logs[-1] - logs[-2] if len(logs) > 1 else logs[-1] if logs else 0
    return len(logs) + (min(1, (LOG_OVERFLOW - logs[-1]) / growth) if growth > 0 else 1)


def scores(database, grid):
    """For each pixel, rows from above: whether its network has learnt, and what its shade is ranked by."""
    (across, xs), (upwards, ys) = grid
    at_x = {value: i for i, value in enumerate(xs)}
    at_y = {value: len(ys) - 1 - i for i, value in enumerate(ys)}
    learnt = bytearray(len(xs) * len(ys))
    score = array.array("d", bytes(8 * len(learnt)))
    rows = database.execute(f"SELECT id, {across}, {upwards}, status, val_loss FROM trials ORDER BY id")
    for (trial, x, y, status, loss), (same, losses) in zip(rows, curves(database)):
        assert trial == same, "every trial has a curve"
        pixel = at_y[float(y)] * len(xs) + at_x[float(x)]
        learnt[pixel] = status == "finished" and loss is not None and loss < 1
        score[pixel] = sum(losses) / len(losses) if learnt[pixel] else escape(losses)
    return learnt, score


def shades(learnt, score, which):
    """A number in 0 to 1 for every score of those: the share of them below it."""
    ordered = sorted(s for s, l in zip(score, learnt) if l == which)
    share = {}
    for i, value in enumerate(ordered):
        share.setdefault(value, i / max(1, len(ordered) - 1))
    return share


def colour(stops, t):
    i = min(int(t * (len(stops) - 1)), len(stops) - 2)
    f = t * (len(stops) - 1) - i
    return bytes(round(a + (b - a) * f) for a, b in zip(stops[i], stops[i + 1]))


def png(width, height, pixels):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = b"".join(b"\0" + pixels[3 * width * row:3 * width * (row + 1)] for row in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


def main(run, picture):
    database = sqlite3.connect(f"file:{run}/results.sqlite?mode=ro", uri=True)
    grid = varied(database)
    learnt, score = scores(database, grid)
    palettes = [(RAN_AWAY, shades(learnt, score, 0)), (LEARNT, shades(learnt, score, 1))]
    pixels = bytearray()
    for s, l in zip(score, learnt):
        stops, shade = palettes[l]
        pixels += colour(stops, shade[s])
    width, height = len(grid[0][1]), len(grid[1][1])
    pathlib.Path(picture).write_bytes(png(width, height, bytes(pixels)))
    print(f"{picture}: {width} x {height}, {grid[0][0]} to the right, {grid[1][0]} upwards, {sum(learnt)} have learnt, "
          f"{len(learnt) - sum(learnt)} have not")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
