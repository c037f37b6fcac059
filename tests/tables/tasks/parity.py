"""Parity."""

from tables.tasks.rows import LN2, TaskRow, both, span

ROWS = [
    TaskRow(
        "parity/deletang2023", {"bits": 6}, 7, (1, 6), {"length": {7}, "ones": span(0, 6), "zeros": span(0, 6)},
        [({"bits": 40}, both(LN2, 0.5))],
        [({"bits": 0}, "bits = 0 must be at least 1"), ({"shortest": 2}, "shortest = 2 has no meaning")],
    ),
    TaskRow(
        "parity/arora2024", {"bits": 6}, 7, (1, 6), {"length": {7}, "ones": span(0, 6), "zeros": span(0, 6)},
        [({"bits": 63}, both(LN2, 0.5))],
        [({"bits": -1}, "bits = -1 must be at least 1"), ({"shortest": 2}, "shortest = 2 has no meaning")],
    ),
    TaskRow(
        "parity/arora2024_cumulative", {"bits": 6}, 6, (0, 5),
        {"length": {6}, "ones": span(0, 6), "zeros": span(0, 6)},
        [
            ({"bits": 10}, {"blind": (LN2, 0.5), "strict": (0.623832, 0.55)}),
            ({"bits": 40}, {"blind": (LN2, 0.5), "strict": (0.675819, 0.5125)}),
            ({"bits": 64}, {"blind": (LN2, 0.5), "strict": (0.682317, 0.507812)}),
            ({"bits": 256}, {"blind": (LN2, 0.5), "strict": (0.690440, 0.501953)}),
        ],
        [({"bits": 0}, "bits = 0 must be at least 1"), ({"shortest": 2}, "shortest = 2 has no meaning")],
    ),
    TaskRow(
        "parity/beck2024", {"bits": 7, "shortest": 3}, 7, (0, 6),
        {"length": span(3, 8), "ones": span(0, 7), "zeros": span(0, 7)},
        [({}, both(LN2, 0.5)), ({"bits": 256, "shortest": 40}, both(LN2, 0.5))],
        [
            ({"bits": 0}, "bits = 0 must be at least 1"),
            ({"shortest": 0}, r"shortest = 0 must be in 1\.\.40"),
            ({"bits": 5, "shortest": 6}, r"shortest = 6 must be in 1\.\.5"),
        ],
        padded=True,
    ),
    TaskRow(
        "parity/beck2024", {"bits": 3, "shortest": 1}, 3, (0, 2),
        {"length": span(1, 4), "ones": span(0, 3), "zeros": span(0, 3)}, padded=True,
    ),
]  # fmt: skip
