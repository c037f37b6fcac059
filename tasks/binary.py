"""Binary numbers of any width, as arrays of digits: 32 bits would end at words of some 30 symbols."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

SEPARATOR = 2


def draw_number(key: Array, place: Int[Array, "N _"], width: Int[Array, " B"]) -> Int[Array, "N B"]:
    """Bits at places [0, width) of a number uniform on 1..2^width - 1: where its first one is, then fair bits."""
    first_key, bits_key = jax.random.split(key)
    u = jax.random.uniform(first_key, width.shape, dtype=jnp.float32)
    first = jnp.floor(-jnp.log2(1 - u * (1 - jnp.exp2(-width.astype(jnp.float32))))).astype(jnp.int32)
    first = jnp.clip(first, 0, width - 1)
    shape = jnp.broadcast_shapes(place.shape, width.shape)
    fair = jax.random.bernoulli(bits_key, shape=shape)
    return ((place == first) | ((place > first) & fair)).astype(jnp.int32)


def split_word(word: Int[Array, "N B"]) -> tuple[Int[Array, "N B"], Int[Array, "N B"]]:
    """The two numbers, each from place 0 on; the second is 0 where there is no separator."""
    n = len(word)
    place = jnp.arange(n)[:, None]
    is_separator = word == SEPARATOR
    separator = jnp.where(jnp.any(is_separator, axis=0), jnp.argmax(is_separator, axis=0), n)
    source = place + separator + 1
    second = jnp.take_along_axis(word, jnp.minimum(source, n - 1), axis=0)
    return jnp.where(place < separator, word, 0), jnp.where(source < n, second, 0)


def carry(digits: Int[Array, "N B"], width: int) -> tuple[Int[Array, "N B"], Int[Array, " B"]]:
    """Digits below 2^width from counts of any size, lowest first, and what is left over: negative for a debt."""

    def step(over, digit):
        digit = digit + over
        return digit >> width, digit & ((1 << width) - 1)

    over, clean = jax.lax.scan(step, jnp.zeros_like(digits[0]), digits, unroll=min(len(digits), 8))
    return clean, over


def convolve(first: Int[Array, "N B"], second: Int[Array, "N B"]) -> Int[Array, "N B"]:
    """Counts of a product's digits. Below 2^20 single precision tells whole numbers apart."""
    n = len(first)
    spectrum = jnp.fft.rfft(first.astype(jnp.float32), 2 * n, axis=0) * jnp.fft.rfft(
        second.astype(jnp.float32), 2 * n, axis=0
    )
    return jnp.round(jnp.fft.irfft(spectrum, 2 * n, axis=0)[:n]).astype(jnp.int32)


def root(word: Int[Array, "N B"]) -> Int[Array, "M B"]:
    """The floor of a square root, highest bit first: two bits of the number give one of the root.

    With rest = number so far - root^2, the next bit is one if 4 rest + pair >= 4 root + 1. Both fit in M + 2 bits, held
    in digits of 28 bits, lowest first, so that 4 digits - 4 digits still fits in 32.
    """
    n, batch = word.shape
    width, places = 28, (n + 1) // 2
    word = jnp.pad(word, ((n % 2, 0), (0, 0))).reshape(places, 2, batch)
    zero = jnp.zeros(((places + 2) // width + 1, batch), jnp.int32)

    def step(state, pair):
        rest, found = state
        rest = (4 * rest).at[0].add(pair)
        less, debt = carry((rest - 4 * found).at[0].add(-1), width)
        bit = (debt >= 0).astype(jnp.int32)
        rest = jnp.where(bit == 1, less, carry(rest, width)[0])
        return (rest, carry((2 * found).at[0].add(bit), width)[0]), bit

    return jax.lax.scan(step, (zero, zero), 2 * word[:, 0] + word[:, 1])[1]
