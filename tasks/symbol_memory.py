"""Symbol memorisation: a string of coded symbols, then the same string without help."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import accuracy
from ltd.types import Batch, Levels, Score
from tasks.base import Classes
from tasks.copying_bits import fair_bits
from tasks.digits_add import KALCHBRENNER


@dataclass(frozen=True)
class SymbolMemory(Classes):
    """Repeat `length` symbols (N) of `bits` bits each, one step after a dash.

        variant kalchbrenner2015, length = 3, bits = 2
        input    10 01 11 - - - - -
        target    -  -  - - 2 1 3 -

    A symbol is read as its bits, the first the highest, and written as one of 2^bits classes; the dash, a further input
    and the class 2^bits, stands from step N on.

    Loss
        cross-entropy in nats per step, over all 2N + 2 steps
    Metric
        share of steps right, in [0, 1]; `scores` has recall alone
    Levels, with f = N / (2N + 2) the share of recall
        blind = strict   f ln 2^bits and 1 - f (1 - 2^-bits); on recall steps alone ln 64 = 4.158883 and 1/64
        optimum          0 and 1

    Raises
        ValueError  if there is nothing to remember, or if the classes are too many (bits above 16).

    Departures
        The source gives the lengths; on which step recall begins and which steps count in the loss is our choice.
    """

    variant: str
    length: int = 20
    bits: int = 6

    task = "symbol_memory"
    sources = {"kalchbrenner2015": KALCHBRENNER}  # noqa: RUF012
    size = "length"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=1, bits=1)
        if self.bits > 16:
            raise ValueError(
                f"bits = {self.bits} must be at most 16 in {self.name}: there are 2^bits classes. Use bits=16, or a "
                "longer string of fewer bits."
            )

    @property
    def inputs(self) -> int:
        """The bits and the dash."""
        return self.bits + 1

    @property
    def outputs(self) -> int:
        """The symbols and the dash."""
        return 2**self.bits + 1

    @property
    def steps(self) -> int:
        """The string twice, a dash after each."""
        return 2 * self.length + 2

    @property
    def lag(self) -> tuple[int, int]:
        """Every symbol waits equally long."""
        return self.length + 1, self.length + 1

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw the bits."""
        data = fair_bits(key, self.length, batch, self.bits)
        bits = jnp.pad(data.astype(jnp.result_type(float)), ((0, self.steps - self.length), (0, 0), (0, 1)))
        dash = jnp.arange(self.steps)[:, None] >= self.length
        inputs = bits.at[..., -1].set(dash.astype(bits.dtype))
        every = jnp.ones((self.steps, batch), bool)
        return Batch(inputs, self.targets_of(inputs, every), every, every)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the symbol of N + 1 steps ago while there is one, else the dash."""
        powers = 2 ** jnp.arange(self.bits - 1, -1, -1, dtype=jnp.int32)
        symbols = inputs[..., :-1].astype(jnp.int32) @ powers
        recalled = jnp.roll(symbols, self.length + 1, axis=0)
        return jnp.where(scored, jnp.where(self._recall(), recalled, 2**self.bits), 0)

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of recalled symbols right, and of sequences with every step right."""
        recalled = accuracy(outputs, batch.targets, batch.scored & self._recall())
        return {"recall_accuracy": recalled, **super().scores(outputs, batch)}

    def levels(self) -> Levels:
        """Closed forms; no recall step shows a symbol."""
        share = self.length / self.steps
        blind = Score(share * self.bits * math.log(2), 1 - share * (1 - 2.0**-self.bits))
        return Levels(blind, strict=blind, optimum=Score(0.0, 1.0))

    def _recall(self) -> Bool[Array, "T 1"]:
        step = jnp.arange(self.steps)[:, None]
        return (step > self.length) & (step <= 2 * self.length)


TASKS = {"symbol_memory/kalchbrenner2015": partial(SymbolMemory, "kalchbrenner2015")}
