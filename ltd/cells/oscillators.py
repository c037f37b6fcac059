"""Networks from differential equations with proven bounds: coupled oscillators, and long expressive memory."""

from __future__ import annotations

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import initializers
from ltd.activations import logistic
from ltd.cells.base import MixRecurrentCell, RecurrentCell, at_least_one, zeros


class OscillatorState(NamedTuple):
    """y: positions (B, H), the output; z: velocities (B, H)."""

    y: Array
    z: Array


def positive_step(dt: float) -> None:
    """Refuse a step that goes nowhere or back."""
    if not 0 < dt < float("inf"):
        raise ValueError(f"dt = {dt} must be a positive number: it is the step in time.")


class CoRNN(MixRecurrentCell):
    """Coupled oscillatory network: damped oscillators that push one another through a bounded force.

        z_t = z_{t-1} + dt (tanh(y_{t-1} U_y + z_{t-1} U_z + x_t W + b) - gamma y_{t-1} - epsilon z_d)
        y_t = y_{t-1} + dt z_t

    The damping acts on the old velocity (`explicit`, d = t - 1, the authors' code) or on the new one (`implicit`,
    d = t, the form of their proofs). Implicit, and for dt <= (2 epsilon - 1) / gamma, started at zero:

        gamma |y_t|^2 + |z_t|^2 <= H dt t

    Shapes
        x_t   input                                                (B, D)
        y_t   position, also the output                            (B, H)
        z_t   velocity                                             (B, H)
        W     input weights                                        (D, H)
        U     recurrent weights of y and of z side by side         (H, 2H)
        b     bias, zero at first                                  (H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, dt is not positive, gamma or epsilon is negative, or `damping` is not known.

    Source
        Rusch & Mishra (2021), Coupled oscillatory recurrent neural network, arXiv 2010.00951; the step was held against
        the authors' code, the equation and its bound are recalled, the bound derived anew.
    Departures
        Recurrent weights are drawn by `init`; the authors draw all of them uniformly by fan-in. dt, gamma and epsilon
        are at first those of their code for sequential MNIST.
    """

    key = "-"
    recurrent = {"U": ("y", "z")}  # noqa: RUF012

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        dt: float = 0.042,
        gamma: float = 2.7,
        epsilon: float = 4.7,
        damping: Literal["explicit", "implicit"] = "explicit",
        init: str = "orthogonal",
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        positive_step(dt)
        for name, value in (("gamma", gamma), ("epsilon", epsilon)):
            if not value >= 0:
                raise ValueError(f"{name} = {value} must be at least 0: below it the oscillators feed themselves.")
        if damping not in ("explicit", "implicit"):
            raise ValueError(f"damping = {damping!r} must be 'explicit' or 'implicit'.")
        w_key, u_key = jax.random.split(key)
        self.inputs, self.hidden = inputs, hidden
        self.dt, self.stiffness, self.friction, self.damping = dt, gamma, epsilon, damping
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden, blocks=2))
        self.b = nnx.Param(jnp.zeros(hidden, jnp.result_type(float)))

    def initial_state(self, batch: tuple[int, ...]) -> OscillatorState:
        """y = z = 0."""
        return OscillatorState(zeros(batch, self.hidden), zeros(batch, self.hidden))

    def kernel(self):
        """U_y above U_z."""
        return jnp.concatenate(jnp.split(self.U[...], 2, axis=1))

    def read(self, state: OscillatorState) -> Array:
        """y and z side by side."""
        return jnp.concatenate(state, axis=-1)

    def advance(self, state: OscillatorState, drive, mixed) -> tuple[OscillatorState, Array]:
        """Velocity from force, spring and friction, then position from velocity."""
        y, z = state
        force = jnp.tanh(drive + mixed) - self.stiffness * y
        if self.damping == "explicit":
            z = z + self.dt * (force - self.friction * z)
        else:
            z = (z + self.dt * force) / (1 + self.dt * self.friction)
        y = y + self.dt * z
        return OscillatorState(y, z), y


class LEM(RecurrentCell):
    """Long expressive memory: two layers whose step in time is gated, unit by unit.

        p_t = dt logistic(x_t W_p + y_{t-1} U_p + b_p)
        q_t = dt logistic(x_t W_q + y_{t-1} U_q + b_q)
        z_t = (1 - p_t) z_{t-1} + p_t tanh(x_t W_z + y_{t-1} U_z + b_z)
        y_t = (1 - q_t) y_{t-1} + q_t tanh(x_t W_y + z_t U_y + b_y)

    For dt <= 1 both layers are averages of numbers between -1 and 1, and stay there.

    Shapes
        x_t   input                                              (B, D)
        y_t   output and state                                   (B, H)
        z_t   second state                                       (B, H)
        W     input weights of p, q, z, y side by side           (D, 4H)
        U     weights of y into p, q, z side by side             (H, 3H)
        U_y   weights of z into y                                (H, H)
        b     bias, zero at first                                (4H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, or dt is not positive.

    Source
        Rusch, Mishra, Erichson & Mahoney (2022), Long expressive memory for sequence modeling, arXiv 2110.04744;
        recalled, and held against the authors' code.
    Departures
        Recurrent weights are drawn by `init`, biases start at zero; the authors draw all uniformly in 1 / sqrt(H). Two
        products depend on each other, so there is no `mix`.
    """

    key = "-"
    recurrent = {"U": ("p", "q", "z"), "U_y": ("y",)}  # noqa: RUF012

    def __init__(self, key: Array, inputs: int, hidden: int = 64, dt: float = 1.0, init: str = "orthogonal"):
        at_least_one(inputs=inputs, hidden=hidden)
        positive_step(dt)
        w_key, u_key, y_key = jax.random.split(key, 3)
        self.inputs, self.hidden, self.dt = inputs, hidden, dt
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, 4 * hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden, blocks=3))
        self.U_y = nnx.Param(initializers.recurrent(init, y_key, hidden))
        self.b = nnx.Param(jnp.zeros(4 * hidden, jnp.result_type(float)))

    def initial_state(self, batch: tuple[int, ...]) -> OscillatorState:
        """y = z = 0."""
        return OscillatorState(zeros(batch, self.hidden), zeros(batch, self.hidden))

    def kernel(self):
        """U of p, q and z, and U_y."""
        return self.U[...], self.U_y[...]

    def step(self, kernel, state: OscillatorState, drive) -> tuple[OscillatorState, Array]:
        """z by its gated step, then y by its own."""
        U, U_y = kernel
        d_p, d_q, d_z, d_y = jnp.split(drive, 4, axis=-1)
        m_p, m_q, m_z = jnp.split(state.y @ U, 3, axis=-1)
        z = state.z + self.dt * logistic(d_p + m_p) * (jnp.tanh(d_z + m_z) - state.z)
        y = state.y + self.dt * logistic(d_q + m_q) * (jnp.tanh(d_y + z @ U_y) - state.y)
        return OscillatorState(y, z), y


CELLS = {"cornn": CoRNN, "lem": LEM}
