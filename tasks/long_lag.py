"""Noise-free and noisy long lags: the last symbol equals one at the beginning, whatever comes between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.config import unless
from ltd.losses import accuracy
from ltd.types import Batch, Levels, Score, Success
from tasks.adding import DIALECTS as ADDING
from tasks.base import one_hot, surprise
from tasks.tolerant import Tolerant

SOURCES = {f"hochreiter1997_{part}": ADDING["hochreiter1997"].source for part in ("2a", "2b", "2c")}
STOP = 0.1  # 2c: the chance that the end comes at a step after the first `length` distractors


@dataclass(frozen=True)
class LongLag(Tolerant):
    """Say at the end which of x and y stood at the beginning. `length` is the source's p (2a, 2b) or q (2c).

        variant hochreiter1997_2a, length = 5
        input    y 1 2 3 4
        target   1 2 3 4 y

        variant hochreiter1997_2b, length = 5
        input    y 3 1 1 4
        target   3 1 1 4 y

        variant hochreiter1997_2c, length = 4, symbols = 3, tail = 3
        input    b x 3 1 1 2 3 e _ _
        target   . . . . . . . x . .

        1.. are the distractors a_1.., _ is padding, . is not scored; one-hot, in the order a_1.. x y, in 2c a_1.. e b
        x y

    2a and 2b predict the next symbol at each of p steps. 2a repeats a_1 .. a_{p-1} in every sequence, 2b draws p - 1
    of them. 2c has q distractors out of `symbols` (the source's p; 0 stands for q) and K more, P(K = k) = 0.1 0.9^k,
    and asks only for x or y, at the step of e.

    Loss
        cross-entropy in nats per scored step; `logistic`: half of the squared error of logistic outputs, per sequence
    Metric
        share of scored steps right, in [0, 1]; `scores` has the last step alone. A sequence is wrong if a probability
        is 0.25 or more off (2c: 0.2), in 2b at its last step.
    Levels
        blind = strict   2a: ln 2/p and 1 - 1/(2p); 2b: ((p-1) ln(p-1) + ln 2)/p and 1.5/p; 2c: ln 2 and 1/2
        optimum          2b: (p-1) ln(p-1)/p and 2/p; else 0 and 1
        logistic         the same losses with (1 - 1/n)/2 in the place of ln n, times the scored steps

    Raises
        ValueError  if nothing stands between the two symbols, or a field is set that the dialect does not have.

    Departures
        2a, 2b: first and last symbol are p steps apart; the last is predicted one step earlier, so the lag is p - 1.
        2c: K has no bound in the source. Here it is drawn anew until it is at most `tail`: a share 0.9^(tail + 1) of
            its sequences never comes, 2.4e-5 at tail = 100. The paper's text bounds the distractors by q, p is meant;
            its mean length q + 14 is q + 13.
        The source has logistic outputs and squared error, which `logistic` asks for; else a softmax is judged by its
            rules.
    """

    variant: str
    length: int = 100
    symbols: int = 0  # 2c only: how many distractors there are to choose from
    tail: int = 0  # 2c only: the largest K
    logistic: bool = unless(False)  # outputs: logistic units instead of a softmax

    task = "long_lag"
    sources = SOURCES
    size = "length"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=1 if self._noisy else 2, symbols=0, tail=0)
        for name in ("symbols", "tail"):
            if getattr(self, name) and not self._noisy:
                raise ValueError(
                    f"{name} = {getattr(self, name)} has no meaning in {self.name}. "
                    "Leave it out, or use variant hochreiter1997_2c."
                )

    @property
    def inputs(self) -> int:
        """One per symbol."""
        return (self.symbols or self.length) + 4 if self._noisy else self.length + 1

    @property
    def outputs(self) -> int:
        """x and y in 2c, else any symbol."""
        return 2 if self._noisy else self.length + 1

    @property
    def steps(self) -> int:
        """All symbols but the last."""
        return self.length + self.tail + 3 if self._noisy else self.length

    @property
    def padded(self) -> bool:
        """Whether lengths vary."""
        return self.tail > 0

    @property
    def lag(self) -> tuple[int, int]:
        """From x or y to the step that asks for it."""
        if self._noisy:
            return self.length + 1, self.length + 1 + self.tail
        return self.length - 1, self.length - 1

    @property
    def success(self) -> Success:
        """The source's rule."""
        where = " at the last step" if self.variant.endswith("2b") else ""
        return Success(f"every output within {self.tolerance} of its target{where} on 10,000 sequences", 10_000, 0)

    @property
    def tolerance(self) -> float:
        """Of every output."""
        return 0.2 if self._noisy else 0.25

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw x or y, the distractors, and the length of 2c."""
        kind_key, rest_key, tail_key = jax.random.split(key, 3)
        kind = jax.random.randint(kind_key, (batch,), self.inputs - 2, self.inputs, jnp.int32)
        step = jnp.arange(self.steps, dtype=jnp.int32)[:, None]
        if self.variant.endswith("2a"):
            symbols = jnp.broadcast_to(step - 1, (self.steps, batch))
        else:
            kinds = self.inputs - (4 if self._noisy else 2)
            symbols = jax.random.randint(rest_key, (self.steps, batch), 0, kinds, jnp.int32)
        ends = jnp.full(batch, self.steps, jnp.int32)
        if self._noisy:
            ends = self.length + 3 + self._draw_tail(tail_key, batch)
            symbols = jnp.where(step == 0, self.inputs - 3, jnp.where(step == 1, kind, symbols))
            symbols = jnp.where(step == ends - 1, self.inputs - 4, symbols)
        else:
            symbols = jnp.where(step == 0, kind, symbols)
        valid = step < ends
        scored = (step == ends - 1) if self._noisy else valid
        inputs = one_hot(symbols, self.inputs, valid)
        return Batch(inputs, self.targets_of(inputs, scored), scored, valid)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: x or y once more in 2c; else the next symbol, and after the last one the first."""
        if self._noisy:
            return jnp.where(scored, inputs[1, :, -1].astype(jnp.int32), 0)
        return jnp.where(scored, jnp.roll(jnp.argmax(inputs, axis=-1).astype(jnp.int32), -1, axis=0), 0)

    def judged(self, batch: Batch) -> Bool[Array, "T B"]:
        """The last step in 2b, else every scored one."""
        return batch.scored & self._last(batch) if self.variant.endswith("2b") else batch.scored

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of last steps right, squared error of the probabilities, share of sequences right."""
        recalled = accuracy(outputs, batch.targets, batch.scored & self._last(batch))
        return {"recall_accuracy": recalled, **super().scores(outputs, batch)}

    def levels(self) -> Levels:
        """Closed forms: only the last step asks for memory."""
        known = 0 if self._noisy else self.length - 1  # further scored steps
        choices = self.length - 1 if self.variant.endswith("2b") else 1  # at each of them

        def score(last, right):
            lost = known * surprise(1 / choices, self.logistic) + last
            return Score(float(lost / (1 if self.logistic else known + 1)), (known / choices + right) / (known + 1))

        blind = score(surprise(0.5, self.logistic), 0.5)
        return Levels(blind, strict=blind, optimum=score(0.0, 1.0))

    def best(self, batch: Batch) -> Float[Array, "T B O"]:
        """The target; in 2b any distractor before the last step."""
        known = one_hot(batch.targets, self.outputs)
        if self.variant.endswith("2b"):
            others = (jnp.arange(self.outputs) < self.length - 1) / (self.length - 1)
            known = jnp.where(self._last(batch)[..., None], known, others.astype(known.dtype))
        return self.logits(known)

    @property
    def _noisy(self) -> bool:
        return self.variant.endswith("2c")

    def _last(self, batch: Batch) -> Bool[Array, "T B"]:
        """The step that asks for x or y."""
        return batch.scored & (self._noisy | (jnp.arange(self.steps)[:, None] == self.steps - 1))

    def _draw_tail(self, key: Array, batch: int) -> Int[Array, " B"]:
        """K, by the inverse of its distribution function up to `tail`."""
        reached = -math.expm1((self.tail + 1) * math.log1p(-STOP))
        drawn = jnp.log1p(-reached * jax.random.uniform(key, (batch,))) / math.log1p(-STOP)
        return jnp.minimum(jnp.floor(drawn).astype(jnp.int32), self.tail)


TASKS = {f"long_lag/{variant}": partial(LongLag, variant) for variant in SOURCES}
TASKS["long_lag/hochreiter1997_2c"] = partial(LongLag, "hochreiter1997_2c", tail=100)
