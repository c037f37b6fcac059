"""Recurrences over one step, one file per family."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isclass

from flax import nnx

from ltd.cells import (
    clockwork,
    drnn,
    elman,
    gru,
    identity,
    jordan,
    leaky,
    linear,
    lstm,
    lstm1997,
    minimal,
    mut,
    oscillators,
    residual,
    scrn,
    unitary,
    xlstm,
)
from ltd.cells.adapter import FlaxCell, from_flax
from ltd.cells.base import DiagonalCell, MixRecurrentCell, RecurrentCell, cells_of, recurrent_blocks, rescale, width_of
from ltd.cells.yours import PARTS, FunctionCell, check_cell, from_function, is_step
from ltd.config import ConfigError, resolve

__all__ = [
    "CELLS",
    "DiagonalCell",
    "FlaxCell",
    "FunctionCell",
    "MixRecurrentCell",
    "RecurrentCell",
    "cells_of",
    "check_cell",
    "constructor",
    "recurrent_blocks",
    "rescale",
    "width_of",
]

CELLS: dict[str, Callable] = {
    **elman.CELLS,
    **jordan.CELLS,
    **leaky.CELLS,
    **scrn.CELLS,
    **clockwork.CELLS,
    **residual.CELLS,
    **oscillators.CELLS,
    **lstm1997.CELLS,
    **lstm.CELLS,
    **mut.CELLS,
    **drnn.CELLS,
    **xlstm.CELLS,
    **gru.CELLS,
    **minimal.CELLS,
    **identity.CELLS,
    **unitary.CELLS,
    **linear.CELLS,
}


def constructor(name: str) -> Callable:
    """The constructor `(key, inputs, **options)` of a registered cell, a user's cell, or a `flax.nnx.RNNCellBase`."""
    found = resolve(name, CELLS, "cell")
    if isclass(found) and issubclass(found, nnx.RNNCellBase) and not hasattr(found, "project"):
        return from_flax(found)
    if is_step(found):
        return from_function(found)
    missing = [part for part in PARTS if not hasattr(found, part)]
    if isclass(found) and missing:
        raise ConfigError(f"cell {name!r} has no method {missing[0]}: a cell offers {', '.join(PARTS)}.")
    return found
