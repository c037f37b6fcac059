"""Nets that also read the future: two directions, and a window that slides."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from ltd.cells import width_of
from ltd.cells.base import at_least_one, cast
from ltd.config import Choice
from ltd.nets.base import Make, RecurrentNet, gathered, inherit, taken
from ltd.unroll import unroll


class BidirectionalState(NamedTuple):
    """forward: before the first step; backward: behind the last."""

    forward: Any
    backward: Any


class Bidirectional(RecurrentNet):
    """Two cells (or nets): one reads from the first step to the last, the other from the last to the first.

        a_t = forward(x_t, a_{t-1}),         t = 1..T
        b_t = backward(x_t, b_{t+1}),        t = T..1
        y_t = [a_t; b_t]

    Both directions start at the real ends of a padded sequence. Deep: `stacked` with this net inside.

    Shapes
        x_t        input                                    (B, D)
        a_t, b_t   outputs of the two directions            (B, H)
        y_t        output; V of the read-out is [V_f; V_b]  (B, 2H)

    Raises
        ValueError  as the cell inside.

    Source
        Schuster & Paliwal (1997), IEEE Transactions on Signal Processing 45(11); LSTM: Graves & Schmidhuber (2005).
    Survey
        Equation 24 prints h_{t-1} in the backward layer; it must be h_{t+1}.
    Departures
        None.
    """

    key = "A2.14/A2.15"
    takes = True

    def __init__(self, key: Array, inputs: int, make: Make, inner: Choice | None = None):
        at_least_one(inputs=inputs)
        forward, backward = jax.random.split(key)
        self.inputs = inputs
        self.forward, self.backward = make(forward, inputs), make(backward, inputs)
        inherit(self, [self.forward, self.backward])
        self.width = width_of(self.forward) + width_of(self.backward)
        self.hidden, self.causal = self.width, False

    def inside(self):
        """The directions by name."""
        return [("forward", self.forward), ("backward", self.backward)]

    def initial_state(self, batch: tuple[int, ...]) -> BidirectionalState:
        """The states of both."""
        return BidirectionalState(*(net.initial_state(batch) for _, net in self.inside()))

    def over(self, inputs, state: BidirectionalState, plan, valid=None, key=None):
        """Both directions, each by the plan."""
        keys = (None, None) if key is None else jax.random.split(key)
        ahead, a = unroll(self.forward, inputs, state.forward, plan, valid, keys[0])
        turned = None if valid is None else valid[::-1]
        behind, b = unroll(self.backward, inputs[::-1], state.backward, plan, turned, keys[1])
        return BidirectionalState(ahead, behind), jnp.concatenate([a, b[::-1]], axis=-1)


class SlidingWindow(RecurrentNet):
    """A bidirectional net on windows that slide over the sequence: a fixed look-ahead, a memory that is reset.

        y_t = output at the centre of inner(x_{t-K}, .., x_t, .., x_{t+K'})         K = past, K' = ahead

    The state is reset for every window; steps outside the sequence are left out. All windows run side by side.

    Shapes
        x_t   input                  (B, D)
        y_t   output of the inner net at the centre (B, its width)

    Raises
        ValueError  if `past` or `ahead` is below 0.

    Source
        Mohamed et al. (2015), Deep bi-directional recurrent networks over spectral windows, ASRU; recalled, not
        checked.
    Departures
        The windows of a sequence are run together and in order; the source shuffles them for training.
    """

    key = "A2.16"
    takes = True

    def __init__(
        self,
        key: Array,
        inputs: int,
        make: Make,
        inner: Choice = Choice("bidirectional"),
        past: int = 10,
        ahead: int = 5,
    ):
        at_least_one(inputs=inputs)
        for name, value in (("past", past), ("ahead", ahead)):
            if value < 0:
                raise ValueError(f"{name} = {value} must not be below 0: it counts steps of the window.")
        self.inputs, self.past, self.ahead = inputs, past, ahead
        self.net = make(key, inputs)
        inherit(self, [self.net])
        self.hidden, self.causal = self.width, False

    def inside(self):
        """The net inside."""
        return [("net", self.net)]

    def initial_state(self, batch: tuple[int, ...]) -> tuple[()]:
        """None that outlives a window."""
        return ()

    def over(self, inputs, state, plan, valid=None, key=None):
        """All windows side by side."""
        length, batch, _ = inputs.shape
        order, rank, count = gathered(valid, length, batch)
        front = taken(inputs, order)
        offsets = jnp.arange(-self.past, self.ahead + 1)[:, None, None]
        places = rank + offsets  # [window, T, B], counted in real steps
        inner = (places >= 0) & (places < count)
        index = jnp.clip(places, 0, length - 1).reshape(-1, batch)
        windows = taken(front, index).reshape(len(offsets), length * batch, -1)
        start = cast(self.net.initial_state((length * batch,)), inputs.dtype, self.clock)
        _, out = unroll(self.net, windows, start, plan, inner.reshape(len(offsets), -1), key)
        return (), out[self.past].reshape(length, batch, -1)


NETS = {"bidirectional": Bidirectional, "sliding_window": SlidingWindow}
