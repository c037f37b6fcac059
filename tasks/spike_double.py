"""Double a wait: after two spikes, fire when the time between them has passed once more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from ltd.types import Batch, Levels, Score, Source
from tasks.base import Bits, share_right


@dataclass(frozen=True)
class SpikeDouble(Bits):
    """Fire D steps after the second of two spikes that are D steps apart: the wait is measured, kept and played back.

        variant ltd, length = 12, shortest = 2, longest = 4
        input    0 1 0 0 1 0 0 0 0 0 0 0
        target   0 0 0 0 0 0 0 1 0 0 0 0

        every step is scored. D is uniform on {`shortest`..`longest`}, the first spike on the steps that leave room for
        twice the longest wait: {0..length - 1 - 2 longest}.

    This is not the task `spike_delay/gers2002`, whose name it is sometimes given.

    Loss
        cross-entropy of one bit, nats per step
    Metric
        share of sequences with every step right at 1/2, in [0, 1]: silence is wrong
    Levels
        blind    how often each step holds the target; for the metric, a spike at the likeliest step, always
        strict   the target does not fall on a spike. For the metric nothing better than blind: a further guess before
                 the target would have to fall on a spike.
        optimum  0 and 1

    Raises
        ValueError  if no wait is possible, or the longest does not fit twice.
    """

    variant: str
    length: int = 150
    shortest: int = 30
    longest: int = 60

    metric_by_loss = False
    task = "spike_double"
    sources = {"ltd": Source("ltd", "our own rule", "o")}  # noqa: RUF012
    size = "length"
    inputs = 1
    outputs = 1

    def __post_init__(self):
        super().__post_init__()
        self.at_least(shortest=1)
        if self.longest < self.shortest:
            raise ValueError(
                f"longest = {self.longest} must be at least shortest = {self.shortest} in {self.name}. "
                f"Use longest={self.shortest}."
            )
        if self.length <= 2 * self.longest:
            raise ValueError(
                f"length = {self.length} must be above {2 * self.longest} in {self.name}, or the longest wait does not "
                f"fit twice. Use length={2 * self.longest + 1}, or a smaller longest."
            )
        if self.shortest == self.longest and self.length == 2 * self.longest + 1:
            raise ValueError(
                f"shortest = longest = {self.longest} with length = {self.length} leaves one sequence in {self.name}. "
                "Use a smaller shortest, or a larger length."
            )

    @property
    def steps(self) -> int:
        """The length."""
        return self.length

    @property
    def lag(self) -> tuple[int, int]:
        """From the second spike, and from the first, to the target."""
        return self.shortest, 2 * self.longest

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw the first spike and the wait."""
        first_key, wait_key = jax.random.split(key)
        first = jax.random.randint(first_key, (batch,), 0, self._places, jnp.int32)
        wait = jax.random.randint(wait_key, (batch,), self.shortest, self.longest + 1, jnp.int32)
        step = jnp.arange(self.length)[:, None]
        inputs = ((step == first) | (step == first + wait))[..., None].astype(jnp.result_type(float))
        every = jnp.ones((self.length, batch), bool)
        return Batch(inputs, self.targets_of(inputs, every), every, every)

    def targets_of(self, inputs: Float[Array, "T B 1"], scored: Bool[Array, "T B"]) -> Float[Array, "T B 1"]:
        """The rule: as long after the second spike as that is after the first."""
        spike = inputs[..., 0] == 1
        first, second = jnp.argmax(spike, axis=0), self.length - 1 - jnp.argmax(spike[::-1], axis=0)
        due = jnp.arange(self.length)[:, None] == 2 * second - first
        return (due & scored)[..., None].astype(jnp.result_type(float))

    def metric(self, outputs: Float[Array, "T B 1"], batch: Batch) -> Float[Array, ""]:
        """Share of sequences right, in [0, 1]."""
        return share_right(self.wrong(outputs, batch))

    def levels(self) -> Levels:
        """All sequences counted."""
        first, wait = np.meshgrid(range(self._places), range(self.shortest, self.longest + 1))

        def how_often(steps):
            return np.bincount(steps.ravel(), minlength=self.length) / first.size

        target = how_often(first + 2 * wait)
        silent = 1 - how_often(first) - how_often(first + wait)
        share = target / np.where(silent > 0, silent, 1.0)
        best = float(target.max())
        blind, strict = float(np.mean(_entropy(target))), float(np.mean(silent * _entropy(share)))
        return Levels(Score(blind, best), Score(strict, best), Score(0.0, 1.0))

    @property
    def _places(self) -> int:
        return self.length - 2 * self.longest


def _entropy(p: np.ndarray) -> np.ndarray:
    tiny = math.ulp(0.0)
    return -p * np.log(np.maximum(p, tiny)) - (1 - p) * np.log(np.maximum(1 - p, tiny))


TASKS = {"spike_double/ltd": partial(SpikeDouble, "ltd")}
