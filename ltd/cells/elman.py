"""The simple recurrent network of Elman."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import activations, initializers
from ltd.cells.base import HiddenState, MixRecurrentCell, at_least_one, zeros


class PreActivation(NamedTuple):
    """s: pre-activation (B, H)."""

    s: Array


class Elman(MixRecurrentCell):
    """Elman network (simple recurrent network), state after the nonlinearity or before it.

        a_t = x_t W + h_{t-1} U + b                 form "after"
        h_t = f(a_t)

        s_t = x_t W + f(s_{t-1}) U + b              form "before"
        y_t = f(s_t)

    With h = f(s) the two are one network wherever they start alike, f(s_0) = h_0: at zero for every f with f(0) = 0,
    not for the logistic function, and not for h_0 outside the range of f. The step Jacobian (on columns) is
    diag(f'(a_t)) U of the first and U diag(f'(s_{t-1})) of the second. With the logistic function the first is also the
    plain network that `scrn` is compared with (A3.4).

    Shapes
        x_t    input                        (B, D)
        h_t    state, also the output       (B, H)
        s_t    state before, whose f is the output   (B, H)
        W, U   input and recurrent weights  (D, H), (H, H)
        b      bias, zero at first          (H,)
        s      srelu only: t_r, a_r, t_l, a_l per unit, learned   (4, H)

    Raises
        KeyError    if `activation` or `init` is not known.
        ValueError  if a size is below 1, or `form` is not known.

    Source
        Elman (1990), Finding structure in time, Cognitive Science 14, 179-211.
    Survey
        Equation 12 of the survey evaluates f' at the state, transposes U and adds stray bars; the step Jacobian of
        this form is diag(f'(a_t)) U, with U acting on columns. Footnote 1 calls the two forms equivalent without the
        condition on their starts. Section 2.1 says that the recurrent weight is updated at every step: the weights are
        shared by all steps, and the state is what is updated. Section 2.4 lists a bias b_I that no equation has.
    Departures
        Trained by backpropagation through time; the original copied the state one step back as an input, which is the
        gradient `elman` of a run.
    """

    key = "A1.2/A3.4"
    recurrent = {"U": ("U",)}  # noqa: RUF012

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        activation: str = "tanh",
        init: str = "orthogonal",
        form: Literal["after", "before"] = "after",
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        if form not in ("after", "before"):
            raise ValueError(
                f"form = {form!r} must be 'after' or 'before': where the state stands to its nonlinearity."
            )
        w_key, u_key = jax.random.split(key)
        self.inputs, self.hidden, self.activation, self.form = inputs, hidden, activation, form
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden))
        self.b = nnx.Param(jnp.zeros(hidden, jnp.result_type(float)))
        start = activations.activation(activation).parameters
        self.s = nnx.Param(jnp.tile(jnp.array(start, jnp.result_type(float))[:, None], hidden)) if start else None

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState | PreActivation:
        """h = 0, or s = 0."""
        start = zeros(batch, self.hidden)
        return HiddenState(start) if self.form == "after" else PreActivation(start)

    def kernel(self):
        """U, and the slopes of srelu where it is the activation."""
        return self.U[...] if self.s is None else (self.U[...], list(self.s[...]))

    def read(self, state) -> Array:
        """h, or s."""
        return state[0]

    def mix(self, kernel, read):
        """h U or f(s) U, and the slopes of srelu spread over the batch."""
        f = activations.activation(self.activation).function
        if self.s is None:
            return (read if self.form == "after" else f(read)) @ kernel
        U, s = kernel
        scalars = tuple(jnp.broadcast_to(row, read.shape) for row in s)
        return (read if self.form == "after" else f(read, *scalars)) @ U, scalars

    def advance(self, state, drive, mixed) -> tuple[Any, Array]:
        """The new pre-activation and its f, one of which is the state."""
        f = activations.activation(self.activation).function
        product, scalars = (mixed, ()) if self.s is None else mixed
        if self.form == "before":
            s = drive + product
            return PreActivation(s), f(s, *scalars)
        h = f(drive + product, *scalars)
        return HiddenState(h), h

    def units(self, kernel, state, drive):
        """h, whose pre-activation in form "before" is the state of this step."""
        f = activations.activation(self.activation).function
        if self.s is None:
            return {"h": (drive + self.mix(kernel, self.read(state)), f)}
        product, scalars = self.mix(kernel, self.read(state))
        return {"h": (drive + product, lambda a: f(a, *scalars))}

    def derivative_bound(self) -> Array:
        """The bound of |f'| at the present parameters."""
        bound = activations.activation(self.activation).gamma
        return jnp.asarray(bound if self.s is None else bound(*self.s[...]))  # type: ignore[operator]


CELLS = {"elman": Elman}
