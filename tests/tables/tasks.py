"""One row per dialect, and a second where a size changes a rule. Numbers and ranges are the papers', by hand."""

from typing import Any, NamedTuple


class TaskRow(NamedTuple):
    """A registered task at a small size, and what must be true of it."""

    name: str
    sizes: dict[str, int]  # small enough for loops in Python
    steps: int
    lag: tuple[int, int]
    places: dict[str, set[int]]  # what many draws hit: exactly these
    published: list[tuple[dict, dict]] = []  # noqa: RUF012   sizes, {level: (loss, metric)} to 6 decimals
    impossible: list[tuple[dict, str]] = []  # noqa: RUF012   sizes, what the error says
    success: tuple[int, float, float | None] | None = None  # sequences, allowed, training loss
    padded: bool = False

    def __str__(self):
        return "-".join([self.name, *(f"{key}{value}" for key, value in self.sizes.items())])


def span(start, stop):
    return set(range(start, stop))


def both(loss, metric) -> dict[str, Any]:
    return {"blind": (loss, metric), "strict": (loss, metric)}


COPY_SIZES = {"gap": 4, "symbols": 5, "pattern": 3}
COPY_LEVELS = [  # 10 ln 8 / (T + 20) and (T + 11.25) / (T + 20)
    ({"gap": 100}, both(0.173287, 0.927083)),
    ({"gap": 200}, both(0.094520, 0.960227)),
    ({"gap": 300}, both(0.064983, 0.972656)),
    ({"gap": 500}, both(0.039989, 0.983173)),
    ({"gap": 1000}, both(0.020387, 0.991422)),
    ({"gap": 2000}, both(0.010294, 0.995668)),
]
COPY_ERRORS = [({"symbols": 1}, "symbols = 1 must be at least 2"), ({"pattern": 0}, "pattern = 0 must be at least 1")]
COPY_PLACES = {"symbol": span(1, 6), "first marker": {6}, "markers": {1}}
NO_GAP = ({"gap": 0}, "gap = 0 must be at least 1")
LN2 = 0.693147

TASK_ROWS = [
    TaskRow("copy/arjovsky2016", COPY_SIZES, 10, (7, 7), COPY_PLACES, COPY_LEVELS, [*COPY_ERRORS, NO_GAP]),
    TaskRow(
        "copy/bai2018", COPY_SIZES, 10, (7, 7), {**COPY_PLACES, "markers": {4}}, COPY_LEVELS, [*COPY_ERRORS, NO_GAP]
    ),
    TaskRow(
        "copy/lezcano2019", COPY_SIZES, 10, (7, 7), {**COPY_PLACES, "first marker": {7}}, COPY_LEVELS,
        [*COPY_ERRORS, ({"gap": -1}, "gap = -1 must be at least 0")],
    ),
    TaskRow(
        "copy/lezcano2019", {**COPY_SIZES, "gap": 0}, 6, (3, 3), {**COPY_PLACES, "first marker": {3}},
    ),
    TaskRow(
        "adding/hochreiter1997", {"length": 30}, 33, (15, 31),
        {"length": span(30, 34), "first": span(1, 15), "second": span(2, 15), "marks": {1, 2}},
        [
            ({"length": 100}, both(0.039201, 1 - 0.845642)),
            ({"length": 500}, both(0.039508, 1 - 0.845737)),
            ({"length": 1000}, both(0.039546, 1 - 0.845748)),
        ],
        [({"length": 19}, "length = 19 must be at least 20")],
        success=(2000, 0, 0.01), padded=True,
    ),
    TaskRow(
        "adding/pascanu2013", {"length": 20}, 21, (10, 20),
        {"length": {20, 21}, "first": {0, 1}, "second": span(2, 10), "marks": {2}},
        [({"length": length}, both(0.041667, 0.64)) for length in (50, 100, 200)],
        [({"length": 9}, "length = 9 must be at least 10")],
        success=(10_000, 99, None), padded=True,
    ),
    TaskRow(
        "adding/pascanu2013", {"length": 10}, 10, (5, 9),
        {"length": {10}, "first": {0}, "second": span(1, 5), "marks": {2}}, success=(10_000, 99, None),
    ),
    TaskRow(
        "adding/arjovsky2016", {"length": 6}, 6, (0, 5),
        {"length": {6}, "first": span(0, 3), "second": span(3, 6), "marks": {2}},
        [
            ({"length": 100}, {"blind": (0.166667, -0.166667), "strict": (0.165, -0.165)}),
            ({"length": 101}, both(0.166667, -0.166667)),
        ],
        [({"length": 1}, "length = 1 must be at least 2")],
    ),
    TaskRow(
        "adding/arjovsky2016", {"length": 7}, 7, (1, 6),
        {"length": {7}, "first": span(0, 3), "second": span(3, 6), "marks": {2}},
    ),
    TaskRow(
        "adding/bai2018", {"length": 7}, 7, (0, 6),
        {"length": {7}, "first": span(0, 6), "second": span(1, 7), "marks": {2}},
        [
            ({"length": 100}, {"blind": (0.166667, -0.166667), "strict": (0.165, -0.165)}),
            ({"length": 2}, {"blind": (0.166667, -0.166667), "strict": (0.083333, -0.083333)}),
        ],
        [({"length": 1}, "length = 1 must be at least 2")],
    ),
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
