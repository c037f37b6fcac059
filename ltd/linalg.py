"""Dense factorisations that are safe among many lanes.

On a CPU a batched LAPACK call is spread over XLA's own pool of threads and waits for that pool; where several devices
or several such calls run at once, every thread can end up waiting, for ever and at 0 % load (seen with batched SVD
beside QR on two host devices, jaxlib 0.9.2; see also check a of `ltd doctor`). A call for one matrix does not enter
the pool. So on a CPU each matrix of a batch is handled by a call of its own, one after the other; the cores are kept
busy by the lanes. On an accelerator batches stay batches.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jax import Array
from jax.custom_batching import sequential_vmap
from jaxtyping import Float


def _one_by_one(function: Callable) -> Callable:
    """The function of one matrix, over any leading axes, never batched on a CPU."""
    single = sequential_vmap(function)

    def over(matrix: Float[Array, "*batch M N"]):
        if jax.default_backend() != "cpu":
            return function(matrix)
        batch = matrix.shape[:-2]
        flat = matrix.reshape(-1, *matrix.shape[-2:])
        found = jax.lax.map(single, flat)
        return jax.tree.map(lambda a: a.reshape(*batch, *a.shape[1:]), found)

    return over


def _largest_modulus(matrix):
    return jnp.max(jnp.abs(jnp.linalg.eigvals(matrix)), axis=-1)


def _largest_modulus_on_host(matrix):
    def host(m):
        return np.max(np.abs(np.linalg.eigvals(np.asarray(m))), axis=-1).astype(np.asarray(m).dtype)

    result = jax.ShapeDtypeStruct(matrix.shape[:-2], matrix.dtype)
    return jax.pure_callback(host, result, matrix, vmap_method="expand_dims")


qr = _one_by_one(lambda matrix: tuple(jnp.linalg.qr(matrix)))
singular_values = _one_by_one(lambda matrix: jnp.linalg.svd(matrix, compute_uv=False))
_solve = _one_by_one(lambda matrix: jnp.linalg.inv(matrix))
_product = functools.partial(jnp.matmul, precision="highest")  # 10 bits of mantissa would not keep a matrix orthogonal


@jax.custom_jvp
def inverse(matrix: Float[Array, "*batch H H"]) -> Float[Array, "*batch H H"]:
    """The inverse M of A. Its derivative is two products, dM = -M dA M, and no second factorisation."""
    return _solve(matrix)


@inverse.defjvp
def _inverse_jvp(primals, tangents):
    (A,), (dA,) = primals, tangents
    M = inverse(A)
    return M, -_product(_product(M, dA), M)


TERMS = {"float32": 9, "float64": 16}  # of the Taylor series, the norm of the scaled matrix being at most one half
SQUARINGS = 10  # norms up to 512 are scaled down to one half


def expm(matrix: Float[Array, "*batch H H"]) -> Float[Array, "*batch H H"]:
    """The matrix exponential by scaling and squaring, from products alone: safe among lanes, differentiable.

        exp(A) = (exp(A / 2^s))^(2^s)

    s is chosen by the 1-norm of each matrix so that the Taylor series of the scaled one converges to rounding. Squaring
    magnifies rounding errors by 2^s, so that of a norm of 100 about two digits are lost. A norm n above 512 is
    scaled down to n / 1024 only: the series then misses (n / 1024)^10 / 10! in float32, and squaring magnifies that by
    1024. Measured on a skew matrix of 32 units: nothing to be seen at n = 2048, 1e-3 at 4096, 0.3 at 8192.
    """
    dtype = matrix.dtype
    eye = jnp.broadcast_to(jnp.eye(matrix.shape[-1], dtype=dtype), matrix.shape)
    norm = jax.lax.stop_gradient(jnp.max(jnp.sum(jnp.abs(matrix), axis=-2), axis=-1))
    # a hair below, or the last bit of log2(1/2) decides, which two kernels of one program may round differently
    s = jnp.clip(jnp.ceil(jnp.log2(jnp.maximum(norm, 0.5)) + 1 - 1e-4), 0, SQUARINGS)
    scaled = matrix * jnp.exp2(-s)[..., None, None].astype(dtype)
    # loops, not lines: a program of one product is sooner compiled than one of thirty
    terms = jnp.arange(TERMS[dtype.name], 0, -1, dtype=dtype)  # Horner
    series = jax.lax.scan(lambda sum_, k: (eye + _product(scaled, sum_) / k, None), eye, terms)[0]

    def square(power, k):
        return jnp.where((k < s)[..., None, None], _product(power, power), power), None

    return jax.lax.scan(square, series, jnp.arange(SQUARINGS))[0]


def nearest_orthogonal(matrix: Float[Array, "*batch H H"]) -> Float[Array, "*batch H H"]:
    """One step of Newton and Schulz, U (3 I - U' U) / 2: squares the distance of U from the orthogonal matrices.

    For a matrix that is orthogonal up to the rounding errors of how it was made. In single precision those of `expm`
    reach 1e-4 at 512 units (measured), which over 10,000 steps of a recurrence is a factor of e.
    """
    eye = jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    return _product(matrix, 1.5 * eye - 0.5 * _product(matrix.mT, matrix))


def rho(matrix: Float[Array, "*batch H H"]) -> Float[Array, "*batch"]:
    """Spectral radius: the largest modulus of an eigenvalue. Not differentiable.

    Eigenvalues of a nonsymmetric matrix need LAPACK: on an accelerator the matrix travels to the host and back, so keep
    this out of inner loops. A matrix with an entry that is not finite has rho NaN.
    """
    matrix = jax.lax.stop_gradient(matrix)
    finite = jnp.isfinite(matrix)
    clean = jnp.where(finite, matrix, 0)
    find = _one_by_one(_largest_modulus) if jax.default_backend() == "cpu" else _largest_modulus_on_host
    return jnp.where(jnp.all(finite, axis=(-2, -1)), find(clean), jnp.nan)


def sigma(matrix: Float[Array, "*batch H H"]) -> Float[Array, "*batch"]:
    """Largest singular value."""
    return singular_values(matrix)[..., 0]


def _schur(matrix):
    T = jax.scipy.linalg.schur(matrix, output="complex")[0]
    values = jnp.diagonal(T)
    return jnp.stack([values.real, values.imag], axis=-1), jnp.linalg.norm(jnp.triu(T, 1))


def _schur_on_host(matrix):
    def host(m):
        T = scipy.linalg.schur(np.asarray(m), output="complex")[0]
        values, kind = np.diagonal(T), np.asarray(m).dtype
        return np.stack([values.real, values.imag], axis=-1).astype(kind), np.linalg.norm(np.triu(T, 1)).astype(kind)

    size, kind = matrix.shape[-1], matrix.dtype
    shapes = jax.ShapeDtypeStruct((size, 2), kind), jax.ShapeDtypeStruct((), kind)
    return jax.pure_callback(host, shapes, matrix, vmap_method="sequential")


def schur(matrix: Float[Array, "H H"]) -> tuple[Float[Array, "H 2"], Float[Array, ""]]:
    """Eigenvalues (real and imaginary parts) and the departure from normality, by Schur's form Q T Q*.

    The departure (Henrici 1962) is the Frobenius norm of T above its diagonal, sqrt(|A|_F^2 - sum |lambda|^2): zero for
    a normal matrix. Taken from T it is exact to rounding, where the difference of the squares would lose half of the
    digits. Not differentiable; NaN for a matrix with an entry that is not finite. Needs LAPACK, as `rho` does.
    """
    matrix = jax.lax.stop_gradient(matrix)
    finite = jnp.all(jnp.isfinite(matrix))
    find = _one_by_one(_schur) if jax.default_backend() == "cpu" else _schur_on_host
    found = find(jnp.where(finite, matrix, 0))
    return jax.tree.map(lambda a: jnp.where(finite, a, jnp.nan), found)


def recurrence(a: Array, b: Array, start: Array | float = 0.0) -> Array:
    """s_t = a_t s_{t-1} + b_t elementwise, all steps at once; time is the first axis, `start` stands before it.

    Pairs (a, b) and (a', b') combine to (a' a, a' b + b').
    """

    def combine(early, late):
        return late[0] * early[0], late[0] * early[1] + late[1]

    return jax.lax.associative_scan(combine, (a, b.at[0].add(a[0] * start)))[1]
