"""Parity: is the number of ones odd? Every bit matters, and no part of the answer can be had without all of them."""

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

ARORA = Source(
    "arora2024",
    "Arora et al. (2024), Zoology: measuring and improving recall in efficient language models, ICLR, "
    "arXiv:2312.04927; code",
    "c",
)
SOURCES = {
    "deletang2023": Source(
        "deletang2023",
        "Deletang et al. (2023), Neural networks and the Chomsky hierarchy, ICLR, arXiv:2207.02098; code",
        "c",
    ),
    "arora2024": ARORA,
    "arora2024_cumulative": ARORA,
    "beck2024": Source(
        "beck2024", "Beck et al. (2024), xLSTM: extended long short-term memory, NeurIPS, arXiv:2405.04517", "2"
    ),
}


@dataclass(frozen=True)
class Parity(Classes):
    """Say whether the number of ones is even (class 0) or odd (class 1).

        variant deletang2023, bits = 5
        input    1 0 1 1 0 e
        target   . . . . . 1

        variant arora2024, bits = 5
        input    1 0 1 1 0 e
        target   . . . . . 1

        variant arora2024_cumulative, bits = 5
        input    1 0 1 1 0
        target   1 1 0 1 1

        variant beck2024, bits = 5, shortest = 3
        input    1 0 1 1 _
        target   . . . 1 .

        . is not scored, _ is padding, e a third symbol: the empty step of deletang2023, the end token of arora2024
        (the same arrays; the sources differ in how they train). One-hot. beck2024 draws its length from
        U{shortest..bits} for each sequence: 3..40 in training, 40..256 in testing.

    Loss
        cross-entropy in nats per scored step
    Metric
        share of scored steps right, in [0, 1]
    Levels
        blind    ln 2 and 1/2
        strict   blind, except that a first step which is scored answers itself: a share f of the scored steps costs
                 nothing, loss (1 - f) ln 2, metric (1 + f) / 2; f = 1 / bits in arora2024_cumulative, and in beck2024
                 with shortest = 1
        optimum  0 and 1

    Raises
        ValueError  if there are no bits, or if `shortest` does not fit the dialect.

    Departures
        arora2024: the source's length L is bits + 1, in arora2024_cumulative too, which has no end token.
        beck2024: the released code counts the place of the answer in the length, so that its 3..40 are 2..39 bits.
    """

    variant: str
    bits: int = 10
    shortest: int = 0  # beck2024 only: the fewest bits

    task = "parity"
    sources = SOURCES
    size = "bits"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(bits=1)
        if self.variant != "beck2024" and self.shortest:
            raise ValueError(
                f"shortest = {self.shortest} has no meaning in {self.name}, where every sequence has `bits` bits. "
                "Leave it out, or use variant beck2024."
            )
        if self.variant == "beck2024" and not 1 <= self.shortest <= self.bits:
            raise ValueError(
                f"shortest = {self.shortest} must be in 1..{self.bits} (1..bits) in {self.name}. "
                "The source has shortest=3, bits=40."
            )

    outputs = 2

    @property
    def inputs(self) -> int:
        """0, 1, and the end symbol where there is one."""
        return 2 + self._ends

    @property
    def steps(self) -> int:
        """Bits, and the end symbol where there is one."""
        return self.bits + self._ends

    @property
    def padded(self) -> bool:
        """Whether lengths vary."""
        return self.variant == "beck2024" and self.shortest < self.bits

    @property
    def lag(self) -> tuple[int, int]:
        """From the last and the first bit; the end symbol adds a step."""
        return int(self._ends), self.steps - 1

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw bits, and lengths where they vary."""
        bits_key, length_key = jax.random.split(key)
        symbols = jax.random.randint(bits_key, (self.steps, batch), 0, 2, jnp.int32)
        step = jnp.arange(self.steps)[:, None]
        length = jnp.array([self.steps])
        if self._ends:
            symbols = jnp.where(step == self.bits, 2, symbols)
        if self.padded:
            length = jax.random.randint(length_key, (batch,), self.shortest, self.bits + 1, jnp.int32)
        valid = jnp.broadcast_to(step < length, symbols.shape)
        scored = valid if self.variant == "arora2024_cumulative" else valid & (step == length - 1)
        inputs = one_hot(symbols, self.inputs, valid)
        return Batch(inputs, self.targets_of(inputs, scored), scored, valid)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the ones so far, modulo 2, at the scored steps."""
        return jnp.where(scored, jnp.cumsum(inputs[..., 1].astype(jnp.int32), axis=0, dtype=jnp.int32) % 2, 0)

    def levels(self) -> Levels:
        """Closed forms; two fair bits or more have a fair parity, whatever one of them is."""
        free = 1 / self.bits if self.variant == "arora2024_cumulative" or self.shortest == 1 else 0.0
        strict = Score((1 - free) * math.log(2), (1 + free) / 2)
        return Levels(Score(math.log(2), 0.5), strict, optimum=Score(0.0, 1.0))

    @property
    def _ends(self) -> bool:
        return self.variant in ("deletang2023", "arora2024")


TASKS = {f"parity/{variant}": partial(Parity, variant) for variant in SOURCES}
TASKS["parity/beck2024"] = partial(Parity, "beck2024", bits=40, shortest=3)  # the source's training lengths
