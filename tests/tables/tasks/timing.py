"""Timing. Spikes and waits are counted by hand; so are the shares of steps."""

from tables.tasks.rows import TaskRow, span

DELAYS = [
    ({"interval": 0}, "interval = 0 must be at least 1"), ({"largest": 0}, "largest = 0 must be at least 1"),
    ({"spikes": 0}, "spikes = 0 must be at least 1"), ({"choice": "some"}, "choice = 'some' is unknown"),
]  # fmt: skip
SURE = (0.0, 1.0)

ROWS = [
    TaskRow(
        "spike_delay/gers2002", {"interval": 4, "largest": 3, "choice": "all"}, 8, (4, 7), {"spike": span(4, 8)},
        [
            ({"interval": F}, {"blind": (0.25, 0.5), "strict": SURE}) for F in (10, 50)
        ] + [
            ({"largest": 10, "choice": "all"}, {"blind": (10.0, 0.090909), "strict": SURE}),
            ({"largest": 10}, {"blind": (25.0, 0.5), "strict": SURE}),
            ({"spikes": 100}, {"blind": (0.25, 0.5)}),
        ],
        DELAYS, success=(1000, 0, None), padded=True,
    ),
    TaskRow(
        "spike_delay/gers2002", {"interval": 2, "largest": 3, "spikes": 3}, 16, (2, 5),
        {"spike": {2, 4, 5, 6, 7, 9, 10, 12, 15}}, success=(334, 0, None), padded=True,
    ),
    TaskRow(
        "timed_spikes/gers2002", {"interval": 4, "largest": 3, "choice": "all"}, 8, (4, 7),
        {"shown": {0, 1, 2, 3}, "last": span(4, 8)},
        # one spike in 1 + 10 + 1/2 steps: share p = 2 / 23, p (1 - p) = 42 / 529
        [({}, {"blind": (0.079395, 0.913043), "strict": SURE})],
        DELAYS, success=(1000, 0, None), padded=True,
    ),
    TaskRow(
        "timed_spikes/gers2002", {"interval": 2, "largest": 2, "spikes": 3}, 13, (2, 4),
        {"shown": {0, 2}, "last": {6, 8, 10, 12}}, success=(334, 0, None), padded=True,
    ),
    TaskRow(
        "periodic/gers2002", {"period": 7, "shape": "cosine", "periods": 2}, 14, (7, 7), {"shown": {1.0}},
        [({"period": F}, {"blind": (0.125, None), "strict": SURE}) for F in (10, 25)],
        [
            ({"period": 2}, "period = 2 must be at least 3"), ({"periods": 0}, "periods = 0 must be at least 1"),
            ({"shape": "sine"}, "shape = 'sine' is unknown"),
        ],
    ),
    TaskRow(
        "periodic/gers2002", {"period": 10, "shape": "triangle", "periods": 1}, 10, (10, 10), {"shown": {1.0}},
        [({"period": F, "shape": "triangle"}, {"blind": (mse, None)}) for F, mse in ((10, 0.09), (25, 0.083599))],
    ),
    TaskRow(
        "periodic/gers2002", {"period": 5, "shape": "square", "periods": 2}, 10, (5, 5), {"shown": {1.0}},
        [({"period": F, "shape": "square"}, {"blind": (mse, right)})
         for F, mse, right in ((10, 0.24, 0.6), (25, 0.2496, 0.52))],
    ),
    TaskRow(
        "spike_double/ltd", {"length": 13, "shortest": 2, "longest": 5}, 13, (2, 10),
        {"first": span(0, 3), "wait": span(2, 6)},
        impossible=[
            ({"shortest": 0}, "shortest = 0 must be at least 1"),
            ({"shortest": 31, "longest": 30}, "longest = 30 must be at least shortest = 31"),
            ({"length": 120}, "length = 120 must be above 120"),
            ({"length": 5, "shortest": 2, "longest": 2}, "leaves one sequence"),
        ],
        lengths=(20, 45, 11),
    ),
]  # fmt: skip
