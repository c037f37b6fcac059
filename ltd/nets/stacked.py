"""Cells or nets one above the other."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd.cells import width_of
from ltd.cells.base import at_least_one
from ltd.config import Choice
from ltd.nets.base import Make, RecurrentNet, inherit
from ltd.unroll import unroll

EPSILON = 1e-6  # added to the variance in layer normalisation


class Stacked(RecurrentNet):
    """Recurrent layers one above the other, each a cell or a net of its own.

        h^0_t = x_t
        h^l_t = layer_l(h^{l-1}_t),          l = 1..L;      the output is h^L

    Options between layers: `dropout` (the share of activities set to zero while training, the others scaled up;
    never on the recurrent path), `residual` (h^l + h^{l-1} from the second layer on, and at the first where the widths
    agree) and `norm` (layer normalisation of what goes up, below the top):

        u = norm(drop(layer_l(h)) + h),      norm(u) = s (u - mean u) / sqrt(var u + 1e-6) + m

    Shapes
        x_t    input                          (B, D)
        h^l_t  output of layer l              (B, H)
        s, m   scale and shift by layer, only with `norm`: one and zero at first    (H,)

    Raises
        ValueError  if `layers` is below 1, or `dropout` is not in [0, 1).

    Source
        Graves, Mohamed & Hinton (2013), arXiv 1303.5778; dropout between layers as in Zaremba, Sutskever & Vinyals
        (2014), arXiv 1409.2329; layer normalisation: Ba, Kiros & Hinton (2016), arXiv 1607.06450.
    Survey
        Equation 22 prints b_0 for the output bias b_o, and labels the weight between layers as if it came from the
        input.
    Departures
        Only the top layer is read out; Graves et al. also connect every layer to the output.
    """

    key = "A2.11"
    takes = True

    def __init__(
        self,
        key: Array,
        inputs: int,
        make: Make,
        inner: Choice | None = None,
        layers: int = 2,
        norm: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
    ):
        at_least_one(inputs=inputs, layers=layers)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout = {dropout} must lie in [0, 1): it is the share of activities set to zero.")
        self.inputs, self.residual, self.dropout = inputs, residual, dropout
        built: list = []
        for layer_key in jax.random.split(key, layers):
            built.append(make(layer_key, width_of(built[-1]) if built else inputs))
        self.layers = nnx.List(built)
        inherit(self, built)
        self.hidden = self.width
        dtype = jnp.result_type(float)
        below = [width_of(layer) for layer in built[:-1]] if norm else []
        self.s = nnx.List([nnx.Param(jnp.ones(width, dtype)) for width in below])
        self.m = nnx.List([nnx.Param(jnp.zeros(width, dtype)) for width in below])

    def inside(self):
        """The layers by number."""
        return [(str(i), layer) for i, layer in enumerate(self.layers)]

    def initial_state(self, batch: tuple[int, ...]):
        """The states of all layers, the lowest first."""
        return tuple(layer.initial_state(batch) for layer in self.layers)

    def between(self, number: int, below: Array, above: Array, key: Array | None = None) -> Array:
        """What goes up from layer `number`, whose input was `below` and whose output is `above`."""
        top = number == len(self.layers) - 1
        if self.dropout and key is not None and not top:
            kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - self.dropout, above.shape)
            above = jnp.where(kept, above / (1 - self.dropout), 0)
        if self.residual and below.shape == above.shape:
            above = above + below
        if self.s and not top:
            centred = above - jnp.mean(above, axis=-1, keepdims=True)
            variance = jnp.mean(centred**2, axis=-1, keepdims=True)
            above = self.s[number][...] * centred * jax.lax.rsqrt(variance + EPSILON) + self.m[number][...]
        return above

    def kernel(self):
        """The kernels of all layers."""
        return tuple(layer.kernel() for layer in self.layers)

    def project(self, inputs: Array):
        """The input, and its share in the lowest layer."""
        return inputs, self.layers[0].project(inputs)

    def step(self, kernel, state, drive):
        """One step of all layers."""
        (h, lowest), new = drive, []
        for i, (layer, weights, s) in enumerate(zip(self.layers, kernel, state, strict=True)):
            s, out = layer.step(weights, s, layer.project(h) if i else lowest)
            new.append(s)
            h = self.between(i, h, out)
        return tuple(new), h

    def units(self, kernel, state, drive):
        """The units of every layer that offers them, by number and name."""
        h, lowest = drive
        found: dict = {}
        for i, (layer, weights, s) in enumerate(zip(self.layers, kernel, state, strict=True)):
            own = layer.project(h) if i else lowest
            if hasattr(layer, "units"):
                found |= {f"{i}.{name}": unit for name, unit in layer.units(weights, s, own).items()}
            h = self.between(i, h, layer.step(weights, s, own)[1])
        return found

    def over(self, inputs, state, plan, valid=None, key=None):
        """Layer by layer, each by the plan."""
        h, final = inputs, []
        for i, (layer, s) in enumerate(zip(self.layers, state, strict=True)):
            inside = None if key is None else jax.random.fold_in(key, len(self.layers) + i)
            s, out = unroll(layer, h, s, plan, valid, inside)
            final.append(s)
            h = self.between(i, h, out, key)
        return tuple(final), h


NETS = {"stacked": Stacked}
