"""The three best cells of an architecture search among ten thousand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import initializers
from ltd.activations import logistic
from ltd.cells.base import HiddenState, RecurrentCell, at_least_one, zeros


class Mut(RecurrentCell):
    """What the three share: an update gate z, a reset gate r before the recurrent product, a blend."""

    key = "A2.7"
    seen: tuple[str, ...]  # blocks of U
    from_inputs: tuple[str, ...]  # blocks of W

    def __init__(self, key: Array, inputs: int, hidden: int = 64, init: str = "orthogonal"):
        at_least_one(inputs=inputs, hidden=hidden)
        w_key, p_key, u_key, h_key = jax.random.split(key, 4)
        self.inputs, self.hidden = inputs, hidden
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, len(self.from_inputs) * hidden)))
        if len(self.from_inputs) < 3:
            self.P = nnx.Param(initializers.uniform_fan_in(p_key, (inputs, hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden, blocks=len(self.seen)))
        self.U_h = nnx.Param(initializers.recurrent(init, h_key, hidden))
        self.b = nnx.Param(jnp.zeros(3 * hidden, jnp.result_type(float)))

    @property
    def recurrent(self):  # type: ignore[override]
        """The gates' blocks, and the candidate's."""
        return {"U": self.seen, "U_h": ("h",)}

    def initial_state(self, batch: tuple[int, ...]) -> HiddenState:
        """h = 0."""
        return HiddenState(zeros(batch, self.hidden))

    def kernel(self):
        """U of the gates, U_h of the candidate."""
        return self.U[...], self.U_h[...]

    def blend(self, h: Array, z: Array, r: Array, U_h: Array, drive: Array) -> tuple[HiddenState, Array]:
        """The candidate from the state behind the reset gate, let in by z."""
        h = h + z * (jnp.tanh(drive + (r * h) @ U_h) - h)
        return HiddenState(h), h


class Mut1(Mut):
    """MUT1: the update gate sees the input alone.

        z    = logistic(x_t W_z + b_z)
        r    = logistic(x_t W_r + h_{t-1} U + b_r)
        h_t  = z tanh((r h_{t-1}) U_h + tanh(x_t P) + b_h) + (1 - z) h_{t-1}

    Shapes
        x_t     input                                   (B, D)
        h_t     state, also the output                  (B, H)
        W       input weights of z, r side by side      (D, 2H)
        P       input weights of the candidate          (D, H)
        U, U_h  recurrent weights of r and of the candidate   (H, H), (H, H)
        b       bias of z, r, h, zero at first          (3H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1.

    Source
        Jozefowicz, Zaremba & Sutskever (2015), An empirical exploration of recurrent network architectures, ICML.
    Departures
        The paper writes a bare tanh(x_t), which needs inputs as many as units; P maps any input there. Two products
        depend on each other, so there is no `mix`.
    """

    from_inputs, seen = ("z", "r"), ("r",)

    def project(self, inputs: Array) -> Array:
        """z, r, and the candidate's tanh(x P) + b_h."""
        H, b = self.hidden, self.b[...]
        candidate = jnp.tanh(inputs @ self.P[...]) + b[2 * H :]
        return jnp.concatenate([inputs @ self.W[...] + b[: 2 * H], candidate], axis=-1)

    def step(self, kernel, state: HiddenState, drive) -> tuple[HiddenState, Array]:
        """Gates, then the candidate, then the blend."""
        U, U_h = kernel
        z, r, candidate = jnp.split(drive, 3, axis=-1)
        return self.blend(state.h, logistic(z), logistic(r + state.h @ U), U_h, candidate)


class Mut2(Mut):
    """MUT2: the reset gate sees the input without weights.

        z    = logistic(x_t W_z + h_{t-1} U_z + b_z)
        r    = logistic(x_t P + h_{t-1} U_r + b_r)
        h_t  = z tanh((r h_{t-1}) U_h + x_t W_h + b_h) + (1 - z) h_{t-1}

    Shapes
        x_t     input                                   (B, D)
        h_t     state, also the output                  (B, H)
        W       input weights of z, h side by side      (D, 2H)
        P       input weights of the reset gate         (D, H)
        U       recurrent weights of z, r side by side  (H, 2H)
        U_h     recurrent weights of the candidate      (H, H)
        b       bias of z, r, h, zero at first          (3H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1.

    Source
        Jozefowicz, Zaremba & Sutskever (2015), An empirical exploration of recurrent network architectures, ICML.
    Departures
        The paper writes a bare x_t in the reset gate, which needs inputs as many as units; P maps any input there. Two
        products depend on each other, so there is no `mix`.
    """

    from_inputs, seen = ("z", "h"), ("z", "r")

    def project(self, inputs: Array) -> Array:
        """The inputs' share of z, r, h."""
        z, h = jnp.split(inputs @ self.W[...], 2, axis=-1)
        return jnp.concatenate([z, inputs @ self.P[...], h], axis=-1) + self.b[...]

    def step(self, kernel, state: HiddenState, drive) -> tuple[HiddenState, Array]:
        """Gates, then the candidate, then the blend."""
        U, U_h = kernel
        gates = logistic(drive[..., : 2 * self.hidden] + state.h @ U)
        z, r = jnp.split(gates, 2, axis=-1)
        return self.blend(state.h, z, r, U_h, drive[..., 2 * self.hidden :])


class Mut3(Mut):
    """MUT3: the update gate sees the squashed state.

        z    = logistic(x_t W_z + tanh(h_{t-1}) U_z + b_z)
        r    = logistic(x_t W_r + h_{t-1} U_r + b_r)
        h_t  = z tanh((r h_{t-1}) U_h + x_t W_h + b_h) + (1 - z) h_{t-1}

    Shapes
        x_t     input                                   (B, D)
        h_t     state, also the output                  (B, H)
        W       input weights of z, r, h side by side   (D, 3H)
        U       recurrent weights of z, r side by side  (H, 2H)
        U_h     recurrent weights of the candidate      (H, H)
        b       bias of z, r, h, zero at first          (3H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1.

    Source
        Jozefowicz, Zaremba & Sutskever (2015), An empirical exploration of recurrent network architectures, ICML.
    Departures
        None in the equations. Two products depend on each other, so there is no `mix`.
    """

    from_inputs, seen = ("z", "r", "h"), ("z", "r")

    def step(self, kernel, state: HiddenState, drive) -> tuple[HiddenState, Array]:
        """Gates, then the candidate, then the blend."""
        U, U_h = kernel
        H = self.hidden
        z = logistic(drive[..., :H] + jnp.tanh(state.h) @ U[:, :H])
        r = logistic(drive[..., H : 2 * H] + state.h @ U[:, H:])
        return self.blend(state.h, z, r, U_h, drive[..., 2 * H :])


CELLS = {"mut1": Mut1, "mut2": Mut2, "mut3": Mut3}
