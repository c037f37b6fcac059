"""Copying."""

from tables.tasks.rows import LN2, TaskRow, both, span

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
    TaskRow(
        "copy/gu2022", COPY_SIZES, 10, (7, 7), {**COPY_PLACES, "first marker": {7}, "markers": {3}},
        [({}, both(2.079442, 0.125)), ({"symbols": 62, "pattern": 1024}, both(4.127134, 0.016129))],
        [*COPY_ERRORS, ({"gap": -1}, "gap = -1 must be at least 0")],
    ),
    TaskRow(
        "copy/zucchet2023", {"gap": 2, "pattern": 3, "bits": 2}, 9, (6, 6), {"flag": {5}, "bit": {0.0, 1.0}},
        [({}, both(7 * LN2, 0.007812)), ({"bits": 1}, both(LN2, 0.5))],
        [({"gap": -1}, "gap = -1 must be at least 0"), ({"pattern": 0}, "pattern = 0 must be at least 1"),
         ({"bits": 0}, "bits = 0 must be at least 1")],
        digits=2e-6,
    ),
    TaskRow("copy/pascanu2013", {"length": 3, "values": 3, "pattern": 3}, 9, (6, 6),
            {"value": {0, 1, 2}, "marker": {6}}, [({"length": 50}, {"blind": (0.229920, None)})],
            [({"length": -1}, "length = -1 must be at least 0")], success=(10_000, 99, None)),
]  # fmt: skip
