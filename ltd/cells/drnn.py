"""The differential RNN: an LSTM whose gates see how fast the cell changes."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import initializers
from ltd.activations import logistic
from ltd.cells.base import RecurrentCell, at_least_one, zeros
from ltd.cells.lstm import LSTMState


class DRNNState(NamedTuple):
    """h: output (B, H); c: cell (B, H); past: the cells of the `order` steps before it, the latest first (B, R, H)."""

    h: Array
    c: Array
    past: Array


def differences(cells: Array) -> list[Array]:
    """D^(0), ..., D^(R) of the latest of R + 1 cells, stacked on the axis before the last with the latest first."""
    found = []
    while cells.shape[-2]:
        found.append(cells[..., 0, :])
        cells = cells[..., :-1, :] - cells[..., 1:, :]
    return found


class DRNN(RecurrentCell):
    """Differential RNN: the gates of an LSTM see the cell and its differences in time up to an order.

        D^(0) c_t = c_t,    D^(r) c_t = D^(r-1) c_t - D^(r-1) c_{t-1},      c_t = 0 for t <= 0
        i, f  = logistic(x_t W_k + h_{t-1} U_k + sum_r D^(r) c_{t-1} Q_k^r + b_k)       k = i, f;  r = 0..R
        c_t   = f c_{t-1} + i tanh(x_t W_g + h_{t-1} U_g + b_g)
        o     = logistic(x_t W_o + h_{t-1} U_o + sum_r D^(r) c_t Q_o^r + b_o)
        h_t   = o tanh(c_t)

    Shapes
        x_t       input                                             (B, D)
        h_t, c_t  output and cell, a part of the state              (B, H)
        past      c_{t-1}, ..., c_{t-R}, the rest of the state; there is none for R = 0   (B, R, H)
        W, U      weights of i, f, o, g side by side                (D, 4H), (H, 4H)
        b         bias; `forget_bias` in the forget gate, else 0 at first   (4H,)
        Q         what i, f, o see of the cell, order 0, then i, f, o of order 1, ...; 0 at first   (H, 3(R + 1)H)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, or `order` below 0.

    Source
        Veeriah, Zhuang & Qi (2015), Differential recurrent neural networks for action recognition, arXiv 1504.06678;
        the gating by derivatives of the cell is second-hand, the system as a whole recalled, not checked.
    Survey
        Equations 29-31 differentiate the hidden state h; the signal is the derivative of the cell. The caption of
        figure 6 puts the forget gate at t where equation 30 has t - 1; the output gate is the one at t.
    Departures
        Q starts at zero, so that the untrained network is an LSTM, and rho and sigma leave it alone. The gradient
        is not truncated.
    """

    key = "A2.22"
    recurrent = {"U": ("i", "f", "o", "g")}  # noqa: RUF012

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        order: int = 1,
        forget_bias: float = 1.0,
        init: str = "orthogonal",
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        if order < 0:
            raise ValueError(
                f"order = {order} must be at least 0: 0 sees the cell, 1 its change, 2 the change of that."
            )
        w_key, u_key = jax.random.split(key)
        self.inputs, self.hidden, self.order = inputs, hidden, order
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, 4 * hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden, blocks=4))
        self.Q = nnx.Param(jnp.zeros((hidden, 3 * (order + 1) * hidden), jnp.result_type(float)))
        bias = initializers.forget_bias(hidden, forget_bias)
        self.b = nnx.Param(jnp.zeros(4 * hidden, jnp.result_type(float)).at[hidden : 2 * hidden].set(bias))

    def initial_state(self, batch: tuple[int, ...]) -> Any:
        """All zero."""
        h, c = zeros(batch, self.hidden), zeros(batch, self.hidden)
        return DRNNState(h, c, zeros((*batch, self.order), self.hidden)) if self.order else LSTMState(h, c)

    def kernel(self):
        """U; Q into i and f, and into o, orders one above the other."""
        Q = self.Q[...].reshape(self.hidden, self.order + 1, 3 * self.hidden)
        Q = jnp.concatenate(jnp.unstack(Q, axis=1))
        return self.U[...], Q[:, : 2 * self.hidden], Q[:, 2 * self.hidden :]

    def step(self, kernel, state, drive) -> tuple[Any, Array]:
        """Gates that see the old cells, the new cell, the gate that sees it."""
        U, Q, Q_o = kernel
        H = self.hidden
        a = drive + state.h @ U
        cells = state.c[..., None, :]
        if self.order:
            cells = jnp.concatenate([cells, state.past], axis=-2)  # c_{t-1}, ..., c_{t-1-R}
        gates = logistic(a[..., : 2 * H] + jnp.concatenate(differences(cells), axis=-1) @ Q)
        i, f = jnp.split(gates, 2, axis=-1)
        c = f * state.c + i * jnp.tanh(a[..., 3 * H :])
        cells = jnp.concatenate([c[..., None, :], cells[..., :-1, :]], axis=-2)
        o = logistic(a[..., 2 * H : 3 * H] + jnp.concatenate(differences(cells), axis=-1) @ Q_o)
        h = o * jnp.tanh(c)
        return (DRNNState(h, c, cells[..., 1:, :]) if self.order else LSTMState(h, c)), h


CELLS = {"drnn": DRNN}
