"""Samples of the character network before and after training: from noise to words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ltd.claims import Claim, Control, Measured, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.stats import mean_interval
from ltd.types import Source

NEEDED, NOISE = 0.25, 0.05
BEFORE, AFTER, LONG = (
    "share of words before training",
    "share of words after training",
    "of words of four letters or more",
)


def measure(text: str, seed: int) -> dict[str, Any]:
    """Shares of sampled words that stand in the text, and the samples."""
    from experiments.characters import learn

    found = learn(text, "page", seed)
    return {name: found[name] for name in ("words before", "words", "long words", "sample before", "sample")}


def verdict(results: Sequence[Result]) -> Verdict:
    """More than a quarter of the sampled words are words after training, on average for sure."""
    if len(results) < 5:
        return Verdict("inconclusive", f"{len(results)} seeds, at least 5 are needed.")
    numbers = tuple(
        Measured(name, *mean_interval(numbers_of(results, part)), len(results))
        for name, part in ((AFTER, "words"), (BEFORE, "words before"), (LONG, "long words"))
    )
    after = numbers[0]
    told = f"{after.value:.0%} of the sampled words stand in the text, {numbers[1].value:.1%} before training"
    if after.low is not None and after.low > NEEDED:
        return Verdict("supported", f"{told}.", numbers)
    if after.high is not None and after.high < NEEDED:
        return Verdict("contradicted", f"{told}: below {NEEDED:.0%}.", numbers)
    return Verdict("inconclusive", f"{told}: the interval holds {NEEDED:.0%}.", numbers)


CLAIM = Claim(
    key="B-C4",
    headline="H14",
    sentence="Before training samples of the network are noise; after 5000 updates on the sonnets they are shaped like "
    "words, and more than a quarter of them are words of the text.",
    reduced="After 5000 updates on the embedded text of 33 words more than a quarter of the sampled words are in it.",
    source=Source("page2026", "A web page on sequence models with memory: the character-level recurrent network", "p"),
    published=(
        Published(AFTER, "about 0.3", "", "measured", "an independent run"),
        Published(BEFORE, 0.01, "", "measured", "an independent run"),
        Published(LONG, "0.11 to 0.20", "", "measured", "an independent run, 3 seeds"),
    ),
    controls=(
        Control(
            "noise is noise",
            "before training at most 5 % of the sampled words stand in the text, on average",
            lambda results: float(np.mean(numbers_of(results, "words before"))) <= NOISE,
        ),
    ),
    verdict=verdict,
    departures=("4000 characters are sampled from each network; a word counts if it stands anywhere in the text.",),
    quick={"text": "ltd"},
)
