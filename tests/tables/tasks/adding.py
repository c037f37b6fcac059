"""Adding."""

from tables.tasks.rows import TaskRow, both, span

ROWS = [
    TaskRow(
        "adding/hochreiter1997", {"length": 30}, 33, (15, 31),
        {"length": span(30, 34), "first": span(1, 15), "second": span(2, 15), "marks": {1, 2}},
        [
            ({"length": 100}, both(0.039201, 1 - 0.845642)),
            ({"length": 500}, both(0.039508, 1 - 0.845737)),
            ({"length": 1000}, both(0.039546, 1 - 0.845748)),
        ],
        [({"length": 19}, "length = 19 must be at least 20")],
        success=(2000, 0, 0.01), padded=True,
    ),
    TaskRow(
        "adding/pascanu2013", {"length": 20}, 21, (10, 20),
        {"length": {20, 21}, "first": {0, 1}, "second": span(2, 10), "marks": {2}},
        [({"length": length}, both(0.041667, 0.64)) for length in (50, 100, 200)],
        [({"length": 9}, "length = 9 must be at least 10")],
        success=(10_000, 99, None), padded=True, shared=20,
    ),
    TaskRow(
        "adding/pascanu2013", {"length": 10}, 10, (5, 9),
        {"length": {10}, "first": {0}, "second": span(1, 5), "marks": {2}}, success=(10_000, 99, None),
    ),
    TaskRow(
        "adding/arjovsky2016", {"length": 6}, 6, (0, 5),
        {"length": {6}, "first": span(0, 3), "second": span(3, 6), "marks": {2}},
        [
            ({"length": 100}, {"blind": (0.166667, -0.166667), "strict": (0.165, -0.165)}),
            ({"length": 101}, both(0.166667, -0.166667)),
        ],
        [({"length": 1}, "length = 1 must be at least 2")],
    ),
    TaskRow(
        "adding/arjovsky2016", {"length": 7}, 7, (1, 6),
        {"length": {7}, "first": span(0, 3), "second": span(3, 6), "marks": {2}},
    ),
    TaskRow(
        "adding/rusch2022", {"length": 7}, 7, (0, 6),
        {"length": {7}, "first": span(0, 3), "second": span(3, 7), "marks": {2}},
        [
            ({"length": 100}, {"blind": (0.166667, -0.166667), "strict": (0.165, -0.165)}),
            ({"length": 2}, {"blind": (0.166667, -0.166667), "strict": (0.083333, -0.083333)}),
        ],
        [({"length": 1}, "length = 1 must be at least 2")],
    ),
    TaskRow(
        "adding/gu2022", {"length": 6}, 6, (0, 5),
        {"length": {6}, "first": span(0, 3), "second": span(3, 6), "marks": {2}},
        [({"length": 100}, {"blind": (0.166667, -0.166667), "strict": (0.165, -0.165)})],
        [({"length": 1}, "length = 1 must be at least 2")],
    ),
    TaskRow(
        "adding/martens2011", {"length": 20}, 22, (11, 21),
        {"length": {21, 22}, "first": {0, 1}, "second": span(2, 10), "marks": {2}},
        [({"length": 100}, both(0.166667, 1 - 0.9216))],
        [({"length": 9}, "length = 9 must be at least 10")],
        padded=True,
    ),
    TaskRow(
        "adding/bai2018", {"length": 7}, 7, (0, 6),
        {"length": {7}, "first": span(0, 6), "second": span(1, 7), "marks": {2}},
        [
            ({"length": 100}, {"blind": (0.166667, -0.166667), "strict": (0.165, -0.165)}),
            ({"length": 2}, {"blind": (0.166667, -0.166667), "strict": (0.083333, -0.083333)}),
        ],
        [({"length": 1}, "length = 1 must be at least 2")],
    ),
]  # fmt: skip
