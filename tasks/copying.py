"""Copying: see a few symbols, wait, say them again. The wait is the lag, and nothing else is asked for."""

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

SOURCES = {
    "arjovsky2016": Source(
        "arjovsky2016",
        "Arjovsky, Shah & Bengio (2016), Unitary evolution recurrent neural networks, ICML, arXiv:1511.06464; code",
        "c p",
    ),
    "bai2018": Source(
        "bai2018",
        "Bai, Kolter & Koltun (2018), An empirical evaluation of generic convolutional and recurrent networks for "
        "sequence modeling, arXiv:1803.01271; code",
        "c",
    ),
    "lezcano2019": Source(
        "lezcano2019",
        "Lezcano-Casado & Martinez-Rubio (2019), Cheap orthogonal constraints in neural networks, ICML, "
        "arXiv:1901.08428; code",
        "c",
    ),
    "gu2022": Source(
        "gu2022",
        "Gu, Goel & Re (2022), Efficiently modeling long sequences with structured state spaces, ICLR, "
        "arXiv:2111.00396; code",
        "c",
    ),
}


@dataclass(frozen=True)
class Copying(Classes):
    """Repeat `pattern` symbols (K) out of `symbols` (S) after a silence set by `gap` (T or L in the sources).

        variant arjovsky2016, gap = 4, pattern = 3
        input    5 2 7 . . . M . . .
        target   . . . . . . . 5 2 7

        variant bai2018, gap = 4, pattern = 3
        input    5 2 7 . . . M M M M
        target   . . . . . . . 5 2 7

        variant lezcano2019, gap = 4, pattern = 3
        input    5 2 7 . . . . M . .
        target   . . . . . . . 5 2 7

        variant gu2022, gap = 4, pattern = 3
        input    5 2 7 . . . . M M M
        target   _ _ _ _ _ _ _ 5 2 7

        . is class 0 and is scored too, _ is not scored, M the marker S + 1; one-hot, in bai2018 one number per step

    The marker comes one step before recall in arjovsky2016 and bai2018, on its first step in lezcano2019 and gu2022;
    a symbol and its recall are gap + K steps apart in all four.

    Loss
        cross-entropy in nats per scored step: all gap + 2K steps (not per recalled symbol: a factor 12 at gap = 100),
        in gu2022 the K steps of recall
    Metric
        share of scored steps right, in [0, 1]. Over all steps at gap = 1000 a score of 99 % is below `blind`: `scores`
        has recall alone.
    Levels
        blind = strict   silence until recall, then one of S symbols: loss K ln S / (gap + 2K),
                         metric 1 - K (1 - 1/S) / (gap + 2K); on recall steps alone (gu2022) ln S and 1/S
        optimum          0 and 1

    Raises
        ValueError  if the marker has no room (gap below 1, in lezcano2019 and gu2022 below 0), or there is nothing to
                    remember.

    Departures
        lezcano2019: the released script calls the delay L, and T the number of iterations.
        gu2022: its alphabet A counts blank and marker, so that A = S + 2.
    """

    variant: str
    gap: int = 100
    symbols: int = 8
    pattern: int = 10

    task = "copy"
    sources = SOURCES
    size = "gap"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(gap=0 if self.variant in ("lezcano2019", "gu2022") else 1, symbols=2, pattern=1)

    @property
    def inputs(self) -> int:
        """One channel in bai2018, else one per symbol, blank and marker."""
        return 1 if self.variant == "bai2018" else self.symbols + 2

    @property
    def outputs(self) -> int:
        """Blank and symbols; bai2018 and gu2022 have a class for the marker, which is never right."""
        return self.symbols + (2 if self.variant in ("bai2018", "gu2022") else 1)

    @property
    def steps(self) -> int:
        """gap + 2 pattern."""
        return self.gap + 2 * self.pattern

    @property
    def lag(self) -> tuple[int, int]:
        """Every symbol waits equally long."""
        return self.gap + self.pattern, self.gap + self.pattern

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw the patterns."""
        data = jax.random.randint(key, (self.pattern, batch), 1, self.symbols + 1, jnp.int32)
        rest = jnp.array(self._after_data(), data.dtype)[:, None]
        symbols = jnp.concatenate([data, jnp.broadcast_to(rest, (len(rest), batch))])
        one_number = self.variant == "bai2018"
        inputs = symbols[..., None].astype(jnp.result_type(float)) if one_number else one_hot(symbols, self.inputs)
        every = jnp.ones(symbols.shape, bool)
        scored = every & self._recall() if self.variant == "gu2022" else every
        return Batch(inputs, self.targets_of(inputs, scored), scored, every)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the first K symbols, on the last K steps."""
        symbols = inputs[..., 0] if self.variant == "bai2018" else jnp.argmax(inputs, axis=-1)
        recalled = jnp.roll(symbols.astype(jnp.int32), self.gap + self.pattern, axis=0)
        return jnp.where(scored & self._recall(), recalled, 0)

    def judged(self, batch: Batch) -> Bool[Array, "T B"]:
        """A sequence is wrong by its recalled symbols alone."""
        return batch.scored & self._recall()

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of recalled symbols right, and of sequences with all of them right."""
        recalled = accuracy(outputs, batch.targets, self.judged(batch))
        return {"recall_accuracy": recalled, **super().scores(outputs, batch)}

    def levels(self) -> Levels:
        """Closed forms; no recall step shows a symbol, so the current input helps nobody."""
        share = 1.0 if self.variant == "gu2022" else self.pattern / self.steps
        blind = Score(share * math.log(self.symbols), 1 - share * (1 - 1 / self.symbols))
        return Levels(blind=blind, strict=blind, optimum=Score(0.0, 1.0))

    def _recall(self) -> Bool[Array, "T 1"]:
        return jnp.arange(self.steps)[:, None] >= self.gap + self.pattern

    def _after_data(self) -> list[int]:
        marker, K = [self.symbols + 1], self.pattern
        if self.variant == "lezcano2019":
            return [0] * self.gap + marker + [0] * (K - 1)
        if self.variant == "gu2022":
            return [0] * self.gap + marker * K
        return [0] * (self.gap - 1) + marker + (marker if self.variant == "bai2018" else [0]) * K


TASKS = {f"copy/{variant}": partial(Copying, variant) for variant in SOURCES}
