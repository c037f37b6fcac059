"""Arithmetic expressions modulo 5, drawn and evaluated symbol by symbol. Digits are their own codes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

PLUS, MINUS, TIMES, OPEN, CLOSE, UNKNOWN, EQUALS = 5, 6, 7, 8, 9, 10, 11


def digits_and_operators(key: Array, shape: tuple[int, int], operators: int) -> Int[Array, "2 N B"]:
    """Uniform digits, and uniform ones of the first of + - *."""
    stops = jnp.array([5, operators])[:, None, None]
    return jax.random.randint(key, (2, *shape), 0, stops, jnp.int32) + jnp.array([[[0]], [[PLUS]]], jnp.int32)


def draw_expression(key: Array, n: int, batch: int, operators: int) -> Int[Array, "N B"]:
    """Fully bracketed expressions of n symbols, with the first of + - *, symbol by symbol.

    The state holds, for each step, the length of the expression that begins there (0: none does). An expression tells
    its parts theirs. A step where none begins holds the operator before a right part, or else a closing bracket.
    """
    symbol_key, cut_key = jax.random.split(key)
    digits, signs = digits_and_operators(symbol_key, (n, batch), operators)
    cuts = jax.random.bits(cut_key, (n, batch), jnp.uint32)
    column = jnp.arange(batch)

    def step(lengths, drawn):
        t, digit, sign, cut = drawn
        here, after = lengths[t], lengths[t + 1]
        left = 1 + (cut % jnp.maximum(here - 4, 1).astype(jnp.uint32)).astype(jnp.int32)
        inner = jnp.where(here >= 5, left, jnp.where(here == 4, 2, jnp.where(here >= 2, 1, after)))
        right = jnp.where(here >= 5, t + 2 + left, n + 2)  # beyond the end: no right part
        lengths = lengths.at[t + 1].set(inner).at[right, column].set(here - 3 - left, mode="drop")
        unary = jnp.where(here == 1, digit, jnp.where(here == 2, MINUS, OPEN))
        return lengths, jnp.where(here > 0, unary, jnp.where(after > 0, sign, CLOSE))

    lengths = jnp.zeros((n + 2, batch), jnp.int32).at[0].set(n)
    return jax.lax.scan(step, lengths, (jnp.arange(n), digits, signs, cuts))[1]


def value(word: Int[Array, "N B"]) -> Int[Array, " B"]:
    """The value of fully bracketed expressions, modulo 5.

    Each open bracket waits with a map v -> a + b v for the operand that comes next, kept on a stack as 5 a + b.
    """
    n, batch = word.shape
    column, identity = jnp.arange(batch), jnp.full(batch, 1, jnp.int32)

    def step(carry, symbol):
        stack, level, last, ended = carry
        level = level + (symbol == OPEN) - (symbol == CLOSE)
        a, b = jnp.divmod(stack[level, column], 5)
        operand = jnp.where(symbol == CLOSE, last, symbol)
        waiting = jnp.where(
            ended,  # + - * after an operand, or else the sign before one
            jnp.where(symbol == TIMES, last, 5 * last + jnp.where(symbol == PLUS, 1, 4)),
            5 * a + (-b) % 5,
        )
        ends = (symbol < 5) | (symbol == CLOSE)
        last = jnp.where(ends, (a + b * operand) % 5, last)
        kept = jnp.where(ends, 5 * a + b, jnp.where(symbol == OPEN, identity, waiting))
        return (stack.at[level, column].set(kept), level, last, ends), None

    zero = jnp.zeros(batch, jnp.int32)
    stack = jnp.ones(((n + 1) // 4 + 1, batch), jnp.int32)  # a further bracket takes four symbols
    return jax.lax.scan(step, (stack, zero, zero, zero > 0), word)[0][2]


def value_without_brackets(word: Int[Array, "N B"]) -> Int[Array, " B"]:
    """The value of alternating digits and operators, modulo 5; products first."""

    def step(carry, symbols):
        total, product = carry
        operator, digit = symbols
        times = operator == TIMES
        signed = jnp.where(operator == MINUS, -digit, digit)
        return (jnp.where(times, total, total + product) % 5, jnp.where(times, product * digit, signed) % 5), None

    total, product = jax.lax.scan(step, (jnp.zeros_like(word[0]), word[0]), (word[1::2], word[2::2]))[0]
    return (total + product) % 5
