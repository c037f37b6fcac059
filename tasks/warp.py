"""Warped and padded sequences: name the symbol before this one, however slowly symbols come."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.types import Batch, Levels, Score
from tasks.base import Classes, one_hot
from tasks.variable_copy import TALLEC

MODES = ("uniform", "variable")


@dataclass(frozen=True)
class Slowed(Classes):
    """What both share: blocks of `warp` steps (w; `variable`: of U{1..w} steps), neighbours of different symbols."""

    variant: str
    length: int = 500
    warp: int = 10
    symbols: int = 9
    mode: str = "uniform"

    sources = {"tallec2018": TALLEC}  # noqa: RUF012
    size = "length"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(warp=1, symbols=3)
        if self.mode not in MODES:
            raise ValueError(f"mode = {self.mode!r} is unknown to {self.name}; known modes: {', '.join(MODES)}.")
        if self.length <= self.warp:
            raise ValueError(
                f"length = {self.length} must be above warp = {self.warp} in {self.name}, or there is no second block. "
                f"Use length={self.warp + 1}."
            )

    @property
    def inputs(self) -> int:
        """The dummy 0 and the symbols."""
        return self.symbols + 1

    @property
    def outputs(self) -> int:
        """The dummy 0 and the symbols."""
        return self.symbols + 1

    @property
    def steps(self) -> int:
        """The length."""
        return self.length

    def cue(self, batch: Batch) -> Bool[Array, "T B"]:
        """Whether the first block is over: where it ends can be seen."""
        return batch.targets > 0

    def draw_blocks(self, key: Array, batch: int) -> tuple[Int[Array, "T B"], Bool[Array, "T B"]]:
        """The symbol of the block of every step, and whether a block starts there."""
        symbols_key, widths_key = jax.random.split(key)
        T, S = self.length, self.symbols
        if self.mode == "uniform":
            starts = jnp.broadcast_to(jnp.arange(T)[:, None] % self.warp == 0, (T, batch))
        else:
            widths = jax.random.randint(widths_key, (T, batch), 1, self.warp + 1, jnp.int32)
            places = jnp.cumsum(widths, axis=0, dtype=jnp.int32)
            starts = jnp.zeros((T, batch), bool).at[0].set(True)
            starts = starts.at[places, jnp.arange(batch)].set(True, mode="drop")
        moves = jax.random.randint(symbols_key, (T, batch), 1, S, jnp.int32)  # 1..S-1: never to the same symbol
        first = jax.random.randint(jax.random.fold_in(symbols_key, 1), (batch,), 0, S, jnp.int32)
        moved = jnp.cumsum(jnp.where(starts, moves, 0), axis=0, dtype=jnp.int32)
        return 1 + (first + moved) % S, starts


@dataclass(frozen=True)
class Warp(Slowed):
    """At every step, name the symbol of the block before this one; the dummy 0 in the first block.

        variant tallec2018, length = 10, warp = 4, mode = uniform
        input    3 3 3 3 7 7 7 7 1 1
        target   0 0 0 0 3 3 3 3 7 7

        one-hot; every step is scored

    A block is one of `symbols` (S) held for `warp` steps (w), or for U{1..w} steps with mode = variable; the next
    symbol differs. The last block is cut at `length` (T).

    Loss
        cross-entropy in nats per step
    Metric
        share of steps right, in [0, 1]
    Levels, with f the share of the first block: w/T, with mode = variable (w + 1) / 2T on average
        blind    knows where the first block ends: (1 - f) ln S and f + (1 - f) / S
        strict   sees that it is not the current symbol: (1 - f) ln (S - 1) and f + (1 - f) / (S - 1); with
                 mode = variable step t is in the first block with chance q = max(0, 1 - t/w), and costs
                 H(q) + (1 - q) ln (S - 1)
        optimum  0 and 1

    Raises
        ValueError  if there is no second block, fewer than three symbols (two take turns: nothing to remember), or the
                    mode is unknown.

    Departures
        The source reports the cross-entropy after three epochs of 50,000 sequences; here every batch is fresh.
    """

    task = "warp"

    @property
    def lag(self) -> tuple[int, int]:
        """From the end of the block before: 1, and a whole block or what the length leaves of it."""
        return 1, min(self.warp, self.length - (self.warp if self.mode == "uniform" else 1))

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw blocks."""
        symbols, _ = self.draw_blocks(key, batch)
        inputs, every = one_hot(symbols, self.inputs), jnp.ones(symbols.shape, bool)
        return Batch(inputs, self.targets_of(inputs, every), every, every)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the symbol on the step before the current block began."""
        symbols = jnp.argmax(inputs, axis=-1).astype(jnp.int32)
        step = jnp.arange(self.steps, dtype=jnp.int32)[:, None]
        changes = (symbols != jnp.roll(symbols, 1, axis=0)) & (step > 0)
        start = jax.lax.cummax(jnp.where(changes, step, 0), axis=0)
        before = jnp.take_along_axis(symbols, jnp.maximum(start - 1, 0), axis=0)
        return jnp.where(scored & (start > 0), before, 0)

    def levels(self) -> Levels:
        """Closed forms; `strict` by a sum over the steps of the first block."""
        T, w, S = self.length, self.warp, self.symbols
        first = [1.0] * w if self.mode == "uniform" else [1 - t / w for t in range(w)]
        f, others = sum(first) / T, S - 1
        loss = (T - w) * math.log(others)
        right = (T - w) / others
        for q in first:
            loss += (1 - q) * math.log(others) - q * math.log(q) - ((1 - q) * math.log(1 - q) if q < 1 else 0.0)
            right += max(q, (1 - q) / others)
        return Levels(Score((1 - f) * math.log(S), f + (1 - f) / S), Score(loss / T, right / T), Score(0.0, 1.0))


@dataclass(frozen=True)
class Pad(Slowed):
    """At every symbol, name the one before it; between them stand zeros. The dummy 0 at the first symbol.

        variant tallec2018, length = 10, warp = 4, mode = uniform
        input    3 0 0 0 7 0 0 0 1 0
        target   0 . . . 3 . . . 7 .

        one-hot; . is not scored

    As `Warp`, but a symbol is shown on the first step of its block only.

    Loss
        cross-entropy in nats per scored step, that is per symbol
    Metric
        share of scored steps right, in [0, 1]
    Levels, with N the mean number of symbols
        blind    (1 - 1/N) ln S and 1/N + (1 - 1/N) / S
        strict   the same with S - 1 for S
        optimum  0 and 1

    Raises
        ValueError  as `Warp`.

    Departures
        The source does not say which steps are scored.
    """

    task = "pad"

    @property
    def lag(self) -> tuple[int, int]:
        """The width of a block."""
        return (self.warp if self.mode == "uniform" else 1), self.warp

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw blocks."""
        symbols, starts = self.draw_blocks(key, batch)
        inputs = one_hot(jnp.where(starts, symbols, 0), self.inputs)
        return Batch(inputs, self.targets_of(inputs, starts), starts, jnp.ones(starts.shape, bool))

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the last symbol before this step."""
        symbols = jnp.argmax(inputs, axis=-1).astype(jnp.int32)
        step = jnp.arange(self.steps, dtype=jnp.int32)[:, None]
        last = jax.lax.cummax(jnp.where(symbols > 0, step, -1), axis=0)
        before = jnp.roll(last, 1, axis=0).at[0].set(-1)
        return jnp.where(scored & (before >= 0), jnp.take_along_axis(symbols, jnp.maximum(before, 0), axis=0), 0)

    def levels(self) -> Levels:
        """Closed forms; the mean number of symbols by renewal."""
        first = 1 / self._mean_count()
        blind, strict = (
            Score((1 - first) * math.log(choices), first + (1 - first) / choices)
            for choices in (self.symbols, self.symbols - 1)
        )
        return Levels(blind, strict, optimum=Score(0.0, 1.0))

    def _mean_count(self) -> float:
        if self.mode == "uniform":
            return float(math.ceil(self.length / self.warp))
        starts = [1.0]  # the chance that a block starts at step t: one of the w steps before started one, at w widths
        for t in range(1, self.length):
            starts.append(sum(starts[max(0, t - self.warp) : t]) / self.warp)
        return sum(starts)


TASKS: dict[str, Callable] = {
    "warp/tallec2018": partial(Warp, "tallec2018"),
    "pad/tallec2018": partial(Pad, "tallec2018"),
}
