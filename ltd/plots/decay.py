"""How gradients decay: curves over the lag, slopes over rho, the portrait of all cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltd import stats
from ltd.plots.common import (
    COLUMN,
    DASHED,
    DOTTED,
    FULL,
    MARKERS,
    NAMES,
    NORMS,
    RHO,
    Rows,
    Table,
    extend,
    groups,
    key,
    panels_of,
    styled,
)


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
    (quantity, *others), cells, rhos = (list(groups(rows, name)) for name in ("quantity", "cell", "rho"))
    if others:
        raise ValueError(f"rows of {quantity} and {', '.join(others)} do not share an axis: draw a figure of each.")
    colours = dict(zip(sorted(rhos), matplotlib.colormaps["viridis"](np.linspace(0, 0.87, len(rhos))), strict=True))
    figure, panels = panels_of(cells, 4.6, f"lag $k$ ({counted})", rf"$\log_{{10}}\, {NORMS[quantity]}$", sharey=True)
    table, ends = Table(), []
    for (cell, rho), group in groups(rows, "cell", "rho").items():
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
        extend(table, cell=cell, rho=rho, lag=lag, **drawn, seeds=len(group))
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
    for cell, group in groups(rows, "cell").items():
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
        extend(table, cell=cell, lag=lag, median=median, low=low, high=high)
    for axes in panels.flat[len(order) :]:
        axes.remove()
    panels[0, 0].set_ylim(floor, ceiling)
    figure.supxlabel("lag $k$ (steps)", fontsize=8)
    figure.supylabel(rf"$\log_{{10}}\, {NORMS[quantity]}$", fontsize=8)
    return figure, table


@styled
def slope_against_rho(rows: Rows) -> tuple[Figure, Table]:
    """Decay slope (`stats.decay_slope`, log10 per step) against rho, a line per cell; rows as in `decay_curves`."""
    figure, panels = panels_of([""], COLUMN, RHO)
    slopes = [{**row, "slope": stats.decay_slope(row["lag"], row["log10"])} for row in rows]
    table = draw_slopes(panels[""], groups(slopes, "cell"), float)
    figure.legend(loc="outside upper center", ncols=3)
    return figure, table


@np.errstate(divide="ignore", invalid="ignore")
def draw_slopes(axes: Axes, named: Mapping[str, Rows], place: Callable[[float], float]) -> Table:
    """Median and range of the seeds' slopes at `place(rho)`; a triangle at the bottom: the gradient is exactly zero."""
    table: Table = {}
    for name, rows, colour, marker in zip(named, named.values(), NAMES * 9, MARKERS * 9, strict=False):
        rhos = sorted(by_rho := groups(rows, "rho"))
        seeds = [np.concatenate([np.atleast_1d(row["slope"]) for row in by_rho[rho]]) for rho in rhos]
        median, low, high = (np.array([of(values) for values in seeds]) for of in (np.median, np.min, np.max))
        x, reach = np.array([place(rho) for rho in rhos]), np.abs([low - median, high - median])
        axes.errorbar(x, median, reach, color=colour, marker=marker, capsize=2, elinewidth=0.7, label=name)
        if any(gone := np.isneginf(median)):
            axes.plot(x[gone], 0 * x[gone], "v", color=colour, clip_on=False, transform=axes.get_xaxis_transform())
        extend(table, cell=name, rho=rhos, median=median, low=low, high=high, seeds=[len(s) for s in seeds])
    line = sorted({(place(rho), float(np.log10(rho))) for rho in table["rho"]})
    axes.plot(*zip(*line, strict=True), ":", color="0.35", label=r"linear network, $\log_{10}\rho$")
    axes.axhline(0, color="0.45", linewidth=0.5)
    axes.text(0.01, 0, "neither vanishes nor explodes", va="bottom", fontsize=6, transform=axes.get_yaxis_transform())
    axes.set_ylabel("decay slope\n" + r"($\log_{10}$ per step)")
    return table
