"""Everything inside the loop: the reference, and the plan to debug; forward mode works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from ltd.trees import spread
from ltd.types import Cell, State


def masked(step: Callable, valid: Array | None) -> Callable:
    """A step that leaves the state alone where it is not valid: padding must not age the state."""
    if valid is None:
        return step

    def held(state, *rest):
        new, out = step(state, *rest)
        # lag is counted in real steps
        return jax.tree.map(lambda a, b: jnp.where(spread(valid, a), a, b), new, state), out

    return held


def trajectory(cell: Cell, inputs: Float[Array, "T B D"], state: State, valid=None) -> tuple[State, State, Any, Array]:
    """The final state, states before each step [T, ...], drives, outputs: the forward pass laid open."""
    kernel, drive = cell.kernel(), cell.project(inputs)

    def one(s, dv):
        d, v = dv
        new, out = masked(lambda s, d: cell.step(kernel, s, d), v)(s, d)
        return new, (s, out)

    final, (before, outputs) = jax.lax.scan(one, state, (drive, valid))
    return final, before, drive, outputs


def output_leaf(cell: Cell, inputs: Array, state: State) -> int | None:
    """Which leaf of the new state is the output itself (h, for most cells), or None."""
    jaxpr = jax.make_jaxpr(lambda s, x: cell.step(cell.kernel(), s, cell.project(x)))(state, inputs).jaxpr
    *leaves, out = jaxpr.outvars
    return next((i for i, leaf in enumerate(leaves) if leaf is out), None)


def stepwise(cell, inputs, state, plan=None, valid=None):
    """One scan; the input product, too, inside the loop."""
    kernel = cell.kernel()

    def one(s, xv):
        x, v = xv
        return masked(lambda s: cell.step(kernel, s, cell.project(x)), v)(s)

    return jax.lax.scan(one, state, (inputs, valid), unroll=plan.unroll if plan else 1)
