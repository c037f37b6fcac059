"""Formal-language tasks about arithmetic modulo 5: the value of an expression, and the unknown of an equation."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from tasks.expressions import (
    EQUALS,
    OPEN,
    TIMES,
    UNKNOWN,
    digits_and_operators,
    draw_expression,
    value,
    value_without_brackets,
)
from tasks.formal import SOURCE, Alphabet, Formal

ALPHABETS = {
    "modular_arithmetic_deletang2023": Alphabet(9, 5),
    "modular_arithmetic_brackets_deletang2023": Alphabet(11, 5),
    "solve_equation_deletang2023": Alphabet(11, 5),
}


@dataclass(frozen=True)
class FormalExpressions(Formal):
    """Say the value, modulo 5, of an expression of `length` symbols (n) after it has ended, or its unknown digit.

        variant modular_arithmetic_deletang2023, length = 7
        input    1 + 2 * 4 - 3 e
        target   . . . . . . . 1

        variant modular_arithmetic_brackets_deletang2023, length = 12
        input    ( ( - 2 ) * ( 3 + 4 ) ) e
        target   . . . . . . . . . . . . 1

        variant solve_equation_deletang2023, length = 12
        input    ( - 2 + ( x - 4 ) ) = 3 e
        target   . . . . . . . . . . . . 4

        e is the empty symbol, . is not scored; one-hot, in the order 0-4 + - * ( ) and 0-4 + - ( ) x =

        modular_arithmetic           digits and operators alternate, all uniform; * binds before + and -. An even n is
                                     lowered by 1.
        modular_arithmetic_brackets  for n = 1..4 the forms d, -d, (d), (-d); else ( left operator right ), the length
                                     of the left part uniform on 1..n - 4, the right part the rest, operators uniform
        solve_equation               such an expression of n - 2 symbols without *, one digit replaced by x, then = and
                                     its value; the digit is the first at or after a uniform place, round the end

    The source draws n from U{1..40} for each batch of training and tests on longer words: use `at(n)`.

    Loss
        cross-entropy in nats at the one scored step
    Metric
        share of answers right, in [0, 1]
    Levels
        blind = strict  the distribution of the value, by recursion over the length; 0 is likelier, as products are
                        often 0. An unknown digit is uniform, whatever else is seen of the equation but its value.
        optimum         0 and 1
        solve_equation with n < 3 shows zeros and wants 0: all levels are 0 and 1.

    Raises
        ValueError  if there is no symbol.

    Departures
        The source has a code for a power (8), and one for a blank (10) in modular_arithmetic_brackets; no word holds
        them. Its solve_equation draws the digits and computes the value; we draw the other digits and the value, which
        gives the same equations.
    """

    variant: str
    length: int = 40

    alphabets = ALPHABETS
    sources = {name: SOURCE for name in ALPHABETS}  # noqa: RUF012

    @property
    def shown(self) -> int:
        """n; odd in modular_arithmetic."""
        return self.length - (self.kind == "modular_arithmetic" and self.length % 2 == 0 and self.length > 0)

    @property
    def needed(self) -> tuple[int, int]:
        """Digits and operators. The first of a bracketed expression is on its second step."""
        n, longest = self.shown, self.shown - 1
        match self.kind:
            case "modular_arithmetic":
                return 1, n
            case "solve_equation":
                return 1, longest if n >= 7 else 1  # the value is always needed; shorter equations have no other digit
            case _:
                return (2, longest) if n >= 5 else (1 + (n > 2), 1 + (n > 2))

    @property
    def constant(self) -> bool:
        """No room for an equation."""
        return self.kind == "solve_equation" and self.length < 3

    def draw(self, key: Array, batch: int) -> Int[Array, "N B"]:
        """Expressions and equations."""
        n = self.shown
        match self.kind:
            case "modular_arithmetic":
                digits, operators = digits_and_operators(key, (n, batch), 3)
                return jnp.where(jnp.arange(n)[:, None] % 2 == 0, digits, operators)
            case "modular_arithmetic_brackets":
                return draw_expression(key, n, batch, 3)
            case _:
                return self._draw_equation(key, batch)

    def answer(self, word: Int[Array, "N B"]) -> Int[Array, "M B"]:
        """The value, or the unknown."""
        match self.kind:
            case "modular_arithmetic":
                return value_without_brackets(word)[None]
            case "modular_arithmetic_brackets":
                return value(word)[None]
            case _:
                return jnp.zeros_like(word[:1]) if self.constant else _solve(word)[None]

    def marginals(self) -> tuple[Any, Any]:
        """The distribution of the answer."""
        match self.kind:
            case "modular_arithmetic":
                likely = [_values_without_brackets(self.shown // 2)]
            case "modular_arithmetic_brackets":
                likely = [_values(self.shown)]
            case _:
                likely = [[1.0, 0, 0, 0, 0] if self.constant else [0.2] * 5]
        return likely, likely

    def _draw_equation(self, key: Array, batch: int) -> Int[Array, "N B"]:
        n = self.length - 2
        if self.constant:
            return jnp.zeros((self.length, batch), jnp.int32)
        left_key, place_key, right_key = jax.random.split(key, 3)
        left = draw_expression(left_key, n, batch, 2)
        place = jax.random.randint(place_key, (batch,), 0, n, jnp.int32)
        wait = jnp.where(left < 5, (jnp.arange(n)[:, None] - place) % n, n)
        left = jnp.where(wait == jnp.min(wait, axis=0), UNKNOWN, left)
        right = jax.random.randint(right_key, (1, batch), 0, 5, jnp.int32)
        word = jnp.concatenate([left, jnp.full((1, batch), EQUALS, jnp.int32), right])
        return jnp.where(word >= OPEN, word - 1, word)  # there is no code for *


def _solve(word: Int[Array, "N B"]) -> Int[Array, " B"]:
    """The left side is c + s x with s = 1 or -1: its values at 0 and at 1 say both."""
    left = word[:-2]
    left = jnp.where(left >= TIMES, left + 1, left)
    tried = jnp.concatenate([jnp.where(left == UNKNOWN, x, left) for x in (0, 1)], axis=1)
    at_0, at_1 = jnp.split(value(tried), 2)
    return (word[-1] - at_0) * (at_1 - at_0) % 5


OPERATORS = (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b)


@functools.cache
def _values(n: int) -> Any:
    """The distribution of the value of a bracketed expression, modulo 5."""
    tables = [np.full(5, 0.2)] * 5  # of lengths 0..4
    for length in range(5, n + 1):
        pairs = [(tables[left], tables[length - 3 - left]) for left in range(1, length - 3)]
        joint = sum(np.outer(left, right) for left, right in pairs) / len(pairs)
        tables.append(_of_joint(joint))
    return tables[max(n, 1)]


def _of_joint(joint: Any) -> Any:
    values = np.zeros(5)
    for a in range(5):
        for b in range(5):
            for operator in OPERATORS:
                values[operator(a, b) % 5] += joint[a, b] / 3
    return values


def _values_without_brackets(operators: int) -> Any:
    """The distribution of the value, by recursion over the joint one of the sum so far and the last product."""
    joint = np.zeros((5, 5))
    joint[0] = 0.2
    for _ in range(operators):
        after = np.zeros((5, 5))
        for total in range(5):
            for product in range(5):
                for digit in range(5):
                    chance = joint[total, product] / 15
                    after[(total + product) % 5, digit] += chance
                    after[(total + product) % 5, -digit % 5] += chance
                    after[total, product * digit % 5] += chance
        joint = after
    return np.array([sum(joint[t, (v - t) % 5] for t in range(5)) for v in range(5)])


TASKS = {f"formal/{variant}": partial(FormalExpressions, variant) for variant in ALPHABETS}
