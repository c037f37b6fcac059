"""Timed spikes: fire when the wait is over. The delay is shown, the passing of time is not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from ltd.types import Batch, Levels, Score
from tasks.timing import GERS, Delays, later, total


@dataclass(frozen=True)
class TimedSpikes(Delays):
    """Fire when `interval` (F) steps and the delay that is shown are over.

        variant gers2002, interval = 3, largest = 2, choice = ends, spikes = 2
        input    2 2 2 2 2 2 0 0 0 _ _
        target   0 0 0 0 0 1 0 0 1 . .

        _ is padding, . is not scored. The n-th spike is due at T(n) = T(n - 1) + F + I(n) with T(0) = 0; from the step
        after the last spike on, the input holds I(n), uniform on {0, `largest`} (`choice` "ends") or {0..`largest`}
        ("all").

    Loss
        mean squared error per step
    Metric
        share of steps with |error| < 0.49, in [0, 1]. Silence is right on all but one of F + I steps: `scores` has the
        share of sequences right, and the steps before the first error.
    Levels
        blind    without a clock or the shown delay: a spike at one of so many steps
        strict   how likely a spike is, given the step and the shown delay. A single spike is told by them alone.
        optimum  0 and 1

    Raises
        ValueError  if there is no wait, no delay to tell apart, no spike, or an unknown `choice`.

    Departures
        The source's description leaves open whether the input is held, and what step 0 shows: here I(1), through the
        whole wait. A stream of the source stops at its first error; here success is 1000 spikes without one.
    """

    variant: str
    interval: int = 10
    largest: int = 1
    choice: str = "ends"
    spikes: int = 1

    task = "timed_spikes"
    sources = {"gers2002": GERS}  # noqa: RUF012

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw delays."""
        delays, ends = self.draw(key, batch)
        step = jnp.arange(self.steps)[:, None]
        begun = jnp.zeros((self.steps + 1, batch), jnp.int32).at[ends + 1, jnp.arange(batch)].add(1)
        wait = jnp.minimum(jnp.cumsum(begun[:-1], axis=0), self.spikes - 1)
        valid = step <= ends[-1]
        shown = jnp.where(valid, jnp.take_along_axis(delays, wait, axis=0), 0)
        inputs = shown[..., None].astype(jnp.result_type(float))
        return Batch(inputs, self.targets_of(inputs, valid), valid, valid)

    def targets_of(self, inputs: Float[Array, "T B 1"], scored: Bool[Array, "T B"]) -> Float[Array, "T B 1"]:
        """The rule: a spike when F and the shown delay have passed since the last one."""

        def step(left, shown):
            left = jnp.where(left == 0, self.interval + shown, left) - 1
            return left, left == 0

        shown = inputs[..., 0].astype(jnp.int32)
        _, fires = jax.lax.scan(step, self.interval + shown[0] + 1, shown)  # step 0 is no part of the first wait
        return (fires & scored)[..., None].astype(jnp.result_type(float))

    def levels(self) -> Levels:
        """From the distribution of waits: how likely each step holds a delay, and how likely it ends then."""
        starts = total(self.starts())
        held, fires = np.zeros((2, len(self.delays), self.steps))
        for row, delay in enumerate(self.delays):
            wait = self.interval + delay
            fires[row] = later(starts, wait)
            held[row] = total(later(starts, after) for after in range(1, wait + 1))
        held[:, 0] += 1.0  # step 0 shows the first delay
        steps = held.sum()
        chance = fires / np.where(held > 0, held, 1.0)
        strict = Score(float(np.sum(held * chance * (1 - chance)) / steps), best_share(chance, held / steps))
        share = float(fires.sum() / steps)
        return Levels(Score(share * (1 - share), best_share(share, 1.0)), strict, Score(0.0, 1.0))


def best_share(chance: float | np.ndarray, weight: float | np.ndarray) -> float:
    """The share of steps right of the best guess of spike or silence."""
    return float(np.sum(weight * np.maximum(chance, 1 - chance)))


TASKS = {"timed_spikes/gers2002": partial(TimedSpikes, "gers2002")}
