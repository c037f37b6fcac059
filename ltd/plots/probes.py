"""What the probes saw: exponents, memory, saturated units, eigenvalues; and how it changed while a network trained."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ltd.plots.common import (
    COLUMN,
    DASHED,
    DOTTED,
    NAMES,
    Rows,
    Table,
    extend,
    groups,
    key,
    panels_of,
    styled,
)

ENDS: dict[str, Any] = {"left": "-", "right": DASHED, "saturated": "-", "zero": DOTTED}
WORDS = {"left": "gates shut", "right": "gates open", "saturated": "saturated", "zero": "gradient exactly zero"}
DEEP = 16.0  # decades that a map of logarithms shows


def _colours(rows: Rows) -> dict[float, Any]:
    """A colour per rho, in order."""
    rhos = sorted(groups(rows, "rho"))
    return dict(zip(rhos, matplotlib.colormaps["viridis"](np.linspace(0, 0.87, len(rhos))), strict=True))


def _rho_keys(colours: Mapping[float, Any]) -> list[Any]:
    return [key(label=rf"$\rho$ = {rho:g}", color=c) for rho, c in colours.items() if not np.isnan(rho)]


def _bands(rows: Rows, x: str, y: str, labels: tuple[str, str]) -> tuple[Figure, Table, dict[Any, Any]]:
    """A panel per cell, a colour per rho: median over seeds, from lowest to highest."""
    colours, table = _colours(rows), Table()
    figure, panels = panels_of([*groups(rows, "cell")], 4.6, labels[0], labels[1], sharey=True)
    for (cell, rho), group in groups(rows, "cell", "rho").items():
        values = np.array([row[y] for row in group], float)
        median, low, high = (of(values, axis=0) for of in (np.median, np.min, np.max))
        drawn = [np.where(np.isfinite(v), v, np.nan) for v in (median, low, high)]
        panels[cell].fill_between(group[0][x], drawn[1], drawn[2], color=colours[rho], alpha=0.2, linewidth=0)
        panels[cell].plot(group[0][x], drawn[0], color=colours[rho], marker="." if len(median) < 40 else "", zorder=3)
        extend(table, cell=cell, rho=rho, **{x: group[0][x]}, median=median, low=low, high=high, seeds=len(group))
    return figure, table, panels


@styled
def exponents(rows: Rows) -> tuple[Figure, Table]:
    """Lyapunov exponents by rank: a row is `cell, rho, seed, rank [K], lyapunov [K]`, in nats per step.

    Above the line neighbouring states part. An exponent of -inf is left out, and stands in the table.
    """
    figure, table, panels = _bands(rows, "rank", "lyapunov", ("rank $i$", r"exponent $\lambda_i$ (nats per step)"))
    for axes in panels.values():
        axes.axhline(0, color="0.45", linewidth=0.5)
    keys = [
        *_rho_keys(_colours(rows)),
        key(label="median of seeds"),
        key(label="lowest to highest", linewidth=5, alpha=0.25),
    ]
    figure.legend(handles=keys, loc="outside right upper")
    return figure, table


@styled
def memory_curves(rows: Rows) -> tuple[Figure, Table]:
    """The memory function: a row is `cell, rho, seed, lag [K], memory [K], chance [K]`.

    Dashed: the level of chance. Lags far behind the last one above it stand in the table alone.
    """
    figure, table, panels = _bands(rows, "lag", "memory", ("lag $k$ (steps)", "$R^2$ of the input $k$ steps ago"))
    table["chance"] = []
    for (cell, _), group in groups(rows, "cell", "rho").items():
        chance = np.median([row["chance"] for row in group], axis=0)
        panels[cell].plot(group[0]["lag"], chance, color="0.45", linewidth=0.6, linestyle=DASHED, zorder=1)
        table["chance"] += list(chance)
    told = [lag for lag, high, level in zip(table["lag"], table["high"], table["chance"], strict=True) if high > level]
    for axes in panels.values():
        axes.set(ylim=(-0.03, 1.03), xlim=(-0.5, min(max(table["lag"]), 1.5 * max(told, default=0) + 5)))
    keys = [
        *_rho_keys(_colours(rows)),
        key(label="median of seeds"),
        key(label="lowest to highest", linewidth=5, alpha=0.25),
    ]
    figure.legend(handles=[*keys, key(label="chance", linewidth=0.6, linestyle=DASHED)], loc="outside right upper")
    return figure, table


@styled
def unit_shares(rows: Rows) -> tuple[Figure, Table]:
    """Shares of units at the ends of their range over the steps: a panel per kind of unit, a colour per rho.

    A row is `cell, rho, seed, step [N]` and an array [N] per share, named `unit/left` and so on; lines are medians over
    seeds.
    """
    shares = [name for name in rows[0] if "/" in name]
    units, colours, table = list(dict.fromkeys(name.rpartition("/")[0] for name in shares)), _colours(rows), Table()
    cells = list(groups(rows, "cell"))
    titles = {(c, u): u if len(cells) == 1 else f"{c}: {u}" for c in cells for u in units}
    figure, panels = panels_of([*titles.values()], 4.6, "step", "share of units", sharey=True)
    for (cell, rho), group in groups(rows, "cell", "rho").items():
        for name in shares:
            unit, _, end = name.rpartition("/")
            median = np.median([row[name] for row in group], axis=0)
            step = group[0]["step"]
            panels[titles[cell, unit]].plot(step, median, color=colours[rho], linestyle=ENDS[end], linewidth=0.9)
            extend(table, cell=cell, rho=rho, unit=unit, end=end, step=step, share=median, seeds=len(group))
    top = min(1.0, max(0.1, 1.1 * np.nanmax(table["share"])))
    for axes in panels.values():
        axes.set_ylim(-0.03 * top, 1.03 * top)
    used = dict.fromkeys(name.rpartition("/")[2] for name in shares)
    if {"left", "saturated"} <= used.keys():  # one line style
        named = {"left": "gates shut, others saturated"} | {n: WORDS[n] for n in used if n not in ("left", "saturated")}
    else:
        named = {name: WORDS[name] for name in used}
    keys = _rho_keys(colours) + [key(label=label, linestyle=ENDS[n], linewidth=0.9) for n, label in named.items()]
    figure.legend(handles=keys, loc="outside upper center", ncols=4)
    return figure, table


@styled
def eigenvalues(rows: Rows) -> tuple[Figure, Table]:
    """Eigenvalues of the recurrent blocks in the complex plane, with the unit circle; a panel per block.

    A row is `cell, rho, seed, block [N], real [N], imaginary [N]`.
    """
    colours, table = _colours(rows), Table()
    cells = list(groups(rows, "cell"))
    blocks = {
        c: list(dict.fromkeys(b for row in group for b in row["block"])) for c, group in groups(rows, "cell").items()
    }
    titles = {(c, b): b if len(cells) == 1 else f"{c}: {b}" for c in cells for b in blocks[c]}
    figure, panels = panels_of([*titles.values()], COLUMN, r"Re $\lambda$", r"Im $\lambda$")
    turn = np.linspace(0, 2 * np.pi, 200)
    for axes in panels.values():
        axes.plot(np.cos(turn), np.sin(turn), color="0.6", linewidth=0.6, zorder=1)
        axes.set_aspect("equal", "datalim")
    for row in rows:
        for block in blocks[row["cell"]]:
            mine = np.asarray(row["block"]) == block
            real, imaginary = np.asarray(row["real"])[mine], np.asarray(row["imaginary"])[mine]
            axes = panels[titles[row["cell"], block]]
            axes.plot(real, imaginary, ".", color=colours[row["rho"]], markersize=2.5, alpha=0.7, zorder=2)
            about = {"cell": row["cell"], "rho": row["rho"], "seed": row["seed"], "block": block}
            extend(table, **about, real=real, imaginary=imaginary)
    keys = [key(label=k.get_label(), color=k.get_color(), marker=".", linestyle="") for k in _rho_keys(colours)]
    figure.legend(
        handles=[*keys, key(label="unit circle", color="0.6", linewidth=0.6)], loc="outside upper center", ncols=4
    )
    return figure, table


# ------------------------------------------------------------------------------------------------ while training


def _together(runs: Rows) -> tuple[np.ndarray, np.ndarray]:
    """The updates at which any of the runs was looked at, and the median over those that still trained."""
    updates = np.unique(np.concatenate([run["update"] for run in runs]))
    held = np.full((len(runs), len(updates), *np.shape(runs[0]["values"])[1:]), np.nan)
    for i, run in enumerate(runs):
        held[i, np.searchsorted(updates, run["update"])] = run["values"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return updates, np.nanmedian(held, axis=0)


@styled
def looks(runs: Rows, counted: str, label: str, deep: float | None = None) -> tuple[Figure, Table]:
    """What a probe saw while networks trained: maps over updates and lags where it saw curves, lines where numbers.

    A run is `title` (its panel), `name` (of a line; of a map one), `seed, update [N]` and `values`: [N, K] over what is
    `counted` (lags, ranks), or [N]. Medians over seeds; a run that ended counts no more. `label` says what the values
    are. A map shows `deep` decades below its highest value, and what is lower in the lowest colour.
    """
    titles, table = [*groups(runs, "title")], Table()
    if np.ndim(runs[0]["values"]) == 1:
        figure, panels = panels_of(titles, COLUMN, "update (optimizer steps)", label)
        colours = dict(zip(groups(runs, "name"), NAMES * 9, strict=False))
        for (title, name), its in groups(runs, "title", "name").items():
            for run in its:
                panels[title].plot(run["update"], run["values"], color=colours[name], linewidth=0.5, alpha=0.4)
            update, median = _together(its)
            panels[title].plot(update, median, color=colours[name], linewidth=1.6, zorder=3)
            extend(table, title=title, name=name, update=update, median=median, seeds=len(its))
        keys = [key(label=name, color=colour, linewidth=1.6) for name, colour in colours.items()]
        figure.legend(handles=keys, loc="outside upper center", ncols=4)
        return figure, table
    figure, panels = panels_of(titles, 4.6, "update (optimizer steps)", counted)
    maps = {title: _together(its) for title, its in groups(runs, "title").items()}
    finite = np.concatenate([values[np.isfinite(values)] for _, values in maps.values()])
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    low = max(low, high - deep) if deep else low
    shown = None
    for title, (update, values) in maps.items():
        lags = np.arange(values.shape[1]) + (counted.startswith("rank"))
        shown = panels[title].pcolormesh(
            update, lags, np.where(np.isnan(values), np.nan, values.clip(low, high)).T, shading="nearest",
            cmap="viridis", vmin=low, vmax=high, rasterized=True,
        )  # fmt: skip
        panels[title].set(facecolor="0.88")  # no such lag
        for i, at in enumerate(update):
            extend(table, title=title, update=int(at), **{counted.split()[0]: lags}, median=values[i])
    figure.colorbar(shown, ax=list(panels.values()), label=label, pad=0.01, aspect=18)  # type: ignore[arg-type]
    return figure, table
