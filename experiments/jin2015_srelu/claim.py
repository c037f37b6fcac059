"""S-shaped rectified units against rectified units of the same number, on a convex and a non-convex function."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen, numbers_of
from ltd.stats import holm, mann_whitney, median_interval
from ltd.types import Source

FUNCTIONS = ("convex", "non-convex")  # x^2, and sin(2 pi x), on [-1, 1]
UNITS, UPDATES, RATE, ALPHA = 8, 3000, 0.01, 0.01
ERROR = "log10 of the mean squared error, {}, {}"


def measure(activation: str, function: str, seed: int) -> dict[str, float]:
    """log10 of the mean squared error of one hidden layer after 3000 updates by Adam on 200 points, and of the mean."""
    import jax
    import jax.numpy as jnp
    import optax

    from ltd import activations, initializers
    from ltd.runtime import precision

    about = activations.activation(activation)
    with precision("float64"):
        x = jnp.linspace(-1, 1, 200)[:, None]
        y = x**2 if function == "convex" else jnp.sin(2 * jnp.pi * x)
        first, second = jax.random.split(jax.random.key(seed))
        params = {
            "W": jax.random.normal(first, (1, UNITS), x.dtype),
            "b": jnp.zeros(UNITS),
            "V": initializers.uniform_fan_in(second, (UNITS, 1)),
            "c": jnp.zeros(1),
            "s": [jnp.full(UNITS, value) for value in about.parameters],
        }

        def error(p):
            return jnp.mean((about.function(x @ p["W"] + p["b"], *p["s"]) @ p["V"] + p["c"] - y) ** 2)

        rule = optax.adam(RATE)

        @jax.jit
        def fitted(params):
            def one(_, carry):
                p, moments = carry
                moves, moments = rule.update(jax.grad(error)(p), moments)
                return optax.apply_updates(p, moves), moments

            return jax.lax.fori_loop(0, UPDATES, one, (params, rule.init(params)))[0]

        last = float(error(fitted(params)))
        flat = float(jnp.var(y))
    return {"error": float(np.log10(last)), "of a constant": float(np.log10(flat))}


def verdict(results: Sequence[Result]) -> Verdict:
    """Lower errors on both functions, one-sided U tests, corrected for two."""
    numbers: list[Measured] = []
    p_values = []
    for function in FUNCTIONS:
        own, other = (numbers_of(results, "error", activation=a, function=function) for a in ("srelu", "relu"))
        if min(len(own), len(other)) < 5:
            return Verdict("inconclusive", f"{function}: fewer than 5 runs of a kind.", tuple(numbers))
        for name, found in (("srelu", own), ("relu", other)):
            numbers.append(Measured(ERROR.format(function, name), *median_interval(found), len(found)))
        p_values.append((mann_whitney(own, other, "less"), mann_whitney(own, other, "greater")))
    lower = holm([less for less, _ in p_values])
    higher = holm([greater for _, greater in p_values])
    told = ", ".join(f"{name} p = {p:.2g}" for name, p in zip(FUNCTIONS, lower, strict=True))
    if max(lower) < ALPHA:
        return Verdict("supported", f"lower on both: {told}.", tuple(numbers))
    if min(higher) < ALPHA:
        return Verdict("contradicted", "higher on one: the rectified units fit better there.", tuple(numbers))
    return Verdict("inconclusive", f"not lower on both for sure: {told}.", tuple(numbers))


def plot(results: Sequence[Result]) -> Plot:
    """Errors of all seeds, in order."""
    lines = []
    for function in FUNCTIONS:
        for name in ("srelu", "relu"):
            errors = sorted(numbers_of(results, "error", activation=name, function=function))
            lines.append(Line(f"{name}, {function}", list(range(1, len(errors) + 1)), errors, name == "relu"))
    return Plot("run, the best first", "log10 of the mean squared error", tuple(lines))


CLAIM = Claim(
    key="B-S34",
    sentence="S-shaped rectified units fit convex and non-convex functions of one variable with a lower error than as "
    "many rectified units.",
    source=Source(
        "jin2015",
        "Jin, Xu, Feng, Wei, Xiong & Yan (2015), Deep learning with S-shaped rectified linear activation units, arXiv "
        "1512.07030; the survey of memory in recurrent networks (2016), section 2.2",
        "2",
    ),
    published=tuple(
        Published(ERROR.format(name, "srelu"), "lower than relu", "", "second", "the survey, section 2.2: no number")
        for name in FUNCTIONS
    ),
    controls=(
        Control(
            "both learn something",
            "the median error of either unit on either function is below that of a constant",
            lambda results: all(
                np.median(numbers_of(results, "error", activation=a, function=f))
                < chosen(results, activation=a, function=f)[0].summary["of a constant"]
                for a in ("srelu", "relu")
                for f in FUNCTIONS
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "The survey names no function: x^2 and sin(2 pi x) on 200 points of [-1, 1], one hidden layer of 8 units, Adam "
        "at 0.01, 3000 updates. An S-shaped unit learns four numbers more than a rectified one.",
    ),
    plot=plot,
)
