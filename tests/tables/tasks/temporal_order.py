"""Temporal order."""

from tables.tasks.rows import TaskRow, both, span

FOUR, EIGHT = both(1.386294, 0.25), both(2.079442, 0.125)
NO_SIGNALS = ({"signals": 2}, "signals = 2 must be 0")
NO_STREAM = ({"sequences": 2}, "sequences = 2 must be 1")

ROWS = [
    TaskRow(
        "temporal_order/hochreiter1997_6a", {"length": 20}, 22, (8, 20),
        {"length": span(20, 23), "signal 0": span(1, 4), "signal 1": span(9, 12)},
        [({"length": 100}, FOUR)],
        [({"length": 19}, "length = 19 must be at least 20"), NO_SIGNALS, NO_STREAM,
         ({"longest": 120}, "longest = 120 must be 0")],
        success=(2000, 0, None), padded=True,
    ),
    TaskRow(
        "temporal_order/hochreiter1997_6b", {"length": 20}, 22, (5, 20),
        {"length": span(20, 23), "signal 0": span(1, 4), "signal 1": span(5, 8), "signal 2": span(12, 15)},
        [({"length": 100}, EIGHT)],
        [({"length": 19}, "length = 19 must be at least 20")],
        success=(2000, 0, None), padded=True,
    ),
    TaskRow(
        "temporal_order/hochreiter1997_6a", {"length": 20, "logistic": True}, 22, (8, 20),
        {"length": span(20, 23), "signal 0": span(1, 4), "signal 1": span(9, 12)},
        [({"length": 100, "logistic": True}, both(0.375, 0.25))], success=(2000, 0, None), padded=True,
    ),
    TaskRow(
        "temporal_order/gers2000_continual", {"length": 20, "sequences": 2, "logistic": True}, 44, (5, 20),
        {"length": span(20, 23), "signal 0": span(1, 4), "signal 1": span(5, 8), "signal 2": span(12, 15)},
        [({"length": 100, "sequences": 10, "logistic": True}, both(4.375, 0.125))], padded=True,
    ),
    TaskRow(
        "temporal_order/martens2011", {"length": 20, "signals": 2}, 22, (10, 21),
        {"length": {21, 22}, "signal 0": span(0, 3), "signal 1": span(8, 11)},
        [({"length": 200}, FOUR)],
        [({"length": 9}, "length = 9 must be at least 10"), ({"signals": 4}, "signals = 4 must be 2 or 3")],
        padded=True,
    ),
    TaskRow(
        "temporal_order/martens2011", {"length": 10, "signals": 3}, 11, (4, 10),
        {"length": {11}, "signal 0": span(0, 2), "signal 1": span(3, 5), "signal 2": span(5, 7)},
        [({"length": 200, "signals": 3}, EIGHT)],
    ),
    TaskRow(
        "temporal_order/pascanu2013", {"length": 20}, 20, (8, 17),
        {"length": {20}, "signal 0": {2, 3}, "signal 1": {10, 11}},
        [({"length": 50, "longest": 199}, FOUR)],
        [({"length": 9}, "length = 9 must be at least 10"), NO_STREAM,
         ({"longest": 60}, "longest = 60 must be at least length = 100")],
        success=(10_000, 99, None),
    ),
    TaskRow(
        "temporal_order/pascanu2013", {"length": 10, "longest": 12}, 12, (4, 10),
        {"length": {10, 11, 12}, "signal 0": {1}, "signal 1": {5, 6}},
        success=(10_000, 99, None), padded=True, shared=20, lengths=(10, 11, 12),
    ),
    TaskRow(
        "temporal_order/pascanu2013_3bit", {"length": 20}, 20, (6, 17),
        {"length": {20}, "signal 0": {2, 3}, "signal 1": {6, 7}, "signal 2": {12, 13}},
        [({"length": 100}, EIGHT)],
        [({"length": 9}, "length = 9 must be at least 10"), NO_SIGNALS],
        success=(10_000, 99, None),
    ),
    TaskRow(
        "temporal_order/gers2000_continual", {"length": 20, "sequences": 2}, 44, (5, 20),
        {"length": span(20, 23), "signal 0": span(1, 4), "signal 1": span(5, 8), "signal 2": span(12, 15)},
        [({"length": 100}, EIGHT)],
        [({"length": 19}, "length = 19 must be at least 20"), ({"sequences": 0}, "sequences = 0 must be at least 1")],
        padded=True,
    ),
]  # fmt: skip
