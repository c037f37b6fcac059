"""Warped and padded sequences."""

from tables.tasks.rows import TaskRow, span

ERRORS = [
    ({"warp": 0}, "warp = 0 must be at least 1"),
    ({"symbols": 2}, "symbols = 2 must be at least 3"),
    ({"length": 10}, "length = 10 must be above warp = 10"),
    ({"mode": "slow"}, "mode = 'slow' is unknown"),
]
SMALL = {"length": 13, "warp": 4, "symbols": 5}
UNIFORM = [2.062806, 2.037853, 1.871497, 1.663553]
VARIABLE = [2.072680, 2.066391, 2.023344, 1.969393]


def strict(losses, mode):
    return [
        ({"warp": w, "mode": mode}, {"strict": (loss, None)})
        for w, loss in zip((4, 10, 50, 100), losses, strict=True)
    ]  # fmt: skip


ROWS = [
    TaskRow(
        "warp/tallec2018", SMALL, 13, (1, 4), {"symbol": span(1, 6), "width": {4}}, strict(UNIFORM, "uniform"), ERRORS
    ),
    TaskRow(
        "warp/tallec2018", {**SMALL, "mode": "variable"}, 13, (1, 4), {"symbol": span(1, 6), "width": span(1, 5)},
        strict(VARIABLE, "variable"),
    ),
    TaskRow("warp/tallec2018", {**SMALL, "length": 6}, 6, (1, 2), {"symbol": span(1, 6), "width": {4}}),
    TaskRow("pad/tallec2018", SMALL, 13, (4, 4), {"symbol": span(1, 6), "width": {4}}, [], ERRORS),
    TaskRow(
        "pad/tallec2018", {**SMALL, "mode": "variable"}, 13, (1, 4), {"symbol": span(1, 6), "width": span(1, 5)},
    ),
]  # fmt: skip
