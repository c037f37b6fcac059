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
    TaskRow(
        "permutation/martens2011_fixed", {"length": 6, "symbols": 9}, 6, (5, 5), {**PLACES, "others": span(2, 7)},
        [({"length": 100}, both(0.006931, 0.995)), ({"length": 20}, {**both(0.034657, 0.975), "optimum": (0, 1)})],
        ERRORS, success=(10_000, 99, None),
    ),
    TaskRow(
        "permutation/martens2011_fixed", {"length": 9, "symbols": 5}, 9, (8, 8), {**PLACES, "others": span(2, 5)},
        success=(10_000, 99, None),
    ),
]  # fmt: skip
