"""Associative recall."""

from tables.tasks.rows import TaskRow, both, span

MQAR = {"length": 12, "vocabulary": 16, "pairs": 2}
MQAR_PLACES = {"key": span(1, 8), "value": span(8, 16), "query": {4, 6, 8, 10}, "filler": span(0, 16)}
POLI = {"length": 12, "vocabulary": 8}
POLI_PLACES = {"key": span(0, 4), "value": span(4, 8), "recall": {2, 4, 6, 8, 10}, "last pair": span(0, 5)}
EVEN = (16, 44, 20)

ROWS = [
    TaskRow(
        "recall/mqar_arora2024", MQAR, 12, (1, 9), MQAR_PLACES,
        [({"vocabulary": 8192}, both(8.317766, 0.000244)), ({"vocabulary": 256}, both(4.852030, 0.007812)),
         ({"vocabulary": 16}, both(2.079442, 0.125))],
        [({"pairs": 0}, "pairs = 0 must be at least 1"), ({"length": 14}, "length = 14 must be at least 16"),
         ({"length": 17}, "length = 17 must be even"), ({"vocabulary": 9}, "vocabulary = 9 must be at least 10"),
         ({"filler": "zeros"}, "filler = 'zeros' must be clean, filled or filled_nokeys"),
         ({"power": float("nan")}, "power = nan must be finite")],
        lengths=EVEN,
    ),
    TaskRow(
        "recall/mqar_arora2024", {**MQAR, "filler": "clean", "power": 1.0}, 12, (1, 9), {**MQAR_PLACES, "filler": {0}},
        lengths=EVEN,
    ),
    TaskRow("recall/mqar_arora2024", {**MQAR, "filler": "filled"}, 12, (1, 9), MQAR_PLACES | {"query": span(4, 12)},
            lengths=EVEN),
    TaskRow(
        "recall/poli2024", POLI, 11, (1, 9), POLI_PLACES, [({}, both(2.079442, 0.125))],
        [({"length": 3}, "length = 3 must be at least 4"), ({"length": 5}, "length = 5 must be even"),
         ({"vocabulary": 3}, "vocabulary = 3 must be at least 4"),
         ({"train_on": "some"}, "train_on = 'some' must be all or scored")],
        lengths=EVEN,
    ),
    TaskRow(
        "recall/poli2024", {**POLI, "train_on": "all"}, 11, (1, 9), POLI_PLACES,
        [({"train_on": "all"}, both(2.079442, 0.125))], lengths=EVEN,
    ),
]  # fmt: skip
