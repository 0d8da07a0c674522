#!/usr/bin/env python3
"""Likelihoods and posteriors of hostile problems with 130 digits, for the tests of the core.

    python3 tools/careful_reference.py > src/rust/core/tests/data/hostile.txt

needs mpmath. One unit, one component N(0, w FF'): a line for each problem, "R rank exponent pattern V
x missing graded : log-density, slack, then mean, sd and P(b < 0) of the first conditions". The inputs
are made of whole numbers by a generator that the test has too, so that both have the same doubles.
The slack is sum |x_i| |y_i|, y = T^{-1} x: how many units in the last place of x the log-density can
tell apart.
"""

import itertools
import sys

from mpmath import cholesky_solve, cholesky, erfc, log, matrix, mp, mpf, pi, sqrt

mp.dps = 130
SHOWN = 6
SCALE = 1.5  # the square root of w


class Draws:
    """The linear congruential generator of Knuth's MMIX."""

    def __init__(self, seed):
        self.state = seed

    def next(self, below):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % below


def problem(seed, R, rank, exponent, pattern, v_kind, x_kind, missing, graded):
    draws = Draws(seed)
    F = [[0.0] * rank for _ in range(R)]
    for i in range(R):
        for c in range(min(i + 1, rank)):
            u = draws.next(33)
            F[i][c] = (8 + u % 17) / 8 if i == c else (u - 16) / 8
            if graded and c > 0:
                F[i][c] *= 2.0**-20
    special = draws.next(min(R, SHOWN))
    power = round(exponent * 3.321928094887362)
    s = []
    for i in range(R):
        at = {
            "all": power,
            "one": power if i == special else 0,
            "up": power * i // max(R - 1, 1),
            "down": power * (R - 1 - i) // max(R - 1, 1),
            "half": power if i % 2 == 0 else 0,
        }[pattern]
        s.append((8 + draws.next(9)) / 8 * 2.0**at)
    a = [(draws.next(65) - 32) / 16 for _ in range(rank)]
    largest = 8192.0 if x_kind == "far" else 4.0
    x = []
    for i in range(R):
        value = s[i] * ((draws.next(2001) - 1000) * largest / 1024)
        if x_kind == "prior":
            value += SCALE * sum(F[i][c] * a[c] for c in range(rank))
        x.append(value)
    near = 1 - 2.0**-40
    off = {"identity": lambda d: 0.0, "banded": lambda d: 0.5**d, "singular": lambda d: near}[v_kind]
    V = [[1.0 if i == p else off(abs(i - p)) for p in range(R)] for i in range(R)]
    observed = [i for i in range(R) if not (missing and i % 3 == 1)]
    return F, s, x, V, observed


def solution(F, s, x, V, observed):
    R, rank, n, w = len(F), len(F[0]), len(observed), mpf(SCALE) ** 2
    U = [[w * sum(mpf(F[i][c]) * mpf(F[p][c]) for c in range(rank)) for p in range(R)] for i in range(R)]
    noise = lambda i, p: mpf(s[i]) * mpf(s[p]) * mpf(V[i][p])
    T = matrix(n, n)
    for a, i in enumerate(observed):
        for b, p in enumerate(observed):
            T[a, b] = noise(i, p) + U[i][p]
    L = cholesky(T)
    log_det = 2 * sum(log(L[i, i]) for i in range(n))
    y = cholesky_solve(T, matrix([mpf(x[i]) for i in observed]))
    square = sum(mpf(x[i]) * y[a] for a, i in enumerate(observed))
    slack = sum(abs(mpf(x[i]) * y[a]) for a, i in enumerate(observed))
    out = [-(n * log(2 * pi) + log_det + square) / 2, slack]
    for r in range(min(R, SHOWN)):
        cross = matrix([U[r][i] for i in observed])
        solved = cholesky_solve(T, cross)
        mean = sum(cross[a] * y[a] for a in range(n))
        sd = sqrt(U[r][r] - sum(cross[a] * solved[a] for a in range(n)))
        out += [mean, sd, erfc(mean / sd / sqrt(2)) / 2 if sd > 0 else mpf(0)]
    return out


def cases():
    turns = zip(
        itertools.cycle(["identity", "banded", "identity", "banded", "singular"]),
        itertools.cycle(["noise", "far", "prior"]),
        itertools.cycle([0, 0, 0, 1]),
        itertools.cycle([0, 0, 0, 0, 0, 0, 1]),
    )
    for R in [1, 2, 4, 7, 20]:
        for rank in sorted({1, (R + 1) // 2, R}):
            for exponent in [-12, -6, 0, 6, 12]:
                patterns = ["all", "one", "up", "down", "half"]
                for pattern in patterns if R > 1 and exponent else ["all"]:
                    yield (R, rank, exponent, pattern, *next(turns))


for seed, case in enumerate(cases()):
    values = solution(*problem(seed, *case))
    numbers = [mp.nstr(v, 17 if at < 1 else 12) if abs(v) > mpf("1e-300") else "0" for at, v in enumerate(values)]
    print(*case, ":", *numbers)
    sys.stdout.flush()
