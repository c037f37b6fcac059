"""Noiseless memorisation."""

from tables.tasks.rows import TaskRow, both

SIZES = {"values": 3, "pattern": 3}
FIVE = {"values": 2, "pattern": 5}
ERRORS = [({"values": 1}, "values = 1 must be at least 2"), ({"pattern": 0}, "pattern = 0 must be at least 1")]


def losses(found, **more):
    """At L or T = 50, 100, 150, 200."""
    return [({"length": 50 * (k + 1), **more}, both(loss, None)) for k, loss in enumerate(found)]


ROWS = [
    TaskRow(
        "memorisation/pascanu2013", {"length": 3, **SIZES}, 9, (6, 6), {"value": {0, 1, 2}, "marker": {6}},
        losses([0.229920, 0.134120, 0.094673, 0.073156]) + losses([0.057762, 0.031507, 0.021661, 0.016504], **FIVE),
        [*ERRORS, ({"length": -1}, "length = -1 must be at least 0"),
         ({"separate_symbols": True}, "separate_symbols = True has no meaning"),
         ({"recall_only": True}, "recall_only = True has no meaning")],
        success=(10_000, 99, None),
    ),
    TaskRow(
        "memorisation/pascanu2013", {"length": 0, "values": 2, "pattern": 4}, 8, (4, 4),
        {"value": {0, 1}, "marker": {4}}, success=(10_000, 99, None),
    ),
    TaskRow(
        "memorisation/martens2011", {"length": 9, **SIZES}, 9, (6, 6), {"value": {0, 1, 2}, "marker": {5}},
        losses([0.321888, 0.160944, 0.107296, 0.080472]) + losses([0.069315, 0.034657, 0.023105, 0.017329], **FIVE),
        [*ERRORS, ({"length": 20}, "length = 20 must be at least 21")], success=(10_000, 99, None),
    ),
    TaskRow(
        "memorisation/martens2011", {"length": 7, **SIZES, "separate_symbols": True, "recall_only": True}, 7, (4, 4),
        {"value": {0, 1, 2}, "marker": {3}}, [({"recall_only": True}, both(1.609438, 0.2))],
        success=(10_000, 99, None),
    ),
]  # fmt: skip
