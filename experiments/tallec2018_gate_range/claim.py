"""Chrono initialisation: gate values lie in [1/T_max, 1/T_min], with time constants spread evenly over the range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen
from ltd.stats import holm
from ltd.types import Source

SHORTEST, UNITS, LEVEL = 2, 1000, 0.01
OUTSIDE, SMALLEST = "gates outside the range", "smallest p-value of the quantiles, adjusted"


def measure(longest: int, seed: int) -> dict[str, object]:
    """Input gates of 1000 cells that see their bias alone: how many lie outside, and whether 1/gate is uniform."""
    import jax
    from scipy.stats import kstest

    from ltd.cells.lstm import lstm
    from ltd.runtime import precision

    with precision("float64"):
        key = jax.random.key(seed)
        opened = 1 / (1 + np.exp(-np.asarray(lstm(key, 1, UNITS, chrono=float(longest), init="identity").b[:UNITS])))
        usual = 1 / (1 + np.exp(-np.asarray(lstm(key, 1, UNITS, init="identity").b[:UNITS])))
    law = (SHORTEST, longest - SHORTEST)  # 1/gate is uniform from T_min to T_max
    ends = (1 / longest - 1e-12, 1 / SHORTEST + 1e-12)
    return {
        "outside": int(np.sum((opened < ends[0]) | (opened > ends[1]))),
        "p": float(kstest(1 / opened, "uniform", law).pvalue),
        "usual p": float(kstest(1 / usual, "uniform", law).pvalue),
        "quantiles": np.quantile(1 / opened, np.linspace(0, 1, 21)).tolist(),
    }


def verdict(results: Sequence[Result]) -> Verdict:
    """None outside, and no test of the quantiles that fails."""
    if len(results) < 5:
        return Verdict("inconclusive", f"{len(results)} runs, at least 5 are needed.")
    outside = sum(one.summary["outside"] for one in results)
    smallest = min(holm([one.summary["p"] for one in results]))
    numbers = (Measured(OUTSIDE, outside, n=UNITS * len(results)), Measured(SMALLEST, smallest, n=len(results)))
    if outside:
        return Verdict("contradicted", f"{outside} gates of {UNITS * len(results)} lie outside the range.", numbers)
    if smallest < LEVEL:
        because = f"within the range they are not spread evenly over time constants: p = {smallest:.2g} after Holm."
        return Verdict("contradicted", because, numbers)
    because = f"none of {UNITS * len(results)} gates lies outside, and the quantiles of 1/gate are those of an even "
    return Verdict("supported", f"{because}spread (smallest p {smallest:.2g} after Holm).", numbers)


def plot(results: Sequence[Result]) -> Plot:
    """Quantiles of 1/gate, as a share of T_max, seed 0."""
    share = np.linspace(0, 1, 21)
    lines = []
    for one in chosen(results, seed=0):
        longest = one.config["longest"]
        found = np.array(one.summary["quantiles"]) / longest
        lines.append(Line(f"T_max = {longest}", share.tolist(), found.tolist()))
        even = (SHORTEST + share * (longest - SHORTEST)) / longest
        lines.append(Line("even", share.tolist(), even.tolist(), True))
    return Plot("share of the gates", "time constant 1 / gate, over T_max", tuple(lines))


CLAIM = Claim(
    key="B-I12",
    sentence="With biases of minus the logarithm of numbers drawn evenly up to T_max - 1, input gates start in "
    "[1/T_max, 1/T_min], their time constants spread evenly.",
    source=Source(
        "tallec2018",
        "Tallec & Ollivier (2018), Can recurrent neural networks warp time?, arXiv 1804.11188, section 2",
        "p",
    ),
    published=(Published(OUTSIDE, 0, "gates", "paper", "section 2"),),
    controls=(
        Control(
            "usual gates are told apart",
            "gates that all start at bias 0 fail the test of the quantiles in every run",
            lambda results: all(one.summary["usual p"] < 1e-6 for one in results),
        ),
    ),
    verdict=verdict,
    departures=("T_min is 2, which is what numbers drawn from 1 on give.",),
    plot=plot,
)
