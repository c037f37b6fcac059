"""Formal-language tasks about a word of free symbols: count it, copy it, sort it, find what is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from tasks.formal import SOURCE, Alphabet, Formal, sum_of_digits

ALPHABETS = {
    "parity_check_deletang2023": Alphabet(2, 2),
    "even_pairs_deletang2023": Alphabet(2, 2),
    "cycle_navigation_deletang2023": Alphabet(3, 5),
    "reverse_string_deletang2023": Alphabet(2, 2),
    "missing_duplicate_string_deletang2023": Alphabet(4, 2),
    "duplicate_string_deletang2023": Alphabet(2, 2),
    "odds_first_deletang2023": Alphabet(2, 2),
    "bucket_sort_deletang2023": Alphabet(5, 5),
}
MOVES = {-1: 1 / 3, 0: 1 / 3, 1: 1 / 3}


@dataclass(frozen=True)
class FormalStrings(Formal):
    """Answer a question about a word of `length` symbols (n) after it has ended: all of it must be kept.

        variant parity_check_deletang2023, length = 5
        input    1 0 1 1 0 e
        target   . . . . . 1

        variant even_pairs_deletang2023, length = 5
        input    1 0 1 1 0 e
        target   . . . . . 1

        variant cycle_navigation_deletang2023, length = 5
        input    0 0 1 2 0 e
        target   . . . . . 3

        variant reverse_string_deletang2023, length = 4
        input    1 0 1 1 e e e e
        target   . . . . 1 1 0 1

        variant missing_duplicate_string_deletang2023, length = 7
        input    1 0 1 1 2 1 3 e
        target   . . . . . . . 0

        variant duplicate_string_deletang2023, length = 3
        input    1 1 0 e e e e e e
        target   . . . 1 1 0 1 1 0

        variant odds_first_deletang2023, length = 5
        input    1 0 1 1 0 e e e e e
        target   . . . . . 0 1 1 1 0

        variant bucket_sort_deletang2023, length = 5
        input    3 1 4 1 0 e e e e e
        target   . . . . . 0 1 1 3 4

        e is the empty symbol, . is not scored; one-hot

        parity_check              the number of ones, modulo 2
        even_pairs                the number of unequal neighbours, modulo 2: the first symbol XOR the last
        cycle_navigation          the sum of moves, modulo 5; 0, 1, 2 move by -1, 0, +1
        reverse_string            the word backwards
        missing_duplicate_string  a word twice, one symbol a hole (2), and a pad (3) if n is odd: what the hole hides
        duplicate_string          the word twice
        odds_first                the symbols at odd indices, counted from 0, then those at even ones
        bucket_sort               the symbols in ascending order

    A task has one n. The source draws it from U{1..40} for each batch of training, tests on 41..500 (paper) or 1..100
    (code), and reports the mean over the lengths above 40 of the share of scored steps right: use `at(n)`.

    Loss
        cross-entropy in nats per scored step
    Metric
        share of scored steps right, in [0, 1]
    Levels
        blind = strict  ln 2 and 1/2 for bits. cycle_navigation: the distribution of the sum, which is nearly uniform.
                        bucket_sort: the order statistics of n symbols, per step; far above 1/5 without any memory.
        optimum         0 and 1
        A single symbol leaves nothing to ask in even_pairs (0) and missing_duplicate_string (word 1, answer 1): all
        levels are 0 and 1 there.

    Raises
        ValueError  if there is no symbol.

    Departures
        odds_first: the source's text counts from 1; its code, followed here, from 0.
        The source's code averages lengths from 42 on, one more than it says.
    """

    variant: str
    length: int = 40

    alphabets = ALPHABETS
    sources = {name: SOURCE for name in ALPHABETS}  # noqa: RUF012

    @property
    def answers(self) -> int:
        """n, twice n, or one."""
        copies = {"reverse_string": 1, "duplicate_string": 2, "odds_first": 1, "bucket_sort": 1}
        return copies.get(self.kind, 0) * self.length or 1

    @property
    def needed(self) -> tuple[int, int]:
        """By the rule of each dialect."""
        n = self.length
        return {
            "reverse_string": (1, 2 * n - 1),
            "duplicate_string": (n, 2 * n),
            "odds_first": (n - n // 2, n + n // 2),
            "bucket_sort": (1, 2 * n - 1),
            "missing_duplicate_string": (1 + n % 2, n),
        }.get(self.kind, (1, n))

    @property
    def constant(self) -> bool:
        """A single symbol has no neighbour and no duplicate."""
        return self.length == 1 and self.kind in ("even_pairs", "missing_duplicate_string")

    def draw(self, key: Array, batch: int) -> Int[Array, "N B"]:
        """Free symbols; or a word twice, with a hole."""
        n, symbols = self.length, self.alphabets[self.variant].word
        if self.kind != "missing_duplicate_string":
            return jax.random.randint(key, (n, batch), 0, symbols, jnp.int32)
        if n == 1:
            return jnp.ones((1, batch), jnp.int32)
        word_key, hole_key = jax.random.split(key)
        half = jax.random.randint(word_key, (n // 2, batch), 0, 2, jnp.int32)
        hole = jax.random.randint(hole_key, (batch,), 0, 2 * (n // 2), jnp.int32)
        word = jnp.concatenate([half, half, jnp.full((n % 2, batch), 3, jnp.int32)])
        return jnp.where(jnp.arange(n)[:, None] == hole, 2, word)

    def answer(self, word: Int[Array, "N B"]) -> Int[Array, "M B"]:
        """The rule of each dialect."""
        n = self.length
        match self.kind:
            case "parity_check":
                return jnp.sum(word, axis=0, keepdims=True) % 2
            case "even_pairs":
                return jnp.sum(word[1:] != word[:-1], axis=0, keepdims=True) % 2
            case "cycle_navigation":
                return jnp.sum(word - 1, axis=0, keepdims=True) % 5
            case "reverse_string":
                return word[::-1]
            case "duplicate_string":
                return jnp.concatenate([word, word])
            case "odds_first":
                return jnp.concatenate([word[1::2], word[::2]])
            case "bucket_sort":
                upto = jnp.stack([jnp.sum(word <= symbol, axis=0) for symbol in range(4)])
                return jnp.sum(jnp.arange(n)[:, None, None] >= upto, axis=1)
            case _:
                if n == 1:
                    return jnp.ones_like(word)
                half = n // 2
                hidden = jnp.where(word[:half] == 2, word[half : 2 * half], 0)
                return jnp.sum(hidden + jnp.where(word[half : 2 * half] == 2, word[:half], 0), axis=0, keepdims=True)

    def marginals(self) -> tuple[Any, Any]:
        """Closed forms."""
        n = self.length
        if self.constant:
            likely = [[1.0, 0.0] if self.kind == "even_pairs" else [0.0, 1.0]]
        elif self.kind == "cycle_navigation":
            likely = [sum_of_digits(n, MOVES, 5)]
        elif self.kind == "bucket_sort":
            likely = order_statistics(n, 5)
        else:
            likely = [[0.5, 0.5]] * self.answers
        return likely, likely


def order_statistics(n: int, symbols: int) -> Any:
    """How likely each symbol is at each place of n sorted draws: [n, symbols]."""
    counts = np.arange(n + 1)
    choose = np.array([math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)])
    upto = [np.zeros(n)]  # place j holds a symbol <= s if more than j draws do
    for s in range(1, symbols):
        p = s / symbols
        chance = np.exp(choose + counts * math.log(p) + (n - counts) * math.log1p(-p))
        upto.append(np.cumsum(chance[::-1])[::-1][1:])
    upto.append(np.ones(n))
    return np.maximum(np.diff(upto, axis=0).T, 0.0)


TASKS = {f"formal/{variant}": partial(FormalStrings, variant) for variant in ALPHABETS}
