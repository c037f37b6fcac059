"""Copying."""

from tables.tasks.rows import TaskRow, both, span

COPY_SIZES = {"gap": 4, "symbols": 5, "pattern": 3}
COPY_LEVELS = [  # 10 ln 8 / (T + 20) and (T + 11.25) / (T + 20)
    ({"gap": 100}, both(0.173287, 0.927083)),
    ({"gap": 200}, both(0.094520, 0.960227)),
    ({"gap": 300}, both(0.064983, 0.972656)),
    ({"gap": 500}, both(0.039989, 0.983173)),
    ({"gap": 1000}, both(0.020387, 0.991422)),
    ({"gap": 2000}, both(0.010294, 0.995668)),
]
COPY_ERRORS = [({"symbols": 1}, "symbols = 1 must be at least 2"), ({"pattern": 0}, "pattern = 0 must be at least 1")]
COPY_PLACES = {"symbol": span(1, 6), "first marker": {6}, "markers": {1}}
NO_GAP = ({"gap": 0}, "gap = 0 must be at least 1")

ROWS = [
    TaskRow("copy/arjovsky2016", COPY_SIZES, 10, (7, 7), COPY_PLACES, COPY_LEVELS, [*COPY_ERRORS, NO_GAP]),
    TaskRow(
        "copy/bai2018", COPY_SIZES, 10, (7, 7), {**COPY_PLACES, "markers": {4}}, COPY_LEVELS, [*COPY_ERRORS, NO_GAP]
    ),
    TaskRow(
        "copy/lezcano2019", COPY_SIZES, 10, (7, 7), {**COPY_PLACES, "first marker": {7}}, COPY_LEVELS,
        [*COPY_ERRORS, ({"gap": -1}, "gap = -1 must be at least 0")],
    ),
    TaskRow(
        "copy/lezcano2019", {**COPY_SIZES, "gap": 0}, 6, (3, 3), {**COPY_PLACES, "first marker": {3}},
    ),
]  # fmt: skip
