"""What the claims on tasks 4 and 6a of 1997 share: an LSTM with few errors, a simple network with many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ltd.claims import Claim, Control, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen, mean_updates, median_curves, share, timely, wins
from ltd.stats import median_interval
from ltd.types import Source

TEST, MOST, LEAST = 2560, 3, 0.9
FEW, NONE = f"at most {MOST} of {TEST} wrong, LSTM", f"at most {MOST} of {TEST} wrong, simple network"
WRONG, TIMES = f"wrong of {TEST}, LSTM", "sequences to success, LSTM"


def groups(results: Sequence[Result]) -> Mapping[str, Sequence[Result]]:
    """Runs of the LSTM and of the simple network."""
    return {name: chosen(results, **{"cell.type": cell}) for name, cell in (("LSTM", "lstm1997"), ("simple", "elman"))}


def verdict(number: str, timed: Sequence[Published]) -> Callable[[Sequence[Result]], Verdict]:
    """Nine tenths of the LSTMs have at most three test sequences wrong, and no simple network has.

    `number` is the share of sequences that are right; the mean times that are `timed` must be near the paper's.
    """

    def wrong(one: Result) -> int:
        return round(TEST * (1 - one.summary[number]))

    def found(results: Sequence[Result]) -> Verdict:
        lstm, simple = groups(results).values()
        if min(len(lstm), len(simple)) < 5:
            return Verdict("inconclusive", f"{len(lstm)} and {len(simple)} runs, at least 5 of each are needed.")
        ours, theirs = (share(name, of, lambda one: wrong(one) <= MOST) for name, of in ((FEW, lstm), (NONE, simple)))
        errors = Measured(WRONG, *median_interval([wrong(one) for one in lstm]), len(lstm))
        told = f"{round(ours.value * ours.n)} of {ours.n} LSTMs and {round(theirs.value * theirs.n)} of {theirs.n} "
        told += f"simple networks have at most {MOST} of {TEST} sequences wrong."
        return timely(wins(ours, theirs, LEAST, told, (errors, *mean_updates(TIMES, lstm))), timed)

    return found


def _known(results: Sequence[Result]) -> bool:
    return all(one.rows[0]["eval/loss"] > 0.9 * one.summary["levels"]["blind"]["loss"] for one in results)


def _learned(results: Sequence[Result]) -> bool:
    blind, found = results[0].summary["levels"]["blind"]["loss"], groups(results)
    lstm = np.median([one.summary["eval/loss"] for one in found["LSTM"]])
    simple = np.median([one.summary["best/eval/loss"] for one in found["simple"]])
    return bool(lstm < blind and simple < 1.1 * blind)


def beside_simple(
    *,
    key: str,
    headline: str,
    sentence: str,
    table: str,
    trials: int,
    updates: int,
    number: str,
    loss: str,
    outputs: str,
    timed: bool,
) -> Claim:
    """A claim of this form: its table in the paper with trials and updates, the unit of the loss, what departs.

    Times are judged where they are `timed`: where the outputs and their loss are the paper's.
    """
    time = Published(TIMES, updates, "sequences", "paper", table)

    def plot(results: Sequence[Result]) -> Plot:
        return median_curves(groups(results), "eval/loss", loss, ("simple",))

    return Claim(
        key=key,
        headline=headline,
        sentence=sentence,
        source=Source(
            "hochreiter1997",
            f"Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8), 1735-1780, {table}",
            "p",
        ),
        published=(
            Published(FEW, 1.0, f"share of {trials} trials", "paper", f"{table}: never more than 3 wrong"),
            Published(WRONG, 1, "wrong", "paper", table),
            time,
        ),
        controls=(
            Control(
                "nothing is known before",
                "before training no run is below nine tenths of the loss of the best constant answer",
                _known,
            ),
            Control(
                "something is learned",
                "the median LSTM ends below that loss, and half of the simple networks come within a tenth of it",
                _learned,
            ),
        ),
        verdict=verdict(number, (time,) if timed else ()),
        departures=(
            outputs,
            f"Times to success are {'judged, within a factor of two' if timed else 'shown and not judged'}. Success is "
            "looked at every 1000 sequences and must hold twice.",
            "The simple network, ten logistic units with the whole gradient at a rate of 0.1, is ours: the paper has "
            "none here.",
        ),
        seeds=trials,
        plot=plot,
    )
