"""Parity in one layer: recurrent gates and plain recurrence learn it at any length, gates of the input alone do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import MEMORYLESS, chosen
from ltd.stats import median_interval
from ltd.types import Source

SOLVE, FAIL = {"elman": 0.99, "lstm": 0.99, "slstm": 0.99}, {"min_gru": 0.6, "lru": 0.6, "mlstm": 0.6}
RIGHT = "accuracy at the longest length, {}"


def right(one: Result, place: int = -1) -> float:
    """The share of words of one of the test lengths whose parity the last network knows; of a diverged one, none."""
    return float(one.summary["lengths"][place]["metric"] or 0.0)


def verdict(results: Sequence[Result]) -> Verdict:
    """At the longest length the median is at least 0.99 where the state is looked at, at most 0.6 where it is not."""
    found = {cell: [right(one) for one in chosen(results, **{"cell.type": cell})] for cell in (*SOLVE, *FAIL)}
    if min(map(len, found.values())) < 5:
        return Verdict("inconclusive", "at least 5 runs of each cell are needed.")
    rows = {cell: Measured(RIGHT.format(cell), *median_interval(own), len(own)) for cell, own in found.items()}
    told = "medians: " + ", ".join(f"{cell} {row.value:.3f}" for cell, row in rows.items()) + "."
    numbers = tuple(rows.values())
    if all(rows[c].value >= SOLVE[c] for c in SOLVE) and all(rows[c].value <= FAIL[c] for c in FAIL):
        return Verdict("supported", told, numbers)
    if any((rows[c].high or 0) < SOLVE[c] for c in SOLVE) or any((rows[c].low or 0) > FAIL[c] for c in FAIL):
        return Verdict("contradicted", told, numbers)
    return Verdict("inconclusive", told, numbers)


def plot(results: Sequence[Result]) -> Plot:
    """Accuracy over the length of the word, median of the seeds."""
    lines = []
    for cell in (*SOLVE, *FAIL):
        runs = chosen(results, **{"cell.type": cell})
        at = [float(row["length"]) for row in runs[0].summary["lengths"]]
        middle = [float(np.median([right(one, i) for one in runs])) for i in range(len(at))]
        lines.append(Line(cell, at, middle, cell in FAIL))
    return Plot("length of the word (symbols)", "share right", tuple(lines), {MEMORYLESS: 0.5})


CLAIM = Claim(
    key="B-M7",
    sentence="Trained on words of up to 40 symbols, one layer of a tanh network, an LSTM or an sLSTM knows the parity "
    "of words of 256 symbols (99 % right); minGRU, LRU and mLSTM, whose gates or transitions do not see the "
    "state, do not.",
    reduced="Trained on words of up to 20 symbols for 10,000 updates, one layer of a tanh network, an LSTM or an sLSTM "
    "knows the parity of words of 100 symbols (99 % right); minGRU, LRU and mLSTM do not.",
    source=Source(
        "beck2024",
        "Beck, Poeppel, Spanring et al. (2024), xLSTM: extended long short-term memory, NeurIPS, arXiv 2405.04517; "
        "minGRU: Feng et al. (2024), arXiv 2410.01201; LRU: Orvieto et al. (2023), arXiv 2303.06349",
        "2",
    ),
    published=(
        Published(RIGHT.format("slstm"), 1.0, "", "second", "xLSTM with recurrent blocks, from 40 to 256 symbols"),
        Published(RIGHT.format("mlstm"), "fails", "", "second", "xLSTM of matrix memories alone"),
    ),
    controls=(
        Control(
            "chance is one half",
            "before training no run names more than two thirds of the words",
            lambda results: all(one.rows[0]["eval/metric"] < 2 / 3 for one in results),
        ),
        Control(
            "short words are learned",
            "the median tanh network is right at nine tenths of the shortest test words",
            lambda results: np.median([right(one, 0) for one in chosen(results, **{"cell.type": "elman"})]) >= 0.9,
        ),
    ),
    verdict=verdict,
    departures=(
        "Bare cells of 32 units without the blocks around them, Adam at 0.001, norms clipped at 1, lengths growing in "
        "training, 10,000 updates of 32 words. The scores of the paper are scaled by chance, ours are shares.",
    ),
    quick={"task.length": 20, "test.lengths": "10,20,40,70,100"},
    plot=plot,
)
