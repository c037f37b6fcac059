"""Latch: one bit at the first step, noise ever after; its sign at the end. Random weights solve it: a sanity check."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from ltd.losses import wrong_sequences
from ltd.types import Batch, Levels, Score, Source, Success
from tasks.base import Numbers

LATCH = Source(
    "ltd",
    "Bengio, Simard & Frasconi (1994), IEEE Transactions on Neural Networks 5, in the two variants of Schmidhuber & "
    "Hochreiter (1996), Guessing can outperform many long time lag algorithms, both second-hand",
    "2",
)
SOURCES = {"variant1": LATCH, "variant2": LATCH}
NOISE = 0.2  # variance


@dataclass(frozen=True)
class Latch(Numbers):
    """Say the sign of the class that the first step shows, after `length` - 1 (T - 1) steps of noise.

        variant variant1, length = 6
        class+  0  0  0   0   0  0
        class-  1  0  0   0   0  0
        noise   0 .3 .5 -.4 -.2 .6
        target  .  .  .   .   . -.8

        variant variant2, length = 6
        value   1 .3 .5 -.4 -.2 .6
        target  .  .  .   .   .  1

        . is not scored; the noise is N(0, variance 0.2)

    Loss
        mean squared error
    Metric
        share of sequences with the right sign, in [0, 1]
    Levels
        blind = strict   0: loss 0.64 in variant1, 1 in variant2; metric 1/2
        optimum          0 and 1

    Weights drawn at random solve variant1 in 6 and variant2 in 22 trials on average (published): a network that
    solves them has shown nothing about long memory.

    Raises
        ValueError  if no step lies between the bit and the end.

    Departures
        variant1: the source trains one input value per class for the first step. Here the class enters one-hot, so
            that the input matrix holds these values; the noise has a channel of its own.
        No source gives a success rule. Theirs is the sign; the number of sequences, 256, is that of the two-sequence
            problem (ST1).
    """

    variant: str
    length: int = 100

    task = "latch"
    sources = SOURCES
    size = "length"
    outputs = 1

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=2)

    @property
    def inputs(self) -> int:
        """Two classes and the noise in variant1, else one."""
        return 3 if self.variant == "variant1" else 1

    @property
    def success(self) -> Success:
        """No sign wrong."""
        return Success("no sign wrong on 256 sequences", 256, 0)

    @property
    def steps(self) -> int:
        """Every sequence is equally long."""
        return self.length

    @property
    def lag(self) -> tuple[int, int]:
        """From the first to the last step."""
        return self.length - 1, self.length - 1

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw classes and noise."""
        class_key, noise_key = jax.random.split(key)
        up = jax.random.bernoulli(class_key, shape=(batch,))
        noise = math.sqrt(NOISE) * jax.random.normal(noise_key, (self.length, batch))
        first = jnp.arange(self.length)[:, None] == 0
        if self.variant == "variant1":
            channels = [first & up, first & ~up, jnp.where(first, 0.0, noise)]
            inputs = jnp.stack([x.astype(noise.dtype) for x in channels], axis=-1)
        else:
            inputs = jnp.where(first, jnp.where(up, 1.0, -1.0), noise)[..., None]
        valid = jnp.ones(noise.shape, bool)
        scored = valid & (jnp.arange(self.length)[:, None] == self.length - 1)
        return Batch(inputs, self.targets_of(inputs, scored), scored, valid)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Float[Array, "T B 1"]:
        """The rule: the class of the first step, times its height."""
        sign = inputs[0, :, 0] - inputs[0, :, 1] if self.variant == "variant1" else inputs[0, :, 0]
        return jnp.where(scored, self._height * sign, 0.0)[..., None]

    def wrong(self, outputs: Float[Array, "T B 1"], batch: Batch) -> Bool[Array, " B"]:
        """The other sign; 0 counts as negative. An output that is not a number is wrong."""
        right = ((outputs > 0) == (batch.targets > 0)) & ~jnp.isnan(outputs)
        return wrong_sequences(~right[..., 0], batch.scored)

    def levels(self) -> Levels:
        """Closed forms."""
        blind = Score(self._height**2, 0.5)
        return Levels(blind, strict=blind, optimum=Score(0.0, 1.0))

    @property
    def _height(self) -> float:
        return 0.8 if self.variant == "variant1" else 1.0


TASKS = {f"latch/{variant}": partial(Latch, variant) for variant in SOURCES}
