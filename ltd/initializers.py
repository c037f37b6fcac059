"""Recurrent initialisers by paper name, and rescaling to a given spectral radius or largest singular value.

A recurrent kernel is `[H, n H]`: n square blocks side by side, each multiplying the state from the right
(`h @ U`). An initialiser draws one square block: `(key, H, dtype) -> [H, H]`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from ltd.linalg import qr, rho, sigma

Block = Float[Array, "H H"]


def orthogonal(key: Array, size: int, dtype) -> Block:
    """A random orthogonal matrix, uniform under the Haar measure."""
    Q, R = qr(jax.random.normal(key, (size, size), dtype))
    return Q * jnp.where(jnp.diagonal(R) < 0, -1, 1).astype(dtype)  # signs make the measure uniform


def identity(key: Array, size: int, dtype) -> Block:
    """The identity (Le, Jaitly & Hinton 2015, arXiv 1504.00941). The key is not used."""
    return jnp.eye(size, dtype=dtype)


def gaussian(key: Array, size: int, dtype) -> Block:
    """N(0, 1/H) entries: spectral radius about 1 for large H (the circular law), largest singular value about 2."""
    return jax.random.normal(key, (size, size), dtype) / np.sqrt(size)


def pascanu2013_sigmoid(key: Array, size: int, dtype) -> Block:
    """N(0, 0.01) entries, 0.01 the standard deviation: the logistic networks of Pascanu et al. (2013), whose code

    reads the paper's N(0, .01) as a standard deviation.
    """
    return 0.01 * jax.random.normal(key, (size, size), dtype)


def pascanu2013_basic_tanh(key: Array, size: int, dtype) -> Block:
    """N(0, 0.1) entries, 0.1 the standard deviation: "basic tanh" of Pascanu et al. (2013), 1211.5063."""
    return 0.1 * jax.random.normal(key, (size, size), dtype)


def pascanu2013_smart_tanh(key: Array, size: int, dtype) -> Block:
    """15 outgoing N(0, 1) weights per unit, the rest zero, rescaled to spectral radius 0.95.

    "Smart tanh" of Pascanu et al. (2013). Outgoing, as in their code (they form h @ W). Below 16 units every weight is
    drawn.
    """
    values_key, places_key = jax.random.split(key)
    rank = jnp.argsort(jnp.argsort(jax.random.uniform(places_key, (size, size)), axis=1), axis=1)
    dense = jax.random.normal(values_key, (size, size), dtype)
    return to_rho(jnp.where(rank < 15, dense, 0), 0.95)


def hochreiter1997(key: Array, size: int, dtype) -> Block:
    """U(-0.1, 0.1) entries: tasks 3 to 6 of Hochreiter & Schmidhuber (1997). For its cell: the option `scale`."""
    return jax.random.uniform(key, (size, size), dtype, -0.1, 0.1)


def gers2000(key: Array, size: int, dtype) -> Block:
    """U(-0.2, 0.2) entries: Gers, Schmidhuber & Cummins (2000); Hochreiter & Schmidhuber (1997), tasks 1 and 2."""
    return jax.random.uniform(key, (size, size), dtype, -0.2, 0.2)


INITIALIZERS: dict[str, Callable[[Array, int, object], Block]] = {
    "orthogonal": orthogonal,
    "identity": identity,
    "gaussian": gaussian,
    "pascanu2013_sigmoid": pascanu2013_sigmoid,
    "pascanu2013_basic_tanh": pascanu2013_basic_tanh,
    "pascanu2013_smart_tanh": pascanu2013_smart_tanh,
    "hochreiter1997": hochreiter1997,
    "gers2000": gers2000,
}


def recurrent(name: str, key: Array, size: int, blocks: int = 1) -> Float[Array, "H nH"]:
    """A recurrent kernel of `blocks` square blocks, each drawn on its own."""
    if name not in INITIALIZERS:
        raise KeyError(f"no initializer {name!r}; known initializers: {', '.join(INITIALIZERS)}")
    dtype = jnp.result_type(float)
    drawn = [INITIALIZERS[name](k, size, dtype) for k in jax.random.split(key, blocks)]
    return jnp.concatenate(drawn, axis=1)


def uniform_fan_in(key: Array, shape: tuple[int, int]) -> Array:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)): input weights and read-outs."""
    bound = 1 / np.sqrt(max(shape[0], 1))
    return jax.random.uniform(key, shape, jnp.result_type(float), -bound, bound)


# ---------------------------------------------------------------------------------------------- biases of gates


def forget_bias(size: int, value: float = 1.0) -> Float[Array, " H"]:
    """The same bias for every keep gate (A2.8): retention logistic(value) per step. Gers et al. (2000): 1 or more."""
    return jnp.full(size, value, jnp.result_type(float))


def chrono(key: Array, size: int, longest: float) -> Float[Array, " H"]:
    """b = log u with u ~ U[1, longest - 1] per unit (A2.9): a keep gate logistic(b) that holds for about u steps.

    Tallec & Ollivier (2018), arXiv 1804.11188; `longest` is their T_max, and the input gate gets -b.

    Raises
        ValueError  if `longest` leaves nothing to draw from.
    """
    if not 2 < longest < np.inf:
        raise ValueError(f"chrono = {longest} must be a finite number above 2: the longest lag in steps.")
    return jnp.log(jax.random.uniform(key, (size,), jnp.result_type(float), 1, longest - 1))


# ---------------------------------------------------------------------------------------------- rho and sigma


def blocks_of(kernel: Float[Array, "H nH"]) -> Float[Array, "n H H"]:
    """The square blocks of a recurrent kernel."""
    size = kernel.shape[0]
    return jnp.moveaxis(kernel.reshape(size, -1, size), 1, 0)


def kernel_of(blocks: Float[Array, "n H H"]) -> Float[Array, "H nH"]:
    """The recurrent kernel made of these square blocks."""
    return jnp.moveaxis(blocks, 0, 1).reshape(blocks.shape[1], -1)


def to_rho(matrix: Float[Array, "*batch H H"], target) -> Float[Array, "*batch H H"]:
    """The matrix times a positive number, so that its spectral radius is `target`.

    A nilpotent matrix (rho = 0, the zero matrix for one) has no such multiple and comes back with NaN entries.
    """
    found = rho(matrix)
    factor = jnp.where(found > 0, target / jnp.where(found > 0, found, 1), jnp.nan)
    return matrix * factor[..., None, None].astype(matrix.dtype)


def to_sigma(matrix: Float[Array, "*batch H H"], target) -> Float[Array, "*batch H H"]:
    """The matrix times a positive number, so that its largest singular value is `target`."""
    return matrix * (target / sigma(matrix))[..., None, None].astype(matrix.dtype)
