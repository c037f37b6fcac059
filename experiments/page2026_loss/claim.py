"""A character network on the sonnets: from ln 28 to 1.96 nats in 5000 updates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.stats import mean_interval
from ltd.types import Source

SYMBOLS = {"sonnets28": 28, "ltd": 27}
LOW, HIGH, PRINTED = 1.90, 2.15, 1.96
SMOOTHED, RANGE = "smoothed loss after 5000 updates", "loss of the last {} updates"
HELD_OUT, BIGRAM = "loss on the rest of the text", "loss of the bigram there"


def measure(text: str, seed: int) -> dict[str, Any]:
    """The page's network on this text, and the bigram's loss."""
    from experiments.characters import learn, ngram

    return {**learn(text, "page", seed), "bigram": ngram(text, 2)["held out"]}


def verdict(results: Sequence[Result]) -> Verdict:
    """On the sonnets: the mean within 1.90 and 2.15, and 1.96 in the range. On the embedded text: below the bigram."""
    if len(results) < 5:
        return Verdict("inconclusive", f"{len(results)} seeds, at least 5 are needed.")
    found = numbers_of(results, "smoothed")
    numbers = (
        Measured(SMOOTHED, float(np.mean(found)), min(found), max(found), len(found), range=True),
        *(Measured(RANGE.format(n), *mean_interval(numbers_of(results, f"last {n}")), len(found)) for n in (500, 100)),
        Measured(HELD_OUT, *mean_interval(numbers_of(results, "held out")), len(found)),
        Measured(BIGRAM, results[0].summary["bigram"]),
    )
    if results[0].config["text"] != "sonnets28":
        worst, bound = max(numbers_of(results, "held out")), results[0].summary["bigram"]
        if worst < bound:
            return Verdict(
                "supported", f"every run falls below the bigram's {bound:.3f}: {worst:.3f} at most.", numbers
            )
        return Verdict("contradicted", f"a run stays at {worst:.3f}, above the bigram's {bound:.3f}.", numbers)
    told = f"the running mean is {np.mean(found):.3f} on average, {min(found):.3f} to {max(found):.3f}"
    if not LOW <= np.mean(found) <= HIGH:
        return Verdict("contradicted", f"{told}: outside {LOW} to {HIGH}.", numbers)
    if not min(found) <= PRINTED <= max(found):
        return Verdict("inconclusive", f"{told}: no run is as low, or as high, as {PRINTED}.", numbers)
    return Verdict("supported", f"{told}; {PRINTED} lies between.", numbers)


def plot(results: Sequence[Result]) -> Plot:
    """Means over fifty updates: of all seeds, their range, and what the page prints of its end."""
    curves = np.array([one.summary["curve"] for one in results])
    at = (50 * (np.arange(curves.shape[1]) + 1)).tolist()
    size = SYMBOLS[results[0].config["text"]]
    lines = [
        Line("mean of the seeds", at, curves.mean(axis=0).tolist()),
        Line("least", at, curves.min(axis=0).tolist()),
        Line("most", at, curves.max(axis=0).tolist()),
    ]
    levels = {f"ln {size}": math.log(size), "bigram, on text not trained on": results[0].summary["bigram"]}
    if results[0].config["text"] == "sonnets28":
        levels["printed"] = PRINTED
    return Plot("update", "nats per character", tuple(lines), levels)


CLAIM = Claim(
    key="B-C1",
    headline="H14",
    sentence="Trained on the sonnets for 5000 steps, a network of 64 tanh units falls from ln 28 = 3.33 to 1.96 nats "
    "per character.",
    reduced="On the embedded text of 33 words the same network, trained alike, falls from ln 27 to below the bigram.",
    source=Source("page2026", "A web page on sequence models with memory: the character-level recurrent network", "p"),
    published=(
        Published(SMOOTHED, PRINTED, "nats per character", "paper", "the page; the kind of average is not said"),
        Published(
            RANGE.format(500), "2.10, 1.92, 2.03", "nats per character", "measured", "an independent run, 3 seeds"
        ),
        Published(
            RANGE.format(100), "2.00, 1.83, 1.93", "nats per character", "measured", "an independent run, 3 seeds"
        ),
        Published(HELD_OUT, "2.10, 1.98, 2.06", "nats per character", "measured", "an independent run, 3 seeds"),
        Published(BIGRAM, 2.34, "nats per character", "measured", "an independent run"),
    ),
    controls=(
        Control(
            "it begins at uniform",
            "the first piece costs ln of the number of symbols, to 0.02",
            lambda results: all(
                abs(one.summary["first"] - math.log(SYMBOLS[one.config["text"]])) < 0.02 for one in results
            ),
        ),
        Control(
            "it is the page's network",
            "it has 7772 parameters on 28 symbols, 7643 on 27",
            lambda results: all(
                one.summary["parameters"] == {"sonnets28": 7772, "ltd": 7643}[one.config["text"]] for one in results
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "The page does not say how it clips, nor how it averages: every entry at 5 and a running mean of 0.999, as in "
        "the script that it resembles. Judged is that mean; those of the last updates stand beside it. Double "
        "precision, as in that script: in single precision the loss ends higher.",
    ),
    quick={"text": "ltd"},
    plot=plot,
)
