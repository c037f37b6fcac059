"""Counting languages."""

from tables.tasks.rows import TaskRow, span

ERRORS = [
    ({"largest": 1}, "largest = 1 must be at least 2"),
    ({"smallest": 0}, "smallest = 0 must be at least 1"),
    ({"smallest": 11}, r"smallest = 11 must be in 1\.\.10"),
]

ROWS = [
    TaskRow(
        "counting/anbn_gers2001", {"largest": 5}, 11, (1, 9), {"n": span(1, 6)},
        [({}, {"blind": (0.434628, 0.1), "strict": (0.268240, 0.4)})], ERRORS, padded=True,
    ),
    TaskRow("counting/anbn_gers2001", {"largest": 6, "smallest": 3}, 13, (3, 11), {"n": span(3, 7)}, padded=True),
    TaskRow(
        "counting/anbncn_gers2001", {"largest": 4}, 13, (1, 7), {"n": span(1, 5)},
        [({}, {"blind": (0.596061, 0.1)})], ERRORS, padded=True,
    ),
]  # fmt: skip
