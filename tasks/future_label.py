"""Future labels: the answer comes later than the question. A causal network cannot know it, others can."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes, one_hot


@dataclass(frozen=True)
class FutureLabel(Classes):
    """Say the symbol that comes `ahead` steps (k) later, of `symbols` kinds (S).

        variant ltd, length = 6, ahead = 2, symbols = 8
        input    5 2 7 0 3 3
        target   7 0 3 3 . .

        . is not scored; one-hot, uniform symbols

    Loss
        cross-entropy in nats per scored step
    Metric
        share of scored steps right, in [0, 1]
    Levels
        blind = strict  ln S and 1/S: also the best of any causal network
        optimum         0 and 1, of networks that see the whole sequence

    Raises
        ValueError  if `ahead` is below 1 or does not fit, or there are fewer than two symbols.
    """

    variant: str
    length: int = 50
    ahead: int = 5
    symbols: int = 8

    task = "future_label"
    sources = {"ltd": Source("ltd", "our own rule", "o")}  # noqa: RUF012
    size = "length"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(ahead=1, symbols=2)
        if self.length <= self.ahead:
            raise ValueError(
                f"length = {self.length} must be above ahead = {self.ahead} in {self.name}, or no step is scored. "
                f"Use length={self.ahead + 1}."
            )

    @property
    def inputs(self) -> int:
        """One per symbol."""
        return self.symbols

    @property
    def outputs(self) -> int:
        """One per symbol."""
        return self.symbols

    @property
    def steps(self) -> int:
        """The length."""
        return self.length

    @property
    def lag(self) -> tuple[int, int]:
        """Negative: the input comes after the output that needs it."""
        return -self.ahead, -self.ahead

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw symbols."""
        inputs = one_hot(jax.random.randint(key, (self.length, batch), 0, self.symbols, jnp.int32), self.symbols)
        every = jnp.ones((self.length, batch), bool)
        scored = every & (jnp.arange(self.length)[:, None] < self.length - self.ahead)
        return Batch(inputs, self.targets_of(inputs, scored), scored, every)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: what comes k steps later."""
        symbols = jnp.argmax(inputs, axis=-1).astype(jnp.int32)
        return jnp.where(scored, jnp.roll(symbols, -self.ahead, axis=0), 0)

    def levels(self) -> Levels:
        """Closed forms."""
        blind = Score(math.log(self.symbols), 1 / self.symbols)
        return Levels(blind=blind, strict=blind, optimum=Score(0.0, 1.0))


TASKS = {"future_label/ltd": partial(FutureLabel, "ltd")}
