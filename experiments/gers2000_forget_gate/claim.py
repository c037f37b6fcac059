"""Forget gates on a stream that is never reset: continual embedded Reber strings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import MEMORYLESS, chosen, numbers_of
from ltd.stats import median_interval
from ltd.types import Source

WITH, WITHOUT, FAILS, SOLVES = True, False, 0.7, 0.97
SCORE = "outer accuracy, {} forget gate"
NAMES = {WITH: "with", WITHOUT: "without"}


def verdict(results: Sequence[Result]) -> Verdict:
    """With the gate at least 0.97 in every run, without at most 0.7 in every run."""
    found = {gate: numbers_of(results, "eval/outer_accuracy", **{"cell.forget_gate": gate}) for gate in NAMES}
    if min(map(len, found.values())) < 5:
        return Verdict("inconclusive", "at least 5 runs of each are needed.")
    numbers = tuple(
        Measured(SCORE.format(NAMES[gate]), *median_interval(values), len(values)) for gate, values in found.items()
    )
    solved, failed = sum(x >= SOLVES for x in found[WITH]), sum(x <= FAILS for x in found[WITHOUT])
    told = f"with the gate {solved} of {len(found[WITH])} reach {SOLVES}, without {failed} of {len(found[WITHOUT])} "
    told += f"stay at {FAILS} or below"
    if solved == len(found[WITH]) and failed == len(found[WITHOUT]):
        return Verdict("supported", f"{told}.", numbers)
    if np.median(found[WITHOUT]) >= SOLVES:
        return Verdict("contradicted", f"{told}: it is learned without the gate.", numbers)
    return Verdict("inconclusive", f"{told}.", numbers)


def plot(results: Sequence[Result]) -> Plot:
    """Outer accuracy over training, median of the seeds."""
    lines = []
    for gate, name in NAMES.items():
        runs = chosen(results, **{"cell.forget_gate": gate})
        curves = [[row["eval/outer_accuracy"] for row in one.rows] for one in runs if one.rows]
        if curves:
            at = [float(row["update"]) for row in next(one for one in runs if one.rows).rows]
            lines.append(Line(f"{name} forget gate", at, np.median(curves, axis=0).tolist(), gate == WITHOUT))
    return Plot("update", "share of outer symbols right", tuple(lines), {MEMORYLESS: 0.5})


CLAIM = Claim(
    key="B-G1",
    headline="H8",
    sentence="On streams of 300 symbols of embedded Reber strings, not reset between strings, an LSTM without forget "
    "gates does not learn the symbol that must be remembered (at most 70 % right), and one with forget gates does (at "
    "least 97 %).",
    source=Source(
        "gers2000",
        "Gers, Schmidhuber & Cummins (2000), Learning to forget, Neural Computation 12(10), 2451-2471",
        "2",
    ),
    published=(
        Published(SCORE.format("with"), 0.997, "", "second", "an independent run, 5 of 5 seeds"),
        Published(SCORE.format("without"), 0.55, "", "second", "an independent run, 5 of 5 seeds"),
    ),
    controls=(
        Control(
            "chance is one half",
            "without memory the outer symbol is right half of the time: before training no run is above 0.7",
            lambda results: all(one.rows[0]["eval/outer_accuracy"] <= FAILS for one in results),
        ),
        Control(
            "both learn the grammar",
            "every run ends below the loss of the best function of step and present symbol",
            lambda results: all(one.summary["eval/loss"] < one.summary["levels"]["strict"]["loss"] for one in results),
        ),
    ),
    verdict=verdict,
    departures=(
        "The shortened setting: streams of 300 symbols from a zero state, 16 cells with gates of their own, tanh, Adam "
        "at 0.01 on 16 streams, 3000 updates. The paper's (one stream of up to a million symbols, a share of perfect "
        "nets: 18 % with forget gates, 62 % with decaying rates, second-hand) is not judged.",
    ),
    plot=plot,
)
