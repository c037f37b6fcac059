"""Time warps: a gate copes with variable ones, leaky units with uniform ones, a plain network with neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ltd.claims import Claim, Control, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen, median_curves
from ltd.stats import equivalence, holm, mann_whitney, median_interval
from ltd.types import Source

CELLS = {"gated": "lstm", "leaky": "leaky", "plain": "elman"}
MODES = ("variable", "uniform")
LOSS = "loss, {}, {} warps"
MARGIN, ALPHA = 0.05, 0.01  # nats; level of each test


def groups(results: Sequence[Result], mode: str) -> Mapping[str, Sequence[Result]]:
    """Runs with warps of a mode, by network."""
    return {name: chosen(results, **{"task.mode": mode, "cell.type": cell}) for name, cell in CELLS.items()}


def losses(runs: Sequence[Result]) -> list[float]:
    """Last losses; a diverged run has lost everything."""
    return [one.summary["eval/loss"] if one.status != "diverged" else float("inf") for one in runs]


def verdict(results: Sequence[Result]) -> Verdict:
    """Variable warps: gated below leaky below plain. Uniform warps: gated as leaky, both below plain."""
    found = {mode: {name: losses(runs) for name, runs in groups(results, mode).items()} for mode in MODES}
    if min(len(values) for by in found.values() for values in by.values()) < 5:
        return Verdict("inconclusive", "at least 5 runs of each network and mode are needed.")
    if max(value for by in found.values() for values in by.values() for value in values) == float("inf"):
        return Verdict("inconclusive", "a run diverged.")
    numbers = tuple(
        Measured(LOSS.format(name, mode), *median_interval(found[mode][name]), len(found[mode][name]))
        for mode in MODES
        for name in CELLS
    )
    variable, uniform = found["variable"], found["uniform"]
    pairs = [("gated", "leaky", variable), ("leaky", "plain", variable), ("leaky", "plain", uniform)]
    below = holm([mann_whitney(by[a], by[b], "less") for a, b, by in pairs])
    above = holm([mann_whitney(by[a], by[b], "greater") for a, b, by in pairs])
    alike = equivalence(uniform["gated"], uniform["leaky"], MARGIN)
    told = f"variable warps: p = {below[0]:.2g} that gated is below leaky, {below[1]:.2g} that leaky is below plain; "
    told += (
        f"uniform: {below[2]:.2g} that leaky is below plain, {alike:.2g} that gated and leaky are {MARGIN} nats apart."
    )
    if max(below) < ALPHA and alike < ALPHA:
        return Verdict("supported", told, numbers)
    if min(above) < ALPHA:
        return Verdict("contradicted", f"the order is another: {told}", numbers)
    return Verdict("inconclusive", told, numbers)


def plot(results: Sequence[Result]) -> Plot:
    """The loss over training, variable warps whole and uniform ones dashed."""
    named = {f"{name}, {mode}": runs for mode in MODES for name, runs in groups(results, mode).items()}
    uniform = [name for name in named if name.endswith("uniform")]
    return median_curves(named, "eval/loss", "loss over the memoryless loss", uniform, relative=True)


CLAIM = Claim(
    key="B-I11",
    headline="H9",
    sentence="Under time warps of up to 50 steps a gated network of 64 units learns to name the previous symbol "
    "whether warps are uniform or vary, leaky units as well if they are uniform and worse if they vary, a plain "
    "network worse than both.",
    reduced="Under time warps of up to 10 steps, sequences of 100 steps and 800 updates, a gated network of 64 units "
    "names the previous symbol as well as leaky units do if warps are uniform and better if they vary, and a plain "
    "network is worse than both.",
    source=Source(
        "tallec2018",
        "Tallec & Ollivier (2018), Can recurrent neural networks warp time?, ICLR, arXiv 1804.11188, section 3",
        "p",
    ),
    published=(
        Published(LOSS.format("gated", "variable"), 0, "nats per step", "paper", "figure 1: about 0"),
        Published(LOSS.format("gated", "uniform"), 0, "nats per step", "paper", "figure 1: about 0"),
        Published(LOSS.format("leaky", "uniform"), 0, "nats per step", "paper", "figure 1: about 0"),
        Published(LOSS.format("plain", "variable"), "grows with the warp", "", "paper", "figure 1"),
    ),
    controls=(
        Control(
            "the task can be learned",
            "under uniform warps the median gated network ends below half of the best loss without memory",
            lambda results: (
                np.median(losses(groups(results, "uniform")["gated"]))
                < 0.5 * groups(results, "uniform")["gated"][0].summary["levels"]["strict"]["loss"]
            ),
        ),
        Control(
            "nothing is known before",
            "before training no run is below nine tenths of the loss without content",
            lambda results: all(
                one.rows[0]["eval/loss"] > 0.9 * one.summary["levels"]["blind"]["loss"] for one in results
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "One maximum of the warp, where the paper has 10 to 100, and no padding. Batches are fresh, the learning rate "
        "stays, and time constants of the leaky units start between 1 and 100 steps.",
        "The gated network is an LSTM with coupled gates and nothing after its cell, which is that of the paper; its "
        "gate starts with bias 1.",
        f"Alike means within {MARGIN} nats, our margin. Five runs against five can give p = 0.004 at least, which "
        f"Holm's correction takes above {ALPHA}: ten are run, where the paper has five.",
    ),
    quick={"task.length": 100, "task.warp": 10, "train.steps": 800},
    cost="about 3 hours",
    plot=plot,
)
