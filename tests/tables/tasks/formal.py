"""The formal-language tasks. Blind and strict are the same: no scored step shows anything."""

from tables.tasks.rows import LN2, TaskRow, both, span

EMPTY = [({"length": 0}, "length = 0 must be at least 1")]
BITS = [({"length": n}, both(LN2, 0.5)) for n in (2, 10, 20, 40)]
FREE = {"symbol": {"0", "1"}}
SURE = both(0.0, 1.0)


def row(kind, n, steps, lag, places, published=(), **more):
    published = [(sizes, level) for sizes, level in published]
    return TaskRow(f"formal/{kind}_deletang2023", {"length": n}, steps, lag, places, published, EMPTY, **more)


def by_length(*levels):
    return [({"length": n}, both(loss, metric)) for n, loss, metric in levels]


def symbols(text):
    return {"symbol": set(text)}


ROWS = [
    row("parity_check", 6, 7, (1, 6), FREE, [*BITS, ({"length": 1}, both(LN2, 0.5))]),
    row("even_pairs", 6, 7, (1, 6), FREE, [*BITS, ({"length": 1}, SURE)]),
    row(
        "cycle_navigation", 5, 6, (1, 5), symbols("012"),
        by_length((2, 1.522955, 1 / 3), (10, 1.609434, 0.200833), (20, 1.609438, 0.200002), (40, 1.609438, 0.2)),
    ),
    row("reverse_string", 5, 10, (1, 9), FREE, BITS),
    row("duplicate_string", 4, 12, (4, 8), FREE, BITS),
    row("odds_first", 5, 10, (3, 7), FREE, BITS),
    row(
        "bucket_sort", 5, 10, (1, 9), symbols("01234"),
        by_length((10, 0.903476, 0.598207), (20, 0.685367, 0.694122), (40, 0.501001, 0.777845)),
    ),
    row(
        "missing_duplicate_string", 7, 8, (2, 7), {**symbols("0123"), "hole": span(0, 6)},
        [*BITS, ({"length": 1}, SURE)],
    ),
    row(
        "modular_arithmetic", 6, 6, (1, 5), symbols("01234+-*"),
        by_length((5, 1.606356, 0.232), (11, 1.609376, 0.204457), (21, 1.609438, 0.200159), (40, 1.609438, 0.2)),
    ),
    row(
        "modular_arithmetic_brackets", 10, 11, (2, 9), {**symbols("01234+-*()"), "root": span(2, 8)},
        by_length((10, 1.597936, 0.262815), (20, 1.591340, 0.279421), (40, 1.585632, 0.291594)),
    ),
    row(
        "solve_equation", 10, 11, (1, 9), {**symbols("01234+-()x="), "unknown": {1, 2, 3, 5, 6}},
        [({"length": n}, both(1.609438, 0.2)) for n in (3, 10, 20, 40)] + [({"length": n}, SURE) for n in (1, 2)],
    ),
    row(
        "stack_manipulation", 6, 13, (1, 11), {**symbols("01234"), "stack": span(1, 6)},
        by_length((10, 0.7451, 0.490), (20, 0.6885, 0.483), (40, 0.6430, 0.487)), digits=4e-3,  # sampled there
    ),
    row(
        "binary_addition", 7, 15, (2, 13), {**symbols("012"), "separator": span(1, 6)},
        by_length((10, 0.6607, 0.518), (20, 0.6665, 0.503), (40, 0.6501, 0.501)), digits=1e-3,  # sampled there
    ),
    row(
        "binary_multiplication", 7, 14, (2, 13), {**symbols("012"), "separator": span(1, 6)},
        by_length((10, 0.7967, 0.556), (20, 0.7531, 0.529), (40, 0.7237, 0.515)), digits=3e-3,  # sampled there
    ),
    row(
        "compute_sqrt", 8, 12, (4, 11), FREE,
        by_length((10, 0.658342, 0.597458), (20, 0.675864, 0.549952)),
    ),
]  # fmt: skip
