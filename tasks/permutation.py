"""Random permutation: remember the first symbol, one of two, while the others are noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import accuracy
from ltd.types import Batch, Levels, Score, Success
from tasks.adding import DIALECTS as ADDING
from tasks.base import Classes, one_hot
from tasks.marked import PASCANU

KEYS = {"pascanu2013": "pascanu2013", "martens2011": "martens2011", "martens2011_fixed": "martens2011"}
SOURCES = {variant: ADDING[key].source for variant, key in KEYS.items()}


@dataclass(frozen=True)
class Permutation(Classes):
    """Say the first symbol v (0 or 1) again after `length` - 1 symbols drawn from [2, symbols), with repetition.

        variant pascanu2013, length = 6, symbols = 9
        input    1 4 2 7 7 3
        target   . . . . . 1

        variant martens2011, length = 6, symbols = 9
        input    1 4 2 7 7 3
        target   4 2 7 7 3 1

        variant martens2011_fixed, length = 6, symbols = 9
        input    1 2 3 4 5 6
        target   2 3 4 5 6 1

        . is not scored; martens2011 predicts the next symbol at every step, and v after the last. One-hot.

    In martens2011_fixed nothing but v is drawn: the others are 2, 3, 4, ..., from 2 again after the last symbol. Only v
    has to be remembered, and no noise disturbs it.

    Loss
        cross-entropy in nats per scored step
    Metric
        share of scored steps right, in [0, 1]. A sequence is wrong by its last step alone: `scores` has that step.
    Levels, with S = symbols, T = length
        blind = strict   pascanu2013: ln 2 and 1/2; martens2011: ((T-1) ln(S-2) + ln 2)/T, ((T-1)/(S-2) + 1/2)/T;
                         martens2011_fixed: ln 2/T, 1 - 1/2T
        optimum          pascanu2013 and martens2011_fixed: 0 and 1; martens2011: (T-1) ln(S-2)/T, ((T-1)/(S-2) + 1)/T.
                         Memory is worth no more than ln 2/T, in martens2011 0.0069 nats of 4.5 at T = 100

    Raises
        ValueError  if there is nothing between the first symbol and its recall.

    Departures
        martens2011: its code deals out v in turn, here it is drawn. Its code counts wrong last steps; from what share
            on it calls a run solved is not known, so that the rule of pascanu2013, which follows it, stands in.
        martens2011_fixed: as released it fails, since its middle is two symbols too short; here it is as long as the
            others, and goes round where there are fewer symbols than steps.
        pascanu2013: the success rule is the paper's; its code stops at 0 wrong of 10,000.
    """

    variant: str
    length: int = 100
    symbols: int = 100

    task = "permutation"
    sources = SOURCES
    size = "length"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=2, symbols=3)

    @property
    def inputs(self) -> int:
        """The number of symbols."""
        return self.symbols

    @property
    def outputs(self) -> int:
        """Any symbol."""
        return self.symbols

    @property
    def steps(self) -> int:
        """Every sequence is equally long."""
        return self.length

    @property
    def lag(self) -> tuple[int, int]:
        """From the first to the last step."""
        return self.length - 1, self.length - 1

    @property
    def success(self) -> Success:
        """The rule of pascanu2013, for all."""
        return PASCANU

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw the first symbol and the others."""
        first_key, rest_key = jax.random.split(key)
        first = jax.random.randint(first_key, (1, batch), 0, 2, jnp.int32)
        shape = (self.length - 1, batch)
        if self.variant == "martens2011_fixed":
            rest = jnp.broadcast_to(2 + jnp.arange(shape[0], dtype=jnp.int32)[:, None] % (self.symbols - 2), shape)
        else:
            rest = jax.random.randint(rest_key, shape, 2, self.symbols, jnp.int32)
        inputs = one_hot(jnp.concatenate([first, rest]), self.symbols)
        valid = jnp.ones((self.length, batch), bool)
        scored = valid & self._last() if self.variant == "pascanu2013" else valid
        return Batch(inputs, self.targets_of(inputs, scored), scored, valid)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the next symbol, and after the last one the first."""
        following = jnp.roll(jnp.argmax(inputs, axis=-1).astype(jnp.int32), -1, axis=0)
        return jnp.where(scored, following, 0)

    def judged(self, batch: Batch) -> Bool[Array, "T B"]:
        """The last step."""
        return batch.scored & self._last()

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of first symbols that are recalled, and of sequences right (the same)."""
        recalled = accuracy(outputs, batch.targets, self.judged(batch))
        return {"recall_accuracy": recalled, **super().scores(outputs, batch)}

    def levels(self) -> Levels:
        """Closed forms; no step shows anything of its target."""
        others = 1 if self.variant == "martens2011_fixed" else self.symbols - 2  # that may come next
        before = 0 if self.variant == "pascanu2013" else self.length - 1  # scored steps
        scored = before + 1

        def score(nats, right):
            return Score((before * math.log(others) + nats) / scored, (before / others + right) / scored)

        blind = score(math.log(2), 0.5)
        return Levels(blind, strict=blind, optimum=score(0.0, 1.0))

    def best(self, batch: Batch) -> Float[Array, "T B O"]:
        """The first symbol at the end; before, the next one where it is not drawn, else any of the others."""
        known = 60.0 * one_hot(batch.targets, self.symbols)
        if self.variant == "martens2011_fixed":
            return known
        others = 60.0 * (jnp.arange(self.symbols) >= 2)
        return jnp.where(self._last()[..., None], known, others.astype(known.dtype))

    def _last(self) -> Bool[Array, "T 1"]:
        return jnp.arange(self.length)[:, None] == self.length - 1


TASKS = {f"permutation/{variant}": partial(Permutation, variant) for variant in SOURCES}
