"""Latch."""

from tables.tasks.rows import TaskRow, both

ERRORS = [({"length": 1}, "length = 1 must be at least 2")]

ROWS = [
    TaskRow(
        "latch/variant1",
        {"length": 7},
        7,
        (6, 6),
        {"first": {0.0, 1.0}},
        [({"length": 100}, both(0.64, 0.5))],
        ERRORS,
        success=(256, 0, None),
    ),
    TaskRow(
        "latch/variant2",
        {"length": 7},
        7,
        (6, 6),
        {"first": {-1.0, 1.0}},
        [({"length": 100}, both(1.0, 0.5))],
        ERRORS,
        success=(256, 0, None),
    ),
]
