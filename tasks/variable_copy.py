"""Variable copying: as copying, but the marker comes when it likes, so that the clock does not tell when to speak."""

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

TALLEC = Source(
    "tallec2018", "Tallec & Ollivier (2018), Can recurrent neural networks warp time?, ICLR, arXiv:1804.11188", "p"
)


@dataclass(frozen=True)
class VariableCopying(Classes):
    """Repeat `pattern` symbols (K) out of `symbols` (S) right after a marker that comes 1..`gap` steps (T) late.

        variant tallec2018, gap = 4, pattern = 3
        input    5 2 7 . M . . . . .
        target   . . . . . 5 2 7 . .

        . is class 0 and is scored too, M the marker S + 1; one-hot

    The marker stands d steps after the last symbol, d from U{1..gap}, and recall on the next K steps; gap + 2K steps.
    With d = gap this is copy/arjovsky2016.

    Loss
        cross-entropy in nats per step, over all gap + 2K steps
    Metric
        share of steps right, in [0, 1]; `scores` has recall alone
    Levels
        blind    follows the marker and guesses: loss K ln S / (gap + 2K), metric 1 - K (1 - 1/S) / (gap + 2K)
        strict   does not know where it is after the marker: a blank step t is one of recall with chance q_t and costs
                 H(q_t) + q_t ln S; far above `blind` at long gaps, so that a loss between the two shows memory of the
                 marker, not of the symbols
        optimum  0 and 1

    Raises
        ValueError  if the marker has no room, or there is nothing to remember.

    Departures
        tallec2018: the text could also mean d blanks between the symbols and the marker; this reading makes d = gap
            the plain task. A sequence is wrong by its recalled symbols alone.
    """

    variant: str
    gap: int = 100
    symbols: int = 8
    pattern: int = 10

    task = "variable_copy"
    sources = {"tallec2018": TALLEC}  # noqa: RUF012
    size = "gap"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(gap=1, symbols=2, pattern=1)

    @property
    def inputs(self) -> int:
        """One per symbol, blank and marker."""
        return self.symbols + 2

    @property
    def outputs(self) -> int:
        """Blank and symbols."""
        return self.symbols + 1

    @property
    def steps(self) -> int:
        """gap + 2 pattern."""
        return self.gap + 2 * self.pattern

    @property
    def lag(self) -> tuple[int, int]:
        """At the earliest and the latest marker."""
        return self.pattern + 1, self.pattern + self.gap

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw patterns and markers."""
        data_key, delay_key = jax.random.split(key)
        data = jax.random.randint(data_key, (self.steps, batch), 1, self.symbols + 1, jnp.int32)
        marker = self.pattern - 1 + jax.random.randint(delay_key, (batch,), 1, self.gap + 1, jnp.int32)
        step = jnp.arange(self.steps)[:, None]
        symbols = jnp.where(step < self.pattern, data, jnp.where(step == marker, self.symbols + 1, 0))
        inputs = one_hot(symbols, self.inputs)
        every = jnp.ones(symbols.shape, bool)
        return Batch(inputs, self.targets_of(inputs, every), every, every)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the first K symbols, on the K steps after the marker."""
        pattern = jnp.argmax(inputs[: self.pattern], axis=-1).astype(jnp.int32)
        since = jnp.arange(self.steps)[:, None] - jnp.argmax(inputs[..., -1], axis=0) - 1
        recalled = jnp.take_along_axis(pattern, jnp.clip(since, 0, self.pattern - 1), axis=0)
        return jnp.where(scored & (since >= 0) & (since < self.pattern), recalled, 0)

    def cue(self, batch: Batch) -> Bool[Array, "T B"]:
        """Whether it is a step of recall: the marker tells."""
        return batch.targets > 0

    def judged(self, batch: Batch) -> Bool[Array, "T B"]:
        """A sequence is wrong by its recalled symbols alone."""
        return batch.scored & (batch.targets > 0)

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of recalled symbols right, and of sequences with all of them right."""
        recalled = accuracy(outputs, batch.targets, self.judged(batch))
        return {"recall_accuracy": recalled, **super().scores(outputs, batch)}

    def levels(self) -> Levels:
        """Closed forms; `strict` by enumeration of the delays."""
        T, K, S = self.gap, self.pattern, self.symbols
        share = K / self.steps
        loss, missed = 0.0, 0.0
        for t in range(K, self.steps):
            blank = T - (t - K + 1 <= T)  # delays at which step t does not hold the marker
            recall = min(T, t - K) - max(1, t - 2 * K + 1) + 1  # delays at which it is one of recall
            if recall > 0 and blank:
                q = recall / blank
                entropy = -q * math.log(q) - ((1 - q) * math.log(1 - q) if q < 1 else 0.0)
                loss += blank / T * (entropy + q * math.log(S))
                missed += blank / T * (1 - max(1 - q, q / S))
        return Levels(
            blind=Score(share * math.log(S), 1 - share * (1 - 1 / S)),
            strict=Score(loss / self.steps, 1 - missed / self.steps),
            optimum=Score(0.0, 1.0),
        )


TASKS = {"variable_copy/tallec2018": partial(VariableCopying, "tallec2018")}
