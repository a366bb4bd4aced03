"""What a tile of 32 rows costs kernel block_per_network in strict order: instructions, and cycles of shared memory counted
lane by lane. Patches are chosen as by src/engine/cuda/patch_choice.cpp. scripts/kernel_loops writes it down.
"""
import math

TILE, WARP, BANKS = 32, 32, 32
FORWARD = [(1, 1), (2, 1), (4, 1), (4, 2), (4, 4), (8, 4)]
DELTA = [(1, 4), (2, 4), (4, 4), (8, 4)]
GRADIENT = [(2, 4), (4, 4), (8, 4), (8, 8)]
AROUND, SELECTION, BIAS_ROW = 60, 6, 4


def parts(n, of):
    return -(-n // of)


def padded_stride(n):
    return (parts(n, 4) | 1) * 4


def of_four_terms(patch):
    return 4 * patch[0] * patch[1] + 1.6 * sum(patch)


def of_row(patch):
    return patch[0] * patch[1] + 2 * (parts(patch[0], 4) + patch[1] // 4)


def patch_place(number, n_across, n):
    """(along, line) of a patch: PatchPlace of kernels/cuda/products.cuh."""
    pair, within = divmod(number, 2 * n_across)
    woven = (pair + 1) * 2 * n_across <= n
    return (within // 2, 2 * pair + within % 2) if woven else (within, 2 * pair)


def in_rows_of(number, n_across, _):
    """The same before two lines were woven."""
    return number % n_across, number // n_across


def conflicts(addresses, floats):
    """Rows of banks that lanes touch together, at most in one bank."""
    touched = [set() for _ in range(BANKS)]
    for first in set(addresses):
        for at in range(first, first + floats):
            touched[at % BANKS].add(at)
    return max(len(words) for words in touched)


def load_cycles(addresses, floats, pairs):
    """Of a warp's load, addresses in floats; None: a lane that is idle. pairs: two groups of lanes (quarters of a warp where
    each loads 16 bytes) share a cycle where lanes k and k ^ 1, or k and k ^ 2, read the same everywhere."""
    together = max(WARP // floats, 8)
    groups = [[a for a in addresses[i : i + together] if a is not None] for i in range(0, WARP, together)]
    same = lambda x: all(None in (a, addresses[k ^ x]) or a == addresses[k ^ x] for k, a in enumerate(addresses))
    if pairs and floats > 1 and (same(1) or same(2)):
        groups = [groups[i] + groups[i + 1] for i in range(0, len(groups), 2)]
    return sum(conflicts(group, floats) for group in groups if group)


class Product:
    """of: F (forward), D (delta below) or G (gradient)."""

    def __init__(self, of, patch, n_in, n_out):
        self.of, self.patch, self.n_in, self.n_out = of, patch, n_in, n_out
        rows, columns = patch
        down, across = {"F": (parts(n_out, columns), TILE // rows), "D": (parts(n_in, columns), TILE // rows), "G": (parts(n_out, rows), parts(n_in, columns))}[of]
        self.lines, self.across, self.n = down, across, down * across
        self.depth = {"F": n_in, "D": n_out, "G": TILE}[of]

    def turns(self):
        return self.depth if self.of == "G" else self.depth / 4

    def instructions(self):
        """Of a thread for one patch."""
        if self.of == "G":
            return self.turns() * of_row(self.patch) + AROUND
        return self.turns() * of_four_terms(self.patch) + AROUND + SELECTION * self.patch[0] * self.patch[1]

    def cost(self, n_threads):
        return (n_threads / WARP * parts(self.n, n_threads) + parts(self.n, WARP)) * self.instructions()

    def operands(self, along, line):
        """(first float, floats) of what a lane loads in a turn."""
        rows, columns = self.patch
        value, weight, delta = padded_stride(self.n_in), padded_stride(self.n_in + 1), padded_stride(self.n_out)
        inside = lambda g, step, n, first: g + step if g + step < n else first
        if self.of == "F":
            of_columns = [inside(line, k * self.lines, self.n_out, line) * weight for k in range(columns)]
            return [((along + m * self.across) * value, 4) for m in range(rows)] + [(at, 4) for at in of_columns]
        if self.of == "D":
            return [((along + m * self.across) * delta, 4) for m in range(rows)] + [(k * weight + line * columns, columns) for k in range(4)]
        unit = min(rows, 4)
        units = [inside(line * unit, g * self.lines * unit, self.n_out, line * unit) for g in range(parts(rows, 4))]
        inputs = [inside(along * 4, g * self.across * 4, self.n_in, along * 4) for g in range(columns // 4)]
        return [(at, unit) for at in units] + [(at, 4) for at in inputs]

    def shared_cycles(self, pairs, place=patch_place):
        total = 0
        for first in range(0, self.n, WARP):
            lanes = [self.operands(*place(k, self.across, self.n)) if k < self.n else None for k in range(first, first + WARP)]
            for load in range(len(lanes[0])):
                total += load_cycles([lane and lane[load][0] for lane in lanes], lanes[0][load][1], pairs)
        return total * math.ceil(self.turns())


def cheapest(of, sizes, n_threads, n_in, n_out):
    return min((Product(of, patch, n_in, n_out) for patch in reversed(sizes)), key=lambda p: p.cost(n_threads))


def products(topology, n_threads):
    for l, (n_in, n_out) in enumerate(zip(topology, topology[1:])):
        yield cheapest("F", FORWARD, n_threads, n_in, n_out)
        yield cheapest("G", GRADIENT, n_threads, n_in, n_out)
        if l > 0:
            yield cheapest("D", DELTA, n_threads, n_in, n_out)


def products_before(topology):
    """Patches of 4 x 4 alone, as they were."""
    for l, (n_in, n_out) in enumerate(zip(topology, topology[1:])):
        yield Product("F", (4, 4) if n_out > 8 else (1, 1), n_in, n_out)
        yield Product("G", (4, 4), n_in, n_out)
        if l > 0:
            yield Product("D", (4, 4) if n_in > 8 else (1, 4), n_in, n_out)


def between_products(topology, n_threads):
    """(n, instructions) of a tile's other work: src/engine/cuda/training_cost.cpp."""
    n_parameters = sum((a + 1) * b for a, b in zip(topology, topology[1:]))
    yield n_threads, 300
    yield TILE * parts(topology[0], 4), 40
    yield TILE * topology[-1], 40
    for width in topology[1:]:
        yield width, TILE * BIAS_ROW
    yield n_parameters / 2, 30  # a step for two tiles
    yield n_threads / 2, 300


def tile(topology, n_threads, of_products, place=patch_place):
    """Cycles of a multiprocessor, were each all that a tile has to wait for; and instructions of the longest warp."""
    of_products = list(of_products)
    work = [(p.n, p.instructions()) for p in of_products] + list(between_products(topology, n_threads))
    return {
        "multiply_adds": round(sum(p.n_in * p.n_out * TILE for p in of_products) / 128),
        "issue": round(sum(math.ceil(n / WARP) * i for n, i in work) / 4),
        "shared_memory": round(sum(p.shared_cycles(True, place) for p in of_products)),
        "shared_memory_without_pairs": round(sum(p.shared_cycles(False, place) for p in of_products)),
        "longest_warp": round(sum(math.ceil(n / n_threads) * i for n, i in work)),
    }
