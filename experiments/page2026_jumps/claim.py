"""Does the state of the character network lurch at the boundaries of words?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.stats import holm, mean_interval
from ltd.types import Source

ALPHA = 0.01
RATIO, AT_SPACE, ELSEWHERE = "jump at a space over jump elsewhere", "jump at a space", "jump elsewhere"


def measure(text: str, seed: int) -> dict[str, Any]:
    """Means of |h_t - h_{t-1}| over the rest of the text, and the activity of four units over a phrase."""
    from experiments.characters import learn

    found = learn(text, "page", seed)
    names = ("jump at a space", "jump elsewhere", "jump p", "phrase", "units", "held out")
    return {name: found[name] for name in names}


def verdict(results: Sequence[Result]) -> Verdict:
    """Larger at spaces in every run, by a permutation test corrected for the number of runs."""
    if len(results) < 5:
        return Verdict("inconclusive", f"{len(results)} seeds, at least 5 are needed.")
    space, other = (np.array(numbers_of(results, name)) for name in ("jump at a space", "jump elsewhere"))
    numbers = (
        Measured(RATIO, *mean_interval(space / other), len(results)),
        Measured(AT_SPACE, *mean_interval(space), len(results)),
        Measured(ELSEWHERE, *mean_interval(other), len(results)),
    )
    p_values = holm(numbers_of(results, "jump p"))
    told = f"the jump at a space is {np.mean(space / other):.3f} of that elsewhere"
    if max(p_values) < ALPHA:
        return Verdict("supported", f"{told}, larger in every run (p at most {max(p_values):.2g}).", numbers)
    if numbers[0].high is not None and numbers[0].high < 1:
        return Verdict("contradicted", f"{told}: smaller.", numbers)
    return Verdict(
        "inconclusive",
        f"{told}; larger for sure in {sum(p < ALPHA for p in p_values)} of {len(results)} runs.",
        numbers,
    )


def plot(results: Sequence[Result]) -> Plot:
    """Four units of seed 0 over the phrase."""
    units = np.array(results[0].summary["units"])
    at = list(range(1, len(units) + 1))
    lines = tuple(Line(f"unit {i + 1}", at, units[:, i].tolist()) for i in range(units.shape[1]))
    return Plot(f'character of "{results[0].summary["phrase"]}"', "activity", lines)


CLAIM = Claim(
    key="B-C3",
    headline="H14",
    sentence="The state of the network that has read the sonnets lurches at word boundaries: |h_t - h_{t-1}| is larger "
    "where a space is read than elsewhere.",
    reduced="The state of the network that has read the embedded text of 33 words lurches at word boundaries.",
    source=Source("page2026", "A web page on sequence models with memory: the character-level recurrent network", "p"),
    published=(Published(RATIO, "above 1", "", "paper", "the page: a heat map, no number"),),
    controls=(
        Control(
            "the network has learned",
            "its loss on the rest of the text is below 2.4 nats in every run",
            lambda results: all(one.summary["held out"] < 2.4 for one in results),
        ),
    ),
    verdict=verdict,
    departures=(
        "Tested over all characters of the held-out tenth of the text, spaces put in 2000 other sets of places; a new "
        "line is no space. The figure shows the first four units over the page's phrase, or the first 15 characters of "
        "a text without its letters.",
    ),
    quick={"text": "ltd"},
    plot=plot,
)
