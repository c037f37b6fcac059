"""Balanced brackets: which kind closes next? The answer is the latest bracket still open, however long ago it was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import accuracy
from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes, one_hot


@dataclass(frozen=True)
class Dyck(Classes):
    """Name the kind of the next closing bracket, in a balanced word of `pairs` pairs (m) of `types` kinds (k).

        variant ltd, pairs = 5, types = 2
        input    ( [ ] ( ( ) [ ] ) )
        target   . 1 . . 0 . 1 0 0 .

        . is not scored: the steps before an opening bracket, and the last. One-hot, opening kinds first, then closing.
        All balanced words of 2 m brackets are equally likely, kinds are uniform for each pair.

    Loss
        cross-entropy in nats per scored step
    Metric
        share of scored steps right, in [0, 1]; `scores` has the share on pairs that are not adjacent
    Levels
        blind    ln k and 1/k
        strict   a bracket that is closed by the next step shows its kind: (m + 1) / 2 of m pairs on average, so that
                 loss = (m - 1) / (2 m) ln k, metric = (m + 1) / (2 m) + (m - 1) / (2 m k). On the other pairs blind.
        optimum  0 and 1

    Raises
        ValueError  if there are not two pairs and two kinds.
    """

    variant: str
    pairs: int = 32
    types: int = 2

    task = "dyck"
    sources = {"ltd": Source("ltd", "our own rule; words drawn uniformly", "o")}  # noqa: RUF012
    size = "pairs"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(pairs=2, types=2)

    @property
    def inputs(self) -> int:
        """Opening and closing kinds."""
        return 2 * self.types

    @property
    def outputs(self) -> int:
        """Kinds."""
        return self.types

    @property
    def steps(self) -> int:
        """Brackets."""
        return 2 * self.pairs

    @property
    def lag(self) -> tuple[int, int]:
        """From an opening bracket to the step before its closing one."""
        return 0, self.steps - 2

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw words."""
        brackets = self._draw(key, batch)
        inputs = one_hot(brackets, self.inputs)
        closes = brackets >= self.types
        scored = jnp.concatenate([closes[1:], jnp.zeros_like(closes[:1])])
        return Batch(inputs, self.targets_of(inputs, scored), scored, jnp.ones_like(scored))

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the kind of the next bracket, where that closes."""
        brackets = jnp.argmax(inputs, axis=-1).astype(jnp.int32)
        return jnp.where(scored, jnp.roll(brackets, -1, axis=0) - self.types, 0)

    def distant(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Bool[Array, "T B"]:
        """The scored steps whose pair is not adjacent: they show a closing bracket."""
        return scored & (jnp.argmax(inputs, axis=-1) >= self.types)

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of pairs that are not adjacent right, and of sequences with all pairs right."""
        distant = accuracy(outputs, batch.targets, self.distant(batch.inputs, batch.scored))
        return {"distant_accuracy": distant, **super().scores(outputs, batch)}

    def levels(self) -> Levels:
        """Closed forms."""
        m, k = self.pairs, self.types
        far = (m - 1) / (2 * m)
        strict = Score(far * math.log(k), 1 - far * (1 - 1 / k))
        return Levels(Score(math.log(k), 1 / k), strict, optimum=Score(0.0, 1.0))

    def _draw(self, key: Array, batch: int) -> Int[Array, "T B"]:
        """Bracket by bracket: of the words that end balanced, how many open here?"""
        path_key, kind_key = jax.random.split(key)
        draws = jax.random.uniform(path_key, (self.steps, batch), dtype=jnp.float32)
        kinds = jax.random.randint(kind_key, (self.steps, batch), 0, self.types, jnp.int32)
        column = jnp.arange(batch)

        def step(carry, drawn):
            stack, height = carry
            left, u, kind = drawn
            # by the reflection principle the share of words that open is (height + 2) (left - height) / ...
            opens = u * (2 * left * (height + 1)) < (height + 2) * (left - height)
            closed = stack[height - 1, column]
            stack = stack.at[height, column].set(kind)  # above the top, which is out of sight, if one closes
            height = height + jnp.where(opens, 1, -1)
            return (stack, height), jnp.where(opens, kind, self.types + closed)

        stack = jnp.zeros((self.pairs + 1, batch), jnp.int32)
        lefts = jnp.arange(self.steps, 0, -1, dtype=jnp.int32)
        return jax.lax.scan(step, (stack, jnp.zeros(batch, jnp.int32)), (lefts, draws, kinds))[1]


TASKS = {"dyck/ltd": partial(Dyck, "ltd")}
