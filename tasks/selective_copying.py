"""Selective copying: symbols stand among blanks at places that are drawn anew; say them in order at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int

from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes
from tasks.mqar import distinct
from tasks.recall import POLI

GU2023 = Source(
    "gu2023",
    "Gu & Dao (2023), Mamba: linear-time sequence modeling with selective state spaces, arXiv:2312.00752",
    "p",
)
SOURCES = {
    "poli2024": POLI,
    "gu2022": Source(
        "gu2022",
        "Gu, Goel & Re (2022), Efficiently modeling long sequences with structured state spaces, ICLR, "
        "arXiv:2111.00396; code",
        "c",
    ),
    "gu2023": GU2023,
}


@dataclass(frozen=True)
class SelectiveCopying(Classes):
    """Repeat `pattern` symbols (M) that came among blanks: what to keep is told by content, not by the clock.

        variant poli2024, length = 12, vocabulary = 6, pattern = 3
        input    . . 2 . 0 . . 3 M . . .
        target   . . . . . . . . . 2 0 3

        variant gu2022, length = 12, vocabulary = 6, pattern = 3
        input    . 2 . 1 . . . 3 . M M M
        target   . . . . . . . . . 2 1 3

        variant gu2023, length = 12, vocabulary = 4, pattern = 3
        input    . 2 . 1 . . . 3 . M M M
        target   . . . . . . . . . 2 1 3

        M is the marker, . a blank; where the target is . nothing is scored; tokens:

                  data symbols    blank   marker   places
        poli2024  0 .. V-3        V-2     V-1      each blank before a data symbol drawn for it: the last data symbol
                                                   always stands right before the marker
        gu2022    1 .. V-2        0       V-1      any M of the first length - M steps, all subsets equally likely
        gu2023    1 .. V-1        0       V        as gu2022

    V is `vocabulary` (A in gu2022, there with the marker). `length` counts every step: L + 2M in gu2022.

    Loss
        cross-entropy in nats per recalled symbol
    Metric
        share of recalled symbols right, in [0, 1]
    Levels
        blind = strict   ln of the number of data symbols, and one over it
        optimum          0 and 1

    Raises
        ValueError  if there is no room for the symbols and their recall, or fewer than two of them.

    Departures
        gu2023: the places are not published, the rule of gu2022 is assumed; so is the marker, a further token.
        poli2024: its blanks come from a global generator, ours from the key. Recall steps alone are scored in all
            three, as in the sources.
    """

    variant: str
    length: int = 256
    vocabulary: int = 16
    pattern: int = 16

    task = "selective_copy"
    sources = SOURCES
    size = "length"
    clock = False
    tokens = True

    def __post_init__(self):
        super().__post_init__()
        self.at_least(pattern=1, vocabulary=3 if self.variant == "gu2023" else 4)
        self.at_least(length=2 * self.pattern + 2 * (self.variant == "poli2024"))

    @property
    def inputs(self) -> int:
        """Data symbols, blank and marker."""
        return self.vocabulary + (self.variant == "gu2023")

    @property
    def outputs(self) -> int:
        """The vocabulary, as in the sources; only data symbols are ever right."""
        return self.vocabulary

    @property
    def steps(self) -> int:
        """All of them."""
        return self.length

    @property
    def lag(self) -> tuple[int, int]:
        """From the latest and the earliest place of a symbol."""
        if self.variant == "poli2024":
            return self.pattern + 1, self.length - self.pattern if self.pattern > 1 else 2
        return self.pattern, self.length - self.pattern

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw the symbols and their places."""
        data_key, place_key = jax.random.split(key)
        low, high = self._first, self._first + self._symbols
        data = jax.random.randint(data_key, (self.pattern, batch), low, high, jnp.int32)
        blank = jnp.broadcast_to(jnp.array(self._layout(), jnp.int32)[:, None], (self.length, batch))
        inputs = blank.at[self._draw_places(place_key, batch), jnp.arange(batch)].set(data)
        scored = jnp.broadcast_to(jnp.arange(self.length)[:, None] >= self.length - self.pattern, inputs.shape)
        return Batch(inputs, self.targets_of(inputs, scored), scored, jnp.ones(inputs.shape, bool))

    def targets_of(self, inputs: Int[Array, "T B"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the data symbols in their order, on the last steps."""
        data = (inputs >= self._first) & (inputs < self._first + self._symbols)
        silent = self.length - self.pattern
        place = jnp.where(data, silent - 1 + jnp.cumsum(data, axis=0, dtype=jnp.int32), self.length)
        recalled = jnp.zeros_like(inputs).at[place, jnp.arange(inputs.shape[1])].set(inputs, mode="drop")
        return jnp.where(scored, recalled, 0)

    def levels(self) -> Levels:
        """Closed forms; no recall step shows a symbol."""
        blind = Score(math.log(self._symbols), 1 / self._symbols)
        return Levels(blind=blind, strict=blind, optimum=Score(0.0, 1.0))

    @property
    def _symbols(self) -> int:
        return self.vocabulary - (1 if self.variant == "gu2023" else 2)

    @property
    def _first(self) -> int:
        return 0 if self.variant == "poli2024" else 1

    @property
    def _blank(self) -> int:
        return self.vocabulary - 2 if self.variant == "poli2024" else 0

    def _layout(self) -> list[int]:
        """Blanks and markers, without the data."""
        silent, marker = self.length - self.pattern, [self.inputs - 1]
        if self.variant == "poli2024":
            return [self._blank] * (silent - 1) + marker + [self._blank] * self.pattern
        return [self._blank] * silent + marker * self.pattern

    def _draw_places(self, key: Array, batch: int) -> Int[Array, "M B"]:
        if self.variant != "poli2024":
            return jnp.sort(distinct(key, self.pattern, np.ones(self.length - self.pattern), batch), axis=0)
        blanks = self.length - 2 * self.pattern - 1
        before = jax.random.randint(key, (blanks, batch), 0, self.pattern, jnp.int32)  # which symbol each comes before
        symbol = jnp.arange(self.pattern, dtype=jnp.int32)[:, None]
        return symbol + jnp.sum(before <= symbol[:, None], axis=1, dtype=jnp.int32)


TASKS = {
    "selective_copy/poli2024": partial(SelectiveCopying, "poli2024"),
    "selective_copy/gu2022": partial(SelectiveCopying, "gu2022", length=120, vocabulary=10, pattern=10),
    "selective_copy/gu2023": partial(SelectiveCopying, "gu2023", length=4096),
}
