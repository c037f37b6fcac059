"""Linear state spaces with a complex diagonal: LRU and S5. The state is kept as two real parts."""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from ltd.cells.base import DiagonalCell, at_least_one, zeros


class LinearState(NamedTuple):
    """re, im: real and imaginary part of the state, each (B, N)."""

    re: Array
    im: Array


class Split(NamedTuple):
    """The drive: the input's share of the state in two real parts, and that of the output."""

    re: Array
    im: Array
    through: Array


class _ComplexDiagonal(DiagonalCell):
    """What both share: a complex state of `size` numbers, and a real output through the pair C, F."""

    exact = True
    size: int
    C: nnx.Param
    F: nnx.Param

    def initial_state(self, batch: tuple[int, ...]) -> LinearState:
        """Zero."""
        return LinearState(zeros(batch, self.size), zeros(batch, self.size))

    def pack(self, state: LinearState) -> Array:
        """Two real parts to a complex one."""
        return jax.lax.complex(state.re, state.im)

    def unpack(self, packed: Array) -> LinearState:
        """And back."""
        return LinearState(packed.real, packed.imag)

    def affine(self, kernel, drive: Split) -> tuple[Array, Array]:
        """lambda, the same at every step, and the input's share."""
        b = jax.lax.complex(drive.re, drive.im)
        return jnp.broadcast_to(kernel[0], b.shape), b

    def emit(self, kernel, state: LinearState, drive: Split) -> Array:
        """The real part of the state times C, and the input's own share."""
        C = kernel[1]
        return state.re @ C[0] - state.im @ C[1] + drive.through


class LRU(_ComplexDiagonal):
    """Linear recurrent unit: a complex diagonal matrix inside the unit circle.

        h_t    = lambda h_{t-1} + n (x_t B)
        y_t    = Re(h_t C) + x_t F
        lambda = exp(-exp(nu) + i exp(theta));   n = exp(log_n), or sqrt(1 - |lambda|^2) if `norm` is tied

    Shapes
        x_t    input                                                       (B, D)
        h_t    state, in two real parts; N is H                            (B, N), (B, N)
        y_t    output                                                      (B, H)
        nu     |lambda|^2 uniform in [r_min^2, r_max^2] at first           (N,)
        theta  log of the phase, which is uniform in [0, theta_max]        (N,)
        log_n  log of n, at first so that n = sqrt(1 - |lambda|^2); only where `norm` is learned   (N,)
        B      input weights, real and imaginary part, N(0, 1 / 2D) each   (2, D, N)
        C      output weights, real and imaginary part, N(0, 1 / N) each   (2, N, H)
        F      feed-through, N(0, 1 / D)                                   (D, H)

    Raises
        ValueError  if a size is below 1, the ring is not 0 <= r_min < r_max <= 1, `theta_max` is not in (0, 2 pi], or
                    `norm` is neither learned nor tied.

    Source
        Orvieto et al. (2023), Resurrecting recurrent neural networks for long sequences, arXiv 2303.06349; that n
        (their gamma) is learned, and the initial values, as in the re-implementation minimal-LRU by Zucchet.
    Departures
        The layer around it (norm, gated linear unit, skip connection) is left out. Inputs and outputs may differ in
        size, so F is a matrix where the paper has a vector.
    """

    key = "A3.14"

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        r_min: float = 0.0,
        r_max: float = 1.0,
        theta_max: float = 6.283,
        norm: Literal["learned", "tied"] = "learned",
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(
                f"r_min = {r_min}, r_max = {r_max} must be a ring within the unit circle: 0 <= r_min < r_max <= 1."
            )
        if not 0 < theta_max <= 2 * np.pi:
            raise ValueError(f"theta_max = {theta_max} must be an angle above 0 and at most 2 pi.")
        if norm not in ("learned", "tied"):
            raise ValueError(f"norm = {norm!r} must be learned or tied.")
        dtype = jnp.result_type(float)
        eps = float(jnp.finfo(dtype).eps)  # lambda = 0, or |lambda| = 1, has no logarithm of nu
        nu_key, theta_key, b_key, c_key, f_key = jax.random.split(key, 5)
        self.inputs, self.hidden, self.size, self.norm = inputs, hidden, hidden, norm
        square = jax.random.uniform(nu_key, (hidden,), dtype, r_min**2, r_max**2)
        nu = jnp.log(-0.5 * jnp.log(jnp.clip(square, eps, 1 - eps)))
        self.nu = nnx.Param(nu)
        self.theta = nnx.Param(jnp.log(jax.random.uniform(theta_key, (hidden,), dtype, eps, theta_max)))
        self.log_n = nnx.Param(jnp.log(_complement(nu))) if norm == "learned" else None
        self.B = nnx.Param(jax.random.normal(b_key, (2, inputs, hidden), dtype) / np.sqrt(2 * inputs))
        self.C = nnx.Param(jax.random.normal(c_key, (2, hidden, hidden), dtype) / np.sqrt(hidden))
        self.F = nnx.Param(jax.random.normal(f_key, (inputs, hidden), dtype) / np.sqrt(inputs))

    def eigenvalues(self) -> Array:
        """lambda."""
        phase, modulus = jnp.exp(self.theta[...]), jnp.exp(-jnp.exp(self.nu[...]))
        return jax.lax.complex(modulus * jnp.cos(phase), modulus * jnp.sin(phase))

    def kernel(self):
        """lambda, C."""
        return self.eigenvalues(), self.C[...]

    def project(self, inputs: Array) -> Split:
        """n (x B), x F."""
        n = _complement(self.nu[...]) if self.log_n is None else jnp.exp(self.log_n[...])
        re, im = self.B[...]
        return Split(inputs @ (re * n), inputs @ (im * n), inputs @ self.F[...])


