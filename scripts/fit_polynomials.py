#!/usr/bin/env python3
"""Fits the polynomials of kernels/math/*.inl: least largest relative error of the function, by Lawson's iteration.

Needs numpy and mpmath. Prints each polynomial's coefficients, rounded to float, lowest degree first, and its error.
"""

import mpmath as mp
import numpy as np

mp.mp.dps = 40
N_POINTS = 400
N_ITERATIONS = 400


def fit(function, weight, low, high, degree):
    """Coefficients c and the largest |weight * (polynomial - function)| on [low, high]."""
    nodes = [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * N_POINTS)) for k in range(N_POINTS)]
    x = np.array([float(v) for v in nodes])
    y = np.array([float(function(v)) for v in nodes])
    w = np.array([float(weight(v)) for v in nodes])
    share = np.ones(N_POINTS) / N_POINTS
    powers = np.vander(x, degree + 1, increasing=True)
    for _ in range(N_ITERATIONS):
        scale = w * np.sqrt(share)
        coefficients, *_ = np.linalg.lstsq(powers * scale[:, None], y * scale, rcond=None)
        error = np.abs((powers @ coefficients - y) * w)
        share = share * error / np.sum(share * error)
    return coefficients, error.max()


def report(name, coefficients, error):
    print(f"{name}: relative error 2^{np.log2(error):.2f}")
    for c in coefficients:
        print(f"  {float(np.float32(c)).hex()}")


def main():
    half = mp.log(2) / 2 * mp.mpf("1.01")
    report("exp: (e^r - 1 - r) / r^2", *fit(lambda r: (mp.exp(r) - 1 - r) / r**2, lambda r: r**2 / mp.exp(r), -half, half, 4))

    low, high = mp.sqrt(mp.mpf(1) / 2) - 1 - mp.mpf("0.003"), mp.sqrt(2) - 1 + mp.mpf("0.003")
    report(
        "log: (ln(1 + f) - f + f^2 / 2) / f^3",
        *fit(lambda f: (mp.log1p(f) - f + f * f / 2) / f**3, lambda f: abs(f**3 / mp.log1p(f)), low, high, 8),
    )

    # In s = x^2, so that the polynomial is odd in x.
    report(
        "tanh: (tanh(x) - x) / x^3",
        *fit(
            lambda s: (mp.tanh(mp.sqrt(s)) - mp.sqrt(s)) / mp.sqrt(s) ** 3,
            lambda s: mp.sqrt(s) ** 3 / mp.tanh(mp.sqrt(s)),
            mp.mpf("1e-10"),
            mp.mpf("0.49"),
            5,
        ),
    )


if __name__ == "__main__":
    main()
