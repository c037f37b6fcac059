"""The clockwork network: groups of units that tick at periods of their own."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from ltd import initializers
from ltd.cells.base import MixRecurrentCell, at_least_one, zeros

LONGEST = 1_000_000_000  # steps are counted in 32 bits


class ClockworkState(NamedTuple):
    """h: units (B, H); t: steps so far (B, 1)."""

    h: Array
    t: Array


def read_periods(text: str, hidden: int) -> np.ndarray:
    """The period of each unit, from the periods of the groups: "1,2,4,8"."""
    words = [word.strip() for word in str(text).split(",")]
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise ValueError(f"periods = {text!r} must be whole numbers above 0 with commas between them: '1,2,4,8'.")
    if any(int(word) > LONGEST for word in words):
        raise ValueError(f"periods = {text!r} must be at most {LONGEST}: longer ones do not fit the count of steps.")
    if len(words) > hidden:
        raise ValueError(f"periods = {text!r} makes {len(words)} groups of hidden = {hidden} units: use fewer groups.")
    sizes = [len(part) for part in np.array_split(np.arange(hidden), len(words))]
    return np.repeat([int(word) for word in words], sizes)


class Clockwork(MixRecurrentCell):
    """Clockwork network: a group of units moves only at steps that are multiples of its period.

        a_t = x_t W + h_{t-1} U + b
        h_t = tanh(a_t) in groups whose period divides t,   h_{t-1} in the others          t = 0, 1, 2, ...

    U is masked: a group reads groups of equal or longer period. Groups hold equally many units, the first ones one
    more where `hidden` is no multiple of their number.

    Shapes
        x_t    input                                              (B, D)
        h_t    units, also the output                             (B, H)
        t      steps so far; its own part of the state            (B, 1)
        W, U   input weights, masked recurrent weights            (D, H), (H, H)
        b      bias, zero at first                                (H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, `periods` is no list of whole numbers from 1 to a billion, or there are more
                    groups than units.

    Source
        Koutnik, Greff, Gomez & Schmidhuber (2014), A clockwork RNN, arXiv 1402.3511; recalled, not checked.
    Departures
        Weights that the mask removes stay in U at zero: they cost memory, and get no gradient. All products are
        formed at every step, so slow groups save no time here.
    """

    key = "A3.14"
    recurrent = {"U": ("U",)}  # noqa: RUF012
    plans = ("stepwise", "chunked")  # newton would have to find the clock step by step: no gradient passes it
    clock = ("t",)

    def __init__(self, key: Array, inputs: int, hidden: int = 64, periods: str = "1,2,4,8", init: str = "orthogonal"):
        at_least_one(inputs=inputs, hidden=hidden)
        w_key, u_key = jax.random.split(key)
        self.inputs, self.hidden, self.periods = inputs, hidden, periods
        mask = self._mask()
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, hidden)))
        self.U = nnx.Param(jnp.where(mask, initializers.recurrent(init, u_key, hidden), 0))
        self.b = nnx.Param(jnp.zeros(hidden, jnp.result_type(float)))

    def _mask(self) -> np.ndarray:
        """Which unit (row) is read by which (column)."""
        period = read_periods(self.periods, self.hidden)
        return period[:, None] >= period[None, :]

    def initial_state(self, batch: tuple[int, ...]) -> ClockworkState:
        """h = 0 at step 0, where every group moves."""
        return ClockworkState(zeros(batch, self.hidden), zeros(batch, 1))

    def kernel(self):
        """U behind its mask."""
        return jnp.where(self._mask(), self.U[...], 0)

    def advance(self, state: ClockworkState, drive, mixed) -> tuple[ClockworkState, Array]:
        """Groups whose time it is move, the others hold."""
        t = jax.lax.stop_gradient(state.t)
        moves = jnp.round(t).astype(jnp.int32) % read_periods(self.periods, self.hidden) == 0
        h = jnp.where(moves, jnp.tanh(drive + mixed), state.h)
        return ClockworkState(h, t + 1), h


CELLS = {"clockwork": Clockwork}
