"""Both gated recurrent units: the reset gate before the recurrent product, or after it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import initializers
from ltd.activations import logistic
from ltd.cells.base import HiddenState, MixRecurrentCell, RecurrentCell, at_least_one, zeros


def _biases(key: Array, hidden: int, chrono: float | None) -> Array:
    """Of r, z, n. z lets the new in, so that its bias is minus that of a gate that keeps."""
    b = jnp.zeros(3 * hidden, jnp.result_type(float))
    if chrono is None:
        return b
    return b.at[hidden : 2 * hidden].set(-initializers.chrono(jax.random.split(key, 4)[3], hidden, chrono))


class GRUResetBefore(RecurrentCell):
    """Gated recurrent unit whose reset gate acts before the recurrent product.

        r, z = logistic(x_t W_k + h_{t-1} U_k + b_k)          k = r, z
        n    = tanh(x_t W_n + (r h_{t-1}) U_n + b_n)
        h_t  = (1 - z) h_{t-1} + z n

    With `chrono` = T_max the bias of z starts at -log u, u ~ U[1, T_max - 1]: 1 - z keeps for about u steps.

    Shapes
        x_t      input                                            (B, D)
        h_t      state, also the output                           (B, H)
        W        weights of r, z, n side by side                  (D, 3H)
        U, U_n   recurrent weights of r, z and of the candidate   (H, 2H), (H, H)
        b        bias, zero at first but for `chrono`             (3H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, or `chrono` not above 2.

    Source
        Cho et al. (2014), arXiv 1406.1078, with z as in Chung et al. (2014), arXiv 1412.3555; chrono: Tallec & Ollivier
        (2018), arXiv 1804.11188.
    Survey
        Equation 37 prints the gate of the step before where the state of the step before is meant. A closed reset gate
        does not let the unit forget by reading the first symbol: the unit acts as if it were reading the first symbol.
    Departures
        Cho et al. keep the old state at z; here, as in the survey, at 1 - z. Two products depend on each other, so
        there is no `mix`.
    """

    key = "A3.5"
    recurrent = {"U": ("r", "z"), "U_n": ("n",)}  # noqa: RUF012

    def __init__(
        self, key: Array, inputs: int, hidden: int = 64, init: str = "orthogonal", chrono: float | None = None
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        w_key, u_key, n_key = jax.random.split(key, 3)
        self.inputs, self.hidden = inputs, hidden
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, 3 * hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden, blocks=2))
        self.U_n = nnx.Param(initializers.recurrent(init, n_key, hidden))
        self.b = nnx.Param(_biases(key, hidden, chrono))

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def kernel(self):
        """U of the gates, U_n of the candidate."""
        return self.U[...], self.U_n[...]

    def step(self, kernel, state: HiddenState, drive) -> tuple[HiddenState, Array]:
        """Gates, then the candidate, then the blend."""
        U, U_n = kernel
        gates = logistic(drive[..., : 2 * self.hidden] + state.h @ U)
        r, z = jnp.split(gates, 2, axis=-1)
        n = jnp.tanh(drive[..., 2 * self.hidden :] + (r * state.h) @ U_n)
        h = state.h + z * (n - state.h)
        return HiddenState(h), h

    def units(self, kernel, state: HiddenState, drive):
        """r, z and the candidate n."""
        U, U_n = kernel
        r, z = jnp.split(drive[..., : 2 * self.hidden] + state.h @ U, 2, axis=-1)
        n = drive[..., 2 * self.hidden :] + (logistic(r) * state.h) @ U_n
        return {"r": (r, logistic), "z": (z, logistic), "n": (n, jnp.tanh)}


class GRUResetAfter(MixRecurrentCell):
    """Gated recurrent unit whose reset gate acts after the recurrent product, as in cuDNN and torch.

        r, z = logistic(x_t W_k + h_{t-1} U_k + b_k)          k = r, z
        n    = tanh(x_t W_n + b_n + r (h_{t-1} U_n + b_u))
        h_t  = (1 - z) h_{t-1} + z n

    With `chrono` = T_max the bias of z starts at -log u, u ~ U[1, T_max - 1]: 1 - z keeps for about u steps.

    Shapes
        x_t    input                                (B, D)
        h_t    state, also the output               (B, H)
        W, U   weights of r, z, n side by side      (D, 3H), (H, 3H)
        b      bias, zero at first but for `chrono` (3H,)
        b_u    bias inside the reset, zero at first (H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, or `chrono` not above 2.

    Source
        Cho et al. (2014), arXiv 1406.1078; the form with one recurrent product is that of the common libraries;
        chrono: Tallec & Ollivier (2018), arXiv 1804.11188.
    Survey
        Equation 37, whose gate of the step before must be the state of the step before, puts the reset gate before the
        product; this form is not in the survey.
    Departures
        torch keeps the old state at z; here, as in the survey, at 1 - z: negate its z block to carry weights over. No
        map of weights exists between the two places of the reset gate.
    """

    key = "A3.5"
    recurrent = {"U": ("r", "z", "n")}  # noqa: RUF012

    def __init__(
        self, key: Array, inputs: int, hidden: int = 64, init: str = "orthogonal", chrono: float | None = None
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        w_key, u_key = jax.random.split(key)
        self.inputs, self.hidden = inputs, hidden
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, 3 * hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden, blocks=3))
        self.b = nnx.Param(_biases(key, hidden, chrono))
        self.b_u = nnx.Param(jnp.zeros(hidden, jnp.result_type(float)))

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def kernel(self):
        """U, and b_u in the candidate's place."""
        b_u = self.b_u[...]
        return self.U[...], jnp.concatenate([jnp.zeros_like(b_u), jnp.zeros_like(b_u), b_u])

    def mix(self, kernel, read):
        """h U + b_u."""
        U, b_u = kernel
        return read @ U + b_u

    def advance(self, state: HiddenState, drive, mixed) -> tuple[HiddenState, Array]:
        """Gates, candidate, blend."""
        (d, d_n), (m, m_n) = (jnp.split(a, [2 * self.hidden], axis=-1) for a in (drive, mixed))
        r, z = jnp.split(logistic(d + m), 2, axis=-1)
        n = jnp.tanh(d_n + r * m_n)
        h = state.h + z * (n - state.h)
        return HiddenState(h), h

    def units(self, kernel, state: HiddenState, drive):
        """r, z and the candidate n."""
        mixed, gated = self.mix(kernel, state.h), 2 * self.hidden
        r, z = jnp.split(drive[..., :gated] + mixed[..., :gated], 2, axis=-1)
        n = drive[..., gated:] + logistic(r) * mixed[..., gated:]
        return {"r": (r, logistic), "z": (z, logistic), "n": (n, jnp.tanh)}


CELLS = {"gru_before": GRUResetBefore, "gru_after": GRUResetAfter}
