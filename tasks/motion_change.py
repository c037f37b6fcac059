"""Motion change: did a moving point turn? No single position says so; the direction before must be kept or noticed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes


@dataclass(frozen=True)
class MotionChange(Classes):
    """Say at the last step whether a point has kept its direction (class 0) or turned by a right angle (class 1).

        variant ltd, length = 8, noise = 0
        x        .10 .12 .14 .16 .18 .18 .18 .18
        y        .50 .50 .50 .50 .50 .52 .54 .56
        target     .   .   .   .   .   .   .   1

        . is not scored. The point moves on the unit torus; inputs are the cosines, then the sines, of 2 pi x and
        2 pi y. It starts anywhere, moves by `speed` a step in any direction, and is seen with an error of standard
        deviation `noise` per coordinate. Half of the points turn, to either side, at a step of
        U{length // 4..3 length // 4 - 1}, which is U{15..44} of 60.

    Loss
        cross-entropy in nats at the last step
    Metric
        share of answers right, in [0, 1]
    Levels
        blind = strict  ln 2 and 1/2: the last position is uniform, whether the point has turned or not
        optimum         0 and 1, as the noise is small: the first and the last quarter of the way tell the two
                        apart at five standard deviations or more, 37 at the default sizes

    Raises
        ValueError  if the quarters are shorter than 2 steps, the speed is not in (0, 1/4], or noise could hide a turn.

    Departures
        Our rule does not say where the noise is: here in what is seen, and not in where the point is.
        The lag is counted from the turn.
    """

    variant: str
    length: int = 60
    speed: float = 0.02
    noise: float = 0.002

    task = "motion_change"
    sources = {"ltd": Source("ltd", "our own rule", "o")}  # noqa: RUF012
    size = "length"
    inputs = 4
    outputs = 2

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=8)
        if not 0 < self.speed <= 0.25:
            raise ValueError(
                f"speed = {self.speed} must be in (0, 0.25] in {self.name}, or the direction of a step on the unit "
                "torus is not clear. Use speed=0.02."
            )
        most = self.speed * self._quarter / 20
        if not 0 <= self.noise <= most:
            raise ValueError(
                f"noise = {self.noise} must be in [0, {most:g}] in {self.name} (speed (length // 4) / 20), or it could "
                f"hide a turn. Use noise={most:g}, or a larger speed or length."
            )

    @property
    def steps(self) -> int:
        """The length."""
        return self.length

    @property
    def lag(self) -> tuple[int, int]:
        """From the latest and the earliest turn to the last step."""
        return self.length - 3 * self.length // 4, self.length - 1 - self._quarter

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw start, direction, turn and noise."""
        start_key, angle_key, turn_key, side_key, noise_key = jax.random.split(key, 5)
        start = jax.random.uniform(start_key, (batch, 2))
        angle = jax.random.uniform(angle_key, (batch,), maxval=2 * math.pi)
        turn = jax.random.randint(turn_key, (batch,), self._quarter, 3 * self.length // 4, jnp.int32)
        side = jax.random.randint(side_key, (batch,), 0, 4, jnp.int32)  # 2 and 3 keep the direction
        change = jnp.where(side < 2, math.pi * (side - 0.5), 0.0).astype(angle.dtype)
        step = jnp.arange(self.length)[:, None]
        before, after = jnp.minimum(step, turn), jnp.maximum(step - turn, 0)
        way = before[..., None] * _direction(angle) + after[..., None] * _direction(angle + change)
        seen = start + self.speed * way + self.noise * jax.random.normal(noise_key, (*before.shape, 2))
        phase = 2 * math.pi * seen
        inputs = jnp.concatenate([jnp.cos(phase), jnp.sin(phase)], axis=-1)
        every = jnp.ones(before.shape, bool)
        scored = every & (step == self.length - 1)
        return Batch(inputs, self.targets_of(inputs, scored), scored, every)

    def targets_of(self, inputs: Float[Array, "T B 4"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: whether the ways of the first and the last quarter are at a right angle, not parallel."""
        phase = jnp.arctan2(inputs[..., 2:], inputs[..., :2]) / (2 * math.pi)
        moves = jnp.diff(phase, axis=0)
        moves = moves - jnp.round(moves)
        first, last = jnp.sum(moves[: self._quarter], axis=0), jnp.sum(moves[-self._quarter :], axis=0)
        along = jnp.sum(first * last, axis=-1)
        turned = along < 0.5 * (self.speed * self._quarter) ** 2
        return jnp.where(scored, turned.astype(jnp.int32), 0)

    def levels(self) -> Levels:
        """Closed forms."""
        blind = Score(math.log(2), 0.5)
        return Levels(blind=blind, strict=blind, optimum=Score(0.0, 1.0))

    @property
    def _quarter(self) -> int:
        return self.length // 4


def _direction(angle: Float[Array, " B"]) -> Float[Array, "B 2"]:
    return jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)


TASKS = {"motion_change/ltd": partial(MotionChange, "ltd")}
