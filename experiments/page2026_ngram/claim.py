"""Can a character n-gram of similar size do what the character network does?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen, numbers_of
from ltd.stats import mean_interval
from ltd.types import Source

ORDERS = {"bigram": 2, "trigram": 3, "4-gram": 4}
LOSS, WORDS, LONG, SIZE = "held-out loss, {}", "share of words, {}", "share of long words, {}", "parameters, {}"


def measure(text: str, model: str, seed: int) -> dict[str, Any]:
    """Loss on the rest of the text, shares of sampled words that stand in it, size."""
    from experiments.characters import learn, ngram

    if model in ORDERS:
        return ngram(text, ORDERS[model], seed)
    found = learn(text, model, seed)
    return {
        **{name: found[name] for name in ("held out", "words", "long words")},
        "free parameters": found["parameters"],
    }


def verdict(results: Sequence[Result]) -> Verdict:
    """The sentence holds if the network predicts better than every n-gram that is not larger than twice its size."""
    page = numbers_of(results, "held out", model="page")
    if len(page) < 5:
        return Verdict("inconclusive", f"{len(page)} networks, at least 5 are needed.")
    mean, low, high = mean_interval(page)
    numbers, similar = [Measured(LOSS.format("page"), mean, low, high, len(page))], {}
    size = chosen(results, model="page")[0].summary["free parameters"]
    for name in (*ORDERS, "longer"):
        found = chosen(results, model=name)
        if not found:
            return Verdict("inconclusive", f"there is no {name}.", tuple(numbers))
        loss = numbers_of(results, "held out", model=name)
        numbers.append(Measured(LOSS.format(name), *mean_interval(loss), len(loss)))
        if name in ORDERS and found[0].summary["free parameters"] <= 2 * size:
            similar[name] = float(np.mean(loss))
    for name in ("page", *ORDERS, "longer"):
        for what, part in ((WORDS, "words"), (LONG, "long words"), (SIZE, "free parameters")):
            values = numbers_of(results, part, model=name)
            numbers.append(Measured(what.format(name), *mean_interval(values), len(values)))
    better = [name for name, loss in similar.items() if loss < low]
    worse = [name for name, loss in similar.items() if loss > high]
    if better:
        because = f"the {', '.join(better)} predicts better than the network ({mean:.3f} nats)"
        return Verdict("contradicted", f"{because}; it holds against the {', '.join(worse) or 'none'}.", tuple(numbers))
    if similar and len(worse) == len(similar):
        return Verdict("supported", f"the network predicts better than the {', '.join(worse)}.", tuple(numbers))
    return Verdict("inconclusive", "an n-gram of similar size lies within the interval of the network.", tuple(numbers))


def plot(results: Sequence[Result]) -> Plot:
    """Loss against size."""
    lines = []
    for kind, models in (("n-grams", [*ORDERS]), ("networks", ["page", "longer"])):
        sizes = [float(np.log10(np.mean(numbers_of(results, "free parameters", model=m)))) for m in models]
        losses = [float(np.mean(numbers_of(results, "held out", model=m))) for m in models]
        lines.append(Line(f"{kind}: {', '.join(models)}", sizes, losses))
    return Plot("log10 of the free parameters", "nats per character on the rest of the text", tuple(lines))


AUDIT = {"bigram": (2.34, 0.13, 756), "trigram": (1.91, 0.41, 12_771), "4-gram": (1.72, 0.72, None)}

CLAIM = Claim(
    key="B-C2",
    headline="H14",
    sentence="A character n-gram model of similar size cannot do what the network does: predict the sonnets as well as "
    "it (judged: n-grams of up to twice its free parameters).",
    reduced="On the embedded text of 33 words no character n-gram of up to twice the network's free parameters "
    "predicts as well as it.",
    source=Source("page2026", "A web page on sequence models with memory: the character-level recurrent network", "p"),
    published=(
        Published(LOSS.format("page"), "1.98 to 2.10", "nats per character", "measured", "an independent run, 3 seeds"),
        *(
            Published(what.format(name), value, unit, "measured", "an independent run")
            for name, row in AUDIT.items()
            for what, unit, value in zip((LOSS, WORDS, SIZE), ("nats per character", "", ""), row, strict=True)
            if value is not None
        ),
        Published(WORDS.format("page"), "0.29 to 0.41", "", "measured", "an independent run, 3 seeds"),
    ),
    controls=(
        Control(
            "a network can beat the trigram",
            "an LSTM that is trained longer predicts better than it, on average over its runs",
            lambda results: (
                np.mean(numbers_of(results, "held out", model="longer"))
                < np.mean(numbers_of(results, "held out", model="trigram"))
            ),
        ),
        Control(
            "longer contexts help",
            "the trigram predicts better than the bigram",
            lambda results: (
                np.mean(numbers_of(results, "held out", model="trigram"))
                < np.mean(numbers_of(results, "held out", model="bigram"))
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "The page names no n-gram and no size: free parameters of the contexts that occur, 0.1 added to every count. "
        "The LSTM of the control has 64 units, 16 streams, pieces of 50 characters, Adam at 0.003 and 4000 updates.",
    ),
    quick={"text": "ltd"},
    plot=plot,
)
