"""Formal-language tasks about binary numbers of any width: sum, product, square root, digit by digit."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from ltd.types import Levels, Score
from tasks.binary import SEPARATOR, carry, convolve, draw_number, root, split_word
from tasks.formal import SOURCE, Alphabet, Formal, entropy

ALPHABETS = {
    "binary_addition_deletang2023": Alphabet(3, 3),
    "binary_multiplication_deletang2023": Alphabet(3, 3),
    "compute_sqrt_deletang2023": Alphabet(2, 2),
}
COUNTED = 16  # the longest word whose products are all counted
CHUNKS, CHUNK = 16, 1024  # words drawn where they are not


@dataclass(frozen=True)
class FormalNumbers(Formal):
    """Compute with binary numbers in a word of `length` symbols (n), and say the result after it has ended.

        variant binary_addition_deletang2023, length = 6
        input    1 1 2 0 1 1 e e e e e e e
        target   . . . . . . 1 0 0 1 2 0 0

        variant binary_multiplication_deletang2023, length = 6
        input    1 1 2 0 1 1 e e e e e e
        target   . . . . . . 0 1 0 0 1 2

        variant compute_sqrt_deletang2023, length = 5
        input    1 1 0 0 1 e e e
        target   . . . . . 1 0 1

        e is the empty symbol, . is not scored; one-hot. The examples: 3 + 6 = 9, 3 * 6 = 18, the root of 25.

        binary_addition        a, 2, b with the lowest bit first; a has U{1..n - 2} bits, b the other n - 1, values
                               uniform on 1..2^width - 1. Sum with the lowest bit first, no leading zeros, then a 2,
                               then zeros up to n + 1 steps. n <= 2: copies a number below 2^n - 1.
        binary_multiplication  the product; n steps. n <= 2: n - 1 zeros, whatever the number.
        compute_sqrt           a number uniform on 1..2^n - 1, highest bit first; the floor of its root, highest bit
                               first, on (n + 1) // 2 steps

    The source draws n from U{1..40} for each batch of training and tests on longer words: use `at(n)`.

    Loss
        cross-entropy in nats per scored step, over all steps of the answer, those after the end included
    Metric
        share of right steps in [0, 1], of those up to the end where the answer has one
    Levels
        blind = strict  the best class per step; where zeros follow the end, the class that is best for the metric can
                        differ from the one that is best for the loss, which counts those zeros.
                        binary_addition, compute_sqrt: closed forms. binary_multiplication: counted up to n = 16, beyond
                        it sampled once, with standard errors.
        optimum         0 and 1
        Some short words have one answer only (binary_addition n = 1, 3; binary_multiplication n <= 3; compute_sqrt
        n <= 2): all levels are 0 and 1.

    Raises
        ValueError  if there is no symbol.

    Departures
        compute_sqrt: the source's worked example writes 6 as 101.
    """

    variant: str
    length: int = 40

    alphabets = ALPHABETS
    metric_by_loss = False
    sources = {name: SOURCE for name in ALPHABETS}  # noqa: RUF012

    @property
    def ends(self) -> bool:  # type: ignore[override]
        """A root has a fixed width."""
        return self.kind != "compute_sqrt"

    @property
    def answers(self) -> int:
        """Room for the result and its end."""
        n = self.length
        return {"binary_addition": n + 1, "binary_multiplication": n}.get(self.kind, (n + 1) // 2)

    @property
    def needed(self) -> tuple[int, int]:
        """A bit moves its own place of the result and those above it; of a root, all below half its own place."""
        n = self.length
        if self.kind == "compute_sqrt":
            return (n + 1) // 2 + (n == 3), n + (n + 1) // 2 - 1
        return 2, 5 if (self.kind, n) == ("binary_multiplication", 4) else 2 * n - 1

    @property
    def constant(self) -> bool:
        """Words that have one answer only."""
        one_answer = {"binary_addition": (1, 3), "binary_multiplication": (1, 2, 3), "compute_sqrt": (1, 2)}
        return self.length in one_answer[self.kind]

    def draw(self, key: Array, batch: int) -> Int[Array, "N B"]:
        """Numbers."""
        n = self.length
        if self.kind == "compute_sqrt":
            return draw_number(key, jnp.arange(n)[:, None], jnp.full(batch, n))
        if n <= 2:
            number = jax.random.randint(key, (1, batch), 0, 2**n - 1, jnp.int32)
            return number >> jnp.arange(n, dtype=jnp.int32)[:, None] & 1
        width_key, first_key, second_key = jax.random.split(key, 3)
        width = jax.random.randint(width_key, (batch,), 1, n - 1, jnp.int32)
        place = jnp.arange(n, dtype=jnp.int32)[:, None]
        first = draw_number(first_key, place, width)
        second = draw_number(second_key, place - width - 1, n - 1 - width)
        return jnp.where(place == width, SEPARATOR, jnp.where(place < width, first, second))

    def answer(self, word: Int[Array, "N B"]) -> Int[Array, "M B"]:
        """The result, in as many symbols as there is room for."""
        if self.kind == "compute_sqrt":
            return root(word)
        n, places = self.length, jnp.arange(self.answers)[:, None]
        first, second = split_word(word)
        if self.kind == "binary_addition":
            bits = carry(jnp.pad(first + second, ((0, 1), (0, 0))), 1)[0]
        else:
            bits = carry(convolve(first, second), 1)[0]
        width = jnp.max(jnp.where(bits == 1, places + 1, 1), axis=0)  # zero is written with one digit
        if self.kind == "binary_multiplication" and n <= 2:
            bits, width = jnp.zeros_like(bits), jnp.full_like(width, n - 1)
        return jnp.where(places < width, bits, jnp.where(places == width, 2, 0))

    def marginals(self) -> tuple[Any, Any]:
        """Closed forms, or all words counted."""
        if self.kind == "compute_sqrt":
            ones = root_ones(self.length)
            return [[1 - p, p] for p in ones], [[1 - p, p] for p in ones]
        ones, ended = (_sums if self.kind == "binary_addition" else _products)(self.length)
        open_ = 1 - np.cumsum(ended)  # the end comes later
        counted = np.stack([open_ - ones, ones, ended], axis=1).clip(0.0)
        return np.stack([1 - ones - ended, ones, ended], axis=1).clip(0.0), counted

    def levels(self) -> Levels:
        """The most likely class at each step of the answer."""
        if self.kind != "binary_multiplication" or self.length <= COUNTED:
            return super().levels()
        blind = _sampled_products(self.length)
        return Levels(blind=blind, strict=blind, optimum=Score(0.0, 1.0))


def root_ones(n: int) -> list[float]:
    """How likely each bit of the root is one, highest first. The numbers in [r^2, (r + 1)^2) have root r."""
    numbers, top = 2**n - 1, math.isqrt(2**n - 1)
    ones = []
    for j in reversed(range((n + 1) // 2)):
        block = 2**j  # roots in [(2 i + 1) block, (2 i + 2) block) have bit j
        whole, rest = divmod(top + 1, 2 * block)
        count = block**2 * (2 * whole**2 + whole)  # sum over i < whole of (2 i + 2)^2 - (2 i + 1)^2
        if rest > block:  # the highest roots are cut off: all numbers from here to the last
            count += numbers + 1 - ((2 * whole + 1) * block) ** 2
        elif rest == 0:
            count -= (top + 1) ** 2 - (numbers + 1)
        ones.append(count / numbers)
    return ones


def _sums(n: int) -> tuple[Any, Any]:
    """For each step of the answer: how likely the sum has a one there, and how likely it ends there.

    A number that is not 0 has the distribution of free bits, less that of 0; so has each of the two.
    """
    if n <= 2:
        table = {1: [[0]], 2: [[0], [1], [0, 1]]}[n]
        places = range(n + 1)
        one = [[len(bits) > i and bits[i] for bits in table] for i in places]
        return np.mean(one, axis=1), np.mean([[len(bits) == i for bits in table] for i in places], axis=1)
    ones, below = np.zeros(n + 1), np.zeros(n + 1)
    for k in range(1, n - 1):
        widths = (k, n - 1 - k)
        for free_a, free_b, sign in ((1, 1, 1), (0, 1, -1), (1, 0, -1), (0, 0, 1)):
            shares = [1.0 if free else 2.0**-w for w, free in zip(widths, (free_a, free_b), strict=True)]
            weight = sign / (n - 2) * math.prod(s / (1 - 2.0**-w) for w, s in zip(widths, shares, strict=True))
            bits, small = _free_sum(widths[0] * free_a, widths[1] * free_b, n + 1)
            ones += weight * bits
            below += weight * small
    return ones, np.diff(below, prepend=0.0)


def _free_sum(k: int, m: int, places: int) -> tuple[Any, Any]:
    """Of a sum of k and m fair bits: the chance of a one at each place, and of a sum below 2^place."""
    ones, below, over = np.zeros(places), np.zeros(places), 0.0
    for i in range(places):
        below[i] = 2.0 ** -(max(k - i, 0) + max(m - i, 0)) * (1 - over)
        fair = (i < k) + (i < m)
        ones[i] = 0.5 if fair else over
        over = {0: 0.0, 1: over / 2, 2: 1 / 4 + over / 2}[fair]
    return ones, below


def _products(n: int) -> tuple[Any, Any]:
    """As `_sums`, over all words."""
    ones, ended = np.zeros(n), np.zeros(n)
    if n <= 2:
        ended[n - 1] = 1.0
        return ones, ended
    for k in range(1, n - 1):
        product = np.outer(np.arange(1, 2**k), np.arange(1, 2 ** (n - 1 - k))).ravel()
        for i in range(n):
            ones[i] += np.mean(product >> i & 1) / (n - 2)
            ended[i] += np.mean((product < 1 << i) & (product >= 1 << i >> 1)) / (n - 2)
    return ones, ended


@functools.cache
def _sampled_products(n: int) -> Score:
    """The blind score of products, with its standard errors."""
    task = FormalNumbers("binary_multiplication_deletang2023", n)
    keys = jax.random.split(jax.random.key(0), CHUNKS)
    with jax.ensure_compile_time_eval():
        drawn = jax.lax.map(lambda key: task.answer(task.draw(key, CHUNK)).astype(jnp.int8), keys)
        answers = np.moveaxis(np.asarray(drawn), 1, 0).reshape(n, -1)
    classes = np.stack([answers == c for c in range(3)])  # [3, n, words]
    counts = np.cumsum(classes[2], axis=0) - classes[2] == 0
    likely, counted = classes.mean(axis=2), (classes & counts).mean(axis=2)
    best = counted.argmax(axis=0)
    cost = -np.log(likely[answers, np.arange(n)[:, None]]).mean(axis=0)
    right, judged = ((answers == best[:, None]) & counts).sum(axis=0), counts.sum(axis=0)
    share = right.sum() / judged.sum()
    errors = np.std(cost), np.std(right - share * judged) / judged.mean()
    loss_error, share_error = (float(error / math.sqrt(answers.shape[1])) for error in errors)
    return Score(entropy(likely.T), float(share), (loss_error, share_error))


TASKS = {f"formal/{variant}": partial(FormalNumbers, variant) for variant in ALPHABETS}
