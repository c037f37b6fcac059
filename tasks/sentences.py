"""Character text of our own, with known entropy: no file, the same everywhere."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes
from tasks.chars import predicted, table_score

ALPHABET = " abcdefghijklmnopqrstuvwxyz"
WORDS = (  # four kinds; the r-th of a kind has probability 1/r, up to a factor
    ["the", "a", "this", "every", "some", "no", "that", "each"],
    ["river", "stone", "child", "winter", "garden", "letter", "ship", "mountain"],
    ["finds", "keeps", "loses", "follows", "remembers", "carries", "leaves", "knows"],
    ["again", "slowly", "here", "never", "at", "night", "for", "ever", "alone"],
)


@dataclass(frozen=True)
class Sentences(Classes):
    """Predict the next character of an endless text of 33 words whose entropy is known.

        variant ltd, length = 12
        input    t h e . r i v e r . k e
        target   h e . r i v e r . k e e

        . is a space here; every step is scored but the first `warm`

    Words come in four kinds. The first one's kind is uniform; a word of kind c is followed by one of kind c + 1 or
    c + 2 (modulo 4), equally often. The r-th of the n words of a kind has probability (1/r) / (1 + 1/2 + ... + 1/n). A
    space ends every word. To know which words can follow, a network must remember the kind of the word before.

    Loss
        cross-entropy in nats per character
    Metric
        share of characters predicted rightly, in [0, 1]
    Levels, exact, by following the probability of every state (kind of the word before, letters so far)
        blind    the share of each character at each step
        strict   the same given the present character
        optimum  given all characters so far

    Raises
        ValueError  if a size is impossible.

    Departures
        Pieces start at the beginning of a word.
    """

    variant: str
    length: int = 100
    warm: int = 0

    task = "chars"
    sources = {"ltd": Source("ltd", "Our rule.", "o")}  # noqa: RUF012
    size, tokens = "length", True
    inputs = outputs = len(ALPHABET)

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=1, warm=0)
        if self.warm >= self.length:
            raise ValueError(f"warm = {self.warm} must be below length = {self.length}, or no step is scored.")

    @property
    def steps(self) -> int:
        """Characters read."""
        return self.length

    @property
    def lag(self) -> tuple[int, int]:
        """From the present character to the first letter of the word before, the longest words meeting."""
        longest = max(len(word) for kind in WORDS for word in kind)
        return 0, min(self.length - 1, 2 * longest)

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw kinds, then words; lay their letters end to end."""
        letters, sizes, logits = (jnp.asarray(part) for part in _written())
        shortest = min(len(word) for kind in WORDS for word in kind) + 1
        count = self.length // shortest + 2
        first_key, step_key, word_key = jax.random.split(key, 3)
        first = jax.random.randint(first_key, (1, batch), 0, 4, jnp.int32)
        moves = jax.random.randint(step_key, (count - 1, batch), 1, 3, jnp.int32)
        kinds = jnp.cumsum(jnp.concatenate([first, moves]), axis=0, dtype=jnp.int32) % 4
        ranks = jax.random.categorical(word_key, logits[kinds]).astype(jnp.int32)  # [W, B]
        ends = jnp.cumsum(sizes[kinds, ranks], axis=0, dtype=jnp.int32)
        place = jnp.arange(self.length + 1, dtype=jnp.int32)
        word = jax.vmap(lambda e: jnp.searchsorted(e, place, side="right"), 1, 1)(ends)  # [T + 1, B]
        chosen = [jnp.take_along_axis(a, word, axis=0) for a in (kinds, ranks, ends)]
        within = place[:, None] - (chosen[2] - sizes[chosen[0], chosen[1]])
        text = letters[chosen[0], chosen[1], within]
        return predicted(text[:-1], text[1:], self.warm)

    def levels(self) -> Levels:
        """Exact."""
        return _followed(self.length, self.warm)

    def best(self, batch: Batch) -> Array:
        """The answers of the predictor that knows the rule: logarithms of the chances given all characters so far."""
        after, chances = (jnp.asarray(part) for part in _machine()[:2])
        state = jnp.zeros(batch.inputs.shape[1:], jnp.int32)

        def step(state, symbol):
            state = after[state, symbol]
            return state, jnp.log(jnp.maximum(chances[state], 1e-30))

        return jax.lax.scan(step, state, batch.inputs)[1].astype(jnp.result_type(float))


