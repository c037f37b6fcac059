"""Rectified units lead to sparser gradients: the share of units whose derivative is exactly zero, before training."""

from __future__ import annotations

from collections.abc import Sequence

from ltd.claims import Claim, Control, Measured, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.stats import mann_whitney, mean_interval
from ltd.types import Source

LEVEL = 0.01
SHARE = "share of derivatives that are zero, {}"
OTHERS = ("tanh", "logistic")


def measure(activation: str, seed: int) -> dict[str, float]:
    """Over 50 units, 20 steps and 10 sequences of Gaussian inputs; and how far logistic is from (tanh(x/2) + 1) / 2."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from ltd.activations import activation as named
    from ltd.cells.elman import Elman
    from ltd.runtime import precision
    from ltd.settings import Plan
    from ltd.streams import stream
    from ltd.unroll import unroll

    with precision("float64"):
        key = jax.random.key(seed)
        cell = Elman(key, 6, 50, activation=activation)
        inputs = jax.random.normal(stream(key, "data"), (20, 10, 6), jnp.result_type(float))
        _, outputs = unroll(cell, inputs, cell.initial_state((10,)), Plan("stepwise"), None)
        before = jnp.concatenate([jnp.zeros_like(outputs[:1]), outputs[:-1]])
        a = inputs @ cell.W[...] + cell.b[...] + before @ cell.U[...]
        f = named(activation).function
        slopes = jax.vmap(jax.grad(f))(a.ravel())
        x = np.linspace(-30, 30, 601)
        gap = np.abs(1 / (1 + np.exp(-x)) - (np.tanh(x / 2) + 1) / 2).max()
        return {"zeros": float(jnp.mean(slopes == 0)), "identity": float(gap)}


def verdict(results: Sequence[Result]) -> Verdict:
    """More zeros with rectified units than with either of the others, by the U test."""
    ours = numbers_of(results, "zeros", activation="relu")
    others = {name: numbers_of(results, "zeros", activation=name) for name in OTHERS}
    if min(map(len, (ours, *others.values()))) < 5:
        return Verdict("inconclusive", "five seeds of each activation are needed.")
    numbers = tuple(
        Measured(SHARE.format(name), *mean_interval(values), len(values))
        for name, values in {"relu": ours, **others}.items()
    )
    ps = [mann_whitney(ours, values, "greater") for values in others.values()]
    if max(ps) < LEVEL:
        return Verdict("supported", f"more derivatives are zero with relu: p at most {max(ps):.2g}.", numbers)
    if all(max(ours) <= min(values) for values in others.values()):
        return Verdict("contradicted", "with relu no more derivatives are zero than with the others.", numbers)
    return Verdict("inconclusive", f"the seeds do not tell: p = {max(ps):.2g}.", numbers)


CLAIM = Claim(
    key="B-S6",
    sentence="Rectified units lead to sparser gradients than tanh and logistic units.",
    source=Source("survey2016", "The survey of memory in recurrent networks (2016), section 2.2, eqs. 6 and 7", "p"),
    published=(
        Published(SHARE.format("relu"), 0.5, "", "measured", "about half of the units, before training"),
        *(Published(SHARE.format(name), 0, "", "measured", "the derivative is positive") for name in OTHERS),
    ),
    controls=(
        Control(
            "equation 6",
            "logistic(x) is (tanh(x/2) + 1) / 2, to 1e-7",
            lambda results: all(one.summary["identity"] < 1e-7 for one in results),
        ),
        Control(
            "units are neither all on nor all off",
            "with relu between 40 and 60 per cent of the derivatives are zero",
            lambda results: all(0.4 <= z <= 0.6 for z in numbers_of(results, "zeros", activation="relu")),
        ),
    ),
    verdict=verdict,
    departures=("Before training, 50 units on Gaussian inputs. That training is faster is not judged here.",),
)
