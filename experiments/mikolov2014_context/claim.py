"""The context units keep exactly alpha^k of the gradient; the fast layer, and so its recurrent matrix, does not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen
from ltd.stats import mean_interval
from ltd.types import Source

LAGS, TOLERANCE = (1, 2, 5, 10, 20, 50, 100), 1e-6
CONTEXT, FAST = "context: largest relative error of alpha^k", "fast layer: log10 of the norm at lag 20, alpha = 0.95"


def measure(alpha: float, seed: int) -> dict[str, object]:
    """log10 of the norms of d s_T / d s_{T-k} and d h_T / d h_{T-k}, 20 fast and 4 context units on Gaussian inputs."""
    import jax
    import jax.numpy as jnp

    from ltd.cells.scrn import SCRN
    from ltd.runtime import precision
    from ltd.streams import stream

    with precision("float64"):
        key, length = jax.random.key(seed), max(LAGS)
        cell = SCRN(key, 3, 20, 4, alpha)
        kernel, zero = cell.kernel(), cell.initial_state((1,))
        drive = cell.project(jax.random.normal(stream(key, "data"), (length, 1, 3), jnp.result_type(float)))
        states = jax.lax.scan(lambda s, d: (cell.step(kernel, s, d)[0], s), zero, drive)[1]
        step = jax.jit(jax.jacobian(lambda state, d: cell.step(kernel, state, d)[0]))
        fast, slow = np.eye(20), np.eye(4)
        found: dict[str, list[float]] = {"fast": [], "context": [], "errors": []}
        for k in range(1, length + 1):
            at = length - k
            J = step(jax.tree.map(lambda leaf, at=at: leaf[at], states), jax.tree.map(lambda d, at=at: d[at], drive))
            fast, slow = fast @ np.asarray(J.h.h[0, :, 0]), slow @ np.asarray(J.s.s[0, :, 0])
            if k in LAGS:
                found["fast"].append(math.log10(max(float(np.linalg.norm(fast, 2)), 1e-300)))
                found["context"].append(math.log10(np.linalg.norm(slow, 2)))
                found["errors"].append(float(np.max(np.abs(slow / alpha**k - np.eye(4)))))
    return dict(found)


def verdict(results: Sequence[Result]) -> Verdict:
    """The context's gradient is alpha^k; that of the fast layer is smaller than it at long lags."""
    if len(results) < 5 or not chosen(results, alpha=0.95):
        return Verdict("inconclusive", "five runs are needed, some of them at alpha = 0.95.")
    worst = max(max(one.summary["errors"]) for one in results)
    at = [one.summary["fast"][LAGS.index(20)] for one in chosen(results, alpha=0.95)]
    numbers = (Measured(CONTEXT, worst, n=len(results)), Measured(FAST, *mean_interval(at), len(at)))
    if worst > TOLERANCE:
        return Verdict("contradicted", f"the context's gradient differs from alpha^k by {worst:.2g}.", numbers)
    if any(one.summary["fast"][-1] >= one.summary["context"][-1] for one in results):
        return Verdict("contradicted", "in some run the fast layer keeps as much as the context.", numbers)
    because = f"the context keeps alpha^k to {worst:.1e} in {len(results)} runs; the fast layer less, in every one."
    return Verdict("supported", because, numbers)


def plot(results: Sequence[Result]) -> Plot:
    """Both paths, seed 0."""
    lines = []
    for one in chosen(results, seed=0):
        for name in ("context", "fast"):
            label = f"{name}, alpha = {one.config['alpha']:g}"
            lines.append(Line(label, list(LAGS), one.summary[name], name == "fast"))
    return Plot("lag k (steps)", "log10 of the norm of the state Jacobian", tuple(lines))


CLAIM = Claim(
    key="B-S23",
    sentence="What keeps the gradient of the structurally constrained network from vanishing is its context alone: "
    "there it is exactly alpha^k at lag k, while along the fast layer and its recurrent matrix it decays faster.",
    source=Source(
        "mikolov2014",
        "Mikolov, Joulin, Chopra, Mathieu & Ranzato (2014), Learning longer memory in recurrent neural networks, "
        "arXiv 1412.7753; the survey of memory in recurrent networks (2016), section 5",
        "2",
    ),
    published=(Published(CONTEXT, 0, "", "measured", "from the equations"),),
    controls=(
        Control(
            "alpha is seen",
            "at lag 100 the context keeps more with a larger alpha",
            lambda results: (
                float(np.mean([one.summary["context"][-1] for one in chosen(results, alpha=0.99)]))
                > float(np.mean([one.summary["context"][-1] for one in chosen(results, alpha=0.8)]))
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "The survey says that the structure prevents the gradient of the recurrent matrix from vanishing: judged is "
        "what the equations give. alpha^k vanishes too, only at a chosen pace. Fresh networks.",
    ),
    plot=plot,
)
