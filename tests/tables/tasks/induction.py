"""Induction."""

from tables.tasks.rows import TaskRow, both, span

ROWS = [
    TaskRow(
        "induction/gu2023", {"length": 10, "vocabulary": 4}, 10, (1, 8), {"special": span(0, 8), "token": span(0, 4)},
        [({}, both(2.772589, 0.0625)), ({"vocabulary": 15}, both(2.708050, 0.066667))],
        [({"length": 2}, "length = 2 must be at least 3"), ({"vocabulary": 1}, "vocabulary = 1 must be at least 2")],
    ),
]  # fmt: skip
