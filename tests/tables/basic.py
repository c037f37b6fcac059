"""Elman, LSTM, GRUs, and the cells of Flax."""

from functools import partial

import jax.numpy as jnp
import numpy as np

from ltd.activations import ACTIVATIONS
from oracles import cells as oracles
from tables.rows import CellRow, affine


def layers(cell, *names):
    """Kernels or biases of a Flax cell side by side."""
    found = [getattr(getattr(cell.cell, layer), part)[...] for layer, part in (n.split(".") for n in names)]
    return np.asarray(jnp.concatenate(found, axis=-1))


def flax_lstm(cell):
    return {
        "W": layers(cell, "ii.kernel", "if_.kernel", "io.kernel", "ig.kernel"),
        "U": layers(cell, "hi.kernel", "hf.kernel", "ho.kernel", "hg.kernel"),
        "b": layers(cell, "hi.bias", "hf.bias", "ho.bias", "hg.bias"),
    }


def flax_gru(cell):
    """Flax keeps the old state at z, the papers' equations here at 1 - z = logistic(-a): negate the block of z."""
    hidden = cell.hidden
    sign = np.repeat([1.0, -1.0, 1.0], hidden)
    return {
        "W": layers(cell, "dense_i.kernel") * sign,
        "U": layers(cell, "dense_h.kernel") * sign,
        "b": layers(cell, "dense_i.bias") * sign,
        "b_u": np.zeros(hidden),
    }


def flax_simple(cell):
    return {
        "W": layers(cell, "dense_i.kernel"),
        "U": layers(cell, "dense_h.kernel"),
        "b": layers(cell, "dense_i.bias"),
    }


FLAX = {"mixes": False}

ROWS = [
    *(
        CellRow(
            "elman", oracles.elman(name), partial(affine, 1), ("h",), {"activation": name},
            differentiable=name != "threshold",  # the derivative of a sign is 0; its gradient is straight-through
            flat=name in ("hard_tanh", "threshold", "sine", "relu"),
        )
        for name in sorted(ACTIVATIONS, key=lambda name: name != "tanh")
        if name != "srelu"
    ),
    CellRow("elman", oracles.elman("srelu"), lambda D, H: affine(1, D, H) + 4 * H, ("h",), {"activation": "srelu"}),
    CellRow("lstm", oracles.lstm, partial(affine, 4), ("h", "c"), order=(0, 1)),
    CellRow("gru_before", oracles.gru_before, partial(affine, 3), ("h",), mixes=False),
    CellRow("gru_after", oracles.gru_after, lambda D, H: affine(3, D, H) + H, ("h",)),
    CellRow("flax.nnx:LSTMCell", oracles.lstm, partial(affine, 4), None, {}, flax_lstm, (1, 0), **FLAX),  # Flax: c, h
    CellRow("flax.nnx:GRUCell", oracles.gru_after, partial(affine, 3), None, {}, flax_gru, **FLAX),
    CellRow("flax.nnx:SimpleCell", oracles.elman("tanh"), partial(affine, 1), None, {}, flax_simple, **FLAX),
]  # fmt: skip
