"""Random permutation."""

from tables.tasks.rows import LN2, TaskRow, both, span

PLACES = {"first": {0, 1}, "others": span(2, 9)}
ERRORS = [({"length": 1}, "length = 1 must be at least 2"), ({"symbols": 2}, "symbols = 2 must be at least 3")]

ROWS = [
    TaskRow(
        "permutation/pascanu2013", {"length": 6, "symbols": 9}, 6, (5, 5), PLACES, [({}, both(LN2, 0.5))], ERRORS,
        success=(10_000, 99, None),
    ),
    TaskRow(
        "permutation/martens2011", {"length": 6, "symbols": 9}, 6, (5, 5), PLACES,
        [
            ({"length": T}, {**both(blind, None), "optimum": (optimum, None)})
            for T, blind, optimum in [
                (20, 4.390376, None), (50, 4.507131, 4.493268), (100, 4.546049, 4.539118),
                (150, 4.559022, 4.554401), (200, 4.565508, 4.562043),
            ]
        ],
        ERRORS, success=(10_000, 99, None),
    ),
]  # fmt: skip
