"""Two time scales in one stream: a topic to keep for a whole block, and letters that need only the last one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import accuracy, softmax_cross_entropy
from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes, one_hot

LETTERS, TOPICS = 10, 4
QUERY = LETTERS
ANSWER = QUERY + 1
MARK = ANSWER + TOPICS
ASKED, KEPT = 0.05, 0.9  # how often a query comes, how often a letter follows the alphabet for sure


@dataclass(frozen=True)
class TwoTimeScales(Classes):
    """Say the next token: after a query the topic of the block, after a letter the letter that follows.

        variant ltd, block = 9, blocks = 2
        input    W c d e ? w f g b Y c d ? y ? y e f
        target   . d e . w . g b . . d . y . y . f .

        W X Y Z mark the topic at the start of a block, a to j are letters, ? is a query and w x y z are its answers;
        . is not scored: steps before a mark or a query, steps after which a letter follows no letter, and the last.
        One-hot. After the mark, until `block` steps are full: with probability 0.05 a query and its answer (not on the
        last step, where there is no room), else a letter: with probability 0.9 the one after the last letter, with 0.1
        any. The stream's first letter is any.

    Loss
        cross-entropy in nats per scored step, slow (answers) and fast (letters) ones together
    Metric
        share of scored steps right, in [0, 1]; `scores` has loss and share right of the slow and of the fast steps. A
        sequence is wrong by its slow steps alone.
    Levels, as sums of the two by their share of the scored steps; `parts()` has each
        blind    any answer, any letter: ln 4 and 1/4, ln 10 and 1/10
        strict   any answer; the next letter by the last one: 0.500288 nats and 0.91
        optimum  the answer (0 and 1), and the next letter as before. All that memory adds is slow.

    Raises
        ValueError  if a block has no room for a query, or there is no block.

    Departures
        Our rule leaves open how many blocks a sequence has: `blocks`.
    """

    variant: str
    block: int = 100
    blocks: int = 2

    task = "two_time_scales"
    sources = {"ltd": Source("ltd", "our own rule", "o")}  # noqa: RUF012
    size = "block"
    inputs = MARK + TOPICS
    outputs = MARK + TOPICS

    def __post_init__(self):
        super().__post_init__()
        self.at_least(block=3, blocks=1)

    @property
    def steps(self) -> int:
        """All blocks."""
        return self.block * self.blocks

    @property
    def lag(self) -> tuple[int, int]:
        """None for letters; from a mark to the last query for answers."""
        return 0, self.block - 2

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw topics, queries and letters."""
        topic_key, query_key, letter_key = jax.random.split(key, 3)
        step = jnp.arange(self.steps)[:, None]
        place = step % self.block
        topic = jax.random.randint(topic_key, (self.blocks, batch), 0, TOPICS, jnp.int32)
        topic = jnp.repeat(topic, self.block, axis=0)
        # A query can come on every step but the one that answers another: on the 1st, 3rd, ... of a row of chances.
        chance = jax.random.bernoulli(query_key, ASKED, topic.shape) & (place > 0) & (place < self.block - 1)
        query = chance & ((step - jax.lax.cummax(jnp.where(chance, 0, step))) % 2 == 1)
        answer = jnp.concatenate([jnp.zeros_like(query[:1]), query[:-1]])
        letter = ~(query | answer | (place == 0))
        token = jnp.where(letter, self._draw_letters(letter_key, letter), jnp.where(query, QUERY, ANSWER + topic))
        token = jnp.where(place == 0, MARK + topic, token)
        follows = letter & jnp.concatenate([letter[1:], jnp.zeros_like(letter[:1])])
        inputs, scored = one_hot(token, self.inputs), query | follows
        return Batch(inputs, self.targets_of(inputs, scored), scored, jnp.ones_like(scored))

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the next token."""
        token = jnp.argmax(inputs, axis=-1).astype(jnp.int32)
        return jnp.where(scored, jnp.roll(token, -1, axis=0), 0)

    def judged(self, batch: Batch) -> Bool[Array, "T B"]:
        """Queries."""
        return batch.scored & (batch.targets >= LETTERS)

    def wrong(self, outputs: Float[Array, "T B O"], batch: Batch) -> Bool[Array, " B"]:
        """Not all answers right, or an output that is not a number at any scored step."""
        broken = jnp.any(jnp.isnan(outputs).any(axis=-1) & batch.scored, axis=0)
        return super().wrong(outputs, batch) | broken

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Loss and share right of the slow and of the fast steps, and the share of sequences with all answers right."""
        slow = self.judged(batch)
        parts = {"slow": slow, "fast": batch.scored & ~slow}
        return {
            **{f"{name}_loss": softmax_cross_entropy(outputs, batch.targets, part) for name, part in parts.items()},
            **{f"{name}_accuracy": accuracy(outputs, batch.targets, part) for name, part in parts.items()},
            **super().scores(outputs, batch),
        }

    def cue(self, batch: Batch) -> Int[Array, "T B"]:
        """Whether an answer is due, or a letter."""
        return self.judged(batch).astype(jnp.int32)

    def best(self, batch: Batch) -> Float[Array, "T B O"]:
        """The topic's answer at a query; after a letter the chances of the next one."""
        token = jnp.argmax(batch.inputs, axis=-1)
        letter = jnp.arange(self.outputs)
        jump = (letter == (token[..., None] + 1) % LETTERS) & (letter < LETTERS)
        chances = (1 - KEPT) / LETTERS * (letter < LETTERS) + KEPT * jump
        answers = 60.0 * one_hot(batch.targets, self.outputs)
        return jnp.where(self.judged(batch)[..., None], answers, jnp.log(jnp.maximum(chances, 1e-30)))

    def parts(self) -> dict[str, Levels]:
        """The levels of the slow and of the fast steps."""
        any_answer, any_letter = Score(math.log(TOPICS), 1 / TOPICS), Score(math.log(LETTERS), 1 / LETTERS)
        rest = (1 - KEPT) / LETTERS
        next_letter = KEPT + rest
        cost = -next_letter * math.log(next_letter) - (LETTERS - 1) * rest * math.log(rest)
        fast = Score(cost, next_letter)
        return {
            "slow": Levels(any_answer, any_answer, Score(0.0, 1.0)),
            "fast": Levels(any_letter, fast, fast),
        }

    def levels(self) -> Levels:
        """Closed forms, by the shares of slow and fast steps."""
        slow, fast = self._counts()
        share, parts = slow / (slow + fast), self.parts()

        def mixed(s, f):
            return Score(share * s.loss + (1 - share) * f.loss, share * s.metric + (1 - share) * f.metric)

        return Levels(*(mixed(s, f) for s, f in zip(parts["slow"], parts["fast"], strict=True)))

    def _counts(self) -> tuple[float, float]:
        """How many queries, and how many letters after letters, a block holds on average."""
        queries = letters = 0.0
        free = 1.0  # the chance that a place holds no answer
        for place in range(1, self.block):
            asked, asked_next = (ASKED * (p < self.block - 1) for p in (place, place + 1))
            queries += free * asked
            if place < self.block - 1:
                letters += free * (1 - asked) * (1 - asked_next)
            free = 1 - free * asked
        return queries, letters

    def _draw_letters(self, key: Array, letter: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """Letters where they are, each a step further than the last one, or anywhere."""
        first_key, jump_key, far_key = jax.random.split(key, 3)
        far = jax.random.randint(far_key, letter.shape, 0, LETTERS, jnp.int32)
        jump = jnp.where(jax.random.bernoulli(jump_key, KEPT, letter.shape), 1, far)
        first = jax.random.randint(first_key, letter.shape[1:], 0, LETTERS, jnp.int32)
        return (first + jnp.cumsum(jnp.where(letter, jump, 0), axis=0, dtype=jnp.int32)) % LETTERS


TASKS = {"two_time_scales/ltd": partial(TwoTimeScales, "ltd")}
