"""Units with time constants: leaky integration in discrete time, and the continuous-time network."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Float

from ltd import activations, initializers
from ltd.cells.base import HiddenState, MixRecurrentCell, RecurrentCell, at_least_one, keyed, zeros


def time_constants(tau_min: float, tau_max: float, hidden: int, shared: bool) -> np.ndarray:
    """`hidden` time constants at equal ratios from `tau_min` to `tau_max`, or one for all units."""
    if not 0 < tau_min <= tau_max < float("inf"):
        raise ValueError(f"tau_min = {tau_min} and tau_max = {tau_max} must be finite with 0 < tau_min <= tau_max.")
    if shared and tau_min != tau_max:
        raise ValueError(f"one shared time constant cannot spread from {tau_min} to {tau_max}: make the two equal.")
    return np.geomspace(tau_min, tau_max, 1 if shared else hidden)


class Leaky(MixRecurrentCell):
    """Leaky units: a share alpha of the state stays, at time scales of their own.

        h_t   = alpha h_{t-1} + (1 - alpha) f(x_t W + h_{t-1} U + b)
        alpha = exp(-1 / tau) = logistic(beta)

    Without its inputs a unit falls to a half in tau ln 2 steps. The time constants start at equal ratios between
    `tau_min` and `tau_max`, one per unit (or one for all, where `shared`), and move where `learned`.

    Shapes
        x_t    input                                    (B, D)
        h_t    state, also the output                   (B, H)
        W, U   input and recurrent weights              (D, H), (H, H)
        b      bias, zero at first                      (H,)
        beta   logit of alpha, only where `learned`     (H,), or (1,) where `shared`

    Raises
        KeyError    if `activation` or `init` is not known.
        ValueError  if a size is below 1, the activation learns numbers of its own, not 0 < tau_min <= tau_max, or a
                    shared time constant is to spread.

    Source
        Jaeger, Lukosevicius, Popovici & Siewert (2007), Neural Networks 20(3), 335-352, as quoted by Pascanu et al.
        (2013), arXiv 1211.5063.
    Departures
        All weights are trained; in the source U and W stay as drawn. alpha may be learned.
    """

    key = "A1.29"
    recurrent = {"U": ("U",)}  # noqa: RUF012

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        tau_min: float = 1.0,
        tau_max: float = 100.0,
        learned: bool = False,
        shared: bool = False,
        activation: str = "tanh",
        init: str = "orthogonal",
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        activations.plain(activation)
        w_key, u_key = jax.random.split(key)
        self.inputs, self.hidden, self.activation = inputs, hidden, activation
        self.tau_min, self.tau_max, self.shared = tau_min, tau_max, shared
        dtype = jnp.result_type(float)
        tau = time_constants(tau_min, tau_max, hidden, shared)
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden))
        self.b = nnx.Param(jnp.zeros(hidden, dtype))
        self.beta = nnx.Param(jnp.asarray(-1 / tau - np.log(-np.expm1(-1 / tau)), dtype)) if learned else None

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def time_constants(self) -> Float[Array, " H"]:
        """-1 / ln(alpha) of every unit, in steps."""
        if self.beta is None:
            tau = jnp.asarray(time_constants(self.tau_min, self.tau_max, self.hidden, self.shared), self.U[...].dtype)
        else:
            tau = -1 / jax.nn.log_sigmoid(self.beta[...])
        return jnp.broadcast_to(tau, (self.hidden,))

    def kernel(self):
        """U, and 1 - alpha, which keeps its digits where alpha is close to 1."""
        U = self.U[...]
        if self.beta is not None:
            return U, jax.nn.sigmoid(-self.beta[...])
        tau = time_constants(self.tau_min, self.tau_max, self.hidden, self.shared)
        return U, jnp.asarray(-np.expm1(-1 / tau), U.dtype)

    def mix(self, kernel, read):
        """h U, and 1 - alpha spread over the batch."""
        U, leak = kernel
        return read @ U, jnp.broadcast_to(leak, read.shape)

    def advance(self, state: HiddenState, drive, mixed) -> tuple[HiddenState, Array]:
        """A step of size 1 - alpha towards the candidate."""
        product, leak = mixed
        h = state.h + leak * (activations.plain(self.activation)(drive + product) - state.h)
        return HiddenState(h), h


# --------------------------------------------------------------------------------------------- continuous time


class ContinuousTime(RecurrentCell):
    """What the continuous-time networks share: their weights, their time constants, and their slope."""

    key = "A2.23"
    recurrent = {"U": ("U",)}  # noqa: RUF012

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        dt: float = 1.0,
        tau_min: float = 1.0,
        tau_max: float = 100.0,
        learned: bool = False,
        shared: bool = False,
        activation: str = "tanh",
        init: str = "orthogonal",
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        activations.plain(activation)
        if not 0 < dt < float("inf"):
            raise ValueError(f"dt = {dt} must be a positive number: it is the time from one input to the next.")
        w_key, u_key = jax.random.split(key)
        self.inputs, self.hidden, self.activation, self.dt = inputs, hidden, activation, dt
        self.tau_min, self.tau_max, self.shared = tau_min, tau_max, shared
        dtype = jnp.result_type(float)
        tau = time_constants(tau_min, tau_max, hidden, shared)
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden))
        self.b = nnx.Param(jnp.zeros(hidden, dtype))
        self.log_tau = nnx.Param(jnp.asarray(np.log(tau), dtype)) if learned else None

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def time_constants(self) -> Float[Array, " H"]:
        """tau of every unit, in the unit of `dt`."""
        if self.log_tau is None:
            tau = jnp.asarray(time_constants(self.tau_min, self.tau_max, self.hidden, self.shared), self.U[...].dtype)
        else:
            tau = jnp.exp(self.log_tau[...])
        return jnp.broadcast_to(tau, (self.hidden,))

    def kernel(self):
        """U, and dt / tau."""
        return self.U[...], self.dt / self.time_constants()


class CTRNN(ContinuousTime, MixRecurrentCell):
    """Continuous-time network in steps of Euler.

        tau dh/dt = -h + f(h) U + x W + b
        h_t       = h_{t-1} + (dt / tau) (-h_{t-1} + f(h_{t-1}) U + x_t W + b)

    With one tau for all units it is the leaky network seen before its nonlinearity, alpha = 1 - dt / tau: if v follows
    `leaky` on inputs x, then h_t = v_t U + x_{t+1} W + b follows this network on the drive
    (x_{t+1} W + b - alpha (x_t W + b)) / (1 - alpha), which for a constant input is x W + b itself. Above dt = 2 tau a
    unit by itself overshoots without end.

    Shapes
        x_t      input, constant over a step                  (B, D)
        h_t      state, also the output                       (B, H)
        W, U     input and recurrent weights                  (D, H), (H, H)
        b        bias, zero at first                          (H,)
        log_tau  logarithm of tau, only where `learned`       (H,), or (1,) where `shared`

    Raises
        KeyError    if `activation` or `init` is not known.
        ValueError  if a size is below 1, the activation learns numbers of its own, dt is not positive, not
                    0 < tau_min <= tau_max, or a shared time constant is to spread.

    Source
        Funahashi & Nakamura (1993), Approximation of dynamical systems by continuous time recurrent neural networks,
        Neural Networks 6(6), 801-806; recalled, not checked.
    Survey
        Names a network for differential equations without an equation, by a reference that cannot be identified.
    Departures
        The read-out sees h. Time constants start at equal ratios between `tau_min` and `tau_max`.
    """

    def read(self, state: HiddenState) -> Array:
        """f(h)."""
        return activations.plain(self.activation)(state.h)

    def mix(self, kernel, read):
        """f(h) U, and dt / tau spread over the batch."""
        U, rate = kernel
        return read @ U, jnp.broadcast_to(rate, read.shape)

    def advance(self, state: HiddenState, drive, mixed) -> tuple[HiddenState, Array]:
        """One step of Euler."""
        product, rate = mixed
        h = state.h + rate * (product + drive - state.h)
        return HiddenState(h), h


class CTRNNRungeKutta(ContinuousTime):
    """Continuous-time network in steps of Runge and Kutta, of order 4.

        tau dh/dt = -h + f(h) U + x W + b,      x constant over a step

    Shapes
        x_t      input, constant over a step                  (B, D)
        h_t      state, also the output                       (B, H)
        W, U     input and recurrent weights                  (D, H), (H, H)
        b        bias, zero at first                          (H,)
        log_tau  logarithm of tau, only where `learned`       (H,), or (1,) where `shared`

    Raises
        KeyError    if `activation` or `init` is not known.
        ValueError  as for the steps of Euler.

    Source
        Funahashi & Nakamura (1993), Neural Networks 6(6), 801-806; recalled, not checked. The classical rule of
        order 4.
    Departures
        The read-out sees h. Four products depend on each other, so there is no `mix`.
    """

    def step(self, kernel, state: HiddenState, drive) -> tuple[HiddenState, Array]:
        """One step with four slopes."""
        U, rate = kernel
        f = activations.plain(self.activation)

        def slope(h):  # times dt
            return rate * (f(h) @ U + drive - h)

        first = slope(state.h)
        second = slope(state.h + 0.5 * first)
        third = slope(state.h + 0.5 * second)
        fourth = slope(state.h + third)
        h = state.h + (first + 2 * second + 2 * third + fourth) / 6
        return HiddenState(h), h


@keyed("A2.23")
def ctrnn(
    key: Array,
    inputs: int,
    hidden: int = 64,
    method: Literal["euler", "rk4"] = "euler",
    dt: float = 1.0,
    tau_min: float = 1.0,
    tau_max: float = 100.0,
    learned: bool = False,
    shared: bool = False,
    activation: str = "tanh",
    init: str = "orthogonal",
) -> ContinuousTime:
    """Continuous-time network, by the method of Euler or of Runge and Kutta.

    Source
        Funahashi & Nakamura (1993), Neural Networks 6(6), 801-806; recalled, not checked.
    """
    if method not in ("euler", "rk4"):
        raise ValueError(f"method = {method!r} must be 'euler' or 'rk4'.")
    build = CTRNN if method == "euler" else CTRNNRungeKutta
    return build(key, inputs, hidden, dt, tau_min, tau_max, learned, shared, activation, init)


CELLS = {"leaky": Leaky, "ctrnn": ctrnn}