@functools.cache
def _written() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Letters [4, n, L] with the space behind, sizes with it [4, n], logits [4, n]."""
    most, longest = max(map(len, WORDS)), max(len(word) for kind in WORDS for word in kind) + 1
    letters, sizes = np.zeros((4, most, longest), np.int32), np.ones((4, most), np.int32)
    logits = np.full((4, most), -np.inf, np.float32)
    for c, kind in enumerate(WORDS):
        for r, word in enumerate(kind):
            letters[c, r, : len(word)] = [ALPHABET.index(letter) for letter in word]
            sizes[c, r], logits[c, r] = len(word) + 1, -np.log(r + 1)
    return letters, sizes, logits


@functools.cache
def _machine() -> tuple[np.ndarray, np.ndarray, list[tuple[int, str]]]:
    """The states (kind before or -1, letters so far), their next state by symbol, their chances [state, symbol]."""
    chance = {(c, word): (1 / (r + 1)) / sum(1 / (k + 1) for k in range(len(kind)))
              for c, kind in enumerate(WORDS) for r, word in enumerate(kind)}  # fmt: skip
    following = {-1: dict.fromkeys(range(4), 0.25)} | {c: {(c + 1) % 4: 0.5, (c + 2) % 4: 0.5} for c in range(4)}
    states, queue = [(-1, "")], [(-1, "")]
    rows: list[dict[str, tuple[float, tuple[int, str]]]] = []
    while queue:
        before, prefix = queue.pop(0)
        moves: dict[str, tuple[float, tuple[int, str]]] = {}
        for (c, word), p in chance.items():
            weight = following[before].get(c, 0.0) * p
            if weight and word.startswith(prefix):
                symbol, to = (
                    (" ", (c, "")) if word == prefix else (word[len(prefix)], (before, word[: len(prefix) + 1]))
                )
                moves[symbol] = (moves.get(symbol, (0.0, to))[0] + weight, to)
        rows.append(moves)
        for _, to in moves.values():
            if to not in states:
                states.append(to)
                queue.append(to)
    after, chances = np.zeros((len(states), 27), np.int32), np.zeros((len(states), 27))
    for i, moves in enumerate(rows):
        total = sum(weight for weight, _ in moves.values())
        for symbol, (weight, to) in moves.items():
            chances[i, ALPHABET.index(symbol)] = weight / total
            after[i, ALPHABET.index(symbol)] = states.index(to)
    return after, chances, states


@functools.lru_cache(maxsize=64)
def _followed(length: int, warm: int) -> Levels:
    after, chances, states = _machine()
    now = np.zeros((len(states), 27))  # probability of the state reached and of the character just read
    start = np.zeros(len(states))
    start[0] = 1.0

    def read(weights: np.ndarray) -> np.ndarray:
        found = np.zeros((len(states), 27))
        np.add.at(found, (after, np.arange(27)[None, :].repeat(len(states), 0)), weights[:, None] * chances)
        return found

    now, scores = read(start), []
    for step in range(length):
        if step >= warm:
            joint = now.T @ chances  # present character, next one
            by_state = now.sum(axis=1, keepdims=True) * chances
            scores.append([table_score(t) for t in (joint.sum(axis=0, keepdims=True), joint, by_state)])
        now = read(now.sum(axis=1))
    return Levels(*(Score(*np.mean([s[i][:2] for s in scores], axis=0).tolist()) for i in range(3)))


TASKS = {"chars/ltd": partial(Sentences, "ltd")}
