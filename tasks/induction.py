"""Induction: a special token comes twice; say at the second what followed the first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Int

from ltd.types import Batch, Levels, Score
from tasks.base import Classes
from tasks.selective_copying import GU2023


@dataclass(frozen=True)
class Induction(Classes):
    """Remember the one token that follows the special token S, among others, until S comes again at the last step.

        variant gu2023, length = 8, vocabulary = 4
        input    2 0 S 3 1 1 0 S
        target   . . . . . . . 3

        . is not scored; tokens: 0..V-1 are ordinary, V = `vocabulary`, S is V and stands anywhere before the last two

    The source trains at length 256 and tests at 64 to 1,048,576: `length` is an argument of the task.

    Loss
        cross-entropy in nats at the last step
    Metric
        share of sequences right, in [0, 1]
    Levels
        blind = strict   ln V and 1/V
        optimum          0 and 1

    Raises
        ValueError  if `length` is below 3, or there are fewer than two ordinary tokens.

    Departures
        The source does not say where S may stand, nor whether it is one of its 16 tokens: here it is a seventeenth
        and its place is uniform (with vocabulary=15 it is the sixteenth, and blind is ln 15).
    """

    variant: str
    length: int = 256
    vocabulary: int = 16

    task = "induction"
    sources = {"gu2023": GU2023}  # noqa: RUF012
    size = "length"
    clock = False
    tokens = True

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=3, vocabulary=2)

    @property
    def inputs(self) -> int:
        """Ordinary tokens and the special one."""
        return self.vocabulary + 1

    @property
    def outputs(self) -> int:
        """Ordinary tokens."""
        return self.vocabulary

    @property
    def steps(self) -> int:
        """All of them."""
        return self.length

    @property
    def lag(self) -> tuple[int, int]:
        """From the token after S to the last step."""
        return 1, self.length - 2

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw the tokens and the place of S."""
        token_key, place_key = jax.random.split(key)
        tokens = jax.random.randint(token_key, (self.length, batch), 0, self.vocabulary, jnp.int32)
        place = jax.random.randint(place_key, (batch,), 0, self.length - 2, jnp.int32)
        step = jnp.arange(self.length, dtype=jnp.int32)[:, None]
        scored = jnp.broadcast_to(step == self.length - 1, tokens.shape)
        inputs = jnp.where(scored | (step == place), self.vocabulary, tokens)
        return Batch(inputs, self.targets_of(inputs, scored), scored, jnp.ones(inputs.shape, bool))

    def targets_of(self, inputs: Int[Array, "T B"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the token after the first S."""
        place = jnp.argmax(inputs == self.vocabulary, axis=0)
        return jnp.where(scored, jnp.take_along_axis(inputs, place[None] + 1, axis=0), 0)

    def levels(self) -> Levels:
        """Closed forms; the last step always shows S."""
        blind = Score(math.log(self.vocabulary), 1 / self.vocabulary)
        return Levels(blind=blind, strict=blind, optimum=Score(0.0, 1.0))


TASKS = {"induction/gu2023": partial(Induction, "gu2023")}
