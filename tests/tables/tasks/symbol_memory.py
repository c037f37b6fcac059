"""Symbol memorisation."""

from tables.tasks.rows import TaskRow, both, span

ROWS = [
    TaskRow(
        "symbol_memory/kalchbrenner2015", {"length": 3, "bits": 2}, 8, (4, 4),
        {"symbol": span(0, 4), "dash": span(3, 8)},
        [({}, both(1.980421, 0.53125))],
        [({"length": 0}, "length = 0 must be at least 1"), ({"bits": 0}, "bits = 0 must be at least 1"),
         ({"bits": 17}, "bits = 17 must be at most 16")],
    ),
]  # fmt: skip
