"""Nets without recurrence that reach a fixed number of steps: the window, and the feed-forward sequential memory."""

from __future__ import annotations

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import activations, initializers
from ltd.cells.base import at_least_one, zeros
from ltd.nets.base import RecurrentNet, delays, pushed
from ltd.unroll import stepwise


class WindowState(NamedTuple):
    """x: the last `past` inputs, the oldest first (B, past, D)."""

    x: Array


class Window(RecurrentNet):
    """Feed-forward net over a fixed window of inputs: the baseline that cannot remember longer.

        h_t = f([x_t; x_{t-1}; ...; x_{t-k}] W + b)             k = past

    Inputs before the first step are zero. The read-out of the model is W2 of the source.

    Shapes
        x_t    input                               (B, D)
        h_t    output                              (B, H)
        W      weights, x_t first                  ((past + 1) D, H)
        b      bias, zero at first                 (H,)

    Raises
        KeyError    if `activation` is not known, or has parameters of its own.
        ValueError  if a size is below 1.

    Source
        Textbook; the baseline of the survey's section 1.
    Departures
        None.
    """

    key = "A1.1"

    def __init__(self, key: Array, inputs: int, hidden: int = 64, past: int = 10, activation: str = "tanh"):
        at_least_one(inputs=inputs, hidden=hidden, past=past)
        self.f = activations.plain(activation)
        self.inputs, self.hidden, self.width, self.past = inputs, hidden, hidden, past
        self.W = nnx.Param(initializers.uniform_fan_in(key, ((past + 1) * inputs, hidden)))
        self.b = nnx.Param(jnp.zeros(hidden, jnp.result_type(float)))

    def initial_state(self, batch: tuple[int, ...]) -> WindowState:
        """No inputs yet."""
        return WindowState(zeros((*batch, self.past), self.inputs))

    def kernel(self):
        """W and b."""
        return self.W[...], self.b[...]

    def project(self, inputs: Array) -> Array:
        """The input as it is."""
        return inputs

    def step(self, kernel, state: WindowState, drive: Array) -> tuple[WindowState, Array]:
        """One step."""
        W, b = kernel
        past = [state.x[..., -k, :] for k in range(1, self.past + 1)]
        h = self.f(jnp.concatenate([drive, *past], axis=-1) @ W + b)
        return WindowState(pushed(state.x, drive)), h

    def over(self, inputs, state: WindowState, plan, valid=None, key=None):
        """All steps: at once, or by the loop where the plan is `stepwise`."""
        if plan.type == "stepwise":
            return stepwise(self, inputs, state, plan, valid)
        seen, last = delays(inputs, state.x, valid)
        return WindowState(last), self.f(jnp.concatenate(seen, axis=-1) @ self.W[...] + self.b[...])


