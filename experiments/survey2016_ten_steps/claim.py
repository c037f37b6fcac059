"""Is the gradient gone after five to ten steps? The norm of d h_T / d h_{T-k} by initial matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen, numbers_of
from ltd.stats import mean_interval, median_interval, wilson
from ltd.types import Source

# activation, initialiser, standard deviation of the input weights
NETWORKS = {
    "logistic": ("logistic", "pascanu2013_sigmoid", 0.01),
    "basic tanh": ("tanh", "pascanu2013_basic_tanh", 0.1),
    "smart tanh": ("tanh", "pascanu2013_smart_tanh", 0.01),
    "orthogonal tanh": ("tanh", "orthogonal", 0.01),
    "orthogonal linear": ("linear", "orthogonal", 0.01),
}
BELOW_ONE = ("logistic", "basic tanh", "smart tanh")  # the spectral radius
GONE, STEPS, LAGS = -3, 10, (1, 5, 10, 20, 50)
FIRST = "first lag with a norm below 1/1000, {}"


def measure(network: str, seed: int) -> dict[str, list[float] | int]:
    """log10 of the norm, mean over ten sequences, at lags 0..50; the first lag below 1/1000, or 51."""
    from experiments.measuring import elman_norms

    activation, init, sd = NETWORKS[network]
    curve = elman_norms(seed, activation, init, input_sd=sd).mean(axis=1)
    gone = np.nonzero(curve < GONE)[0]
    return {"log10": curve.tolist(), "gone": int(gone[0]) if gone.size else len(curve)}


def verdict(results: Sequence[Result]) -> Verdict:
    """The sentence is general: it holds where every network of spectral radius below one is gone after ten steps."""
    numbers: list[Measured] = []
    shares = {}
    for name in BELOW_ONE:
        firsts = numbers_of(results, "gone", network=name)
        if len(firsts) < 5:
            return Verdict("inconclusive", f"{name}: {len(firsts)} seeds, at least 5 are needed.", tuple(numbers))
        shares[name] = wilson(sum(k <= STEPS for k in firsts), len(firsts))
        numbers.append(Measured(FIRST.format(name), *median_interval(firsts), len(firsts)))
    for name in (n for n in NETWORKS if chosen(results, network=n)):
        curves = [one.summary["log10"] for one in chosen(results, network=name)]
        for lag in LAGS:
            at = mean_interval([curve[lag] for curve in curves])
            numbers.append(Measured(f"log10 of the norm, {name}, k = {lag}", *at, len(curves)))
    lasting = [name for name, (_, high) in shares.items() if high < 0.5]
    quick = [name for name, (low, _) in shares.items() if low > 0.5]
    if lasting:
        because = f"the gradient outlives {STEPS} steps with {', '.join(lasting)}; it is gone by then with " + (
            ", ".join(quick) or "none"
        )
        return Verdict("contradicted", f"{because}.", tuple(numbers))
    if len(quick) == len(BELOW_ONE):
        return Verdict("supported", f"it is gone after {STEPS} steps with every initialisation.", tuple(numbers))
    return Verdict("inconclusive", "the seeds of an initialisation disagree.", tuple(numbers))


def plot(results: Sequence[Result]) -> Plot:
    """The norms, means over seeds."""
    lines = []
    for name in NETWORKS:
        curves = [one.summary["log10"] for one in chosen(results, network=name)]
        if curves:
            lines.append(Line(name, list(range(len(curves[0]))), np.mean(curves, axis=0).tolist()))
    return Plot("lag k (steps)", "log10 of the norm of d h_T / d h_{T-k}", tuple(lines))


def _isometric(results: Sequence[Result]) -> bool:
    curves = [one.summary["log10"] for one in chosen(results, network="orthogonal linear")]
    return bool(curves) and float(np.max(np.abs(curves))) < 1e-9


# mean log10 of the norm at lags 1, 5, 10, 20, 50
MEANS = {
    "logistic": (-1.5, -8.2, -16.9, -34, -86),
    "basic tanh": (0.1, -0.2, -0.9, -2.2, -6.1),
    "smart tanh": (0.3, 0.3, 0.2, -0.1, -0.8),
    "orthogonal tanh": (0, 0, 0, 0, -0.03),
}

CLAIM = Claim(
    key="B-S1",
    headline="H7",
    sentence="When the eigenvalues of the recurrent matrix are less than one, the gradient converges to zero rapidly, "
    "normally after 5 to 10 steps of back-propagation.",
    source=Source("survey2016", "The survey of memory in recurrent networks (2016), section 2.5", "p"),
    published=(
        *(Published(FIRST.format(name), "5 to 10", "steps", "second", "section 2.5") for name in BELOW_ONE),
        *(
            Published(f"log10 of the norm, {name}, k = {lag}", value, "", "measured", "an independent numpy run")
            for name, row in MEANS.items()
            for lag, value in zip(LAGS, row, strict=True)
        ),
    ),
    controls=(
        Control(
            "a rotation keeps every norm",
            "in a linear network with an orthogonal matrix the norm is 1 at every lag, to 1e-9",
            _isometric,
        ),
        Control(
            "small logistic weights lose it at once",
            "with logistic units and weights of 0.01 the norm is below 1/1000 by lag 5",
            lambda results: all(k <= 5 for k in numbers_of(results, "gone", network="logistic")),
        ),
    ),
    verdict=verdict,
    departures=(
        "The survey names no network: 50 units on six random one-hot symbols, T = 50, the initialisations of "
        "Pascanu et al. (2013). Zero is taken as a norm below 1/1000 of that at lag 0; 51 is beyond the last lag.",
    ),
    plot=plot,
)
