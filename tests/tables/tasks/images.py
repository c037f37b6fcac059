"""Digits of 8 x 8 pixels."""

from tables.tasks.rows import TaskRow, span

ALL = {"split": "all"}
ERRORS = [({"split": "some"}, "split = 'some' must be one of train, test, all"), ({"seed": -1}, "seed = -1 must lie")]

ROWS = [
    TaskRow(
        "digits8/pixels", {}, 64, (0, 63), {"label": span(0, 10)},
        [(ALL, {"blind": (2.302479, 0.101836), "strict": (2.207553, 0.139121)})], ERRORS,
    ),
    TaskRow(
        "digits8/rows", {}, 8, (0, 7), {"label": span(0, 10)},
        [(ALL, {"blind": (2.302479, 0.101836), "strict": (1.320259, 0.543684)})], ERRORS,
    ),
    TaskRow(
        "digits8/whole", {}, 1, (0, 0), {"label": span(0, 10)},
        [(ALL, {"blind": (2.302479, 0.101836), "strict": (0.191710, 0.986088)})], ERRORS,
    ),
    TaskRow(
        "digits8/permuted", {"split": "test"}, 64, (0, 63), {"label": span(0, 10)},
        [(ALL, {"blind": (2.302479, 0.101836), "strict": (1.961528, 0.257652)})], ERRORS,
    ),
]  # fmt: skip