class FSMN(RecurrentNet):
    """Feed-forward sequential memory network: layers whose memory is a weighted sum of their own past (and future).

        h^1_t     = f(x_t W + b^1)
        m^l_t     = sum_{i=0..N1} a^l_i h^l_{t-i} + sum_{j=1..N2} c^l_j h^l_{t+j}
        h^{l+1}_t = f(h^l_t U^l + m^l_t M^l + b^{l+1})          l = 1..L;     the output is h^{L+1}

    A lag can be learned if and only if it is at most L N1. N1 = `past`, N2 = `ahead`; with `ahead` above 0 the net has
    no form of one step at a time. A coefficient is a number (`memory=scalar`) or one per unit (`vector`).

    Shapes
        x_t    input                                        (B, D)
        h^l_t  activity of layer l                          (B, H)
        W      input weights                                (D, H)
        U, M   weights of activity and of memory, by layer  (L, H, H), (L, H, H)
        b      biases by layer, zero at first               (L + 1, H)
        a      coefficients of now and the past             (L, N1 + 1) or (L, N1 + 1, H)
        c      coefficients of the future                   (L, N2) or (L, N2, H)

    Raises
        KeyError    if `activation` is not known, or has parameters of its own.
        ValueError  if a size is below 1, or `ahead` below 0.

    Source
        Zhang, Liu, Jiang, Wei, Dai & Hu (2015), arXiv 1512.08301.
    Departures
        Every layer has a memory, and the coefficients start at N(0, 1/(N1 + N2 + 1)); the papers
        place memories on chosen layers.
    """

    key = "A3.1"

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        layers: int = 2,
        past: int = 10,
        ahead: int = 0,
        memory: Literal["scalar", "vector"] = "vector",
        activation: str = "relu",
    ):
        at_least_one(inputs=inputs, hidden=hidden, layers=layers, past=past)
        if ahead < 0:
            raise ValueError(f"ahead = {ahead} must not be below 0: it counts steps of the future.")
        if memory not in ("scalar", "vector"):
            raise ValueError(f"memory = {memory!r} must be scalar or vector: coefficients per layer, or per unit.")
        self.f = activations.plain(activation)
        self.inputs, self.hidden, self.width = inputs, hidden, hidden
        self.layers, self.past, self.ahead, self.causal = layers, past, ahead, ahead == 0
        self.plans = ("stepwise", "chunked", "associative") if self.causal else ("chunked", "associative")
        keys = jax.random.split(key, 5)
        draw = jax.vmap(initializers.uniform_fan_in, in_axes=(0, None))
        self.W = nnx.Param(initializers.uniform_fan_in(keys[0], (inputs, hidden)))
        self.U = nnx.Param(draw(jax.random.split(keys[1], layers), (hidden, hidden)))
        self.M = nnx.Param(draw(jax.random.split(keys[2], layers), (hidden, hidden)))
        self.b = nnx.Param(jnp.zeros((layers + 1, hidden), jnp.result_type(float)))
        units = (hidden,) if memory == "vector" else (1,)
        scale = (past + ahead + 1) ** -0.5
        dtype = jnp.result_type(float)
        self.a = nnx.Param(scale * jax.random.normal(keys[3], (layers, past + 1, *units), dtype))
        self.c = nnx.Param(scale * jax.random.normal(keys[4], (layers, ahead, *units), dtype)) if ahead else None

    def initial_state(self, batch: tuple[int, ...]) -> tuple[Array, ...]:
        """No activity yet: per layer the last `past` activities, the oldest first (B, past, H)."""
        return tuple(zeros((*batch, self.past), self.hidden) for _ in range(self.layers))

    def kernel(self):
        """U, M, a and the biases of the layers above the first."""
        return self.U[...], self.M[...], self.a[...], self.b[...][1:]

    def project(self, inputs: Array) -> Array:
        """h^1."""
        return self.f(inputs @ self.W[...] + self.b[...][0])

    def step(self, kernel, state, drive: Array):
        """One step of all layers."""
        h, new = drive, []
        for buffer, U, M, a, b in zip(state, *kernel, strict=True):
            past = [buffer[..., -i, :] for i in range(1, self.past + 1)]
            new.append(pushed(buffer, h))
            m = sum(a_i * h_i for a_i, h_i in zip(a, [h, *past], strict=True))
            h = self.f(h @ U + m @ M + b)
        return tuple(new), h

    def over(self, inputs, state, plan, valid=None, key=None):
        """All steps: at once, or by the loop where the plan is `stepwise`."""
        if plan.type == "stepwise":
            return stepwise(self, inputs, state, plan, valid)
        h, new = self.project(inputs), []
        for layer, (buffer, U, M, a, b) in enumerate(zip(state, *self.kernel(), strict=True)):
            seen, last = delays(h, buffer, valid, self.ahead)
            taps = [*a, *(self.c[...][layer] if self.c is not None else ())]
            new.append(last)
            m = sum(tap * h_i for tap, h_i in zip(taps, seen, strict=True))
            h = self.f(h @ U + m @ M + b)
        return tuple(new), h


NETS = {"window": Window, "fsmn": FSMN}
