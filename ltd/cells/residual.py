"""Small steps from the state: the minimal network, and the antisymmetric one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import initializers
from ltd.activations import logistic
from ltd.cells.base import HiddenState, MixRecurrentCell, at_least_one, zeros


class MinimalRNN(MixRecurrentCell):
    """Minimal network: one gate between the state and an input that never sees the state.

        v_t = tanh(x_t W + b_v)
        u_t = logistic(h_{t-1} U + v_t V + b)
        h_t = u_t h_{t-1} + (1 - u_t) v_t

    The step Jacobian (on columns) is diag(u_t) + diag((h_{t-1} - v_t) u_t (1 - u_t)) U: for U = 0 a unit retains the
    product of its gates.

    Shapes
        x_t      input                              (B, D)
        h_t      state, also the output             (B, H)
        W        input weights                      (D, H)
        U, V     weights of the gate                (H, H), (H, H)
        b, b_v   biases of gate and input; `forget_bias` in the gate at first, 0 in the input   (H,), (H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1.

    Source
        Chen (2017), MinimalRNN, arXiv 1711.06788; Chen, Pennington & Schoenholz (2018), arXiv 1806.05394. Recalled,
        not checked.
    Departures
        The map of the input, which the source leaves open, is one layer with tanh.
    """

    key = "A3.14"
    recurrent = {"U": ("u",)}  # noqa: RUF012

    def __init__(self, key: Array, inputs: int, hidden: int = 64, forget_bias: float = 0.0, init: str = "orthogonal"):
        at_least_one(inputs=inputs, hidden=hidden)
        w_key, u_key, v_key = jax.random.split(key, 3)
        self.inputs, self.hidden = inputs, hidden
        dtype = jnp.result_type(float)
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden))
        self.V = nnx.Param(initializers.uniform_fan_in(v_key, (hidden, hidden)))
        self.b = nnx.Param(jnp.full(hidden, forget_bias, dtype))
        self.b_v = nnx.Param(jnp.zeros(hidden, dtype))

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def project(self, inputs: Array) -> tuple[Array, Array]:
        """v, and what it adds to the gate."""
        v = jnp.tanh(inputs @ self.W[...] + self.b_v[...])
        return v, v @ self.V[...] + self.b[...]

    def advance(self, state: HiddenState, drive, mixed) -> tuple[HiddenState, Array]:
        """Gate and blend."""
        v, gate = drive
        h = v + logistic(gate + mixed) * (state.h - v)
        return HiddenState(h), h


class Antisymmetric(MixRecurrentCell):
    """Antisymmetric network: a step of Euler along a flow that neither grows nor shrinks.

        h_t = h_{t-1} + epsilon z_t tanh(h_{t-1} M + x_t W_h + b_h),      M = U - U^T - gamma 1
        z_t = logistic(h_{t-1} M + x_t W_z + b_z)                          where `gated`, else 1

    Without gate and gamma the eigenvalues of the step Jacobian are 1 + i omega: the real part is 1 exactly, so their
    modulus is above 1 by about omega^2 / 2, which is what gamma is there to take back.

    Shapes
        x_t    input                                                         (B, D)
        h_t    state, also the output                                        (B, H)
        W      input weights W_h, and beside them W_z where `gated`          (D, H) or (D, 2H)
        U      recurrent weights, of which only the antisymmetric part acts  (H, H)
        b      bias, zero at first                                           (H,) or (2H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, epsilon is not positive, or gamma is negative.

    Source
        Chang, Chen, Haber & Chi (2019), AntisymmetricRNN, arXiv 1902.09689.
    Departures
        U is a full matrix, twice as many numbers as its antisymmetric part has. epsilon and gamma are ours at first.
    """

    key = "A3.14"

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        epsilon: float = 0.1,
        gamma: float = 0.01,
        gated: bool = False,
        init: str = "gaussian",
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        if not epsilon > 0:
            raise ValueError(f"epsilon = {epsilon} must be above 0: it is the step size.")
        if not gamma >= 0:
            raise ValueError(f"gamma = {gamma} must be at least 0: it is a friction. For none use 0.")
        w_key, u_key = jax.random.split(key)
        self.inputs, self.hidden, self.epsilon, self.friction, self.gated = inputs, hidden, epsilon, gamma, gated
        width = 2 * hidden if gated else hidden
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, width)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden))
        self.b = nnx.Param(jnp.zeros(width, jnp.result_type(float)))

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def kernel(self):
        """M."""
        U = self.U[...]
        return U - U.T - self.friction * jnp.eye(self.hidden, dtype=U.dtype)

    def advance(self, state: HiddenState, drive, mixed) -> tuple[HiddenState, Array]:
        """One step of Euler."""
        move = jnp.tanh(drive[..., : self.hidden] + mixed)
        if self.gated:
            move = logistic(drive[..., self.hidden :] + mixed) * move
        h = state.h + self.epsilon * move
        return HiddenState(h), h


CELLS = {"minimal_rnn": MinimalRNN, "antisymmetric": Antisymmetric}
