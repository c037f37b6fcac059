"""Noise-free and noisy long lags."""

from tables.tasks.rows import LN2, TaskRow, both, span

NO_SYMBOLS = ({"symbols": 5}, "symbols = 5 has no meaning")
NO_TAIL = ({"tail": 5}, "tail = 5 has no meaning")
SHORT = ({"length": 1}, "length = 1 must be at least 2")

ROWS = [
    TaskRow(
        "long_lag/hochreiter1997_2a", {"length": 5}, 5, (4, 4),
        {"ends": {"x", "y"}, "distractors": span(1, 5), "length": {5}},
        [
            ({"length": p}, both(loss, 1 - 0.5 / p))
            for p, loss in [(4, 0.173287), (10, 0.069315), (50, 0.013863), (100, 0.006931)]
        ],
        [SHORT, NO_SYMBOLS, NO_TAIL], success=(10_000, 0, None),
    ),
    TaskRow(
        "long_lag/hochreiter1997_2b", {"length": 5}, 5, (4, 4),
        {"ends": {"x", "y"}, "distractors": span(1, 5), "length": {5}},
        [
            ({"length": 10}, both(2.046817, None)),
            ({"length": 100}, {**both(4.556100, 0.015), "optimum": (4.549169, 0.02)}),
        ],
        [SHORT, NO_SYMBOLS, NO_TAIL], success=(10_000, 0, None),
    ),
    TaskRow(
        "long_lag/hochreiter1997_2c", {"length": 4, "symbols": 3, "tail": 3}, 10, (5, 8),
        {"ends": {"x", "y"}, "distractors": span(1, 4), "length": span(7, 11)},
        [({"length": q, "symbols": p}, both(LN2, 0.5)) for q, p in [(50, 50), (1000, 1000), (1000, 50)]],
        [
            ({"length": 0}, "length = 0 must be at least 1"),
            ({"symbols": -1}, "symbols = -1 must be at least 0"),
            ({"tail": -1}, "tail = -1 must be at least 0"),
        ],
        success=(10_000, 0, None), padded=True,
    ),
    TaskRow(
        "long_lag/hochreiter1997_2a", {"length": 5, "logistic": True}, 5, (4, 4),
        {"ends": {"x", "y"}, "distractors": span(1, 5), "length": {5}},
        [({"length": 4, "logistic": True}, both(0.25, 1 - 0.5 / 4))], success=(10_000, 0, None),
    ),
    TaskRow(
        "long_lag/hochreiter1997_2b", {"length": 5, "logistic": True}, 5, (4, 4),
        {"ends": {"x", "y"}, "distractors": span(1, 5), "length": {5}},
        [({"length": 11, "logistic": True}, {**both(4.75, 1.5 / 11), "optimum": (4.5, 2 / 11)})],
        success=(10_000, 0, None),
    ),
    TaskRow(
        "long_lag/hochreiter1997_2c", {"length": 4, "tail": 3, "logistic": True}, 10, (5, 8),
        {"ends": {"x", "y"}, "distractors": span(1, 5), "length": span(7, 11)},
        [({"length": 50, "logistic": True}, both(0.25, 0.5))], success=(10_000, 0, None), padded=True,
    ),
    TaskRow(
        "long_lag/hochreiter1997_2c", {"length": 3, "tail": 0}, 6, (4, 4),
        {"ends": {"x", "y"}, "distractors": span(1, 4), "length": {6}}, success=(10_000, 0, None),
    ),
]  # fmt: skip
