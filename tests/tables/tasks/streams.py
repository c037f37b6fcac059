"""Brackets, future labels, motion and two time scales."""

from tables.tasks.rows import LN2, TaskRow, both, span

LN4, LN8 = 1.386294, 2.079442

ROWS = [
    TaskRow(
        "dyck/ltd", {"pairs": 5, "types": 2}, 10, (0, 8), {"symbol": span(0, 4), "distance": {1, 3, 5, 7, 9}},
        [
            ({"types": k}, {"strict": strict})
            for k, strict in (
                (2, (0.335743, 0.757812)), (3, (0.532140, 0.677083)),
                (5, (0.779571, 0.6125)), (10, (1.115315, 0.564063)),
            )
        ] + [({}, {"blind": (LN2, 0.5)})],
        [({"pairs": 1}, "pairs = 1 must be at least 2"), ({"types": 1}, "types = 1 must be at least 2")],
    ),
    TaskRow(
        "future_label/ltd", {"length": 7, "ahead": 3, "symbols": 8}, 7, (-3, -3), {"symbol": span(0, 8)},
        [({}, both(LN8, 0.125))],
        [
            ({"ahead": 0}, "ahead = 0 must be at least 1"), ({"symbols": 1}, "symbols = 1 must be at least 2"),
            ({"length": 5}, "length = 5 must be above ahead = 5"),
        ],
    ),
    TaskRow(
        "motion_change/ltd", {"length": 13, "speed": 0.05}, 13, (4, 9),
        {"quadrant": {(False, False), (False, True), (True, False), (True, True)}},
        [({}, both(LN2, 0.5))],
        [
            ({"length": 7}, "length = 7 must be at least 8"),
            ({"speed": 0.3}, r"speed = 0\.3 must be in \(0, 0\.25\]"),
            ({"noise": 0.1}, r"noise = 0\.1 must be in \[0, 0\.015\]"),
            ({"noise": -0.1}, r"noise = -0\.1 must be in \[0, 0\.015\]"),
        ],
    ),
    TaskRow(
        "two_time_scales/ltd", {"block": 7, "blocks": 2}, 14, (0, 5),
        {"token": set("abcdefghij?wxyzWXYZ"), "query": {1, 2, 3, 4, 5, 8, 9, 10, 11, 12}},
        impossible=[
            ({"block": 2}, "block = 2 must be at least 3"), ({"blocks": 0}, "blocks = 0 must be at least 1")
        ],
    ),
]  # fmt: skip
