"""The network of Jordan: what is fed back is its output."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import activations, initializers
from ltd.cells.base import RecurrentCell, at_least_one, zeros


class JordanState(NamedTuple):
    """y: the output fed back (B, F)."""

    y: Array


class Jordan(RecurrentCell):
    """Jordan network: the state is the output of the step before.

        h_t = f(x_t W + y_{t-1} U + b)
        y_t = f_o(h_t V + b_y)

    The cell holds this read-out; whatever reads the cell sees y_t. Memory passes through `feedback` numbers, however
    many hidden units there are. With V the identity and f_o linear it is the network of Elman.

    Shapes
        x_t      input                                    (B, D)
        h_t      hidden units, no state                   (B, H)
        y_t      state, also the output; F is `feedback`  (B, F)
        W, U     input and feedback weights               (D, H), (F, H)
        V        read-out                                 (H, F)
        b, b_y   biases, zero at first                    (H,), (F,)

    Raises
        KeyError    if an activation is not known.
        ValueError  if a size is below 1, or an activation learns numbers of its own.

    Source
        Jordan (1986), Serial order, ICS report 8604, UC San Diego; recalled, not checked.
    Departures
        Trained by backpropagation through time, on fed-back outputs and never on targets: teacher forcing is a field of
        a run (`feedback`), in which the outputs of the whole network return. The state units
        of the original also decay by themselves; here, as in the catalogue, they hold one step.
    """

    key = "A1.4"

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        feedback: int = 16,
        activation: str = "tanh",
        output_activation: str = "linear",
    ):
        at_least_one(inputs=inputs, hidden=hidden, feedback=feedback)
        activations.plain(activation), activations.plain(output_activation)
        w_key, u_key, v_key = jax.random.split(key, 3)
        self.inputs, self.hidden, self.feedback = inputs, hidden, feedback
        self.activation, self.output_activation = activation, output_activation
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, hidden)))
        self.U = nnx.Param(initializers.uniform_fan_in(u_key, (feedback, hidden)))
        self.V = nnx.Param(initializers.uniform_fan_in(v_key, (hidden, feedback)))
        self.b = nnx.Param(jnp.zeros(hidden, jnp.result_type(float)))
        self.b_y = nnx.Param(jnp.zeros(feedback, jnp.result_type(float)))

    @property
    def width(self) -> int:
        """The size of y."""
        return self.feedback

    def initial_state(self, batch: tuple[int, ...]) -> JordanState:
        """y = 0."""
        return JordanState(zeros(batch, self.feedback))

    def kernel(self):
        """U, V and b_y."""
        return self.U[...], self.V[...], self.b_y[...]

    def step(self, kernel, state: JordanState, drive) -> tuple[JordanState, Array]:
        """Hidden units from the last output, then the output."""
        U, V, b_y = kernel
        h = activations.plain(self.activation)(drive + state.y @ U)
        y = activations.plain(self.output_activation)(h @ V + b_y)
        return JordanState(y), y


CELLS = {"jordan": Jordan}
