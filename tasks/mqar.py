"""Multi-query associative recall: some pairs of key and value at the beginning, then each key once more, anywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.types import Batch, Levels, Score
from tasks.base import Classes
from tasks.parity import ARORA
from tasks.recall import even_length, look_up


@dataclass(frozen=True)
class MultiQueryRecall(Classes):
    """Learn `pairs` (K) of key and value, then say the value wherever a key comes again: K queries at many lags.

        variant mqar_arora2024, length = 12, vocabulary = 16, pairs = 2
        input    3 9 5 12  5 10 0 8 14 2 3 11
        target   . . .  . 12  . . .  . . 9  .

        . is not scored; tokens: keys are different ones of 1..V/2-1, values of V/2..V-1, V = `vocabulary`

    A query stands on one of the (length - 2K) / 2 even steps after the pairs. The slots are drawn one after the other
    without replacement, the first for the first key, slot i = 1, 2, .. with weight i^(power - 1): mostly early.

        filler         steps that are neither pair nor query
        clean          0
        filled         any token, a key of the sequence too: a false query, which is not scored and is followed by a
                       token that is not its value, in 1 - (1 - K/V)^(length - 3K) of the sequences
        filled_nokeys  any token but the keys of the sequence

    The default sizes are for a CPU. The source has V = 8192, trains on 100,000 sequences of (length, pairs) = (64, 4)
    and 20,000 each of (128, 8), (256, 16), (256, 32) and (256, 64), and tests up to (1024, 256).

    Loss
        cross-entropy in nats per scored step
    Metric
        share of scored steps right, in [0, 1]. `scores` has the share answered with any of the sequence's values:
        who knows these but not the pairs has loss ln K and metric 1/K.
    Levels
        blind = strict   ln(V - V//2) and 1 / (V - V//2)
        optimum          0 and 1

    Raises
        ValueError  if `length` is odd or below 4K, V has fewer than K keys, `filler` is unknown or `power` not finite.

    Departures
        The source's filler is `filled`, drawn without its seed; the default here plants no false queries. The source
        also asks for V > length, which nothing needs. It mixes lengths in training; here a task has one.
    """

    variant: str
    length: int = 64
    vocabulary: int = 64
    pairs: int = 4
    power: float = 0.01
    filler: str = "filled_nokeys"

    task = "recall"
    sources = {"mqar_arora2024": ARORA}  # noqa: RUF012
    size = "length"
    clock = False
    tokens = True

    def __post_init__(self):
        super().__post_init__()
        self.at_least(pairs=1, length=4 * self.pairs, vocabulary=2 * self.pairs + 2)
        even_length(self.length, self.name)
        if self.filler not in ("clean", "filled", "filled_nokeys"):
            raise ValueError(
                f"filler = {self.filler!r} must be clean, filled or filled_nokeys in {self.name}. Use filler=clean."
            )
        if not math.isfinite(self.power):
            raise ValueError(f"power = {self.power} must be finite in {self.name}. For uniform slots use power=1.")

    @property
    def inputs(self) -> int:
        """All tokens."""
        return self.vocabulary

    outputs = inputs

    @property
    def steps(self) -> int:
        """As in the source."""
        return self.length

    @property
    def lag(self) -> tuple[int, int]:
        """From the last value to the first slot, from the first value to the last slot."""
        return 1, self.length - 3

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw pairs, slots and filler."""
        key_key, value_key, slot_key, filler_key = jax.random.split(key, 4)
        kinds, slots = self.vocabulary // 2, self.length // 2 - self.pairs
        keys = 1 + distinct(key_key, self.pairs, np.ones(kinds - 1), batch)
        values = kinds + distinct(value_key, self.pairs, np.ones(self.vocabulary - kinds), batch)
        weights = np.arange(1, slots + 1) ** (self.power - 1.0)
        queries = 2 * distinct(slot_key, self.pairs, weights, batch), jnp.arange(batch)
        rest = self._fill(filler_key, keys, 2 * slots).at[queries].set(keys)
        context = jnp.stack([keys, values], axis=1).reshape(-1, batch)
        scored = jnp.pad(jnp.zeros(rest.shape, bool).at[queries].set(True), ((2 * self.pairs, 0), (0, 0)))
        inputs = jnp.concatenate([context, rest])
        return Batch(inputs, self.targets_of(inputs, scored), scored, jnp.ones(inputs.shape, bool))

    def targets_of(self, inputs: Int[Array, "T B"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the value that came with the key."""
        context = inputs[: 2 * self.pairs]
        return jnp.where(scored, look_up(context[::2], context[1::2], inputs, self.vocabulary), 0)

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of scored steps answered with one of the sequence's values, and of sequences with all answers right."""
        values = batch.inputs[1 : 2 * self.pairs : 2]
        listed = jnp.zeros((batch.inputs.shape[1], self.vocabulary), bool)
        listed = listed.at[jnp.arange(len(listed)), values].set(True)
        answers = jnp.argmax(outputs, axis=-1)
        known = jnp.take_along_axis(listed[None], answers[..., None], axis=-1)[..., 0]
        share = jnp.sum(known & batch.scored) / jnp.sum(batch.scored)
        return {"any_value": share, **super().scores(outputs, batch)}

    def levels(self) -> Levels:
        """Closed forms: a key tells nothing of its value."""
        values = self.vocabulary - self.vocabulary // 2
        blind = Score(math.log(values), 1 / values)
        return Levels(blind=blind, strict=blind, optimum=Score(0.0, 1.0))

    def _fill(self, key: Array, keys: Int[Array, "K B"], steps: int) -> Int[Array, "S B"]:
        shape = (steps, keys.shape[1])
        if self.filler == "clean":
            return jnp.zeros(shape, jnp.int32)
        if self.filler == "filled":
            return jax.random.randint(key, shape, 0, self.vocabulary, jnp.int32)
        drawn = jax.random.randint(key, shape, 0, self.vocabulary - self.pairs, jnp.int32)
        below = jnp.sort(keys, axis=0) - jnp.arange(self.pairs, dtype=jnp.int32)[:, None]  # others below each key
        return drawn + jnp.sum(drawn[:, None] >= below, axis=1, dtype=jnp.int32)


def distinct(key: Array, count: int, weights: np.ndarray, batch: int) -> Int[Array, "K B"]:
    """So many different indices, one after the other, each with its weight among those that are left."""
    chance = jax.random.uniform(key, (batch, len(weights)), jnp.float32)
    race = chance if np.all(weights == weights[0]) else jnp.log(chance) / jnp.asarray(weights, jnp.float32)
    return jax.lax.top_k(race, count)[1].T.astype(jnp.int32)


TASKS = {"recall/mqar_arora2024": partial(MultiQueryRecall, "mqar_arora2024")}
