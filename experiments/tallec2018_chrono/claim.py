"""Chrono initialisation: gate biases spread over time scales up to the lag, on the adding problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ltd.claims import Claim, Control, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import median_curves
from ltd.stats import median_interval, ratio_interval
from ltd.types import Source

RATIO, UPDATES, SHARE = "updates to half the loss, usual bias over chrono", "updates to half the loss, {}", 0.5
CHRONO, USUAL = "chrono", "forget bias 1"
LEAST = 3.0


def groups(results: Sequence[Result]) -> Mapping[str, Sequence[Result]]:
    """Runs with chrono biases and with the usual one."""
    own = [one for one in results if one.config["cell.chrono"] is not None]
    return {CHRONO: own, USUAL: [one for one in results if one.config["cell.chrono"] is None]}


def updates(one: Result) -> float | None:
    """The first check at which the loss is below half of the memoryless one; None if there is none."""
    bound = SHARE * one.summary["levels"]["blind"]["loss"]
    return next((row["update"] for row in one.rows if row["eval/loss"] is not None and row["eval/loss"] < bound), None)


def verdict(results: Sequence[Result]) -> Verdict:
    """Interval of the ratio of medians above 1 (at T = 750 the ratio also at least 3).

    A run that never gets there counts with its last update: of fewer than half of the runs that moves no median; of
    more of those with the usual bias it makes the ratio smaller than it is. With a median of chrono that is not
    reached there is no ratio.
    """
    found = {name: [(updates(one), one.rows[-1]["update"]) for one in runs] for name, runs in groups(results).items()}
    if min(map(len, found.values())) < 5:
        return Verdict("inconclusive", "at least 5 runs of each are needed.")
    times = {name: [float(at or last) for at, last in runs] for name, runs in found.items()}
    never = {name: sum(at is None for at, _ in runs) for name, runs in found.items()}
    reached = {name: never[name] < len(values) / 2 for name, values in times.items()}
    each = [
        Measured(UPDATES.format(name), *median_interval(values), len(values))
        for name, values in times.items()
        if reached[name]
    ]
    longest = max(row["update"] for one in results for row in one.rows)
    told = f"of {len(results)} runs, half of either kind, {never[CHRONO]} with chrono and {never[USUAL]} without never "
    told += f"get there within {longest:g} updates"
    told += "".join(f"; median {one.value:.0f} {one.what.rsplit(', ', 1)[1]}" for one in each) + "."
    if not reached[CHRONO]:
        return Verdict("contradicted" if reached[USUAL] else "inconclusive", told, tuple(each))
    ratio = Measured(RATIO, *ratio_interval(times[USUAL], times[CHRONO]), len(results))
    numbers = (ratio, *each)
    bound = LEAST if results[0].config["task.length"] >= 750 else 1.0
    if (ratio.low or 0) > 1 and ratio.value >= bound:
        return Verdict("supported", told, numbers)
    if (ratio.high or 0) < bound:
        return Verdict("contradicted", told, numbers)
    return Verdict("inconclusive", told, numbers)


def plot(results: Sequence[Result]) -> Plot:
    """The loss over training."""
    return median_curves(groups(results), "eval/loss", "squared error", (USUAL,))


CLAIM = Claim(
    key="B-I10",
    headline="H9",
    sentence="On the adding problem at T = 750 an LSTM whose gate biases are drawn for time scales up to T learns at "
    "least three times faster than one with forget bias 1 (updates until the error is half of the memoryless one).",
    reduced="On the adding problem at T = 200 an LSTM of 64 units with chrono biases needs fewer updates to half of "
    "the memoryless error than one with forget bias 1, within the paper's 1,000 updates.",
    source=Source(
        "tallec2018",
        "Tallec & Ollivier (2018), Can recurrent neural networks warp time?, ICLR, arXiv 1804.11188, section 3",
        "p",
    ),
    published=(Published(RATIO, 7, "", "paper", "section 3: seven times faster at T = 750"),),
    controls=(
        Control(
            "nothing is known before",
            "before training no run is below nine tenths of the memoryless error",
            lambda results: all(
                one.rows[0]["eval/loss"] > 0.9 * one.summary["levels"]["blind"]["loss"] for one in results
            ),
        ),
        Control(
            "the memoryless answer is learned",
            "the median run of both ends at most a tenth above the memoryless error",
            lambda results: all(
                np.median([one.summary["eval/loss"] for one in runs]) < 1.1 * runs[0].summary["levels"]["blind"]["loss"]
                for runs in groups(results).values()
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "Which error counts as learned is not printed: here it is half of the memoryless one. Batches of 32 are ours; "
        "at the scale quick also the 64 units (128).",
        "The same claim on the copy tasks has its presets (tallec2018_copy, tallec2018_variable_copy) and is "
        "not judged.",
    ),
    quick={
        "task.length": 200,
        "cell.hidden": 64,
        "cell.chrono": (200.0, None),
        "train.steps": 1000,
        "train.eval_every": 50,
    },
    cost="about 6 hours",
    plot=plot,
)
