"""Associative recall: pairs of key and value go by; whenever a key comes again, say the value that came with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import accuracy
from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes

POLI = Source(
    "poli2024",
    "Poli et al. (2024), Mechanistic design and scaling of hybrid architectures, ICML, arXiv:2403.17844; code",
    "c",
)


@dataclass(frozen=True)
class Recall(Classes):
    """Say a key's value whenever the key comes again. Memory is asked for many pairs at once, at any lag.

        variant poli2024, length = 12, vocabulary = 8
        input    0 5 2 7 0 5 1 4 2 7 1
        target   . . . . 5 . . . 7 . 4

        . is not scored; tokens: keys are 0..V/2-1, values V/2..V-1, V = `vocabulary`

    length / 2 pairs; each draws a key, with replacement, and a value when the key is new; the last pair repeats one of
    the keys seen, each equally likely. The last value is not shown: there are length - 1 steps. train_on = scored asks
    for the values of repeated keys. train_on = all, as the source trains, asks for the next token at every step.

    Loss
        cross-entropy in nats per scored step
    Metric
        share of values of repeated keys right, in [0, 1], whatever `train_on`; a sequence is wrong by them alone.
        With train_on = all, `scores` has the share of all next tokens right.
    Levels
        blind = strict   loss the mean of ln of the number of values and, at the steps that ask for a key, of keys;
                         metric 1 / number of values
        optimum          0 and 1. With train_on = all nobody knows a new value or the next key; for the last key one
                         knows the D keys seen: loss (E D ln values + (length / 2 - 2) ln keys + E ln D) / (length - 1)

    Raises
        ValueError  if `length` is odd or below 4, there are fewer than two keys or values, or `train_on` is unknown.

    Departures
        The source trains on all next tokens and tests on the values of repeated keys; here one task does one or the
        other, by default what the source tests. Its options of a single query and of noise tokens are left out.
    """

    variant: str
    length: int = 128
    vocabulary: int = 16
    train_on: str = "scored"

    task = "recall"
    sources = {"poli2024": POLI}  # noqa: RUF012
    size = "length"
    tokens = True

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=4, vocabulary=4)
        even_length(self.length, self.name)
        if self.train_on not in ("all", "scored"):
            raise ValueError(f"train_on = {self.train_on!r} must be all or scored in {self.name}. Use train_on=scored.")

    @property
    def inputs(self) -> int:
        """Keys and values."""
        return self.vocabulary

    outputs = inputs

    @property
    def steps(self) -> int:
        """All tokens but the last."""
        return self.length - 1

    @property
    def lag(self) -> tuple[int, int]:
        """From the value where the key was last used."""
        return 1, self.length - 3

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw keys, a value for each key there is, and the last key among those seen."""
        key_key, value_key, last_key = jax.random.split(key, 3)
        kinds, pairs = self.vocabulary // 2, self.length // 2
        keys = jax.random.randint(key_key, (pairs - 1, batch), 0, kinds, jnp.int32)
        chance = jax.random.uniform(last_key, (kinds, batch), jnp.float32)
        last = jnp.argmax(jnp.where(self._seen(keys), chance, -1.0), axis=0).astype(jnp.int32)
        keys = jnp.concatenate([keys, last[None]])
        value_of = jax.random.randint(value_key, (kinds, batch), kinds, self.vocabulary, jnp.int32)
        inputs = jnp.stack([keys, value_of[keys, jnp.arange(batch)]], axis=1).reshape(-1, batch)[:-1]
        every = jnp.ones(inputs.shape, bool)
        scored = every if self.train_on == "all" else self._asks(inputs)
        return Batch(inputs, self.targets_of(inputs, scored), scored, every)

    def targets_of(self, inputs: Int[Array, "T B"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the value that came with the key; train_on = all: the next token, which the last value is too."""
        recalled = look_up(inputs[:-1:2], inputs[1::2], inputs, self.vocabulary)
        if self.train_on == "all":
            recalled = jnp.concatenate([inputs[1:], recalled[-1:]])
        return jnp.where(scored, recalled, 0)

    def judged(self, batch: Batch) -> Bool[Array, "T B"]:
        """The steps of repeated keys."""
        return batch.scored & self._asks(batch.inputs)

    def metric(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Share of values of repeated keys right, in [0, 1]."""
        return accuracy(outputs, batch.targets, self.judged(batch))

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of sequences with all recalled values right; of next tokens right where they are trained on."""
        shares = super().scores(outputs, batch)
        if self.train_on == "all":
            shares["next_token_accuracy"] = accuracy(outputs, batch.targets, batch.scored)
        return shares

    def levels(self) -> Levels:
        """Closed forms; a step tells whether it asks for a value or a key, its input never which."""
        keys, pairs = self.vocabulary // 2, self.length // 2
        values = self.vocabulary - keys
        blind, optimum = math.log(values), 0.0
        if self.train_on == "all":
            blind = (pairs * blind + (pairs - 1) * math.log(keys)) / self.steps
            seen = distinct_keys(keys, pairs - 1)
            count = np.arange(1, keys + 1)
            unknown = float(seen @ (count * math.log(values) + np.log(count)))  # new values, and which key comes last
            optimum = (unknown + (pairs - 2) * math.log(keys)) / self.steps
        low = Score(blind, 1 / values)
        return Levels(blind=low, strict=low, optimum=Score(optimum, 1.0))

    def best(self, batch: Batch) -> Float[Array, "T B O"]:
        """Certain of the values of repeated keys; else all that may come is equally likely."""
        token, step = jnp.arange(self.vocabulary), jnp.arange(self.steps)[:, None, None]
        keys = self.vocabulary // 2
        seen = jnp.pad(self._seen(batch.inputs[:-1:2]).T, ((0, 0), (0, self.vocabulary - keys)))
        key = jnp.where(step == self.steps - 2, seen, token < keys)
        free = jnp.where(step % 2 == 0, token >= keys, key)
        known = token == batch.targets[..., None]
        return 60.0 * jnp.where(self.judged(batch)[..., None], known, free)

    def _seen(self, keys: Int[Array, "P B"]) -> Bool[Array, "K B"]:
        """Which keys there were."""
        none = jnp.zeros((self.vocabulary // 2, keys.shape[1]), bool)
        return none.at[keys, jnp.arange(keys.shape[1])].set(True)

    def _asks(self, inputs: Int[Array, "T B"]) -> Bool[Array, "T B"]:
        """Steps of a key that was used before."""
        step, columns = jnp.arange(self.steps, dtype=jnp.int32)[:, None], jnp.arange(inputs.shape[1])
        never = jnp.full((self.vocabulary, inputs.shape[1]), self.steps, jnp.int32)
        first = never.at[inputs, columns].min(jnp.broadcast_to(step, inputs.shape))
        return (step % 2 == 0) & (first[inputs, columns] < step)


def look_up(
    keys: Int[Array, "P B"], values: Int[Array, "P B"], queries: Int[Array, "T B"], size: int
) -> Int[Array, "T B"]:
    """The value that came with each queried token, 0 where it was no key; tokens are below `size`."""
    columns = jnp.arange(keys.shape[1])
    return jnp.zeros((size, keys.shape[1]), jnp.int32).at[keys, columns].set(values)[queries, columns]


def distinct_keys(keys: int, draws: int) -> np.ndarray:
    """P(D = 1 .. keys different ones in so many draws)."""
    chance, count = np.eye(1, keys + 1)[0], np.arange(keys + 1)
    for _ in range(draws):
        new = chance * (keys - count) / keys
        chance = chance * count / keys
        chance[1:] += new[:-1]
    return chance[1:]


def even_length(length: int, name: str) -> None:
    """Refuse half a pair."""
    if length % 2:
        raise ValueError(f"length = {length} must be even in {name} (pairs of tokens). Use length={length + 1}.")


TASKS = {"recall/poli2024": partial(Recall, "poli2024")}
