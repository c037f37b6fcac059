"""Recurrences over one step, one file per family."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isclass

from flax import nnx

from ltd.cells import elman, gru, identity, linear, lstm, minimal, unitary
from ltd.cells.adapter import FlaxCell, from_flax
from ltd.cells.base import DiagonalCell, MixRecurrentCell, RecurrentCell, recurrent_blocks, rescale, width_of
from ltd.config import ConfigError, resolve

__all__ = [
    "CELLS",
    "DiagonalCell",
    "FlaxCell",
    "MixRecurrentCell",
    "RecurrentCell",
    "constructor",
    "recurrent_blocks",
    "rescale",
    "width_of",
]

CELLS: dict[str, Callable] = {
    **elman.CELLS,
    **lstm.CELLS,
    **gru.CELLS,
    **identity.CELLS,
    **unitary.CELLS,
    **linear.CELLS,
    **minimal.CELLS,
}


def constructor(name: str) -> Callable:
    """The constructor `(key, inputs, **options)` of a registered cell, a user's cell, or a `flax.nnx.RNNCellBase`."""
    found = resolve(name, CELLS, "cell")
    if isclass(found) and issubclass(found, nnx.RNNCellBase) and not hasattr(found, "project"):
        return from_flax(found)
    parts = ("initial_state", "kernel", "project", "step")
    missing = [part for part in parts if not hasattr(found, part)]
    if isclass(found) and missing:
        raise ConfigError(f"cell {name!r} has no method {missing[0]}: a cell offers {', '.join(parts)}.")
    return found
