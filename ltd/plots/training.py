"""What training came to: curves, the map of rho against lag, scores at other lengths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltd import stats
from ltd.plots.common import (
    COLUMN,
    DASHED,
    DOTTED,
    FULL,
    METRIC,
    NAMES,
    RHO,
    UNIT,
    Rows,
    Table,
    extend,
    groups,
    key,
    panels_of,
    styled,
)
from ltd.plots.decay import draw_slopes

LAG = "lag of the task (steps)"
LEVELS: Any = (DASHED, DOTTED, "-.")  # blind, strict, optimum


def columns(labels: Iterable[str]) -> int:
    """Of a legend over one column of text."""
    return max(1, min(4, 64 // (8 + max(map(len, labels)))))


@styled
def training_curves(runs: Rows) -> tuple[Figure, Table]:
    """Loss against updates: a panel per task, thin lines the seeds, thick lines their median, grey lines the levels.

    A run is `title` (its panel), `label` (its colour: a cell, an optimizer), `seed, update [N], loss [N]`, `levels`
    (losses by name: blind, strict, optimum) and optionally `diverged`, and `setting`: runs of several settings under
    one label have a median each. A diverged run ends with a cross on the upper
    edge, and counts as infinite in the median from there on; a run that stopped early keeps its last loss.
    """
    table, colours = Table(), dict(zip(groups(runs, "label"), NAMES * 9, strict=False))
    figure, panels = panels_of([*groups(runs, "title")], COLUMN, "update (optimizer steps)", UNIT)
    runs = [{"setting": "", **run} for run in runs]
    for (title, label, setting), seeds in groups(runs, "title", "label", "setting").items():
        axes, style = panels[title], dict[str, Any](color=colours[label])
        grid, held = np.unique(np.concatenate([run["update"] for run in seeds])), []
        for run in seeds:
            update, loss = np.asarray(run["update"]), np.asarray(run["loss"], float)
            good = np.isfinite(loss)
            x, y = (update[good], loss[good]) if any(good) else (update[:1], np.array([np.inf]))
            diverged = bool(run.get("diverged", False) or not all(good))
            axes.plot(x, y, linewidth=0.5, alpha=0.4, **style)
            if diverged:
                axes.plot(x[-1], 1, "x", markersize=5, clip_on=False, transform=axes.get_xaxis_transform(), **style)
            held.append(np.where(grid > x[-1], np.inf if diverged else y[-1], np.interp(grid, x, y)))
            about = {"title": title, "label": label, "setting": setting, "seed": run["seed"], "diverged": diverged}
            extend(table, **about, update=update, loss=loss)
        axes.plot(grid, np.median(held, axis=0), linewidth=1.6, zorder=3, **style)
    for title, group in groups(runs, "title").items():
        draw_levels(panels[title], group[0]["levels"])
    keys = [key(label=label, color=colour, linewidth=1.6) for label, colour in colours.items()]
    keys += [key(label="diverged", marker="x", markersize=5, linestyle="")] * any(table["diverged"])
    figure.legend(handles=keys, loc="outside upper center", ncols=columns(colours))
    return figure, table


@styled
def solved_map(shares: Rows, slopes: Rows, width: float = FULL, lag: str = LAG, name: str = "") -> tuple[Figure, Table]:
    """Which lags are learned at which rho, above; how the gradient decays at the same rho, below.

    A share is `rho, lag, solved, total, diverged` (counts of runs); a slope is `rho, slope` (log10 per step; a number
    or one per seed). A field says k/n, its 95 % Wilson interval where there is room, and how many runs diverged.
    """
    lags, rhos = sorted(groups(shares, "lag")), sorted(groups([*shares, *slopes], "rho"))
    figure = Figure(figsize=(width, 1.9 + 0.36 * len(lags)), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(0.36 * len(lags), 1.3))
    room = (width - 1.4) / len(rhos) > 0.6
    image, table = np.full((len(lags), len(rhos)), np.nan), Table()
    for row in shares:
        about = {name: row[name] for name in ("rho", "lag", "solved", "total", "diverged")}
        rho, _, solved, total, diverged = about.values()
        x, y = rhos.index(rho), lags.index(row["lag"])
        (low, high), image[y, x] = stats.wilson(solved, total), solved / total
        ink = "white" if image[y, x] > 0.65 else "black"
        above.text(x, y + 0.13 * room, f"{solved}/{total}", ha="center", va="center", color=ink)
        if room:
            above.text(x, y - 0.26, f"{low:.2f} to {high:.2f}", ha="center", va="center", color=ink, fontsize=5.5)
        if diverged:
            above.text(x + 0.47, y + 0.42, rf"{diverged}$\times$", ha="right", va="top", color=ink, fontsize=5.5)
        extend(table, panel=["share"], **about, value=image[y, x], low=low, high=high)
    style: dict[str, Any] = {"cmap": "Blues", "vmin": 0, "vmax": 1, "edgecolors": "0.8", "linewidth": 0.4}
    fields = above.pcolormesh(np.arange(len(rhos)), np.arange(len(lags)), image, shading="nearest", **style)
    figure.colorbar(fields, ax=above, label="share of runs solved", pad=0.01, aspect=12)
    above.set(yticks=range(len(lags)), yticklabels=[f"{value:g}" for value in lags], ylabel=lag)
    above.set(facecolor="0.88")  # shows where there are no runs
    above.set_title(
        f"{name}: " * bool(name) + "solved / runs" + ", 95 % Wilson interval" * room + r"; $\times$: diverged",
        loc="left",
    )
    slope = draw_slopes(below, {"median and range of seeds": slopes}, rhos.index)
    slope |= {"value": slope["median"], "total": slope["seeds"], "panel": ["slope"] * len(slope["rho"])}
    extend(table, **{name: values for name, values in slope.items() if name in table})
    below.set(xticks=range(len(rhos)), xticklabels=[f"{rho:g}" for rho in rhos], xlabel=RHO)
    below.legend()
    return figure, table


def draw_levels(axes: Axes, levels: Mapping[str, float]) -> None:
    """Grey lines, named in the right margin; equal levels share a name, near ones move apart. The top is 10 blind."""
    (low, high), blind = axes.dataLim.intervaly, levels["blind"]
    top = max(blind, min(high, blind + 9 * abs(blind)))
    axes.set_yscale("log" if min(low, blind) > 0 else "linear")
    bottom = min(v for v in (low, *levels.values()) if v > 0 or axes.get_yscale() == "linear")
    axes.set_ylim(bottom - 0.2 * abs(bottom), top + 0.2 * abs(top))
    last, to_axes = -1.0, axes.transData + axes.transAxes.inverted()
    for loss in sorted(set(levels.values())):
        axes.axhline(loss, color="0.45", linewidth=0.6, zorder=1)
        words = "\n".join(name for name, level in levels.items() if level == loss)
        last = max(0, to_axes.transform((1, loss))[1], last + 0.09 * (1 + words.count("\n")))
        axes.text(1.02, last, f"{words} {loss:.3g}", transform=axes.transAxes, va="center", fontsize=6.5)


@styled
def length_curves(rows: Rows) -> tuple[Figure, Table]:
    """The metric at lengths that were not trained on: a panel per task, a colour per label, median and range of seeds.

    A row is `title, label, seed, length [N], metric [N]`, `levels` (metrics by name, each [N]), `trained`, the
    longest length of training (dotted), and optionally `setting` as of `training_curves`. Grey lines
    are the levels: they can change with the length.
    """
    table, colours = Table(), dict(zip(groups(rows, "label"), NAMES * 9, strict=False))
    figure, panels = panels_of([*groups(rows, "title")], COLUMN, "length of the test (size of the task)", METRIC)
    rows = [{"setting": "", **row} for row in rows]
    for (title, label, setting), seeds in groups(rows, "title", "label", "setting").items():
        length = np.asarray(seeds[0]["length"])
        metrics = np.array([row["metric"] for row in seeds], float)
        median, low, high = (of(metrics, axis=0) for of in (np.median, np.min, np.max))
        panels[title].fill_between(length, low, high, color=colours[label], alpha=0.2, linewidth=0)
        panels[title].plot(length, median, "o-", color=colours[label])
        levels = {name: np.asarray(values) for name, values in seeds[0]["levels"].items()}
        about = {"title": title, "label": label, "setting": setting, "length": length, "seeds": len(seeds)}
        extend(table, **about, median=median, low=low, high=high, **levels)
    for title, group in groups(rows, "title").items():
        axes, first = panels[title], group[0]
        for values, dashes in zip(first["levels"].values(), LEVELS, strict=False):
            axes.plot(first["length"], values, color="0.45", linewidth=0.8, linestyle=dashes, zorder=1)
        axes.axvline(first["trained"], color="0.6", linestyle=":", linewidth=0.8)
        beside: dict[str, Any] = {"rotation": 90, "ha": "left", "va": "bottom", "transform": axes.get_xaxis_transform()}
        axes.text(first["trained"], 0.1, "longest trained", fontsize=6, color="0.35", **beside)
    keys = [key(label=label, color=colour, marker="o") for label, colour in colours.items()]
    keys += [key(label=name, linewidth=0.8, linestyle=d) for name, d in zip(rows[0]["levels"], LEVELS, strict=False)]
    figure.legend(handles=keys, loc="outside upper center", ncols=columns(colours))
    return figure, table
