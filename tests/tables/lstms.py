"""The LSTM in its forms, that of 1997, the cells of an architecture search, the differential RNN, xLSTM."""

from functools import partial

import jax.numpy as jnp
import numpy as np

from oracles import lstms as oracles
from tables.rows import CellRow, affine

HC = {"fields": ("h", "c"), "order": (0, 1)}


def started(state):
    """A memory that holds something: a positive normaliser, a stabiliser off zero."""
    return state._replace(n=1 + jnp.abs(state.n), m=0.5 * jnp.sin(7 * state.m))


def three(W, U):
    """Parameters of W and U blocks, and three biases."""
    return lambda D, H: W * D * H + U * H * H + 3 * H


ROWS = [
    CellRow(
        "lstm", oracles.lstm("diagonal"), lambda D, H: affine(4, D, H) + 3 * H, options={"peepholes": "diagonal"}, **HC
    ),
    CellRow(
        "lstm", oracles.lstm("diagonal", coupled=True), lambda D, H: affine(3, D, H) + 2 * H,
        options={"variant": "CIFG"}, **HC,
    ),
    CellRow(
        "lstm", oracles.lstm("diagonal", recurrent=True), lambda D, H: affine(4, D, H) + 3 * H + 9 * H * H,
        ("h", "c", "gates"), {"variant": "FGR"}, order=(0, 1, 2), shapes=lambda H: ((H,), (H,), (3 * H,)),
    ),
    CellRow(
        "lstm", oracles.lstm("full"), lambda D, H: affine(4, D, H) + 3 * H * H,
        options={"peepholes": "full"}, mixes=False, **HC,
    ),
    CellRow(
        "lstm", oracles.lstm("full", off="o", coupled=True, g=oracles.identity), lambda D, H: affine(2, D, H) + H * H,
        options={"peepholes": "full", "output_gate": False, "coupled": True, "input_activation": "linear"},
        mixes=False, **HC,
    ),
    CellRow(
        "lstm", oracles.lstm(off="i", recurrent=True, h=oracles.identity), lambda D, H: affine(3, D, H) + 4 * H * H,
        ("h", "c", "gates"), {"input_gate": False, "gate_recurrence": True, "output_activation": "linear"},
        order=(0, 1, 2), shapes=lambda H: ((H,), (H,), (2 * H,)),
    ),
    *(
        CellRow(
            "lstm", oracles.lstm("diagonal", off=gate), lambda D, H: affine(3, D, H) + 2 * H,
            options={"variant": name}, **HC,
        )
        for name, gate in (("NIG", "i"), ("NFG", "f"), ("NOG", "o"))
    ),
    *(
        CellRow(
            "lstm", oracles.lstm("diagonal", **{part: oracles.identity}), lambda D, H: affine(4, D, H) + 3 * H,
            options={"variant": name}, **HC,
        )
        for name, part in (("NIAF", "g"), ("NOAF", "h"))
    ),
    *(
        CellRow("lstm", oracles.lstm(off=gate), partial(affine, 3), options={"variant": f"LSTM-{gate}"}, **HC)
        for gate in "fio"
    ),
    CellRow(
        "lstm1997", oracles.lstm1997(2), lambda D, H: (2 * H) * (D + 2 * H) + 2 * H,
        ("h", "c", "i", "o"), {"block": 2, "bias": "hidden"}, order=(0, 1, 2, 3),
        shapes=lambda H: ((H,), (H,), (H // 2,), (H // 2,)), sizes=((3, 4), (1, 6)),
    ),
    CellRow(
        "lstm1997", oracles.lstm1997(1, output_gate=False), lambda D, H: 2 * H * (D + 2 * H) + H,
        ("h", "c", "i"), {"output_gate": False}, order=(0, 1, 2),
    ),
    CellRow(
        "lstm1997", oracles.lstm1997(1), lambda D, H: 3 * H * (D + 3 * H), ("h", "c", "i", "o"),
        {"truncate": True, "bias": "none"}, order=(0, 1, 2, 3), differentiable=False, cut=("h", "i", "o"),
    ),
    CellRow(
        "lstm1997", oracles.lstm1997_inputs_only(1), lambda D, H: 2 * H * D + H, ("c",), {"connectivity": "B"},
        mixes=False, width=lambda H: H + 3, output=None,
    ),
    CellRow(
        "lstm1997", oracles.lstm1997_inputs_only(2), lambda D, H: (H + H // 2) * (D + 1), ("c",),
        {"connectivity": "B", "block": 2, "bias": "hidden"}, mixes=False, width=lambda H: H + 3, output=None,
    ),
    CellRow("mut1", oracles.mut1, three(3, 2), ("h",), mixes=False),
    CellRow("mut2", oracles.mut2, three(3, 3), ("h",), mixes=False),
    CellRow("mut3", oracles.mut3, three(3, 3), ("h",), mixes=False),
    CellRow(
        "drnn", oracles.drnn(1), lambda D, H: affine(4, D, H) + 6 * H * H, ("h", "c", "past"), order=(0, 1, 2),
        shapes=lambda H: ((H,), (H,), (1, H)), mixes=False,
    ),
    CellRow(
        "drnn", oracles.drnn(2), lambda D, H: affine(4, D, H) + 9 * H * H, ("h", "c", "past"), {"order": 2},
        order=(0, 1, 2), shapes=lambda H: ((H,), (H,), (2, H)), mixes=False,
    ),
    CellRow("slstm", oracles.slstm(), lambda D, H: affine(4, D, H), tuple("hcnm"), order=(0, 1, 2, 3), start=started),
    CellRow(
        "slstm", oracles.slstm(np.exp), lambda D, H: affine(4, D, H), tuple("hcnm"), {"forget": "exp"},
        order=(0, 1, 2, 3), start=started,
    ),
    CellRow(
        "mlstm", oracles.mlstm(1), lambda D, H: (D + 1) * (4 * H + 2), ("C", "n", "m"), order=(0, 1, 2),
        shapes=lambda H: ((1, H, H), (1, H), (1,)), mixes=False, output=None,
    ),
    CellRow(
        "mlstm", oracles.mlstm(2, np.exp), lambda D, H: (D + 1) * (4 * H + 4), ("C", "n", "m"),
        {"heads": 2, "forget": "exp", "forget_bias": -1.0}, order=(0, 1, 2),
        shapes=lambda H: ((2, H // 2, H // 2), (2, H // 2), (2,)),
        mixes=False, output=None, sizes=((3, 4), (1, 6)),
    ),
]  # fmt: skip
