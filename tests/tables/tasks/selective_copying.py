"""Selective copying."""

from tables.tasks.rows import TaskRow, both, span

ERRORS = [({"pattern": 0}, "pattern = 0 must be at least 1")]

ROWS = [
    TaskRow(
        "selective_copy/poli2024", {"length": 12, "vocabulary": 6, "pattern": 3}, 12, (4, 9),
        {"symbol": span(0, 4), "first": span(0, 6), "last": {7}},
        [({}, both(2.639057, 0.071429))],
        [*ERRORS, ({"length": 33}, "length = 33 must be at least 34"),
         ({"vocabulary": 3}, "vocabulary = 3 must be at least 4")],
        lengths=(8, 45, 9),
    ),
    TaskRow(
        "selective_copy/poli2024", {"length": 6, "vocabulary": 6, "pattern": 1}, 6, (2, 2),
        {"symbol": span(0, 4), "first": {3}, "last": {3}},
    ),
    TaskRow(
        "selective_copy/gu2022", {"length": 12, "vocabulary": 6, "pattern": 3}, 12, (3, 9),
        {"symbol": span(1, 5), "first": span(0, 7), "last": span(2, 9)},
        [({}, both(2.079442, 0.125))],
        [*ERRORS, ({"length": 19}, "length = 19 must be at least 20"),
         ({"vocabulary": 3}, "vocabulary = 3 must be at least 4")],
        lengths=(6, 45, 7),
    ),
    TaskRow(
        "selective_copy/gu2023", {"length": 12, "vocabulary": 4, "pattern": 3}, 12, (3, 9),
        {"symbol": span(1, 4), "first": span(0, 7), "last": span(2, 9)},
        [({}, both(2.708050, 0.066667))],
        [*ERRORS, ({"length": 31}, "length = 31 must be at least 32"),
         ({"vocabulary": 2}, "vocabulary = 2 must be at least 3")],
        lengths=(6, 45, 7),
    ),
]  # fmt: skip
