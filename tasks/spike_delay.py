"""Spike delay: how long was the wait? Nothing is shown in between; the network itself must keep time."""

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
class SpikeDelay(Delays):
    """Say at each spike how much longer than `interval` (F) steps one has waited for it.

        variant gers2002, interval = 3, largest = 2, choice = ends, spikes = 2
        input    0 0 0 0 0 1 0 0 1 _ _
        target   . . . . . 2 . . 0 . .

        _ is padding, . is not scored. The n-th spike is at T(n) = T(n - 1) + F + I(n) with T(0) = 0, where there is no
        spike. I(n) is uniform on {0, `largest`} (`choice` "ends") or on {0..`largest`} ("all"). The source has the sets
        {0, 1}, {0, i} and {0..i}, F in 10..50, single delays (`spikes` 1) and 100 joined ones.

    Loss
        mean squared error per spike
    Metric
        share of spikes with |error| < 0.49, in [0, 1]; `scores` has the spikes before the first error
    Levels, per spike
        blind    without a clock: the variance of I, and one of its values
        strict   the spike's step tells which sums of waits it can end: from the distribution of the n-th spike's step.
                 A single delay is told by the clock alone (0 and 1). The best guess for the metric is the likeliest
                 delay, for the loss their mean.
        optimum  0 and 1

    Raises
        ValueError  if there is no wait, no delay to tell apart, no spike, or an unknown `choice`.

    Departures
        The sets of F are recalled. A stream of the source stops at its first error, after 100 correct delays in
        training and 1000 in test; here a sequence has a fixed number of spikes, and success is 1000 right in a row.
    """

    variant: str
    interval: int = 10
    largest: int = 1
    choice: str = "ends"
    spikes: int = 1

    task = "spike_delay"
    sources = {"gers2002": GERS}  # noqa: RUF012

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw delays."""
        _, ends = self.draw(key, batch)
        step = jnp.arange(self.steps)[:, None]
        spike = jnp.zeros((self.steps, batch), bool).at[ends, jnp.arange(batch)].set(True)
        inputs = spike[..., None].astype(jnp.result_type(float))
        return Batch(inputs, self.targets_of(inputs, spike), spike, step <= ends[-1])

    def targets_of(self, inputs: Float[Array, "T B 1"], scored: Bool[Array, "T B"]) -> Float[Array, "T B 1"]:
        """The rule: steps since the last spike, or the start, beyond F."""
        step = jnp.arange(self.steps)[:, None]
        latest = jax.lax.cummax(jnp.where(inputs[..., 0] == 1, step, 0))
        before = jnp.concatenate([jnp.zeros_like(latest[:1]), latest[:-1]])
        delay = jnp.where(scored, step - before - self.interval, 0)
        return delay[..., None].astype(jnp.result_type(float))

    def levels(self) -> Levels:
        """Closed form; and the distribution of delays given the step."""
        delays = np.array(self.delays, float)
        blind = Score(float(np.var(delays)), 1 / len(delays))
        ends = total(np.stack([later(start, self.interval + d) for d in self.delays]) for start in self.starts())
        joint = ends / ends.sum()  # of delay and step
        chance = joint.sum(axis=0)
        mean = delays @ joint / np.where(chance > 0, chance, 1.0)
        error = float(np.sum(joint * (delays[:, None] - mean) ** 2))
        return Levels(blind, Score(error, float(joint.max(axis=0).sum())), Score(0.0, 1.0))


TASKS = {"spike_delay/gers2002": partial(SpikeDelay, "gers2002")}
