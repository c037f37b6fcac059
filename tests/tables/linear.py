"""Identity, orthogonal and unitary networks, linear state spaces, minimal gated networks."""

from functools import partial

from oracles import linear as oracles
from tables.rows import CellRow, affine


def skew(D, H):
    """Input weights, the entries of a skew matrix, a bias."""
    return D * H + H * (H - 1) // 2 + H


def lru(D, H):
    """nu, theta, log_n; B, C; F."""
    return 3 * H + 2 * D * H + 2 * H * H + D * H


def s5(D, H, N=3):
    """A, log_step; B, C; F."""
    return 3 * N + 2 * D * N + 2 * N * H + D * H


PARTS = ("re", "im")
SPACE = {"mixes": False, "output": None}
SIX = {"state": 6, "dt_min": 0.1, "dt_max": 0.5}
HALF = {"shapes": lambda H: ((3,), (3,)), "order": (0, 1), **SPACE}

ROWS = [
    CellRow("irnn", oracles.irnn, partial(affine, 1), ("h",), flat=True),
    CellRow("lt_rnn", oracles.lt_rnn(), partial(affine, 1), ("h",)),
    CellRow(
        "lt_rnn", oracles.lt_rnn("tanh", pooling=True), partial(affine, 1), ("h",),
        {"pooling": True, "activation": "tanh"},
        width=lambda hidden: hidden // 2, output=None,
    ),
    CellRow(
        "urnn", oracles.urnn, lambda D, H: 2 * D * H + 3 * H + 4 * H + H, PARTS, order=(0, 1),
        width=lambda hidden: 2 * hidden, output=None, flat=True,
    ),
    CellRow("exprnn", oracles.exprnn, skew, ("h",), flat=True),
    CellRow("scornn", oracles.scornn(0.5), skew, ("h",), {"init": "henaff"}, flat=True),
    CellRow("lru", oracles.lru, lru, PARTS, order=(0, 1), **SPACE),
    CellRow("lru", oracles.lru, lambda D, H: lru(D, H) - H, PARTS, {"norm": "tied"}, order=(0, 1), **SPACE),
    CellRow("s5", oracles.s5(), s5, PARTS, SIX, **HALF),
    CellRow("s5", oracles.s5("gelu"), s5, PARTS, {**SIX, "activation": "gelu"}, **HALF),
    CellRow("min_gru", oracles.min_gru, lambda D, H: 2 * (D * H + H), ("h",), mixes=False),
    CellRow("min_lstm", oracles.min_lstm, lambda D, H: 3 * (D * H + H), ("h",), mixes=False),
]  # fmt: skip
