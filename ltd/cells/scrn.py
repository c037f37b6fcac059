"""The structurally constrained network: slow context units beside a fast layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Float

from ltd import initializers, linalg
from ltd.activations import logistic
from ltd.cells.base import DiagonalCell, MixRecurrentCell, RecurrentCell, at_least_one, keyed, zeros
from ltd.trees import spread


class SCRNState(NamedTuple):
    """h: fast layer (B, H); s: context (B, P)."""

    h: Array
    s: Array


class ContextState(NamedTuple):
    """s: context (B, P)."""

    s: Array


class _Context(RecurrentCell):
    """The context units: their input weights B and what stays of them, alpha."""

    key = "A3.2/A3.3"
    B: nnx.Param
    beta: nnx.Param | None

    def _start(self, key: Array, inputs: int, hidden: int, context: int, alpha: float, learned: bool) -> None:
        at_least_one(inputs=inputs, hidden=hidden, context=context)
        if not 0 < alpha < 1:
            raise ValueError(f"alpha = {alpha} must lie between 0 and 1: it is the share of the context that stays.")
        self.inputs, self.hidden, self.context, self.start = inputs, hidden, context, alpha
        dtype = jnp.result_type(float)
        self.B = nnx.Param(initializers.uniform_fan_in(key, (inputs, context)))
        self.beta = nnx.Param(jnp.full(context, np.log(alpha / (1 - alpha)), dtype)) if learned else None

    def alpha(self) -> Float[Array, " P"]:
        """What stays of each context unit from step to step."""
        B = self.B[...]
        return jnp.full(self.context, self.start, B.dtype) if self.beta is None else logistic(self.beta[...])

    def time_constants(self) -> Float[Array, " P"]:
        """-1 / ln(alpha), in steps."""
        return -1 / (jnp.log(self.alpha()) if self.beta is None else jax.nn.log_sigmoid(self.beta[...]))

    def _slow(self, inputs: Array) -> Array:
        """(1 - alpha) x B."""
        rest = 1 - self.start if self.beta is None else jax.nn.sigmoid(-self.beta[...])
        return rest * (inputs @ self.B[...])


class SCRN(_Context, MixRecurrentCell):
    """Structurally constrained network: a linear context that changes slowly, read by a layer of logistic units.

        s_t = alpha s_{t-1} + (1 - alpha) x_t B
        h_t = logistic(s_t P + x_t A + h_{t-1} R)              delayed: reads s_{t-1}
        y_t = [h_t; s_t]

    alpha is fixed at first and, where `learned`, logistic(beta) per context unit. The gradient along the context is
    alpha^k at lag k, at any lag; that along R vanishes or explodes as in any simple network.

    Shapes
        x_t    input                                        (B, D)
        h_t    fast layer                                   (B, H)
        s_t    context, P units: `context`                  (B, P)
        y_t    output, both                                 (B, H + P)
        A, B   input weights of fast layer and context      (D, H), (D, P)
        P      context to fast layer                        (P, H)
        R      recurrent weights of the fast layer          (H, H)
        beta   logit of alpha, only where `learned`         (P,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, or alpha is not between 0 and 1.

    Source
        Mikolov, Joulin, Chopra, Mathieu & Ranzato (2014), arXiv 1412.7753; the form of the learned alpha is recalled,
        not checked.
    Survey
        Equation 34 prints 1 / (1 + exp(x)) for the logistic function, calls the context's recurrence the identity (it
        is alpha times the identity), labels B, P, A by the shapes of their transposes, and says of the hidden units
        what holds of the context units: that fixed weights force one time scale on them. That the structure keeps the
        gradient of the recurrent matrix from vanishing holds along the context alone, where it is alpha^k at lag k.
    Departures
        Starts at zero; the authors' code starts at 0.1, draws all weights from N(0, 0.05^2), and reads s_{t-1}
        (`delayed`). Trained through all steps; theirs through ten.
    """

    recurrent = {"R": ("R",)}  # noqa: RUF012
    plans = ("stepwise", "chunked", "resident", "associative", "newton")

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        context: int = 16,
        alpha: float = 0.95,
        learned: bool = False,
        delayed: bool = False,
        init: str = "orthogonal",
    ):
        b_key, a_key, p_key, r_key = jax.random.split(key, 4)
        self._start(b_key, inputs, hidden, context, alpha, learned)
        self.delayed = delayed
        self.A = nnx.Param(initializers.uniform_fan_in(a_key, (inputs, hidden)))
        self.P = nnx.Param(initializers.uniform_fan_in(p_key, (context, hidden)))
        self.R = nnx.Param(initializers.recurrent(init, r_key, hidden))

    @property
    def width(self) -> int:
        """Of fast layer and context together."""
        return self.hidden + self.context

    def initial_state(self, batch: tuple[int, ...]) -> SCRNState:
        """h = s = 0."""
        return SCRNState(zeros(batch, self.hidden), zeros(batch, self.context))

    def kernel(self):
        """R above alpha P (what h_t reads of s_{t-1}; P where delayed), and alpha."""
        alpha, P = self.alpha(), self.P[...]
        return jnp.concatenate([self.R[...], P if self.delayed else alpha[:, None] * P]), alpha

    def project(self, inputs: Array) -> tuple[Array, Array]:
        """What the input adds to the fast layer, directly and by the context of this step; and to the context."""
        slow = self._slow(inputs)
        fast = inputs @ self.A[...]
        return (fast if self.delayed else fast + slow @ self.P[...]), slow

    def read(self, state: SCRNState) -> Array:
        """h and s side by side."""
        return jnp.concatenate(state, axis=-1)

    def mix(self, kernel, read):
        """h R + s P, and alpha spread over the batch."""
        weights, alpha = kernel
        return read @ weights, jnp.broadcast_to(alpha, (*read.shape[:-1], self.context))

    def advance(self, state: SCRNState, drive, mixed) -> tuple[SCRNState, Array]:
        """Both layers."""
        (fast, slow), (product, alpha) = drive, mixed
        new = SCRNState(logistic(fast + product), alpha * state.s + slow)
        return new, jnp.concatenate(new, axis=-1)

    def associate(
        self, kernel, state: SCRNState, drive, valid: Array | None, chunk: int | None
    ) -> tuple[SCRNState, Array]:
        """The context of all steps at once, its product with P at once, then a loop over the fast layer alone."""
        (weights, alpha), (fast, slow) = kernel, drive
        R, P = weights[: self.hidden], weights[self.hidden :]
        stay = jnp.broadcast_to(alpha, slow.shape)
        if valid is not None:
            live = spread(valid, slow)
            stay, slow = jnp.where(live, stay, 1), jnp.where(live, slow, 0)
        context = linalg.recurrence(stay, slow, state.s)
        fast = fast + jnp.concatenate([state.s[None], context[:-1]]) @ P

        def one(h, now):
            drive, live = now
            new = logistic(drive + h @ R)
            new = new if live is None else jnp.where(live[:, None], new, h)
            return new, new

        h, hidden = jax.lax.scan(one, state.h, (fast, valid))
        return SCRNState(h, context[-1]), jnp.concatenate([hidden, context], axis=-1)


class SCRNContext(_Context, DiagonalCell):
    """The context units of the structurally constrained network alone: linear, and parallel in time.

        s_t = alpha s_{t-1} + (1 - alpha) x_t B

    Shapes
        x_t    input                                     (B, D)
        s_t    state, also the output: P units           (B, P)
        B      input weights                             (D, P)
        beta   logit of alpha, only where `learned`      (P,)

    Raises
        ValueError  if a size is below 1, or alpha is not between 0 and 1.

    Source
        Mikolov, Joulin, Chopra, Mathieu & Ranzato (2014), arXiv 1412.7753; the form of the learned alpha is recalled,
        not checked.
    Survey
        Calls the context's recurrence the identity: it is alpha times the identity.
    Departures
        Starts at zero; the authors' code starts at 0.1. `hidden` has no meaning here.
    """

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        context: int = 16,
        alpha: float = 0.95,
        learned: bool = False,
    ):
        self._start(key, inputs, hidden, context, alpha, learned)

    @property
    def width(self) -> int:
        """Of the context."""
        return self.context

    def initial_state(self, batch: tuple[int, ...]) -> ContextState:
        """s = 0."""
        return ContextState(zeros(batch, self.context))

    def kernel(self):
        """alpha."""
        return self.alpha()

    def project(self, inputs: Array) -> Array:
        """(1 - alpha) x B."""
        return self._slow(inputs)

    def affine(self, kernel, drive) -> tuple[Any, Any]:
        """alpha, and the drive."""
        return ContextState(jnp.broadcast_to(kernel, drive.shape)), ContextState(drive)

    def emit(self, kernel, state: ContextState, drive) -> Array:
        """s."""
        return state.s


@keyed("A3.2/A3.3")
def scrn(
    key: Array,
    inputs: int,
    hidden: int = 64,
    context: int = 16,
    alpha: float = 0.95,
    learned: bool = False,
    fast: bool = True,
    delayed: bool = False,
    init: str = "orthogonal",
) -> _Context:
    """Structurally constrained network, with its fast layer or of context units alone.

    Source
        Mikolov, Joulin, Chopra, Mathieu & Ranzato (2014), arXiv 1412.7753.
    """
    if fast:
        return SCRN(key, inputs, hidden, context, alpha, learned, delayed, init)
    if delayed:
        raise ValueError(
            f"delayed = {delayed} says what the fast layer reads, and fast = {fast}: leave one of them out."
        )
    return SCRNContext(key, inputs, hidden, context, alpha, learned)


CELLS = {"scrn": scrn}