def _complement(nu: Array) -> Array:
    """sqrt(1 - |lambda|^2), to rounding also where |lambda| is almost 1."""
    return jnp.sqrt(-jnp.expm1(-2 * jnp.exp(nu)))


class S5(_ComplexDiagonal):
    """Simplified state space layer: one system with many inputs and outputs, diagonal, held between steps.

        h'(t) = A h(t) + B u(t),  A diagonal;   discretised by a hold of length dt per state (zero-order hold):
        h_t = lambda h_{t-1} + (lambda - 1) / A (x_t B),      lambda = exp(A dt)
        y_t = f(2 Re(h_t C) + x_t F)

    States come in conjugate pairs; one of each pair is kept, hence the 2. A, B and C start from the normal part of the
    HiPPO-LegS matrix, S = V A V*: B is V* times a real matrix, C a real matrix times V.

    Shapes
        x_t       input                                                     (B, D)
        h_t       state, in two real parts; N = state / 2                   (B, N), (B, N)
        y_t       output                                                    (B, H)
        A         real and imaginary part of the continuous eigenvalues     (2, N)
        log_step  log dt, uniform between log dt_min and log dt_max         (N,)
        B         input weights, real and imaginary part                    (2, D, N)
        C         output weights, real and imaginary part                   (2, N, H)
        F         feed-through, N(0, 1 / D)                                 (D, H)
        f         `activation` of the output: none or gelu

    Raises
        ValueError  if a size is below 1, `state` is odd, the steps are not 0 < dt_min <= dt_max, or `activation` is
                    neither none nor gelu.

    Source
        Smith, Warrington & Linderman (2023), Simplified state space layers for sequence modeling, arXiv 2208.04933;
        form and initial values as in the authors' released code.
    Departures
        One block of HiPPO, not several; no bidirectional form, bilinear rule or clipping of A; no norm, gate or skip
        connection around it. Inputs and outputs may differ in size, so F is a matrix where the paper has a vector. B
        starts as N(0, 1 / D) and C as N(0, 1 / state) in real coordinates; theirs is complex there.
    """

    key = "-"

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        state: int = 64,
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        activation: Literal["none", "gelu"] = "none",
    ):
        at_least_one(inputs=inputs, hidden=hidden, state=state)
        if state % 2:
            raise ValueError(f"state = {state} must be even: states come in conjugate pairs.")
        if not 0 < dt_min <= dt_max:
            raise ValueError(
                f"dt_min = {dt_min}, dt_max = {dt_max} must be 0 < dt_min <= dt_max: they bound a step of time."
            )
        if activation not in ("none", "gelu"):
            raise ValueError(f"activation = {activation!r} must be none or gelu.")
        dtype = jnp.result_type(float)
        dt_key, b_key, c_key, f_key = jax.random.split(key, 4)
        self.inputs, self.hidden, self.size, self.activation = inputs, hidden, state // 2, activation
        eigenvalues, V = hippo(state)
        V_re, V_im = jnp.asarray(V.real, dtype), jnp.asarray(V.imag, dtype)
        self.A = nnx.Param(jnp.asarray(np.stack([eigenvalues.real, eigenvalues.imag]), dtype))
        self.log_step = nnx.Param(jax.random.uniform(dt_key, (self.size,), dtype, np.log(dt_min), np.log(dt_max)))
        B = jax.random.normal(b_key, (inputs, state), dtype) / np.sqrt(inputs)
        C = jax.random.normal(c_key, (state, hidden), dtype) / np.sqrt(state)
        self.B = nnx.Param(jnp.stack([B @ V_re, -B @ V_im]))  # rows: x B V-bar
        self.C = nnx.Param(jnp.stack([V_re.T @ C, V_im.T @ C]))
        self.F = nnx.Param(jax.random.normal(f_key, (inputs, hidden), dtype) / np.sqrt(inputs))

    def kernel(self):
        """lambda, and 2 C for the half that is not kept."""
        return jnp.exp(self._turn()), 2 * self.C[...]

    def project(self, inputs: Array) -> Split:
        """(lambda - 1) / A (x B), x F."""
        held = jnp.expm1(self._turn()) / jax.lax.complex(*self.A[...])
        re, im = self.B[...]
        B = jax.lax.complex(re, im) * held
        return Split(inputs @ B.real, inputs @ B.imag, inputs @ self.F[...])

    def emit(self, kernel, state: LinearState, drive: Split) -> Array:
        """f(2 Re(h C) + x F)."""
        y = super().emit(kernel, state, drive)
        return jax.nn.gelu(y) if self.activation == "gelu" else y

    def _turn(self) -> Array:
        """A dt."""
        re, im = self.A[...] * jnp.exp(self.log_step[...])
        return jax.lax.complex(re, im)


@functools.cache
def hippo(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The eigenvalues with positive imaginary part of the normal part of HiPPO-LegS, and their eigenvectors.

    S = -1/2 I + K, K skew: K_{nk} = -sqrt((n + 1/2)(k + 1/2)) below the diagonal. -i K is Hermitian.
    """
    root = np.sqrt(np.arange(size) + 0.5)
    lower = -np.tril(np.outer(root, root), -1)
    turning, V = np.linalg.eigh(-1j * (lower - lower.T))
    kept = turning > 0
    return -0.5 + 1j * turning[kept], V[:, kept]


CELLS = {"lru": LRU, "s5": S5}
