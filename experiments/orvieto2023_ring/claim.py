"""Circular law and ring initialisation: squared moduli and phases of 500 eigenvalues are uniform."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Measured, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.stats import holm
from ltd.types import Source

UNITS, LEVEL = 500, 0.01
WHICH = {"gaussian": (0.0, 1.0), "0 to 1": (0.0, 1.0), "0.9 to 0.999": (0.9, 0.999)}
MODULI, PHASES = "smallest p of the squared moduli, {}", "smallest p of the phases, {}"


def measure(ring: str, seed: int) -> dict[str, float]:
    """Kolmogorov-Smirnov p-values of the squared moduli, the phases, and, as a control, the moduli themselves."""
    import jax
    from scipy.stats import kstest

    from ltd.cells.linear import LRU
    from ltd.initializers import gaussian
    from ltd.runtime import precision

    low, high = WHICH[ring]
    with precision("float64"):
        key = jax.random.key(seed)
        if ring == "gaussian":
            found = np.linalg.eigvals(np.asarray(gaussian(key, UNITS, np.float64)))
            found = found[found.imag >= 0]  # of each pair one
            span = np.pi
        else:
            found = np.asarray(LRU(key, 1, UNITS, r_min=low, r_max=high).eigenvalues())
            span = 2 * np.pi
    square = np.minimum(np.abs(found) ** 2, high**2)  # a finite matrix has a few eigenvalues just outside
    return {
        "moduli": float(kstest(square, "uniform", (low**2, high**2 - low**2)).pvalue),
        "phases": float(kstest(np.angle(found) % (2 * np.pi), "uniform", (0, span)).pvalue),
        "not squared": float(kstest(np.abs(found), "uniform", (low, high - low)).pvalue),
    }


def verdict(results: Sequence[Result]) -> Verdict:
    """No test fails, after Holm's correction over all runs."""
    numbers, rejected = [], []
    for ring in WHICH:
        for name, what in (("moduli", MODULI), ("phases", PHASES)):
            values = numbers_of(results, name, ring=ring)
            if len(values) < 5:
                return Verdict("inconclusive", f"{ring}: {len(values)} seeds, at least 5 are needed.")
            smallest = min(holm(values))
            numbers.append(Measured(what.format(ring), smallest, n=len(values)))
            if smallest < LEVEL:
                rejected.append(what.format(ring))
    if rejected:
        return Verdict("contradicted", f"not uniform: {'; '.join(rejected)}.", tuple(numbers))
    return Verdict("supported", "no test of uniformity fails at 0.01, after Holm's correction.", tuple(numbers))


CLAIM = Claim(
    key="B-L7",
    sentence="Eigenvalues of large Gaussian matrices, and those of the ring initialisation, have squared moduli and "
    "phases that are uniform: on [0, 1], and on [r_min^2, r_max^2].",
    source=Source(
        "orvieto2023",
        "Orvieto et al. (2023), Resurrecting recurrent neural networks for long sequences, arXiv 2303.06349, section 3",
        "p",
    ),
    published=tuple(
        Published(what.format(ring), "uniform", "", "paper", "section 3, lemma on the ring")
        for ring in WHICH
        for what in (MODULI, PHASES)
    ),
    controls=(
        Control(
            "moduli that are not squared are told apart",
            "on the disc from 0 to 1 the moduli themselves fail the test in every run",
            lambda results: all(p < 1e-6 for p in numbers_of(results, "not squared", ring="0 to 1")),
        ),
    ),
    verdict=verdict,
    departures=(
        "500 eigenvalues a matrix. Those of a Gaussian matrix repel each other, so its test is milder than it says.",
    ),
)
