"""Networks that start from the identity or from a rotation: IRNN, and the network with a linear transition."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import activations, initializers
from ltd.cells.base import HiddenState, MixRecurrentCell, at_least_one, zeros


class IRNN(MixRecurrentCell):
    """Rectified network whose recurrent matrix starts as a multiple of the identity.

        h_t = relu(x_t W + h_{t-1} U + b),      U = scale I at first

    Shapes
        x_t    input                        (B, D)
        h_t    state, also the output       (B, H)
        W, U   input and recurrent weights  (D, H), (H, H)
        b      bias, zero at first          (H,)

    Raises
        ValueError  if a size is below 1.

    Source
        Le, Jaitly & Hinton (2015), A simple way to initialize recurrent networks of rectified linear units,
        arXiv 1504.00941. That W starts as N(0, 0.001^2) is recalled, not checked.
    Departures
        None.
    """

    key = "A3.14"
    recurrent = {"U": ("U",)}  # noqa: RUF012

    def __init__(self, key: Array, inputs: int, hidden: int = 64, scale: float = 1.0):
        at_least_one(inputs=inputs, hidden=hidden)
        dtype = jnp.result_type(float)
        self.inputs, self.hidden = inputs, hidden
        self.W = nnx.Param(0.001 * jax.random.normal(key, (inputs, hidden), dtype))
        self.U = nnx.Param(scale * jnp.eye(hidden, dtype=dtype))
        self.b = nnx.Param(jnp.zeros(hidden, dtype))

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def advance(self, state: HiddenState, drive, mixed) -> tuple[HiddenState, Array]:
        """h = relu(drive + h U)."""
        h = jax.nn.relu(drive + mixed)
        return HiddenState(h), h


class LTRNN(MixRecurrentCell):
    """Network with a linear transition, which starts as a random rotation or as the identity.

        h_t = f(x_t W + b) + h_{t-1} U
        y_t = h_t, or with `pooling` the norm of each pair of units: sqrt(h_{t,2k}^2 + h_{t,2k+1}^2)

    All steps can be had in parallel: powers of the one matrix U combine them by doubling, log2 T products in all.

    Shapes
        x_t    input                        (B, D)
        h_t    state                        (B, H)
        y_t    output                       (B, H), or (B, H/2) with `pooling`
        W, U   input and recurrent weights  (D, H), (H, H)
        b      bias, zero at first          (H,)
        f      `activation` of the input's share alone, linear by default

    Raises
        KeyError    if `init` or `activation` is not known.
        ValueError  if a size is below 1, `pooling` is asked for an odd number of units, or `activation` learns
                    numbers of its own.

    Source
        Henaff, Szlam & LeCun (2016), Recurrent orthogonal networks and long-memory tasks, arXiv 1602.06662. The
        equations are second-hand; the pooling of pairs is recalled, not checked.
    Departures
        A bias is added. f is linear by default; a re-implementation of the paper's network puts the logistic there.
    """

    key = "A3.14"
    recurrent = {"U": ("U",)}  # noqa: RUF012
    plans = ("stepwise", "chunked", "associative")

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        init: str = "orthogonal",
        pooling: bool = False,
        activation: str = "linear",
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        if pooling and hidden % 2:
            raise ValueError(f"hidden = {hidden} must be even: pooling takes units by pairs. Or leave pooling out.")
        activations.plain(activation)
        w_key, u_key = jax.random.split(key)
        self.inputs, self.hidden, self.pooling, self.activation = inputs, hidden, pooling, activation
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden))
        self.b = nnx.Param(jnp.zeros(hidden, jnp.result_type(float)))

    @property
    def width(self) -> int:
        """H, or half of it with pooling."""
        return self.hidden // 2 if self.pooling else self.hidden

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def project(self, inputs: Array) -> Array:
        """f(x W + b)."""
        return activations.plain(self.activation)(super().project(inputs))

    def advance(self, state: HiddenState, drive, mixed) -> tuple[HiddenState, Array]:
        """h = drive + h U."""
        h = drive + mixed
        return HiddenState(h), self._read_out(h)

    def associate(self, kernel, state: HiddenState, drive, valid, chunk) -> tuple[HiddenState, Array]:
        """All steps at once. After j doublings step t holds what the steps t - 2^j + 1 .. t leave at t.

        Where rho(U)^T is beyond the largest float the powers of U are infinite, and zero inputs times them NaN: the
        loop, whose states are finite while inputs near the start are zero, is then the road to take.
        """
        if valid is not None:  # the real steps to the front, in their order
            order = jnp.argsort(~valid, axis=0, stable=True)[..., None]
            drive = jnp.take_along_axis(jnp.where(valid[..., None], drive, 0), order, axis=0)
        h, power, reach = jnp.concatenate([state.h[None], drive]), kernel, 1  # row k: the state after k real steps
        while reach < len(h):
            h = h.at[reach:].add(h[:-reach] @ power)
            power, reach = power @ power, 2 * reach
        if valid is None:
            return HiddenState(h[-1]), self._read_out(h[1:])
        taken = jnp.cumsum(valid, axis=0)[..., None]
        after = jnp.take_along_axis(h, taken, axis=0)
        return HiddenState(after[-1]), self._read_out(after)

    def _read_out(self, h: Array) -> Array:
        if not self.pooling:
            return h
        square = jnp.sum(jnp.square(h.reshape(*h.shape[:-1], self.width, 2)), axis=-1)
        live = square > 0  # the norm has no derivative at zero: there it is taken as zero
        return jnp.where(live, jnp.sqrt(jnp.where(live, square, 1)), 0)


CELLS = {"irnn": IRNN, "lt_rnn": LTRNN}
