"""Gated networks whose gates do not see the state, and which therefore run in parallel: minGRU and minLSTM."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import initializers
from ltd.activations import logistic
from ltd.cells.base import DiagonalCell, HiddenState, at_least_one, zeros


class _Minimal(DiagonalCell):
    """What both share: `blocks` input weights side by side, no recurrent weights, the state as output."""

    key = "A3.14"
    blocks: int

    def __init__(self, key: Array, inputs: int, hidden: int = 64):
        at_least_one(inputs=inputs, hidden=hidden)
        self.inputs, self.hidden = inputs, hidden
        self.W = nnx.Param(initializers.uniform_fan_in(key, (inputs, self.blocks * hidden)))
        self.b = nnx.Param(jnp.zeros(self.blocks * hidden, jnp.result_type(float)))

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def kernel(self):
        """Nothing: the loop uses no weight."""
        return ()

    def emit(self, kernel, state: HiddenState, drive) -> Array:
        """h."""
        return state.h


class MinGRU(_Minimal):
    """Minimal GRU: update gate and candidate see the input alone.

        z   = logistic(x_t W_z + b_z)
        n   = x_t W_n + b_n
        h_t = (1 - z) h_{t-1} + z n

    Shapes
        x_t   input                            (B, D)
        h_t   state, also the output           (B, H)
        W     weights of z, n side by side     (D, 2H)
        b     bias, zero at first              (2H,)

    Raises
        ValueError  if a size is below 1.

    Source
        Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024), Were RNNs all we needed?, arXiv 2410.01201; equations
        second-hand.
    Departures
        Biases are added. Computed as it stands, not in log space, so that the candidate may be negative.
    """

    blocks = 2

    def affine(self, kernel, drive) -> tuple[HiddenState, HiddenState]:
        """1 - z, and z n."""
        a, n = jnp.split(drive, 2, axis=-1)
        return HiddenState(logistic(-a)), HiddenState(logistic(a) * n)


class MinLSTM(_Minimal):
    """Minimal LSTM: forget and input gate see the input alone, and share one unit of attention between them.

        f, i = logistic(x_t W_k + b_k)                            k = f, i
        n    = x_t W_n + b_n
        h_t  = f / (f + i) h_{t-1} + i / (f + i) n

    Shapes
        x_t   input                               (B, D)
        h_t   state, also the output              (B, H)
        W     weights of f, i, n side by side     (D, 3H)
        b     bias, zero at first                 (3H,)

    Raises
        ValueError  if a size is below 1.

    Source
        Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024), Were RNNs all we needed?, arXiv 2410.01201; equations
        second-hand.
    Departures
        The share f / (f + i) is computed as logistic(log f - log i), so that two closed gates do not divide by zero.
        Not in log space otherwise, so that the candidate may be negative. Biases are added.
    """

    blocks = 3

    def affine(self, kernel, drive) -> tuple[HiddenState, HiddenState]:
        """The shares of the old state, and of the candidate times the candidate."""
        a_f, a_i, n = jnp.split(drive, 3, axis=-1)
        odds = jax.nn.softplus(-a_i) - jax.nn.softplus(-a_f)  # log f - log i
        return HiddenState(logistic(odds)), HiddenState(logistic(-odds) * n)


CELLS = {"min_gru": MinGRU, "min_lstm": MinLSTM}
