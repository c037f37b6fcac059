"""One sequence of a task."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ltd.plots.common import FULL, NAMES, Table, styled


@styled
def example(
    title: str,
    inputs: Any,
    targets: Any,
    scored: Any,
    valid: Any,
    symbols: Any = None,
    classes: int = 1,
) -> tuple[Figure, Table]:
    """Inputs above, targets below, over the steps of one sequence; what is not scored stays empty, padding is grey.

    inputs [T, D] or tokens [T], targets [T] classes or [T, O] numbers, scored and valid [T]. Where inputs are symbols
    (`symbols` [T]) they stand as points on a line per symbol, else a curve per channel.
    """
    steps, scored, valid = np.arange(len(scored)), np.asarray(scored), np.asarray(valid)
    figure = Figure(figsize=(FULL, 2.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    table: Table = {"step": list(steps), "scored": list(scored), "valid": list(valid)}
    if symbols is not None:
        above.plot(steps[valid], np.asarray(symbols)[valid], "s", markersize=3, color=NAMES[0])
        table["input"] = list(symbols)
        above.set_ylabel("input symbol")
    else:
        for d, (channel, colour) in enumerate(zip(np.asarray(inputs).T, NAMES * 9, strict=False)):
            above.plot(
                steps[valid], channel[valid], "o-", markersize=2, linewidth=0.6, color=colour, label=f"input {d}"
            )
            table[f"input {d}"] = list(channel)
        above.set_ylabel("input")
        if 1 < np.shape(inputs)[1] <= 6:
            above.legend(ncols=6, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
    wide = np.asarray(targets)[:, None] if np.ndim(targets) == 1 else np.asarray(targets)
    bits = wide.shape[1] > 1 and bool(np.all(np.isin(wide[scored], (0, 1))))
    for o, (output, colour) in enumerate(zip(wide.T, (NAMES[1:] + NAMES[:1]) * 9, strict=False)):
        shown = scored & (output == 1) if bits else scored  # of bits those that are on, a line each
        below.plot(steps[shown], np.full(shown.sum(), o) if bits else output[shown], "o", markersize=3, color=colour)
        table[f"target {o}" if wide.shape[1] > 1 else "target"] = list(output)
    if bits:
        below.set(yticks=range(wide.shape[1]), ylim=(-0.5, wide.shape[1] - 0.5))
    if np.ndim(targets) == 1:
        below.set_ylim(-0.5, classes - 0.5)
    below.set(xlabel="step", ylabel="target class" if np.ndim(targets) == 1 else "target bits" if bits else "target")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.set_xlim(-0.7, len(steps) - 0.3)
    for axes in (above, below):
        if not valid.all():
            axes.axvspan(valid.sum() - 0.5, len(steps) - 0.3, color="0.88", linewidth=0, zorder=0)
    above.set_title(title, loc="left")
    return figure, table
