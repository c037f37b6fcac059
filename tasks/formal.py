"""What the fifteen formal-language tasks share: a word, then as many empty steps as the answer has symbols."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import accuracy
from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes, one_hot

SOURCE = Source(
    "deletang2023",
    "Deletang et al. (2023), Neural networks and the Chomsky hierarchy, ICLR, arXiv:2207.02098; code",
    "c",
)


class Alphabet(NamedTuple):
    """How many symbols the word and the answer can hold."""

    word: int
    answer: int


class Formal(Classes):
    """A word of `shown` symbols, then `answers` steps of one more symbol, the empty one; those are scored.

    A subclass says which `alphabets` its dialects have, how a word is drawn, how it is answered, and how likely each
    class is at each step of the answer (`marginals`). No scored step shows anything: `strict` is `blind`.
    """

    alphabets: ClassVar[dict[str, Alphabet]]
    ends = False  # the answer ends with its last class, then zeros; only steps up to the end count in the metric
    length: int

    task = "formal"
    size = "length"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=1)

    @property
    def kind(self) -> str:
        """The dialect without its source."""
        return self.variant.removesuffix("_deletang2023")

    @property
    def inputs(self) -> int:
        """One per symbol, and the empty symbol."""
        return self.alphabets[self.variant].word + 1

    @property
    def outputs(self) -> int:
        """One per symbol of the answer."""
        return self.alphabets[self.variant].answer

    @property
    def shown(self) -> int:
        """Symbols of the word."""
        return self.length

    @property
    def answers(self) -> int:
        """Symbols of the answer."""
        return 1

    @property
    def steps(self) -> int:
        """The word and the answer."""
        return self.shown + self.answers

    @abstractmethod
    def draw(self, key: Array, batch: int) -> Int[Array, "N B"]:
        """Words."""

    @abstractmethod
    def answer(self, word: Int[Array, "N B"]) -> Int[Array, "M B"]:
        """The rule."""

    @abstractmethod
    def marginals(self) -> tuple[Any, Any]:
        """How likely each class is at each step of the answer [M, O], and how likely it is there and counts."""

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw words."""
        word = self.draw(key, batch)
        symbols = jnp.pad(word, ((0, self.answers), (0, 0)), constant_values=self.inputs - 1)
        inputs = one_hot(symbols, self.inputs)
        every = jnp.ones(symbols.shape, bool)
        scored = every & (jnp.arange(self.steps)[:, None] >= self.shown)
        return Batch(inputs, self.targets_of(inputs, scored), scored, every)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the answer to the word, on the empty steps."""
        word = jnp.argmax(inputs[: self.shown], axis=-1).astype(jnp.int32)
        answer = self.answer(word).astype(jnp.int32)
        return jnp.where(scored, jnp.concatenate([jnp.zeros_like(word), answer]), 0)

    def judged(self, batch: Batch) -> Bool[Array, "T B"]:
        """Scored steps, up to the end of an answer that has one."""
        if not self.ends:
            return batch.scored
        ended = batch.scored & (batch.targets == self.outputs - 1)
        return batch.scored & (jnp.cumsum(ended, axis=0) - ended == 0)

    def metric(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Share of judged steps right, in [0, 1]."""
        return accuracy(outputs, batch.targets, self.judged(batch))

    def levels(self) -> Levels:
        """The most likely class at each step of the answer."""
        likely, counted = self.marginals()
        blind = Score(entropy(likely), float(np.max(counted, axis=1).sum() / np.sum(counted)))
        return Levels(blind=blind, strict=blind, optimum=Score(0.0, 1.0))

    @property
    @abstractmethod
    def needed(self) -> tuple[int, int]:
        """Shortest and longest lag of an answer that is no constant."""

    @property
    def constant(self) -> bool:
        """Whether a length is too short to ask anything: every word has the same answer."""
        return False

    @property
    def lag(self) -> tuple[int, int]:
        """From a symbol of the word to an answer that it can change; 0 where none can."""
        return (0, 0) if self.constant else self.needed


def entropy(likely: Any) -> float:
    """Nats, mean over the rows of a table of probabilities."""
    p = np.asarray(likely, float)
    return float(np.sum(p * np.log(1 / np.where(p > 0, p, 1.0))) / len(p))


def sum_of_digits(steps: int, chances: dict[int, float], modulus: int) -> list[float]:
    """The distribution of a sum of independent draws, modulo a number."""
    sums = [1.0] + [0.0] * (modulus - 1)
    for _ in range(steps):
        sums = [math.fsum(p * sums[(s - d) % modulus] for d, p in chances.items()) for s in range(modulus)]
    return sums
