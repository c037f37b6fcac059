"""Simple networks in other forms, leaky and multi-timescale networks, residual and continuous-time networks."""

from functools import partial

from oracles import simple as oracles
from tables.rows import CellRow, affine

STEP = {"mixes": False}
BEFORE = {"form": "before"}
CONTEXT = 3
BOTH = {"shapes": lambda H: ((H,), (CONTEXT,)), "order": (0, 1), "width": lambda H: H + CONTEXT, "output": None}
ALONE = {"shapes": lambda H: ((CONTEXT,),), "width": lambda H: CONTEXT, "output": "s", "mixes": False}
FEEDBACK = {"shapes": lambda H: ((CONTEXT,),), "width": lambda H: CONTEXT, "output": "y", "mixes": False}


def jordan(D, H):
    return D * H + 2 * CONTEXT * H + H + CONTEXT


def scrn(D, H):
    return D * H + H * H + CONTEXT * (D + H)


ROWS = [
    CellRow(
        "elman", oracles.elman_before("tanh"), partial(affine, 1), ("s",), {"activation": "tanh", **BEFORE}, output=None
    ),
    CellRow(
        "elman", oracles.elman_before("srelu"), lambda D, H: affine(1, D, H) + 4 * H, ("s",),
        {"activation": "srelu", **BEFORE}, output=None,
    ),
    CellRow("jordan", oracles.jordan("tanh", "linear"), jordan, ("y",), {"feedback": CONTEXT}, **FEEDBACK),
    CellRow(
        "jordan", oracles.jordan("logistic", "tanh"), jordan, ("y",),
        {"feedback": CONTEXT, "activation": "logistic", "output_activation": "tanh"}, **FEEDBACK,
    ),
    CellRow("leaky", oracles.leaky(2.0, 50.0), partial(affine, 1), ("h",), {"tau_min": 2.0, "tau_max": 50.0}),
    CellRow("leaky", oracles.leaky(), lambda D, H: affine(1, D, H) + H, ("h",), {"learned": True}),
    CellRow(
        "leaky", oracles.leaky(), lambda D, H: affine(1, D, H) + 1, ("h",),
        {"learned": True, "shared": True, "tau_max": 1.0},
    ),
    CellRow("ctrnn", oracles.ctrnn("euler", 0.5), partial(affine, 1), ("h",), {"dt": 0.5}),
    CellRow("ctrnn", oracles.ctrnn("euler", 1.0), lambda D, H: affine(1, D, H) + H, ("h",), {"learned": True}),
    CellRow(
        "ctrnn", oracles.ctrnn("rk4", 2.0), lambda D, H: affine(1, D, H) + 1, ("h",),
        {"method": "rk4", "dt": 2.0, "learned": True, "shared": True, "tau_min": 4.0, "tau_max": 4.0}, **STEP,
    ),
    CellRow("scrn", oracles.scrn(), scrn, ("h", "s"), {"context": CONTEXT}, **BOTH),
    CellRow(
        "scrn", oracles.scrn(), lambda D, H: scrn(D, H) + CONTEXT, ("h", "s"),
        {"context": CONTEXT, "learned": True}, **BOTH,
    ),
    CellRow(
        "scrn", oracles.scrn(0.8, delayed=True), scrn, ("h", "s"),
        {"context": CONTEXT, "alpha": 0.8, "delayed": True}, **BOTH,
    ),
    CellRow(
        "scrn", oracles.scrn_context(), lambda D, H: CONTEXT * (D + 1), ("s",),
        {"context": CONTEXT, "learned": True, "fast": False}, **ALONE,
    ),
    CellRow("minimal_rnn", oracles.minimal_rnn, lambda D, H: affine(1, D, H) + H * H + H, ("h",)),
    CellRow("antisymmetric", oracles.antisymmetric(0.1, 0.01, gated=False), partial(affine, 1), ("h",)),
    CellRow(
        "antisymmetric", oracles.antisymmetric(0.5, 0.2, gated=True), lambda D, H: affine(1, D, H) + D * H + H, ("h",),
        {"epsilon": 0.5, "gamma": 0.2, "gated": True},
    ),
    CellRow(
        "clockwork", oracles.clockwork((1, 2, 4, 8)), partial(affine, 1), ("h", "t"), order=(0, 1),
        shapes=lambda H: ((H,), (1,)), clock=("t",),
    ),
    CellRow(
        "clockwork", oracles.clockwork((3, 3, 1, 1)), partial(affine, 1), ("h", "t"), {"periods": "3,1"}, order=(0, 1),
        shapes=lambda H: ((H,), (1,)), clock=("t",),
    ),
    CellRow(
        "cornn", oracles.cornn(0.042, 2.7, 4.7, implicit=False), lambda D, H: affine(1, D, H) + H * H, ("y", "z"),
        order=(0, 1), output="y",
    ),
    CellRow(
        "cornn", oracles.cornn(0.5, 1.0, 2.0, implicit=True), lambda D, H: affine(1, D, H) + H * H, ("y", "z"),
        {"dt": 0.5, "gamma": 1.0, "epsilon": 2.0, "damping": "implicit"}, order=(0, 1), output="y",
    ),
    CellRow("lem", oracles.lem(0.5), partial(affine, 4), ("y", "z"), {"dt": 0.5}, order=(0, 1), output="y", **STEP),
]  # fmt: skip
