"""Figures from plain data. Each function returns the figure and a table of exactly what it shows; nothing else changes.

Colours, safe for the colour blind: viridis for rho, Okabe-Ito for names. Widths are a paper's, in inches; type is 8 pt.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ltd import stats
from ltd.results import write_atomically

Rows = Sequence[Mapping[str, Any]]
Table = dict[str, list]
COLUMN, FULL, MARKERS = 3.4, 7.0, "osD^vP"
NAMES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHED, DOTTED = (0, (4, 2)), (0, (1, 1.5))
JACOBIAN, ADJOINT = r"\|\partial s_T / \partial s_{T-k}\|_2", r"\|\partial L / \partial s_{%s}\|_2"
NORMS = {"jacobian": JACOBIAN, "adjoint": ADJOINT % "T-k" + r"\,/\," + ADJOINT % "T"}
RHO, UNIT = r"spectral radius $\rho$ of $W_{HH}$", "loss on the evaluation set (unit of the task)"
STYLE: dict[Any, Any] = dict.fromkeys(("font.size", "axes.labelsize", "axes.titlesize"), 8)
STYLE |= dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 7)
STYLE |= {"axes.linewidth": 0.6, "lines.linewidth": 1.1, "lines.markersize": 3, "svg.hashsalt": "ltd"}
STYLE |= {"legend.frameon": False, "axes.spines.right": False, "axes.spines.top": False}
key = partial(Line2D, [], [], color="0.35")  # of a legend
styled = matplotlib.rc_context(STYLE)  # as a decorator: matplotlib's own settings stay as they were


@styled
@np.errstate(divide="ignore", invalid="ignore")
def decay_curves(rows: Rows, limits: tuple[float, float] | None = None, counted: str = "steps") -> tuple[Figure, Table]:
    """How a gradient decays with the lag: one panel per cell, one colour per rho.

    A row is one network: `cell, rho, seed, lag [K], log10 [K]` (log10 of the norm), `bound_log10` ([K] or None: log10
    of (gamma sigma)^k), `asymptote` (draw rho^k?), `quantity` ("adjoint" or "jacobian"). Adjoints are drawn relative to
    their first lag; lags count steps, or what is `counted`. Line: median over seeds; band: lowest to highest seed;
    bound: the loosest of the seeds.

    The panels share `limits` (log10). Left out, they reach at most three times as deep as the median curve, so that
    one curve at 1e-300 leaves the frame and the others stay readable; a single curve is shown to its end.
    """
    (quantity, *others), cells, rhos = (list(_groups(rows, name)) for name in ("quantity", "cell", "rho"))
    if others:
        raise ValueError(f"rows of {quantity} and {', '.join(others)} do not share an axis: draw a figure of each.")
    colours = dict(zip(sorted(rhos), matplotlib.colormaps["viridis"](np.linspace(0, 0.87, len(rhos))), strict=True))
    figure, panels = _panels(cells, 4.6, f"lag $k$ ({counted})", rf"$\log_{{10}}\, {NORMS[quantity]}$", sharey=True)
    table, ends = Table(), []
    for (cell, rho), group in _groups(rows, "cell", "rho").items():
        axes, colour, lag = panels[cell], colours[rho], np.asarray(group[0]["lag"])
        if any(not np.array_equal(row["lag"], lag) for row in group):
            raise ValueError(f"the seeds of {cell} at rho = {rho} have different lags: probe them alike.")
        curves = np.array([row["log10"] for row in group], float)
        curves -= curves[:, :1] if quantity == "adjoint" else 0
        median, low, high = np.median(curves, axis=0), curves.min(axis=0), curves.max(axis=0)
        bounds = [row["bound_log10"] for row in group if row.get("bound_log10") is not None]
        bound = np.max(bounds, axis=0) if bounds else None
        asymptote = lag * np.log10(rho) if any(row.get("asymptote") for row in group) else None
        axes.plot(lag, median, color=colour, zorder=3)
        axes.fill_between(lag, low.clip(-1e4), high.clip(-1e4), color=colour, alpha=0.2, linewidth=0)
        for values, dashes in ((bound, DASHED), (asymptote, DOTTED)):
            if values is not None:
                axes.plot(lag, values, color=colour, linewidth=0.8, linestyle=dashes)
        drawn = {"median": median, "low": low, "high": high, "bound": bound, "asymptote": asymptote}
        _extend(table, cell=cell, rho=rho, lag=lag, **drawn, seeds=len(group))
        ends.append([of(median[np.isfinite(median)], initial=0) for of in (np.min, np.max)])
    lows, highs = np.transpose(ends)
    low = 1.03 * min(max(min(lows), 3 * np.median(lows) - 6), -4)
    high = 1.05 * max(min(max(highs), 3 * np.median(highs) + 6), 0.5)
    for axes in panels.values():
        axes.axhline(-3, color="0.45", linewidth=0.5)
        axes.set_ylim(limits or (low, high))
    named = {rho: colour for rho, colour in colours.items() if not np.isnan(rho)}  # not every cell has a rho
    keys = [key(label=rf"$\rho$ = {rho:g}", color=colour) for rho, colour in named.items()]
    keys += [key(label="median of seeds"), key(label="lowest to highest", linewidth=5, alpha=0.25)]
    for name, label, dashes in (("bound", r"bound $(\gamma\sigma)^k$", DASHED), ("asymptote", r"$\rho^k$", DOTTED)):
        keys += [key(label=label, linewidth=0.8, linestyle=dashes)] * bool({*table[name]} - {None})
    figure.legend(handles=[*keys, key(label="a thousandth", linewidth=0.5)], loc="outside right upper")
    return figure, table


@styled
@np.errstate(divide="ignore", invalid="ignore")
def portrait(rows: Rows, floor: float = -12.0, ceiling: float = 3.0) -> tuple[Figure, Table]:
    """Every cell's decay curve, a small panel each, sorted by how far it has fallen at the last lag.

    Rows as in `decay_curves`, one rho a cell. Line: median over seeds, band: lowest to highest seed; the medians of all
    other cells stand behind it in grey. A curve below `floor` (log10) leaves the frame; the number in the panel is the
    median at the last lag.
    """
    quantity = rows[0]["quantity"]
    shift = {"adjoint": 1, "jacobian": 0}[quantity]
    cells = {}
    for cell, group in _groups(rows, "cell").items():
        curves = np.array([np.asarray(row["log10"], float) - shift * row["log10"][0] for row in group])
        cells[cell] = (np.asarray(group[0]["lag"]), np.median(curves, axis=0), curves.min(axis=0), curves.max(axis=0))
    order = sorted(cells, key=lambda cell: (-np.nan_to_num(cells[cell][1][-1], neginf=-1e6), cell))
    columns = 5 if len(order) > 20 else min(4, len(order))
    lines = -(-len(order) // columns)
    figure = Figure(figsize=(FULL, 0.5 + 0.82 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    table = Table()
    for axes, cell in zip(panels.flat, order, strict=False):
        for lag, median, _, _ in cells.values():
            axes.plot(lag, median.clip(-1e4), color="0.85", linewidth=0.4, zorder=1)
        lag, median, low, high = cells[cell]
        axes.fill_between(lag, low.clip(-1e4), high.clip(-1e4), color=NAMES[0], alpha=0.25, linewidth=0, zorder=2)
        axes.plot(lag, median.clip(-1e4), color=NAMES[0], linewidth=1.2, zorder=3)
        axes.axhline(0, color="0.45", linewidth=0.4, zorder=0)
        axes.set_title(cell, fontsize=7, pad=2)
        end = "exactly 0" if np.isneginf(median[-1]) else f"{median[-1]:.1f}"
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8}
        axes.text(0.05, 0.07, end, transform=axes.transAxes, fontsize=6, color=NAMES[0], zorder=4, bbox=paper)
        axes.tick_params(labelsize=6, pad=1)
        _extend(table, cell=cell, lag=lag, median=median, low=low, high=high)
    for axes in panels.flat[len(order) :]:
        axes.remove()
    panels[0, 0].set_ylim(floor, ceiling)
    figure.supxlabel("lag $k$ (steps)", fontsize=8)
    figure.supylabel(rf"$\log_{{10}}\, {NORMS[quantity]}$", fontsize=8)
    return figure, table


@styled
def slope_against_rho(rows: Rows) -> tuple[Figure, Table]:
    """Decay slope (`stats.decay_slope`, log10 per step) against rho, a line per cell; rows as in `decay_curves`."""
    figure, panels = _panels([""], COLUMN, RHO)
    slopes = [{**row, "slope": stats.decay_slope(row["lag"], row["log10"])} for row in rows]
    table = _draw_slopes(panels[""], _groups(slopes, "cell"), float)
    figure.legend(loc="outside upper center", ncols=3)
    return figure, table


@styled
def training_curves(runs: Rows) -> tuple[Figure, Table]:
    """Loss against updates: a panel per task, thin lines the seeds, thick lines their median, grey lines the levels.

    A run is `title` (its panel), `label` (its colour: a cell, an optimizer), `seed, update [N], loss [N]`, `levels`
    (losses by name: blind, strict, optimum) and optionally `diverged`. A diverged run ends with a cross on the upper
    edge, and counts as infinite in the median from there on; a run that stopped early keeps its last loss.
    """
    table, colours = Table(), dict(zip(_groups(runs, "label"), NAMES * 9, strict=False))
    figure, panels = _panels([*_groups(runs, "title")], COLUMN, "update (optimizer steps)", UNIT)
    for (title, label), seeds in _groups(runs, "title", "label").items():
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
            _extend(table, title=title, label=label, seed=run["seed"], update=update, loss=loss, diverged=diverged)
        axes.plot(grid, np.median(held, axis=0), linewidth=1.6, zorder=3, **style)
    for title, group in _groups(runs, "title").items():
        _draw_levels(panels[title], group[0]["levels"])
    keys = [key(label=label, color=colour, linewidth=1.6) for label, colour in colours.items()]
    keys += [key(label="diverged", marker="x", markersize=5, linestyle="")] * any(table["diverged"])
    figure.legend(handles=keys, loc="outside upper center", ncols=4)
    return figure, table


@styled
def solved_map(shares: Rows, slopes: Rows, width: float = FULL) -> tuple[Figure, Table]:
    """Which lags are learned at which rho, above; how the gradient decays at the same rho, below.

    A share is `rho, lag, solved, total, diverged` (counts of runs); a slope is `rho, slope` (log10 per step; a number
    or one per seed). A field says k/n, its 95 % Wilson interval where there is room, and how many runs diverged.
    """
    lags, rhos = sorted(_groups(shares, "lag")), sorted(_groups([*shares, *slopes], "rho"))
    figure = Figure(figsize=(width, 1.9 + 0.36 * len(lags)), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(0.36 * len(lags), 1.3))
    room = (width - 1.4) / len(rhos) > 0.6
    image, table = np.full((len(lags), len(rhos)), np.nan), Table()
    for row in shares:
        about = {name: row[name] for name in ("rho", "lag", "solved", "total", "diverged")}
        rho, lag, solved, total, diverged = about.values()
        x, y = rhos.index(rho), lags.index(lag)
        (low, high), image[y, x] = stats.wilson(solved, total), solved / total
        ink = "white" if image[y, x] > 0.65 else "black"
        above.text(x, y + 0.13 * room, f"{solved}/{total}", ha="center", va="center", color=ink)
        if room:
            above.text(x, y - 0.26, f"{low:.2f} to {high:.2f}", ha="center", va="center", color=ink, fontsize=5.5)
        if diverged:
            above.text(x + 0.47, y + 0.42, rf"{diverged}$\times$", ha="right", va="top", color=ink, fontsize=5.5)
        _extend(table, panel=["share"], **about, value=image[y, x], low=low, high=high)
    style: dict[str, Any] = {"cmap": "Blues", "vmin": 0, "vmax": 1, "edgecolors": "0.8", "linewidth": 0.4}
    fields = above.pcolormesh(np.arange(len(rhos)), np.arange(len(lags)), image, shading="nearest", **style)
    figure.colorbar(fields, ax=above, label="share of runs solved", pad=0.01, aspect=12)
    above.set(yticks=range(len(lags)), yticklabels=[f"{lag:g}" for lag in lags], ylabel="lag of the task (steps)")
    above.set(facecolor="0.88")  # shows where there are no runs
    above.set_title("solved / runs" + ", 95 % Wilson interval" * room + r"; $\times$: diverged", loc="left")
    slope = _draw_slopes(below, {"median and range of seeds": slopes}, rhos.index)
    slope |= {"value": slope["median"], "total": slope["seeds"], "panel": ["slope"] * len(slope["rho"])}
    _extend(table, **{name: values for name, values in slope.items() if name in table})
    below.set(xticks=range(len(rhos)), xticklabels=[f"{rho:g}" for rho in rhos], xlabel=RHO)
    below.legend()
    return figure, table


def save(figure: Figure, stem: Path | str, table: Mapping[str, Sequence], digests: Sequence[str]) -> list[Path]:
    """Write `stem`.png (200 dpi), .svg and .csv, each at once or not at all; the same figure gives the same bytes.

    The digests of the runs shown travel along: in the PNG (text `ltd:digests`), in the SVG (description), and in the
    CSV (column `digests`, all in its first row, unless the rows name theirs: `digest`).
    """
    png, svg, text = paths = [Path(f"{stem}.{kind}") for kind in ("png", "svg", "csv")]
    joined, lines = " ".join(digests), io.StringIO()
    size = len(next(iter(table.values())))
    columns = {**table} if {"digest", "digests"} & table.keys() else {**table, "digests": [joined] + [""] * (size - 1)}
    csv.writer(lines, lineterminator="\n").writerows([columns, *zip(*columns.values(), strict=True)])
    in_png, in_svg = {"ltd:digests": joined, "Software": None}, {"Description": f"ltd:digests {joined}", "Date": None}
    png.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        write_atomically(png, lambda file: figure.savefig(file, format="png", dpi=200, metadata=in_png))
        write_atomically(svg, lambda file: figure.savefig(file, format="svg", metadata=in_svg))
    write_atomically(text, lambda file: file.write(lines.getvalue().encode()))
    return paths


def _extend(table: Table, **columns: Any) -> None:
    """Add rows: lists and arrays item by item, anything else repeated beside them. The first call names the columns."""
    size = max(len(column) for column in columns.values() if isinstance(column, list | np.ndarray))
    for name in table or columns:
        column = columns.get(name)
        table.setdefault(name, []).extend(column if isinstance(column, list | np.ndarray) else [column] * size)


def _groups(rows: Rows, *names: str) -> dict[Any, list[Mapping[str, Any]]]:
    found: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[names[0]] if len(names) == 1 else tuple(row[name] for name in names), []).append(row)
    if not found:
        raise ValueError(f"no rows: a figure over {', '.join(names)} needs one at least.")
    return found


def _panels(titles: list, single: float, x: str, y: str = "", sharey: bool = False) -> tuple[Figure, dict[Any, Axes]]:
    lines, columns = -(-len(titles) // 3), min(len(titles), 3)
    figure = Figure(figsize=(FULL if columns > 1 else single, 2.5 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False, sharey=sharey)
    for i, panel in enumerate(axes.flat):
        panel.set(title=titles[i], xlabel=x, ylabel="" if i % 3 else y) if i < len(titles) else panel.remove()
    return figure, dict(zip(titles, axes.flat, strict=False))


@np.errstate(divide="ignore", invalid="ignore")
def _draw_slopes(axes: Axes, named: Mapping[str, Rows], place: Callable[[float], float]) -> Table:
    """Median and range of the seeds' slopes at `place(rho)`; a triangle at the bottom: the gradient is exactly zero."""
    table: Table = {}
    for name, rows, colour, marker in zip(named, named.values(), NAMES * 9, MARKERS * 9, strict=False):
        rhos = sorted(by_rho := _groups(rows, "rho"))
        seeds = [np.concatenate([np.atleast_1d(row["slope"]) for row in by_rho[rho]]) for rho in rhos]
        median, low, high = (np.array([of(values) for values in seeds]) for of in (np.median, np.min, np.max))
        x, reach = np.array([place(rho) for rho in rhos]), np.abs([low - median, high - median])
        axes.errorbar(x, median, reach, color=colour, marker=marker, capsize=2, elinewidth=0.7, label=name)
        if any(gone := np.isneginf(median)):
            axes.plot(x[gone], 0 * x[gone], "v", color=colour, clip_on=False, transform=axes.get_xaxis_transform())
        _extend(table, cell=name, rho=rhos, median=median, low=low, high=high, seeds=[len(s) for s in seeds])
    line = sorted({(place(rho), float(np.log10(rho))) for rho in table["rho"]})
    axes.plot(*zip(*line, strict=True), ":", color="0.35", label=r"linear network, $\log_{10}\rho$")
    axes.axhline(0, color="0.45", linewidth=0.5)
    axes.text(0.01, 0, "neither vanishes nor explodes", va="bottom", fontsize=6, transform=axes.get_yaxis_transform())
    axes.set_ylabel("decay slope\n" + r"($\log_{10}$ per step)")
    return table


def _draw_levels(axes: Axes, levels: Mapping[str, float]) -> None:
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
