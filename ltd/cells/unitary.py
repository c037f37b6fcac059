"""Networks whose recurrent matrix is unitary or orthogonal by construction: uRNN, expRNN, scoRNN."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Float

from ltd import initializers, linalg
from ltd.cells.base import HiddenState, MixRecurrentCell, at_least_one, zeros

SMALLEST = 1e-12  # moduli below it have no phase: their inverse squared would overflow single precision


class ComplexState(NamedTuple):
    """re, im: real and imaginary part of the hidden state, each (B, H)."""

    re: Array
    im: Array


def modrelu(a: Array, b: Array) -> Array:
    """sign(a) relu(|a| + b), with slope 1 at a = 0 where b = 0: without a bias it is the identity."""
    return jnp.where(jnp.abs(a) + b >= 0, a + b * jnp.sign(a), 0)


def complex_modrelu(re: Array, im: Array, b: Array) -> tuple[Array, Array]:
    """z / |z| relu(|z| + b) of z = re + i im; the modulus shrinks or grows, the phase stays."""
    square = re * re + im * im
    phased = square > SMALLEST**2
    inverse = jnp.where(phased, jax.lax.rsqrt(jnp.where(phased, square, 1)), 0)
    modulus = square * inverse
    scale = jnp.where(modulus + b >= 0, 1 + b * inverse, 0)
    return re * scale, im * scale


def skew_entries(init: str, key: Array, size: int) -> Float[Array, " n"]:
    """Entries above the diagonal of a skew matrix of 2 x 2 blocks [[0, s], [-s, 0]], row by row.

    henaff   s ~ U(-pi, pi): exp turns each pair of units by a random angle
    cayley   s = -sqrt((1 - cos u) / (1 + cos u)), u ~ U(0, pi/2): their Cayley transform turns it by u
    """
    dtype, pairs = jnp.result_type(float), size // 2
    if init == "henaff":
        s = jax.random.uniform(key, (pairs,), dtype, -jnp.pi, jnp.pi)
    elif init == "cayley":
        u = jax.random.uniform(key, (pairs,), dtype, 0, jnp.pi / 2)
        s = -jnp.tan(u / 2)
    else:
        raise KeyError(f"no initializer {init!r}; known initializers: henaff, cayley")
    first = 2 * np.arange(pairs)
    place = first * size - first * (first + 1) // 2  # of the entry (first, first + 1) in the triangle
    return jnp.zeros(size * (size - 1) // 2, dtype).at[place].set(s)


def skew(entries: Float[Array, " n"], size: int) -> Float[Array, "H H"]:
    """A with these entries above the diagonal, and minus them below."""
    upper = jnp.zeros((size, size), entries.dtype).at[np.triu_indices(size, 1)].set(entries)
    return upper - upper.T


class URNN(MixRecurrentCell):
    """Unitary evolution network: a complex state, turned by a product of structured unitary matrices.

        U   = D_3 R_2 F^-1 D_2 P R_1 F D_1                    acting on columns
        h_t = modrelu(U h_{t-1} + x_t W),                     modrelu(z) = relu(|z| + b) z / |z|
        y_t = [Re h_t, Im h_t]

        D_k = diag(exp(i theta_k));   R_k = I - 2 v_k v_k* / |v_k|^2;   F unitary Fourier matrix;   P fixed permutation

    Shapes
        x_t    input                                                   (B, D)
        h_t    state, in two real parts                                (B, H), (B, H)
        y_t    output                                                  (B, 2H)
        W      input weights, real and imaginary part side by side     (D, 2H)
        theta  phases of D_1, D_2, D_3, from U(-pi, pi)                (3, H)
        v      v_1, v_2, real and imaginary part, from U(-1, 1)        (2, 2, H)
        b      bias of modrelu, zero at first                          (H,)

    Raises
        ValueError  if a size is below 1, or `permutation` below 0.

    Source
        Arjovsky, Shah & Bengio (2016), Unitary evolution recurrent neural networks, arXiv 1511.06464; equations and
        initial values from a draft in the authors' repository.
    Departures
        The factors are multiplied out once per unroll, with a product by the Fourier matrix in place of a fast
        transform, so that a step is one product of 2H by 2H. P is drawn by numpy from the option `permutation`, not
        from the key. The state starts at zero unless the model is asked to learn its start. The authors' released code
        differs from their text: it leaves F out, learns a scale per unit, adds 1e-5 to moduli, and draws theta and b
        close to zero.
    """

    key = "A3.14"
    exact = True

    def __init__(self, key: Array, inputs: int, hidden: int = 64, permutation: int = 0):
        at_least_one(inputs=inputs, hidden=hidden)
        if permutation < 0:
            raise ValueError(f"permutation = {permutation} must not be below 0: it is the seed that draws P.")
        dtype = jnp.result_type(float)
        w_key, theta_key, v_key = jax.random.split(key, 3)
        self.inputs, self.hidden, self.permutation = inputs, hidden, permutation
        bound = np.sqrt(6 / (inputs + hidden))
        self.W = nnx.Param(jax.random.uniform(w_key, (inputs, 2 * hidden), dtype, -bound, bound))
        self.theta = nnx.Param(jax.random.uniform(theta_key, (3, hidden), dtype, -jnp.pi, jnp.pi))
        self.v = nnx.Param(jax.random.uniform(v_key, (2, 2, hidden), dtype, -1, 1))
        self.b = nnx.Param(jnp.zeros(hidden, dtype))

    @property
    def width(self) -> int:
        """Both parts of the state."""
        return 2 * self.hidden

    def initial_state(self, batch: tuple[int, ...]) -> ComplexState:
        """h = 0."""
        return ComplexState(zeros(batch, self.hidden), zeros(batch, self.hidden))

    def project(self, inputs: Array) -> Array:
        """x W: real parts, then imaginary parts. The bias is that of the modulus and waits for the state."""
        return inputs @ self.W[...]

    def kernel(self):
        """U as a real matrix [2H, 2H] for rows [Re h, Im h], and b."""
        theta, v = self.theta[...], self.v[...]
        phases = jax.lax.complex(jnp.cos(theta), jnp.sin(theta))
        reflections = jax.lax.complex(v[:, 0], v[:, 1])
        F = jnp.asarray(_fourier(self.hidden), phases.dtype)
        U = _reflect(reflections[0], F * phases[0])
        U = U[np.random.default_rng(self.permutation).permutation(self.hidden)] * phases[1][:, None]
        U = _reflect(reflections[1], jnp.matmul(F.conj(), U, precision="highest")) * phases[2][:, None]
        re, im = U.real.T, U.imag.T
        return jnp.block([[re, im], [-im, re]]), self.b[...]

    def read(self, state: ComplexState) -> Array:
        """[Re h, Im h]."""
        return jnp.concatenate(state, axis=-1)

    def mix(self, kernel, read):
        """U h, and b spread over the batch."""
        U, b = kernel
        return read @ U, jnp.broadcast_to(b, (*read.shape[:-1], self.hidden))

    def advance(self, state: ComplexState, drive, mixed) -> tuple[ComplexState, Array]:
        """h = modrelu(drive + U h)."""
        product, b = mixed
        re, im = jnp.split(drive + product, 2, axis=-1)
        re, im = complex_modrelu(re, im, b)
        return ComplexState(re, im), jnp.concatenate([re, im], axis=-1)


@functools.cache
def _fourier(size: int) -> np.ndarray:
    power = np.outer(np.arange(size), np.arange(size)) % size
    return np.exp(-2j * np.pi * power / size) / np.sqrt(size)


def _reflect(v: Array, matrix: Array) -> Array:
    """(I - 2 v v* / |v|^2) matrix."""
    along = jnp.matmul(v.conj(), matrix, precision="highest")
    square = jnp.sum(jnp.square(v.real) + jnp.square(v.imag))
    return matrix - (2 / square) * v[:, None] * along


class _Orthogonal(MixRecurrentCell):
    """What both share: a real state, U made once per unroll from a skew matrix, modrelu."""

    key = "-"
    exact = True
    rotation: Callable[[], Array]

    def __init__(self, key: Array, inputs: int, hidden: int, init: str, spread: float):
        at_least_one(inputs=inputs, hidden=hidden)
        dtype = jnp.result_type(float)
        w_key, a_key, b_key = jax.random.split(key, 3)
        self.inputs, self.hidden = inputs, hidden
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, hidden)))
        self.a = nnx.Param(skew_entries(init, a_key, hidden))
        self.b = nnx.Param(jax.random.uniform(b_key, (hidden,), dtype, -spread, spread))

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def project(self, inputs: Array) -> Array:
        """x W. The bias is that of the modulus and waits for the state."""
        return inputs @ self.W[...]

    def kernel(self):
        """U, the rounding errors of how it was made taken out, and b."""
        return linalg.nearest_orthogonal(self.rotation()), self.b[...]

    def mix(self, kernel, read):
        """h U, and b spread over the batch."""
        U, b = kernel
        return read @ U, jnp.broadcast_to(b, read.shape)

    def advance(self, state: HiddenState, drive, mixed) -> tuple[HiddenState, Array]:
        """h = modrelu(drive + h U)."""
        product, b = mixed
        h = modrelu(drive + product, b)
        return HiddenState(h), h


class ExpRNN(_Orthogonal):
    """Orthogonal network whose matrix is the exponential of a skew one.

        U   = exp(A),   A skew: a above the diagonal, -a below
        h_t = modrelu(x_t W + h_{t-1} U),                     modrelu(z) = relu(|z| + b) sign(z)

    Shapes
        x_t   input                                       (B, D)
        h_t   state, also the output                      (B, H)
        W     input weights                               (D, H)
        a     entries of A above the diagonal, by rows    (H (H - 1) / 2,)
        b     bias of modrelu, from U(-0.01, 0.01)        (H,)

    Raises
        KeyError    if `init` is neither henaff nor cayley.
        ValueError  if a size is below 1.

    Source
        Lezcano-Casado & Martinez-Rubio (2019), Cheap orthogonal constraints in neural networks, arXiv 1901.08428;
        form and initial values of a and b as in the authors' released code.
    Departures
        The exponential is differentiated as it is computed, not by a formula of its own, and its rounding errors are
        taken out by one step towards the nearest orthogonal matrix. No change of basis during training. W starts
        uniform within 1 / sqrt(D); the authors draw it from N(0, 2 / D). As in the paper, no matrix of determinant -1
        is within reach. The exponential is exact to rounding for 1-norms of A up to 512, far above the first ones; some
        way beyond (measured at 4000) U ceases to be exp(A) and to be orthogonal, see `ltd.linalg.expm`.
    """

    def __init__(self, key: Array, inputs: int, hidden: int = 64, init: str = "henaff"):
        super().__init__(key, inputs, hidden, init, 0.01)

    def rotation(self) -> Array:
        """U."""
        return linalg.expm(skew(self.a[...], self.hidden))


class ScoRNN(_Orthogonal):
    """Orthogonal network whose matrix is the scaled Cayley transform of a skew one.

        U   = (I + A)^-1 (I - A) D,   A skew: a above the diagonal, -a below;   D = diag(1, ..., 1, -1, ..., -1)
        h_t = modrelu(x_t W + h_{t-1} U),                     modrelu(z) = relu(|z| + b) sign(z)

    Shapes
        x_t   input                                       (B, D)
        h_t   state, also the output                      (B, H)
        W     input weights                               (D, H)
        a     entries of A above the diagonal, by rows    (H (H - 1) / 2,)
        b     bias of modrelu, zero at first              (H,)
        rho   share of -1 in D, rounded to whole units; fixed

    Raises
        KeyError    if `init` is neither henaff nor cayley.
        ValueError  if a size is below 1, or `rho` is not a share.

    Source
        Helfrich, Willmott & Ye (2018), Orthogonal recurrent neural networks with scaled Cayley transform,
        arXiv 1707.09520; form and initial values as in the authors' released code.
    Departures
        Rounding errors of U are taken out as in ExpRNN. A moves by the optimizer of all weights; the authors give it
        one of its own with a smaller step. W starts uniform within 1 / sqrt(D), theirs within 0.01. rho is a share,
        theirs a number of units.
    """

    def __init__(self, key: Array, inputs: int, hidden: int = 64, rho: float = 0.5, init: str = "cayley"):
        super().__init__(key, inputs, hidden, init, 0.0)
        if not 0 <= rho <= 1:
            raise ValueError(f"rho = {rho} must lie between 0 and 1: it is the share of -1 on the diagonal of D.")
        self.rho = rho

    def rotation(self) -> Array:
        """U; (I + A)^-1 (I - A) = 2 (I + A)^-1 - I needs no product."""
        A = skew(self.a[...], self.hidden)
        eye = jnp.eye(self.hidden, dtype=A.dtype)
        D = np.where(np.arange(self.hidden) < self.hidden - round(self.rho * self.hidden), 1, -1)
        return (2 * linalg.inverse(eye + A) - eye) * D.astype(A.dtype)


CELLS = {"urnn": URNN, "exprnn": ExpRNN, "scornn": ScoRNN}
