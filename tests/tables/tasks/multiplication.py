"""Multiplication. Metrics are those of the constant that leaves the fewest sequences wrong."""

from tables.tasks.rows import TaskRow, both, span

ROWS = [
    TaskRow(
        "multiplication/hochreiter1997", {"length": 20}, 22, (10, 20),
        {"length": span(20, 23), "first": span(1, 10), "second": span(2, 10), "marks": {1, 2}},
        [
            ({"length": 100}, both(0.059243, 1 - 0.741859)),
            ({"length": 500}, both(0.058014, 1 - 0.738878)),
            ({"length": 1000}, both(0.057861, 1 - 0.738512)),
        ],
        [({"length": 19}, "length = 19 must be at least 20")],
        success=(2000, 139, None), padded=True,
    ),
    TaskRow(
        "multiplication/pascanu2013", {"length": 20}, 21, (10, 20),
        {"length": {20, 21}, "first": {0, 1}, "second": span(2, 10), "marks": {2}},
        [({"length": length}, both(0.048611, 1 - 0.233484)) for length in (50, 100, 200)],
        [({"length": 9}, "length = 9 must be at least 10")],
        success=(10_000, 99, None), padded=True, shared=20,
    ),
    TaskRow(
        "multiplication/martens2011", {"length": 20}, 22, (11, 21),
        {"length": {21, 22}, "first": {0, 1}, "second": span(2, 10), "marks": {2}},
        [({"length": 100}, {"blind": (0.048611, None)})],
        [({"length": 9}, "length = 9 must be at least 10")],
        padded=True,
    ),
]  # fmt: skip
