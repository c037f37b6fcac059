"""Embedded Reber strings."""

from tables.tasks.rows import TaskRow, span

ERRORS = [({"length": 8}, "length = 8 must be at least 9")]

ROWS = [
    TaskRow(
        "reber/embedded_hochreiter1997", {"length": 12}, 11, (5, 8), {"length": span(8, 12), "u": {"T", "P"}},
        [({"length": 200}, {"blind": (0.504107, None), "optimum": (0.441094, 1.0)})], ERRORS,
        success=(256, 0, None), padded=True,
    ),
    TaskRow(
        "reber/continual_gers2000", {"length": 12}, 12, (5, 10), {"length": {12}, "u": {"T", "P"}},
        [(
            {"length": 10**8},
            {"blind": (0.462098, None), "strict": (1.281298, None), "optimum": (0.404336, 1.0)},
        )],
        ERRORS, success=(10, 0, None),
    ),
    TaskRow(
        "reber/embedded_hochreiter1997", {"length": 12, "logistic": True}, 11, (5, 8),
        {"length": span(8, 12), "u": {"T", "P"}},
        [({"length": 200, "logistic": True}, {"blind": (2.0, None), "optimum": (1.75, 1.0)})],
        success=(256, 0, None), padded=True,
    ),
]  # fmt: skip
