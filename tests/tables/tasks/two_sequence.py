"""Two sequences."""

from tables.tasks.rows import TaskRow, both, span

PLAIN = {**both(0.25, 0.5), "optimum": (0.0, 1.0)}
ERRORS = [
    ({"length": 3}, "length = 3 leaves sequences of 3 steps"),
    ({"informative": 0}, "informative = 0 must be at least 1"),
    ({"stop": "ST3"}, "stop = 'ST3' must be 'ST1' or 'ST2'"),
]

ROWS = [
    TaskRow(
        "two_sequence/bengio1994", {"length": 11}, 12, (2, 11), {"length": span(5, 13)}, [({}, PLAIN)],
        [({"length": 7}, r"length = 7 leaves sequences of 3 steps.*Use length=8")],
        success=(256, 0, None), padded=True,
    ),
    TaskRow(
        "two_sequence/hochreiter1997_3a", {"length": 10}, 11, (7, 10), {"length": {10, 11}}, [({}, PLAIN)], ERRORS,
        success=(256, 0, None), padded=True,
    ),
    TaskRow(
        "two_sequence/hochreiter1997_3a", {"length": 5, "informative": 1, "stop": "ST1"}, 5, (4, 4), {"length": {5}},
        success=(256, 0, None),
    ),
    TaskRow(
        "two_sequence/hochreiter1997_3b", {"length": 10, "informative": 1}, 11, (9, 10), {"length": {10, 11}},
        [
            ({"informative": 1}, {**both(0.25, 0.5), "optimum": (None, 1 - 0.012674)}),
            ({"informative": 3}, {"optimum": (None, 1 - 0.000054)}),
        ],
        ERRORS, success=(256, 5, None), padded=True,
    ),
    TaskRow(
        "two_sequence/hochreiter1997_3c", {"length": 10}, 11, (7, 10), {"length": {10, 11}},
        [({}, {**both(0.19, 0.5), "optimum": (0.1, 1.0)})], ERRORS, success=(256, 0, None), padded=True,
    ),
]  # fmt: skip
