"""The bound of Pascanu, Mikolov & Bengio (2013) on the gradient through time: no violation in 100,000 draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen
from ltd.stats import wilson
from ltd.types import Source

GAMMA = {"tanh": 1.0, "logistic": 0.25, "relu": 1.0, "linear": 1.0}
TOLERANCE = np.log10(1 + 1e-6)
NEEDED = 10_000  # draws
VIOLATIONS, CLOSEST = "violations of the bound", "largest log10 of norm / bound"


def measure(activation: str, c: float, seed: int) -> dict[str, object]:
    """How often the norm of d h_T / d h_{T-k} exceeds c^k, how close it comes, and its mean curve."""
    from experiments.measuring import elman_norms

    norms = elman_norms(seed, activation, "gaussian", sigma=c / GAMMA[activation])[1:]
    bound = np.arange(1, len(norms) + 1)[:, None] * np.log10(c)
    excess = norms - bound
    return {
        "draws": excess.size,
        "violations": int(np.sum(excess > TOLERANCE)),
        "closest": float(np.max(excess)),
        # the same norms against a bound that is too small
        "caught": int(np.sum(norms > np.arange(1, len(norms) + 1)[:, None] * np.log10(0.5 * c))),
        "log10": np.maximum(norms, -300).mean(axis=1).tolist(),
    }


def verdict(results: Sequence[Result]) -> Verdict:
    """None may exceed the bound."""
    draws = sum(one.summary["draws"] for one in results)
    violations = sum(one.summary["violations"] for one in results)
    closest = max(one.summary["closest"] for one in results)
    low, high = wilson(violations, draws)
    numbers = (
        Measured(VIOLATIONS, violations, draws * low, draws * high, draws),
        Measured(CLOSEST, closest, n=draws),
    )
    if violations:
        return Verdict("contradicted", f"{violations} of {draws} draws exceed the bound.", numbers)
    if draws < NEEDED or {one.config["activation"] for one in results} != set(GAMMA):
        return Verdict("inconclusive", f"{draws} draws over the four activations: {NEEDED} are needed.", numbers)
    return Verdict("supported", f"none of {draws} draws exceeds the bound, to a relative 1e-6.", numbers)


def plot(results: Sequence[Result]) -> Plot:
    """Norms at c = 0.9 beside the bound, means over seeds and sequences."""
    lines = []
    for name in GAMMA:
        curves = [one.summary["log10"] for one in chosen(results, activation=name, c=0.9)]
        if curves:
            lines.append(Line(name, list(range(1, len(curves[0]) + 1)), np.mean(curves, axis=0).tolist()))
    lags = np.arange(1, 51)
    lines.append(Line("bound 0.9^k", lags.tolist(), (lags * np.log10(0.9)).tolist(), True))
    return Plot("lag k (steps)", "log10 of the norm, c = 0.9", tuple(lines))


CLAIM = Claim(
    key="B-S2",
    headline="H7",
    sentence="If the largest singular value of the recurrent matrix is below 1/gamma, then the norm of "
    "d h_t / d h_k is at most eta^(t-k), with eta = gamma times that singular value below 1.",
    source=Source(
        "pascanu2013",
        "Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, arXiv 1211.5063, "
        "section 2.1",
        "p",
    ),
    published=(Published(VIOLATIONS, 0, "draws", "paper", "section 2.1: a proof"),),
    controls=(
        Control(
            "too small a bound is exceeded",
            "the linear networks exceed (c / 2)^k in some draw",
            lambda results: sum(one.summary["caught"] for one in chosen(results, activation="linear")) > 0,
        ),
    ),
    verdict=verdict,
    departures=(
        "Draws test a proof, they do not replace it. The survey prints the step's bound as 1 and leaves the "
        "hypothesis out.",
    ),
    plot=plot,
)
