"""Variable copying."""

from tables.tasks.rows import TaskRow, both, span

ROWS = [
    TaskRow(
        "variable_copy/tallec2018", {"gap": 5, "symbols": 4, "pattern": 3}, 11, (4, 8),
        {"symbol": span(1, 5), "marker": span(3, 8)},
        [
            ({"gap": 100}, {"blind": (0.173287, 0.927083), "strict": (0.447594, None)}),
            ({"gap": 500}, {"blind": (0.039989, 0.983173), "strict": (0.134409, None)}),
            ({"gap": 1000}, {"blind": (0.020387, 0.991422), "strict": (0.075329, None)}),
        ],
        [({"gap": 0}, "gap = 0 must be at least 1"), ({"symbols": 1}, "symbols = 1 must be at least 2"),
         ({"pattern": 0}, "pattern = 0 must be at least 1")],
    ),
    TaskRow(
        "variable_copy/tallec2018", {"gap": 1, "symbols": 2, "pattern": 2}, 5, (3, 3),
        {"symbol": {1, 2}, "marker": {2}},
        [({"gap": 1}, both(0.990210, None))],
    ),
]  # fmt: skip
