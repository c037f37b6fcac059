"""Clipping and the regulariser Omega on temporal order: plain descent, clipped, and clipped and regularised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from ltd.claims import Claim, Control, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen, clips, median_curves, solved
from ltd.stats import fisher, holm
from ltd.types import Source

THRESHOLD = 1.0
METHODS: Mapping[str, Mapping[str, float | None]] = {
    "SGD-CR": {"optimizer.clip_norm": THRESHOLD, "regularizer.omega": 4.0},
    "SGD-C": {"optimizer.clip_norm": THRESHOLD, "regularizer.omega": None},
    "SGD": {"optimizer.clip_norm": None, "regularizer.omega": None},
    "Omega alone": {"optimizer.clip_norm": None, "regularizer.omega": 4.0},
}
ORDER = ("SGD-CR", "SGD-C", "SGD")
SHARE = "solved, {}, T = {}"


def of(results: Sequence[Result], method: str) -> list[Result]:
    """The runs of a method; a regulariser that is off is not in their config."""
    return [one for one in results if all(one.config.get(name) == value for name, value in METHODS[method].items())]


def verdict(results: Sequence[Result]) -> Verdict:
    """No length at which a later method of the order solves more, and one at which the first beats the last."""
    lengths = sorted({one.config["task.length"] for one in results})
    shares, numbers = {}, []
    for length in lengths:
        for method in METHODS:
            runs = chosen(of(results, method), **{"task.length": length})
            if len(runs) < 5:
                return Verdict("inconclusive", f"{method} at T = {length}: {len(runs)} runs, at least 5 are needed.")
            numbers.append(solved(SHARE.format(method, length), runs))
            shares[method, length] = (round(numbers[-1].value * len(runs)), len(runs))
    told = "; ".join(
        f"T = {n}: " + ", ".join(f"{m} {shares[m, n][0]} of {shares[m, n][1]}" for m in METHODS) for n in lengths
    )
    pairs = [(a, b, n) for n in lengths for a, b in pairwise(ORDER)]
    worse = holm([fisher(shares[a, n], shares[b, n], "less") for a, b, n in pairs])
    better = holm([fisher(shares["SGD-CR", n], shares["SGD", n], "greater") for n in lengths])
    found = (Measured("least p of SGD-CR above SGD, Holm", min(better)), *numbers)
    if min(worse) < 0.05:
        a, b, n = pairs[int(np.argmin(worse))]
        return Verdict("contradicted", f"{b} solves more often than {a} at T = {n}: {told}.", found)
    if min(better) < 0.05 and all(shares[a, n][0] >= shares[b, n][0] for a, b, n in pairs):
        return Verdict("supported", f"{told}.", found)
    return Verdict("inconclusive", f"the order does not show, or no length tells the methods apart: {told}.", found)


def plot(results: Sequence[Result]) -> Plot:
    """The loss over training at the longest length."""
    longest = max(one.config["task.length"] for one in results)
    groups = {f"{m}, T = {longest}": chosen(of(results, m), **{"task.length": longest}) for m in METHODS}
    return median_curves(groups, "eval/loss", "loss (nats)", (f"Omega alone, T = {longest}",))


CLAIM = Claim(
    key="B-P1",
    headline="H6",
    sentence="On the temporal order task at lengths 50 to 200 a tanh network trained by gradient descent with clipping "
    "and the regulariser Omega (SGD-CR) is solved at least as often as with clipping alone, that as often as without, "
    "and at some length SGD-CR more often than SGD.",
    reduced="On the temporal order task at lengths 20 and 50, within 10,000 updates, a tanh network is solved by "
    "SGD-CR at least as often as by SGD with clipping alone, by that as often as without, and at some length by SGD-CR "
    "more often than by SGD.",
    source=Source(
        "pascanu2013",
        "Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, ICML, "
        "arXiv 1211.5063, figure 7; code",
        "c p",
    ),
    published=(
        Published(SHARE.format("SGD-CR", 200), "the highest", "", "paper", "figure 7, which prints no numbers"),
        Published(SHARE.format("SGD", 200), "the lowest", "", "paper", "figure 7, which prints no numbers"),
        Published("Omega alone", "usually fails", "", "paper", "a footnote"),
    ),
    controls=(
        Control(
            "clipping clips",
            "no clipped gradient is longer than the threshold, and some was before",
            lambda results: clips([one for one in results if one.config["optimizer.clip_norm"]], THRESHOLD),
        ),
        Control(
            "something is learned",
            "at the shortest length a run of some method is solved",
            lambda results: any(
                one.status == "solved"
                for one in results
                if one.config["task.length"] == min(r.config["task.length"] for r in results)
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "50 tanh units from the paper's basic tanh matrix, learning rate 0.01, batch 20, threshold 1 and weight 4 as "
        "in the paper; input weights and read-out from +-1/sqrt(fan-in). The paper trains "
        "for up to five million updates.",
        "Success is at most 1 % of 10,000 fresh sequences wrong, at two checks in a row.",
        "A single model for lengths 50 to 200 and up to 5000 (B-P2) has its command (the preset with "
        "train.curriculum uniform) and is not judged here.",
    ),
    seeds=5,
    quick={"task.length": (20, 50), "train.steps": 10000, "train.eval_every": 500},
    cost="up to 20 days",
    plot=plot,
)
