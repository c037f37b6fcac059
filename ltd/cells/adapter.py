"""Any `flax.nnx.RNNCellBase` as a cell."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd.cells.base import at_least_one
from ltd.trees import disassemble
from ltd.types import State


class FlaxCell(nnx.Module):
    """A cell of Flax NNX, its carry the state as it is, its whole call inside the loop.

    The cell's parameters are the kernel. Random streams that it holds are frozen: a step must not draw. It computes in
    the precision that it was made with, and so is `exact`.
    """

    key = "-"
    exact = True

    def __init__(self, cell: nnx.RNNCellBase, inputs: int, hidden: int):
        self.cell, self.inputs, self.hidden, self.width = cell, inputs, hidden, hidden

    def initial_state(self, batch: tuple[int, ...]) -> State:
        """The carry that the cell starts with, drawn with a fixed key where it draws one."""
        return self.cell.initialize_carry((*batch, self.inputs), nnx.Rngs(0))

    def kernel(self):
        """All parameters of the cell."""
        return nnx.state(self.cell, nnx.Param)

    def project(self, inputs: Array) -> Array:
        """The input as it is."""
        return inputs

    def step(self, kernel, state: State, drive: Array) -> tuple[State, Array]:
        """One call of the cell."""
        graphdef, _, rest = disassemble(self.cell)
        return nnx.merge(graphdef, kernel, rest)(state, drive)


def from_flax(constructor: Callable) -> Callable[..., FlaxCell]:
    """A constructor `(key, inputs, hidden, **options)` from a class `(in_features, hidden_features, *, rngs)`."""
    function = constructor.__init__ if inspect.isclass(constructor) else constructor  # type: ignore[misc]
    takes = {n: p for n, p in inspect.signature(function).parameters.items() if n != "self"}

    def build(key: Array, inputs: int, hidden: int = 64, **options: Any) -> FlaxCell:
        at_least_one(inputs=inputs, hidden=hidden)
        # both: `nnx.SimpleCell` computes in float32 unless told otherwise
        options |= {name: jnp.result_type(float) for name in ("dtype", "param_dtype") if name in takes}
        return FlaxCell(constructor(inputs, hidden, rngs=nnx.Rngs(key), **options), inputs, hidden)

    # what a user may set: `hidden`, and the plain options of the constructor itself
    own = [p for name, p in list(takes.items())[2:] if name != "rngs"]
    build.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [p for p in inspect.signature(build).parameters.values() if p.kind is not p.VAR_KEYWORD]
        + [p.replace(kind=p.KEYWORD_ONLY) for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    )
    build.__annotations__ |= {p.name: p.annotation for p in own}
    build.__name__ = getattr(constructor, "__name__", "FlaxCell")
    return build
