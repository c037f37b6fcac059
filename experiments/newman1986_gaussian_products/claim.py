"""The `lyapunov` probe against a spectrum that is known exactly: products of independent Gaussian matrices."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import digamma

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.types import Source

SIZE, STEPS, ERRORS = 20, 20_000, 3
FARTHEST = "largest error, in standard errors"
LARGEST, SMALLEST = "largest exponent", "smallest exponent"
EXACT = [float((math.log(2) + digamma(i / 2)) / 2) for i in range(SIZE, 0, -1)]  # nats per step


class Products:
    """A linear network whose matrix at every step is its input, in a probe's hands: s_t = A_t s_{t-1}, s_0 = 0."""

    def __init__(self) -> None:
        self.net = self

    def embed(self, inputs: Any) -> Any:
        """As they are."""
        return inputs

    def initial_state(self, batch: int | tuple[int, ...], key: Any = None) -> Any:
        """Zero, where it stays; an exponent is that of the matrices alone."""
        import jax.numpy as jnp

        return (jnp.zeros((*(batch if isinstance(batch, tuple) else (batch,)), SIZE), jnp.result_type(float)),)

    def kernel(self) -> tuple:
        """There is none."""
        return ()

    def project(self, inputs: Any) -> Any:
        """The matrix."""
        return inputs.reshape(*inputs.shape[:-1], SIZE, SIZE)

    def step(self, kernel: tuple, state: Any, drive: Any) -> Any:
        """A s."""
        new = (drive @ state[0][..., None])[..., 0]
        return (new,), new


@functools.cache
def _program() -> Callable:
    """seed -> exponents and their standard errors."""
    import jax
    import jax.numpy as jnp

    from ltd.probes import PROBES
    from ltd.types import Batch

    @jax.jit
    def exponents(seed):
        key, draw = jax.random.split(jax.random.key(seed))
        inputs = jax.random.normal(draw, (STEPS, 1, SIZE**2), jnp.result_type(float))
        unscored = jnp.zeros((STEPS, 1), bool)
        found = PROBES["lyapunov"](Products(), key, Batch(inputs, unscored, unscored, None))
        return found["lyapunov"][0], found["lyapunov_stderr"][0]

    return exponents


def measure(seed: int) -> dict[str, list[float]]:
    """The spectrum of 20,000 matrices of 20 x 20 N(0, 1) numbers, nats per step, and its standard errors."""
    import jax.numpy as jnp

    from ltd.runtime import precision

    with precision("float64"):
        exponents, errors = _program()(jnp.uint32(seed))
    return {"exponents": np.asarray(exponents).tolist(), "errors": np.asarray(errors).tolist()}


def verdict(results: Sequence[Result]) -> Verdict:
    """Every exponent, averaged over seeds, within three of its standard errors."""
    if len(results) < 5:
        return Verdict("inconclusive", f"{len(results)} seeds, at least 5 are needed.")
    means = np.mean([one.summary["exponents"] for one in results], axis=0)
    errors = np.sqrt(np.sum(np.square([one.summary["errors"] for one in results]), axis=0)) / len(results)
    off = np.abs(means - EXACT) / errors
    ends = [
        Measured(name, float(means[i]), float(means[i] - 1.96 * errors[i]), float(means[i] + 1.96 * errors[i]),
        len(results)) for name, i in ((LARGEST, 0), (SMALLEST, -1))
    ]  # fmt: skip
    numbers = (*ends, Measured(FARTHEST, float(np.max(off)), n=len(results)))
    if np.max(off) < ERRORS:
        because = f"all {SIZE} exponents lie within {np.max(off):.2g} standard errors, of {np.max(errors):.1e} at most."
        return Verdict("supported", because, numbers)
    because = f"exponent {int(np.argmax(off)) + 1} is {np.max(off):.2g} standard errors off."
    return Verdict("contradicted", because, numbers)


def plot(results: Sequence[Result]) -> Plot:
    """Measured and exact."""
    ranks = list(range(1, SIZE + 1))
    means = np.mean([one.summary["exponents"] for one in results], axis=0).tolist()
    return Plot(
        "rank i", "exponent (nats per step)", (Line("measured", ranks, means), Line("exact", ranks, EXACT, True))
    )


CLAIM = Claim(
    key="B-L1",
    headline="H15",
    sentence="The Lyapunov exponents of products of independent 20 x 20 matrices of N(0, 1) numbers are "
    "(ln 2 + digamma(i / 2)) / 2 for i = 20..1, and the QR method finds them.",
    source=Source(
        "newman1986",
        "Newman (1986), The distribution of Lyapunov exponents: exact results for random matrices, Communications in "
        "Mathematical Physics 103, 121-126",
        "r",
    ),
    published=(
        Published(LARGEST, 1.4724, "nats per step", "measured", "from the formula"),
        Published(SMALLEST, -0.6352, "nats per step", "measured", "from the formula"),
    ),
    controls=(
        Control(
            "the sum is that of the determinants",
            "the exponents add up to those of the formula to 0.05: a frame that collapses would lose the small ones",
            lambda results: abs(np.mean([sum(one.summary["exponents"]) for one in results]) - sum(EXACT)) < 0.05,
        ),
    ),
    verdict=verdict,
    departures=("Standard errors are those of ten blocks of steps in each run, pooled over the seeds.",),
    plot=plot,
)
