"""Nets that are deep and not recurrent: highway layers, and the plain layers that they are compared with."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import activations, initializers
from ltd.activations import logistic
from ltd.cells.base import at_least_one
from ltd.nets.base import RecurrentNet


class Plain(RecurrentNet):
    """Deep feed-forward net: every step on its own through `depth` layers of equal width.

        y^0     = f(x_t W + b)                     to the width of the layers
        y^{l+1} = f(y^l U_l + c_l)                 l = 0..depth-1

    The layers are scanned: a net of 900 compiles as soon as one of 2. Depth takes the place of time in the probes.

    Shapes
        x_t    input                                   (B, D)
        y^l    activity of layer l, y^depth the output (B, H)
        W, b   to the width of the layers              (D, H), (H,)
        U, c   weights and biases by layer             (depth, H, H), (depth, H)

    Raises
        KeyError    if `activation` is not known, or has parameters of its own.
        ValueError  if a size is below 1.

    Source
        Srivastava, Greff & Schmidhuber (2015), arXiv 1505.00387: the plain nets of their comparison.
    Departures
        Weights start at U(-1/sqrt(H), 1/sqrt(H)) (`fan_in`), under which activity and gradient shrink from layer to
        layer, or at N(0, g/H), g = 2 for relu and 1 otherwise (`variance`), which keeps both: with it 20 plain layers
        of tanh still train. Biases start at zero.
    """

    key = "A2.25"

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        depth: int = 10,
        activation: str = "relu",
        init: Literal["fan_in", "variance"] = "fan_in",
    ):
        at_least_one(inputs=inputs, hidden=hidden, depth=depth)
        self.f = activations.plain(activation)
        self.inputs, self.hidden, self.width, self.depth = inputs, hidden, hidden, depth
        dtype, keys = jnp.result_type(float), jax.random.split(key)
        self.gain = None if init == "fan_in" else 2.0 if activation == "relu" else 1.0
        self.W = nnx.Param(initializers.uniform_fan_in(keys[0], (inputs, hidden)))
        self.b = nnx.Param(jnp.zeros(hidden, dtype))
        self.U = nnx.Param(self.draw(keys[1]))
        self.c = nnx.Param(jnp.zeros((depth, hidden), dtype))

    def draw(self, key: Array) -> Array:
        """Weights of all layers."""
        shape = (self.hidden, self.hidden)
        keys = jax.random.split(key, self.depth)
        if self.gain is None:
            return jax.vmap(lambda k: initializers.uniform_fan_in(k, shape))(keys)
        scale = (self.gain / self.hidden) ** 0.5
        return jax.vmap(lambda k: scale * jax.random.normal(k, shape, jnp.result_type(float)))(keys)

    def initial_state(self, batch: tuple[int, ...]) -> tuple[()]:
        """There is none."""
        return ()

    def layers(self):
        """The parameters of the layers, stacked along depth."""
        return self.U[...], self.c[...]

    def layer(self, weights, y: Array) -> Array:
        """One layer."""
        U, c = weights
        return self.f(y @ U + c)

    def first(self, inputs: Array) -> Array:
        """y^0."""
        return self.f(inputs @ self.W[...] + self.b[...])

    def kernel(self):
        """The parameters of the layers."""
        return self.layers()

    def project(self, inputs: Array) -> Array:
        """y^0."""
        return self.first(inputs)

    def step(self, kernel, state, drive: Array) -> tuple[tuple[()], Array]:
        """All layers; no step sees another."""
        y, _ = jax.lax.scan(lambda y, weights: (self.layer(weights, y), None), drive, kernel)
        return (), y

    def over(self, inputs, state, plan, valid=None, key=None):
        """All steps at once, layer by layer."""
        return self.step(self.kernel(), state, self.project(inputs))


class Highway(Plain):
    """Deep net whose layers carry their input past them as a gate says: trainable at hundreds of layers.

        y^0     = f(x_t W + b)                                       to the width of the layers
        y^{l+1} = T(y^l) f(y^l U_l + c_l) + (1 - T(y^l)) y^l         T(y) = logistic(y G_l + d_l),  l < depth

    The bias d starts at `carry_bias`, below zero: the net starts by carrying. Layers are scanned as in `plain`.

    Shapes
        x_t    input                                   (B, D)
        y^l    activity of layer l, y^depth the output (B, H)
        W, b   to the width of the layers              (D, H), (H,)
        U, c   weights and biases by layer             (depth, H, H), (depth, H)
        G, d   the same of the gates                   (depth, H, H), (depth, H)

    Raises
        KeyError    if `activation` is not known, or has parameters of its own.
        ValueError  if a size is below 1.

    Source
        Srivastava, Greff & Schmidhuber (2015), arXiv 1505.00387 and 1507.06228.
    Departures
        Weights start as in `plain`.
    """

    key = "A2.24"

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        depth: int = 10,
        activation: str = "relu",
        init: Literal["fan_in", "variance"] = "fan_in",
        carry_bias: float = -2.0,
    ):
        plain_key, gate_key = jax.random.split(key)
        super().__init__(plain_key, inputs, hidden, depth, activation, init)
        self.G = nnx.Param(self.draw(gate_key))
        self.d = nnx.Param(jnp.full((depth, hidden), carry_bias, jnp.result_type(float)))

    def layers(self):
        """The parameters of the layers, stacked along depth."""
        return self.U[...], self.c[...], self.G[...], self.d[...]

    def layer(self, weights, y: Array) -> Array:
        """One layer."""
        U, c, G, d = weights
        return y + logistic(y @ G + d) * (self.f(y @ U + c) - y)


NETS = {"plain": Plain, "highway": Highway}
