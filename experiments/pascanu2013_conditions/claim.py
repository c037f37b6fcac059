"""When gradients explode: a largest singular value above 1/gamma is necessary, and not sufficient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen
from ltd.stats import wilson
from ltd.types import Source

GAMMA = {"tanh": 1.0, "logistic": 0.25, "relu": 1.0, "linear": 1.0}
LAG = 50
GROWN, DECAYED = 0.0, -1.0  # log10 of the norm at the last lag
BELOW, ABOVE = "exploding networks with gamma sigma < 1", "decaying networks with gamma sigma > 1"


def measure(activation: str, c: float, seed: int) -> dict[str, float | list[float]]:
    """log10 of the norm of d h_T / d h_{T-k}, mean over ten sequences; its value at lag 50."""
    from experiments.measuring import elman_norms

    curve = np.maximum(elman_norms(seed, activation, "gaussian", sigma=c / GAMMA[activation], length=LAG), -300)
    return {"last": float(curve[LAG].mean()), "log10": curve.mean(axis=1).tolist()}


def count(what: str, k: int, n: int) -> Measured:
    """k of n, with the interval of its rate."""
    low, high = wilson(k, n)
    return Measured(what, k, n * low, n * high, n)


def verdict(results: Sequence[Result]) -> Verdict:
    """No explosion below the threshold, and some network above it that decays all the same."""
    below = [one.summary["last"] for one in results if one.config["c"] < 1]
    above = [one.summary["last"] for one in results if one.config["c"] > 1]
    if min(len(below), len(above)) < 20:
        return Verdict("inconclusive", f"{len(below)} networks below the threshold, {len(above)} above: 20 are needed.")
    exploded, decayed = sum(x > GROWN for x in below), sum(x < DECAYED for x in above)
    numbers = (count(BELOW, exploded, len(below)), count(ABOVE, decayed, len(above)))
    if exploded:
        because = f"{exploded} of {len(below)} networks explode below the threshold: it is not necessary."
        return Verdict("contradicted", because, numbers)
    if not decayed:
        return Verdict("inconclusive", "no network above the threshold decays: sufficiency is not refuted.", numbers)
    because = f"none of {len(below)} networks explodes below it, and {decayed} of {len(above)} decay above it."
    return Verdict("supported", because, numbers)


def plot(results: Sequence[Result]) -> Plot:
    """tanh networks above and below, means over seeds."""
    lines = []
    for c in sorted({one.config["c"] for one in chosen(results, activation="tanh")}):
        curves = [one.summary["log10"] for one in chosen(results, activation="tanh", c=c)]
        lines.append(Line(f"tanh, sigma = {c:g}", list(range(LAG + 1)), np.mean(curves, axis=0).tolist(), c < 1))
    return Plot("lag k (steps)", "log10 of the norm of d h_T / d h_{T-k}", tuple(lines))


CLAIM = Claim(
    key="B-S3",
    headline="H7",
    sentence="For gradients to explode it is necessary, and not sufficient, that the largest singular value of the "
    "recurrent matrix is above 1/gamma.",
    source=Source(
        "pascanu2013",
        "Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, arXiv 1211.5063, "
        "section 2.1",
        "p",
    ),
    published=(
        Published(BELOW, 0, "networks", "paper", "section 2.1: a proof"),
        Published(
            ABOVE, "some", "networks", "measured", "tanh with a singular value of 1.37 decays to 1e-6 in 50 steps"
        ),
    ),
    controls=(
        Control(
            "something explodes",
            "linear networks with c = 3 explode on every seed",
            lambda results: all(one.summary["last"] > 1 for one in chosen(results, activation="linear", c=3.0)),
        ),
    ),
    verdict=verdict,
    departures=("Exploding is a norm above 1 at lag 50, decaying one below 0.1: means over ten sequences.",),
    plot=plot,
)
