"""A label that depends on what comes later: one direction stays at chance, two are right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Measured, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.stats import median_interval
from ltd.types import Source

SYMBOLS, MARGIN, RIGHT = 8, 0.02, 0.99
ONE, TWO = "accuracy, one direction", "accuracy, two directions"


def verdict(results: Sequence[Result]) -> Verdict:
    """One direction at most 2 % above chance in every run, two at 99 % in every run."""
    one, two = (numbers_of(results, "eval/metric", **{"net.type": net}) for net in ("stacked", "bidirectional"))
    if min(len(one), len(two)) < 5:
        return Verdict("inconclusive", f"{len(one)} and {len(two)} runs, at least 5 of each are needed.")
    numbers = tuple(Measured(name, *median_interval(found), len(found)) for name, found in ((ONE, one), (TWO, two)))
    if max(one) > 1 / SYMBOLS + MARGIN:
        return Verdict("contradicted", f"one direction reaches {max(one):.3f}, above chance by more than 2 %.", numbers)
    if np.median(two) < RIGHT:
        return Verdict("contradicted", f"half of the runs in two directions stay below {RIGHT:.0%} right.", numbers)
    if min(two) < RIGHT:
        share = f"{sum(x >= RIGHT for x in two)} of {len(two)}"
        return Verdict("inconclusive", f"two directions reach {RIGHT:.0%} in {share} runs only.", numbers)
    because = f"one direction at most {max(one):.3f} where chance is {1 / SYMBOLS}, two at least {min(two):.3f}."
    return Verdict("supported", because, numbers)


CLAIM = Claim(
    key="B-S14",
    sentence="Where the label of a step depends on later inputs, an LSTM in one direction stays at chance (1/8, within "
    "2 %) and one in two directions is right at 99 % of the steps.",
    source=Source(
        "schuster1997",
        "Schuster & Paliwal (1997), Bidirectional recurrent neural networks, IEEE Transactions on Signal Processing "
        "45(11), 2673-2681; the survey of memory in recurrent networks (2016) on deep and bidirectional LSTM",
        "2",
    ),
    published=(
        Published(ONE, 1 / SYMBOLS, "share of steps", "measured", "from the task: no causal network knows more"),
        Published(TWO, 1.0, "share of steps", "measured", "from the task"),
    ),
    controls=(
        Control(
            "chance is chance",
            "the task says that the best network without memory is right at 1/8 of the steps",
            lambda results: all(one.summary["levels"]["blind"]["metric"] == 1 / SYMBOLS for one in results),
        ),
    ),
    verdict=verdict,
    departures=(
        "The survey speaks of speech frames, whose data cannot be bundled: here the label is the symbol five steps "
        "ahead in random sequences of 20 steps. LSTMs of 32 units in each direction, Adam at 0.01, 2000 updates.",
    ),
)
