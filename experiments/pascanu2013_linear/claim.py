"""Linear networks: over long lags the gradient goes as rho^k, whatever happens at short ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen, numbers_of
from ltd.stats import decay_slope, median_interval
from ltd.types import Source

LAG, MARGIN = 1000, 0.01
ERROR = "slope of the log norm / ln rho - 1, largest"
GROWTH = "transient growth where rho < 1, largest factor"


def measure(rho: float, seed: int) -> dict[str, float | list[float]]:
    """Slope of the log norm over lags 500 to 1000, and its largest value."""
    from experiments.measuring import elman_norms

    curve = elman_norms(seed, "linear", "gaussian", rho=rho, hidden=20, length=LAG, batch=1)[:, 0]
    slope = decay_slope(np.arange(len(curve)), curve) * math.log(10)
    return {"slope": slope, "largest": float(curve.max()), "log10": curve[::20].tolist()}


def verdict(results: Sequence[Result]) -> Verdict:
    """Every slope within a hundredth of ln rho."""
    rhos = sorted({one.config["rho"] for one in results})
    if not (rhos and rhos[0] < 1 < rhos[-1]) or min(len(chosen(results, rho=rho)) for rho in rhos) < 5:
        return Verdict("inconclusive", "five seeds below and above rho = 1 are needed.")
    errors = [one.summary["slope"] / math.log(one.config["rho"]) - 1 for one in results]
    worst = max(errors, key=abs)
    growth = [10 ** one.summary["largest"] for one in results if one.config["rho"] < 1]
    numbers = [Measured(ERROR, worst, n=len(errors))]
    for rho in rhos:
        slopes = numbers_of(results, "slope", rho=rho)
        numbers.append(Measured(f"slope, rho = {rho:g}", *median_interval(slopes), len(slopes)))
    numbers.append(Measured(GROWTH, max(growth), n=len(growth)))
    if any((one.summary["slope"] > 0) != (one.config["rho"] > 1) for one in results):
        return Verdict("contradicted", "a network grows below rho = 1, or vanishes above it.", tuple(numbers))
    if abs(worst) > MARGIN:
        return Verdict("contradicted", f"a slope is off by {100 * abs(worst):.2g} %.", tuple(numbers))
    because = f"all {len(errors)} slopes are within {100 * MARGIN:g} % of ln rho, though norms first grow up to "
    return Verdict("supported", f"{because}{max(growth):.3g} times.", tuple(numbers))


def plot(results: Sequence[Result]) -> Plot:
    """The first seed at every rho, beside rho^k."""
    lines = []
    for one in chosen(results, seed=0):
        lags = np.arange(len(one.summary["log10"])) * 20
        lines.append(Line(f"rho = {one.config['rho']:g}", lags.tolist(), one.summary["log10"]))
        lines.append(Line("rho^k", lags.tolist(), (lags * math.log10(one.config["rho"])).tolist(), True))
    return Plot("lag k (steps)", "log10 of the norm of U^k", tuple(lines))


CLAIM = Claim(
    key="B-S4",
    sentence="In a linear network gradients over long lags vanish where the spectral radius is below 1, and explode "
    "only where it is above 1: their norm goes as rho^k.",
    source=Source(
        "pascanu2013",
        "Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, arXiv 1211.5063, "
        "section 2.1; the survey of memory in recurrent networks (2016), section 2.5",
        "p",
    ),
    published=(
        *(
            Published(
                f"slope, rho = {rho:g}", math.log(rho), "nats per step", "measured", "ln rho: section 2.1, asymptotic"
            )
            for rho in (0.8, 0.9, 0.95, 1.05, 1.1, 1.2)
        ),
    ),
    controls=(
        Control(
            "the matrices are not normal",
            "some network with rho < 1 has a norm above 1 at some lag, so that short lags would mislead",
            lambda results: any(one.summary["largest"] > 0.01 for one in results if one.config["rho"] < 1),
        ),
    ),
    verdict=verdict,
    departures=("Networks of 20 units with Gaussian matrices; the slope is read over lags 500 to 1000.",),
    plot=plot,
)
