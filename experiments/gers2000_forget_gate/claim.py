"""Forget gates on a stream that is never reset: continual embedded Reber strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import MEMORYLESS, chosen, share
from ltd.stats import fisher, median_interval
from ltd.types import Source

CONTINUAL, RESET = "reber/continual_gers2000", "reber/embedded_hochreiter1997"
FAILS, SOLVES, LEARNED = 0.7, 0.97, 0.9
SCORE, PERFECT = "outer accuracy, {}", "share of perfect networks, {}"
WITH, WITHOUT, OLD = "with forget gates", "without forget gates", "without forget gates, reset after every string"
MEAN_LENGTH = 11  # scored steps of an embedded Reber string, on average
ARMS = {WITH: (CONTINUAL, True), WITHOUT: (CONTINUAL, False), OLD: (RESET, False)}


def groups(results: Sequence[Result]) -> Mapping[str, Sequence[Result]]:
    """Runs by gate and stream."""
    return {
        name: chosen(results, **{"task.type": task, "cell.forget_gate": gate}) for name, (task, gate) in ARMS.items()
    }


def right(one: Result) -> float:
    """Share of the steps that ask for the outer symbol at which it is given; a diverged run gives none."""
    return 0.0 if one.status == "diverged" else float(one.summary["eval/outer_accuracy"])


def verdict(results: Sequence[Result]) -> Verdict:
    """With the gate at least 0.97 in every run, without at most 0.7 in every run, and none of these diverged."""
    found = groups(results)
    if min(map(len, found.values())) < 5:
        return Verdict("inconclusive", "at least 5 runs of each are needed.")
    numbers = [
        Measured(SCORE.format(name), *median_interval([right(one) for one in runs]), len(runs))
        for name, runs in found.items()
    ]
    numbers += [
        share(PERFECT.format(name), runs, lambda one: bool(one.summary["solved"])) for name, runs in found.items()
    ]
    solved, failed = sum(right(x) >= SOLVES for x in found[WITH]), sum(right(x) <= FAILS for x in found[WITHOUT])
    learned = sum(right(x) >= SOLVES for x in found[WITHOUT])
    p = fisher((solved, len(found[WITH])), (learned, len(found[WITHOUT])), "greater")
    told = f"with the gate {solved} of {len(found[WITH])} reach {SOLVES}, without {failed} of {len(found[WITHOUT])} "
    told += f"stay at {FAILS} or below, and {learned} reach {SOLVES} (p = {p:.2g}, Fisher, one-sided)"
    lost = sum(one.status == "diverged" for one in found[WITHOUT])
    told += f"; {lost} of these diverged, which is no forgetting" if lost else ""
    if solved == len(found[WITH]) and failed == len(found[WITHOUT]) and not lost:
        return Verdict("supported", f"{told}.", tuple(numbers))
    if np.median([right(one) for one in found[WITHOUT]]) >= SOLVES:
        return Verdict("contradicted", f"{told}: it is learned without the gate.", tuple(numbers))
    return Verdict("inconclusive", f"{told}.", tuple(numbers))


def plot(results: Sequence[Result]) -> Plot:
    """Outer accuracy over the symbols that were trained on, median of the seeds."""
    lines = []
    for name, runs in groups(results).items():
        longest = max((one.rows for one in runs), key=len, default=())
        if longest:
            curves = [[row["eval/outer_accuracy"] or 0.0 for row in one.rows] for one in runs]
            symbols = runs[0].config["task.length"] if name != OLD else MEAN_LENGTH
            at = [symbols * float(row["update"]) for row in longest]
            middle = np.median([c + [0.0] * (len(at) - len(c)) for c in curves], axis=0)  # 0 once it has diverged
            lines.append(Line(name, at, middle.tolist(), name != WITH))
    return Plot("symbols trained on", "share of outer symbols right", tuple(lines), {MEMORYLESS: 0.5})


CLAIM = Claim(
    key="B-G1",
    headline="H8",
    sentence="Trained online on streams of embedded Reber strings that are not reset between strings, an LSTM without "
    "forget gates does not learn the symbol that must be remembered (at most 70 % right), and one with forget gates "
    "does (at least 97 %).",
    source=Source(
        "gers2000",
        "Gers, Schmidhuber & Cummins (2000), Learning to forget, Neural Computation 12(10), 2451-2471",
        "2",
    ),
    published=(
        Published(SCORE.format(WITH), 0.997, "share of outer symbols", "second", "an independent run, 5 of 5 seeds"),
        Published(SCORE.format(WITHOUT), 0.55, "share of outer symbols", "second", "an independent run, 5 of 5 seeds"),
        Published(PERFECT.format(WITH), 0.18, "share of networks", "second", "100 networks, a million symbols each"),
        Published(PERFECT.format(WITHOUT), 0.0, "share of networks", "second", "stated"),
        Published(PERFECT.format(OLD), 0.74, "share of networks", "second", "100 networks"),
    ),
    controls=(
        Control(
            "chance is one half",
            "without memory the outer symbol is right half of the time: before training no run is above 0.7",
            lambda results: all((one.rows[0]["eval/outer_accuracy"] or 0) <= FAILS for one in results),
        ),
        Control(
            "the old cell learns what is reset",
            f"reset after every string, the median run without forget gates has {LEARNED} of the outer symbols right",
            lambda results: np.median([right(one) for one in groups(results)[OLD]]) >= LEARNED,
        ),
    ),
    verdict=verdict,
    departures=(
        "Streams of 10,000 symbols from a zero state, 300 of them, the weights moving after every symbol (the paper: a "
        "stream ends at the first error or after a million symbols, up to 30,000 of them). A network is perfect if it "
        "makes no error on ten fresh streams of that length, at two checks in a row, at some time. Most that learn "
        "the symbol still err at the first step of a fresh stream, which a stream of 10,000 symbols trains once.",
        "Eight cells with gates of their own (four blocks of two), forget biases 1 and no other biases (0.5 to 2, -0.5 "
        "to -2), tanh, a read-out that sees the cells alone. A legal symbol must be more active than the others (the "
        "paper: within 0.49 of its target).",
        "An earlier setting of ours was another: streams of 300 symbols, 16 cells, Adam at 0.01 on 16 streams and the "
        "whole gradient. There the LSTM without forget gates learned the symbol as well.",
    ),
    plot=plot,
)
