"""Periodic functions: nothing is told, a wave must come out. What is remembered is the phase."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.types import Batch, Levels, Score
from tasks.base import one_kind
from tasks.timing import GERS, Timed

SHAPES = ("cosine", "triangle", "square")


@dataclass(frozen=True)
class Periodic(Timed):
    """Produce `periods` periods of a wave of `period` (F) steps from a constant. All sequences are the same.

        variant gers2002, period = 5, shape = triangle, periods = 2
        input     1   1   1   1   1   1   1   1   1   1
        target   .0  .4  .8  .8  .4  .0  .4  .8  .8  .4

        every step is scored; with phase p = t mod F

        cosine    (1 - cos(2 pi p / F)) / 2
        triangle  2 p / F up to p = F / 2, then 2 - 2 p / F
        square    1 if p > F / 2, else 0

        The source has F = 10 and F = 25.

    Loss
        mean squared error per step
    Metric
        share of steps with |error| < 0.3, in [0, 1]; `scores` has the root of the mean squared error, the share of
        sequences right, and the steps before the first error
    Levels
        blind    without a clock: the mean, whose error is the variance over a period (cosine 1/8); for the metric the
                 constant that is near the most steps
        strict   the clock tells everything: 0 and 1
        optimum  0 and 1

    Raises
        ValueError  if the period is shorter than 3 steps, there is none of them, or the shape is unknown.

    Departures
        The source has no input. Here it is always 1, which tells as little as a bias does, and moves a network that has
        none: from a zero state and zero inputs it would stay at zero for ever.
        The number of periods is ours; the source trains on streams that stop at the first error.
        The two branches of the triangle are exchanged in one description of the source.
        The lag is the period: the network may take the wave from its last period, or keep the phase by itself.
    """

    variant: str
    period: int = 10
    shape: str = "cosine"
    periods: int = 10

    metric_by_loss = False
    task = "periodic"
    sources = {"gers2002": GERS}  # noqa: RUF012
    size = "period"
    inputs = 1
    outputs = 1
    tolerance = 0.3

    def __post_init__(self):
        super().__post_init__()
        self.at_least(period=3, periods=1)
        if self.shape not in SHAPES:
            raise ValueError(f"shape = {self.shape!r} is unknown to {self.name}; known shapes: {', '.join(SHAPES)}.")

    @property
    def steps(self) -> int:
        """Whole periods."""
        return self.period * self.periods

    @property
    def lag(self) -> tuple[int, int]:
        """The period."""
        return self.period, self.period

    def sample(self, key: Array, batch: int) -> Batch:
        """The wave. Nothing is drawn."""
        inputs = jnp.ones((self.steps, batch, 1), jnp.result_type(float))
        every = jnp.ones((self.steps, batch), bool)
        return Batch(inputs, self.targets_of(inputs, every), every, every)

    def targets_of(self, inputs: Float[Array, "T B 1"], scored: Bool[Array, "T B"]) -> Float[Array, "T B 1"]:
        """The rule: the wave, whatever comes in."""
        wave = jnp.tile(jnp.array(self._wave(), jnp.result_type(float)), self.periods)
        return jnp.where(scored, wave[:, None], 0.0)[..., None]

    def cue(self, batch: Batch) -> Int[Array, "T B"]:
        """The clock gives everything away: the blind level does without it."""
        return one_kind(batch)

    def levels(self) -> Levels:
        """Over one period."""
        wave = np.sort(self._wave())
        near = max(int(np.sum((wave >= low) & (wave < low + 2 * self.tolerance - 1e-9))) for low in wave)
        sure = Score(0.0, 1.0)
        return Levels(Score(float(np.var(wave)), near / self.period), sure, sure)

    def _wave(self) -> list[float]:
        F = self.period
        match self.shape:
            case "cosine":
                return [(1 - math.cos(2 * math.pi * p / F)) / 2 for p in range(F)]
            case "triangle":
                return [2 * p / F if p <= F / 2 else 2 - 2 * p / F for p in range(F)]
            case _:
                return [float(p > F / 2) for p in range(F)]


TASKS = {"periodic/gers2002": partial(Periodic, "gers2002")}
