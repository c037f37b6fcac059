"""The cliff of one recurrent unit: gradient descent jumps off it, and stays near it where the norm is clipped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.stats import mann_whitney, median_interval
from ltd.types import Source

STEPS, UPDATES, STARTS, FACTOR, LEVEL = 50, 300, 20, 10.0, 0.01
JUMP = "largest step without clipping / with"
# where the wall stands: w from 4 to 7, b from -3.5 to -1.5
LOW, HIGH = (4.0, -3.5), (7.0, -1.5)


def measure(learning_rate: float, threshold: float, seed: int) -> dict[str, object]:
    """Gradient descent from 20 random starts, plain and clipped: largest steps, last errors; and one slice of E."""
    import jax
    import jax.numpy as jnp

    from ltd.activations import logistic
    from ltd.runtime import precision

    with precision("float64"):

        def error(at):  # x_t = w logistic(x_{t-1}) + b
            x = jax.lax.fori_loop(0, STEPS, lambda _, x: at[0] * logistic(x) + at[1], jnp.asarray(0.5, at.dtype))
            return (logistic(x) - 0.7) ** 2

        slope = jax.jacfwd(error)

        def descend(start, limit):
            def update(at, _):
                g = slope(at)
                norm = jnp.linalg.norm(g)
                step = learning_rate * g * jnp.minimum(1, limit / jnp.maximum(norm, 1e-30))
                return at - step, jnp.linalg.norm(step)

            end, steps = jax.lax.scan(update, start, None, UPDATES)
            return error(end), jnp.max(steps)

        starts = jax.random.uniform(jax.random.key(seed), (STARTS, 2), jnp.float64, jnp.array(LOW), jnp.array(HIGH))
        run = jax.jit(jax.vmap(descend, (0, None)))
        (free, jumps), (held, steps) = run(starts, jnp.inf), run(starts, threshold)
        w = jnp.linspace(LOW[0], HIGH[0], 301)
        surface = jax.vmap(lambda w: error(jnp.array([w, -2.5])))(w)
        return {
            "plain jump": float(jnp.max(jumps)),
            "clipped jump": float(jnp.max(steps)),
            "plain error": float(jnp.median(free)),
            "clipped error": float(jnp.median(held)),
            "w": np.asarray(w).tolist(),
            "surface": np.asarray(surface).tolist(),
        }


def verdict(results: Sequence[Result]) -> Verdict:
    """The largest step without clipping is more than ten times that with it, on every seed."""
    plain, clipped = numbers_of(results, "plain jump"), numbers_of(results, "clipped jump")
    if len(plain) < 5:
        return Verdict("inconclusive", f"{len(plain)} seeds, at least 5 are needed.")
    ratios = [a / b for a, b in zip(plain, clipped, strict=True)]
    middle, low, high = median_interval(ratios)
    numbers = [Measured(JUMP, middle, low, high, len(ratios))]
    for name in ("plain error", "clipped error"):
        numbers.append(Measured(f"last {name}, median", *median_interval(numbers_of(results, name)), len(plain)))
    p = mann_whitney(plain, [FACTOR * x for x in clipped], "greater")
    if p < LEVEL and low > FACTOR:
        return Verdict("supported", f"steps are up to {middle:.3g} times as long without clipping.", tuple(numbers))
    if high < FACTOR:
        return Verdict("contradicted", f"steps are at most {high:.3g} times as long without clipping.", tuple(numbers))
    return Verdict("inconclusive", f"the ratio {middle:.3g} [{low:.3g}, {high:.3g}] does not tell.", tuple(numbers))


def plot(results: Sequence[Result]) -> Plot:
    """A slice of the error surface."""
    one = results[0].summary
    return Plot("w, at b = -2.5", "E after 50 steps", (Line("E = (logistic(x_50) - 0.7)^2", one["w"], one["surface"]),))


CLAIM = Claim(
    key="B-S10",
    sentence="At a cliff of the error surface a step of gradient descent jumps far away, more than ten times as far as "
    "where the norm of the gradient is clipped, which stays near.",
    source=Source(
        "pascanu2013",
        "Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, arXiv 1211.5063, "
        "figure 6",
        "p",
    ),
    published=(Published(JUMP, "far", "", "paper", "figure 6, a drawing"),),
    controls=(
        Control(
            "clipping clips",
            "no clipped step is longer than the learning rate times the threshold",
            lambda results: all(
                one.summary["clipped jump"] <= one.config["learning_rate"] * one.config["threshold"] * (1 + 1e-9)
                for one in results
            ),
        ),
        Control(
            "there is a cliff",
            "along the slice E changes by half of its range within a hundredth of w",
            lambda results: all(
                np.max(np.abs(np.diff(one.summary["surface"]))) > 0.5 * np.ptp(one.summary["surface"])
                for one in results
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "The paper draws one descent; here are 20 random starts a seed, w in [4, 7], b in [-3.5, -1.5], rate 0.1, "
        "threshold 1, 300 updates. The form x_t = w logistic(x_{t-1}) + b is that of the figure as we read it.",
    ),
    plot=plot,
)
