"""Depth: highway layers train at any, plain ones do not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen
from ltd.stats import median_interval
from ltd.types import Source

CHANCE, NEAR, DROP, FIRST, DEEP = math.log(10), 0.01, 0.05, 10, 20
NETS = ("plain", "highway")
LOSS, RIGHT = "training loss, {}, {} layers", "accuracy, {}, {} layers"


def best(results: Sequence[Result], net: str, depth: int) -> list[Result]:
    """The runs of a net at a depth with the learning rate and bias of the lowest median training loss."""
    searched: dict[tuple[float, float | None], list[Result]] = {}
    for one in chosen(results, **{"net.type": net, "net.depth": depth}):
        setting = one.config["optimizer.learning_rate"], one.config.get("net.carry_bias")
        searched.setdefault(setting, []).append(one)
    return min(searched.values(), key=lambda own: float(np.median([loss(one) for one in own])))


def loss(one: Result) -> float:
    """Mean training loss since the last check; a diverged run has learned nothing."""
    return one.summary["train/loss"] if one.status != "diverged" else float("inf")


def depths(results: Sequence[Result]) -> list[int]:
    """From shallow to deep."""
    return sorted({one.config["net.depth"] for one in results})


def verdict(results: Sequence[Result]) -> Verdict:
    """Plain nets of 20 layers and more within 1 % of ln 10, the deepest highway net at most 0.05 below that of 10."""
    numbers, stuck, shares = [], {}, {}
    for depth in depths(results):
        for net in NETS:
            runs = best(results, net, depth)
            if len(runs) < 5:
                return Verdict("inconclusive", f"{net} of {depth} layers: {len(runs)} runs, at least 5 are needed.")
            found = [one.summary["eval/metric"] for one in runs]
            numbers.append(Measured(RIGHT.format(net, depth), *median_interval(found), len(found)))
            shares[net, depth] = found
            losses = [min(loss(one), 1e3) for one in runs]
            numbers.append(Measured(LOSS.format(net, depth), *median_interval(losses), len(runs)))
            stuck[net, depth] = sum(one >= (1 - NEAR) * CHANCE for one in losses), len(runs)
    last = depths(results)[-1]
    deep = {depth: stuck["plain", depth] for depth in depths(results) if depth >= DEEP}
    drop = float(np.median(shares["highway", FIRST]) - np.median(shares["highway", last]))
    told = "plain nets that learn nothing: " + ", ".join(f"{k} of {n} at {d} layers" for d, (k, n) in deep.items())
    told += f"; highway nets lose {drop:.3f} of their accuracy from {FIRST} to {last} layers."
    rows = tuple(sorted(numbers, key=lambda one: one.what != RIGHT.format("highway", last)))
    if all(k == n for k, n in deep.values()) and drop <= DROP:
        return Verdict("supported", told, rows)
    learn = any(k < n / 2 for k, n in deep.values())
    if drop > DROP or learn:
        return Verdict("contradicted", told, rows)
    return Verdict("inconclusive", told, rows)


def plot(results: Sequence[Result]) -> Plot:
    """Training loss over depth, at the best setting of each net and depth."""
    deep = depths(results)
    curves = {
        net: [float(np.median([min(loss(one), 10.0) for one in best(results, net, d)])) for d in deep] for net in NETS
    }
    lines = [Line(net, [float(d) for d in deep], values, net == "plain") for net, values in curves.items()]
    return Plot("layers", "training loss (nats)", tuple(lines), {"chance": CHANCE})


CLAIM = Claim(
    key="B-S18",
    headline="H11",
    sentence="Highway networks of 900 layers are trained as easily as those of 10 (accuracy within 0.05), where plain "
    "networks of 20 layers and more learn nothing.",
    reduced="Highway networks of 50 layers are trained as easily as those of 10 (accuracy within 0.05), where plain "
    "networks of 20 layers and more learn nothing.",
    source=Source(
        "srivastava2015",
        "Srivastava, Greff & Schmidhuber (2015), Highway networks, arXiv 1505.00387; Training very deep networks, "
        "arXiv 1507.06228",
        "2",
    ),
    published=(
        Published("depth", "no difficulty up to 900 layers", "", "second", "arXiv 1505.00387"),
        Published(RIGHT.format("highway", 10), 0.913, "", "second", "an independent run, 6,000 images of 28 x 28"),
        Published(RIGHT.format("highway", 50), 0.905, "", "second", "an independent run, 6,000 images of 28 x 28"),
        Published(RIGHT.format("plain", 50), 0.124, "", "second", "an independent run, 6,000 images of 28 x 28"),
    ),
    controls=(
        Control(
            "the shallowest nets learn",
            "plain and highway nets of 10 layers end below half of ln 10 at their best setting",
            lambda results: all(
                np.median([loss(one) for one in best(results, net, depths(results)[0])]) < 0.5 * CHANCE for net in NETS
            ),
        ),
        Control(
            "nothing is known before",
            "before training no run names more than a third of the images",
            lambda results: all(one.rows[0]["eval/metric"] < 1 / 3 for one in results),
        ),
    ),
    verdict=verdict,
    departures=(
        "Digits of 8 x 8 pixels (1297 to train on, 500 to test on) at once, 50 tanh units per layer, Adam on 1000 "
        "batches of 32; three learning rates and, for highway nets, two biases of the gates (-2, -5; the paper "
        "searches -1 to -10): the best for each net and depth by its training loss. A first look had -2 alone.",
        "Weights start at +-1/sqrt(fan-in), under which plain nets lose their gradient with depth; with a variance "
        "that keeps it (net.init=variance) plain nets of 20 tanh layers still train, which "
        "the claim does not speak of.",
    ),
    seeds=5,
    quick={"net.depth": (10, 20, 50)},
    cost="about an hour",
    plot=plot,
)
