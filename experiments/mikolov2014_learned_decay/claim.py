"""Learning the decay of context units: a gain for a network that has nothing else, none beside a fast layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ltd.claims import Claim, Control, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import MEMORYLESS, chosen, median_curves
from ltd.types import Source
from tasks.two_time_scales import TOPICS

GAIN, DIFFERENCE = "gain of learning the decay, {}", "gain without a fast layer, less that with one"
TOPIC = "gain on the topic alone, {}"
SMALL = 0.1  # of the gain without a fast layer: what is less does not matter
LAYERS = {True: "with a fast layer", False: "without"}


def groups(results: Sequence[Result]) -> Mapping[tuple[bool, bool], Sequence[Result]]:
    """Runs by whether there is a fast layer, and whether decays are learned."""
    return {(f, l): chosen(results, **{"cell.fast": f, "cell.learned": l}) for f in LAYERS for l in (True, False)}


def resampled(fixed: np.ndarray, learned: np.ndarray, draws: int = 2000) -> np.ndarray:
    """Bootstrap draws of the difference of the means, fixed less learned."""
    random = np.random.default_rng(0)
    return random.choice(fixed, (draws, fixed.size)).mean(axis=1) - random.choice(learned, (draws, learned.size)).mean(
        axis=1
    )


def verdict(results: Sequence[Result]) -> Verdict:
    """The gain without a fast layer is above 0, that with one surely less than a tenth of it, by bootstrap intervals.

    The loss is that of all symbols, as the paper's; gains on the topic alone are told beside.
    """

    def losses(name: str) -> dict[tuple[bool, bool], np.ndarray]:
        return {place: np.array([one.summary[name] for one in own]) for place, own in groups(results).items()}

    found, topic = losses("eval/loss"), losses("eval/slow_loss")
    if min(map(len, found.values())) < 5:
        return Verdict("inconclusive", "at least 5 runs of each of the four networks are needed.")
    if not all(np.isfinite(values).all() for values in found.values()):
        return Verdict("inconclusive", "a run diverged.")
    draws = {fast: resampled(found[fast, False], found[fast, True]) for fast in LAYERS}
    means, means_of_topic = (
        {fast: float(of[fast, False].mean() - of[fast, True].mean()) for fast in LAYERS} for of in (found, topic)
    )
    size = len(found[True, True])

    def interval(name: str, value: float, drawn: np.ndarray) -> Measured:
        low, high = np.quantile(drawn, [0.025, 0.975])
        return Measured(name, value, float(low), float(high), size)

    apart = interval(DIFFERENCE, means[False] - means[True], draws[False] - draws[True])
    gains = {fast: interval(GAIN.format(name), means[fast], draws[fast]) for fast, name in LAYERS.items()}
    slow = [
        interval(TOPIC.format(name), means_of_topic[fast], resampled(topic[fast, False], topic[fast, True]))
        for fast, name in LAYERS.items()
    ]
    numbers = (apart, *gains.values(), *slow)
    told = (
        f"learning the decay lowers the loss by {means[False]:.4f} nats without a fast layer and by {means[True]:.4f} "
    )
    told += f"with one; that of the topic alone by {means_of_topic[False]:.4f} and by {means_of_topic[True]:.4f}."
    small = np.quantile(np.abs(draws[True]) - SMALL * draws[False], [0.025, 0.975])
    helps = (gains[False].low or 0) > 0
    if helps and small[1] < 0:
        return Verdict("supported", told, numbers)
    if (gains[False].high or 0) < 0 or (helps and small[0] > 0):
        return Verdict("contradicted", told, numbers)
    return Verdict("inconclusive", told, numbers)


def plot(results: Sequence[Result]) -> Plot:
    """The loss of what is slow, over training."""
    words = {True: "learned", False: "fixed"}
    named = {f"{LAYERS[fast]}, {words[learned]}": runs for (fast, learned), runs in groups(results).items()}
    fixed = [name for name in named if name.endswith("fixed")]
    found = median_curves(named, "eval/slow_loss", "loss of the topic (nats)", fixed)
    return replace(found, levels={MEMORYLESS: math.log(TOPICS)})


CLAIM = Claim(
    key="B-S22",
    sentence="Learning the decay of the context units lowers the loss of a structurally constrained network that has "
    "no fast layer, and beside one by less than a tenth of that.",
    source=Source(
        "mikolov2014",
        "Mikolov, Joulin, Chopra, Mathieu & Ranzato (2014), Learning longer memory in recurrent neural networks, "
        "arXiv 1412.7753; the survey of memory in recurrent networks (2016) quotes it",
        "2",
    ),
    published=(
        Published(GAIN.format(LAYERS[True]), "none", "", "second", "stated"),
        Published(GAIN.format(LAYERS[False]), "a gain", "", "second", "stated"),
    ),
    controls=(
        Control(
            "letters are learned",
            "with a fast layer the median run ends below the loss of any letter and any answer",
            lambda results: (
                np.median([one.summary["eval/loss"] for one in chosen(results, **{"cell.fast": True})])
                < 0.5 * results[0].summary["levels"]["blind"]["loss"]
            ),
        ),
        Control(
            "nothing is known before",
            "before training no run is below nine tenths of that loss",
            lambda results: all(
                one.rows[0]["eval/loss"] > 0.9 * one.summary["levels"]["blind"]["loss"] for one in results
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "The paper's texts are large; here a stream of two time scales (two blocks of 100 steps), 40 fast and 10 "
        "context units, decays that start at 0.95, Adam at 0.003, 3000 updates of 32 sequences.",
        "Without a fast layer the gain is one on letters: neither network keeps the topic much better than no memory "
        "does (ln 4 = 1.386 nats). The loss of the topic alone was looked at after the first verdict.",
    ),
    plot=plot,
)
