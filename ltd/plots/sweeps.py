"""What a sweep came to: the share of seeds that were solved and their last loss, over the fields that were varied.

A run is `panel, label` (a colour), `x` and where there are two fields `y`, `seed`, `loss` (the last one, relative: 0 is
the optimum of its task, 1 its memoryless level; infinite if it diverged, None if it failed), `solved`, `diverged`, and
the relative levels `blind, strict`. A value of a field is a number, a word, or None: a place of its own, "off".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ltd import stats
from ltd.plots.common import COLUMN, DASHED, DOTTED, FULL, MARKERS, NAMES, Rows, Table, extend, groups, key, styled

LOSS = "last loss (0 optimum, 1 memoryless)"
SHARE = "share of seeds solved"
TOP = 1.5  # of the relative loss: what is above stands on the edge


def word(value: Any) -> str:
    """A value as an axis names it."""
    return "off" if value is None else value if isinstance(value, str) else f"{value:g}"


def ordered(values: Sequence[Any]) -> list[Any]:
    """Numbers by size, then words as they came, then off."""
    unique = list(dict.fromkeys(values))
    words = [v for v in unique if isinstance(v, str)]
    numbers = sorted(v for v in unique if v is not None and not isinstance(v, str))
    return [*numbers, *words, *([None] if None in unique else [])]


def logarithmic(numbers: Sequence[float]) -> bool:
    """Whether ascending numbers are spaced more evenly by ratio than by difference, and reach far."""
    if len(numbers) < 2 or numbers[0] <= 0 or numbers[-1] / numbers[0] < 4:
        return False
    steps, ratios = np.diff(numbers), np.diff(np.log(numbers))
    return bool(len(steps) == 1 or np.std(ratios) / np.mean(ratios) < np.std(steps) / np.mean(steps))


def places(values: Sequence[Any]) -> tuple[dict[Any, float], bool]:
    """Where the values stand on an axis, and whether numbers stand by their logarithm; what is none stands beyond."""
    its = ordered(values)
    numbers = [v for v in its if v is not None and not isinstance(v, str)]
    log = logarithmic(numbers)
    found = {v: float(np.log10(v)) if log else float(v) for v in numbers}
    step = float(np.median(np.diff([*found.values()]))) if len(numbers) > 1 else 1.0
    last = max(found.values(), default=-step)
    others = [v for v in its if v not in found]
    return {**found, **{v: last + 1.3 * step + i * step for i, v in enumerate(others)}}, log


def tally(runs: Rows) -> dict[str, Any]:
    """The seeds of one setting: k of n solved with the 95 % Wilson interval, their losses. Failed runs are not in n."""
    scored = [run for run in runs if run["loss"] is not None]
    solved, losses = sum(run["solved"] for run in scored), [run["loss"] for run in scored]
    low, high = stats.wilson(solved, len(scored)) if scored else (None, None)
    return {
        "solved": solved,
        "total": len(scored),
        "share": solved / len(scored) if scored else None,
        "low": low,
        "high": high,
        "diverged": sum(run["diverged"] for run in scored),
        "failed": len(runs) - len(scored),
        "loss_median": float(np.median(losses)) if scored else None,
        "loss_low": min(losses, default=None),
        "loss_high": max(losses, default=None),
    }


def _tallied(runs: Rows, *names: str) -> list[dict[str, Any]]:
    return [{**dict(zip(names, k, strict=True)), **tally(its)} for k, its in groups(runs, *names).items()]


def _told(table: Table, rows: Rows) -> Table:
    """The rows as a table, values of fields as words."""
    for row in rows:
        extend(table, **{k: [word(v) if k in ("x", "y") else v] for k, v in row.items()})
    return table


def _blocks(titles: Sequence[str], heights: Sequence[float], single: float) -> tuple[Figure, list[list[Axes]]]:
    """A figure with a stack of axes per title, three stacks in a line; `heights` in inches, with labels."""
    columns, lines = min(len(titles), 3), -(-len(titles) // 3)
    figure = Figure(figsize=(FULL if columns > 1 else single, 0.45 + sum(heights) * lines), layout="constrained")
    grid = figure.subplots(len(heights) * lines, columns, squeeze=False, height_ratios=[*heights] * lines)
    size = 8 if max(len(line) for title in titles for line in title.split("\n")) <= 90 // columns else 6.5
    stacks = []
    for i in range(lines * columns):
        line, column = divmod(i, columns)
        stack = [grid[len(heights) * line + j, column] for j in range(len(heights))]
        if i < len(titles):
            stack[0].set_title(titles[i], fontsize=size)
            stacks.append(stack)
        else:
            for axes in stack:
                axes.remove()
    return figure, stacks


def _noted(figure: Figure, note: str) -> None:
    if note:
        figure.supxlabel(note, fontsize=6.5, color="0.3")


# ------------------------------------------------------------------------------------------------ two fields


@styled
def solved_grid(runs: Rows, x: str, y: str, note: str = "") -> tuple[Figure, Table]:
    """Two fields: for each panel the share of seeds solved, and below it the median of the last losses.

    A field of the grid says k/n with its 95 % Wilson interval, and how many runs diverged or failed; grey: no runs.
    """
    xs, ys = ordered([run["x"] for run in runs]), ordered([run["y"] for run in runs])
    titles, rows = [*groups(runs, "panel")], _tallied(runs, "panel", "x", "y")
    wide = max(0.36 * len(ys), 1.0)  # the words beside the colours want an inch
    figure, stacks = _blocks(titles, (wide + 0.35, wide + 0.6), 4.6)
    inches = ((FULL - 1.4) / min(len(titles), 3) - 0.2 if len(titles) > 1 else 3.3) / len(
        xs
    )  # a field is about so wide
    room = inches > 0.42
    shares: Any = None
    losses: Any = None
    for title, (above, below) in zip(titles, stacks, strict=True):
        images = np.full((2, len(ys), len(xs)), np.nan)
        for row in rows:
            if row["panel"] != title or not row["total"]:
                continue
            i, j = ys.index(row["y"]), xs.index(row["x"])
            images[:, i, j] = row["share"], min(row["loss_median"], 1e9)
        style: dict[str, Any] = {"shading": "nearest", "vmin": 0, "vmax": 1, "edgecolors": "0.8", "linewidth": 0.4}
        at = np.arange(len(xs)), np.arange(len(ys))
        shares = above.pcolormesh(*at, images[0], cmap="Blues", **style)
        losses = below.pcolormesh(*at, images[1], cmap="Oranges", **style)
        for row in (row for row in rows if row["panel"] == title):
            _say(above, below, row, xs.index(row["x"]), ys.index(row["y"]), room)
        for axes in (above, below):
            axes.set(facecolor="0.88", yticks=at[1], yticklabels=map(word, ys), xticks=at[0], xticklabels=[])
            axes.tick_params(length=2)
        below.set(xticklabels=map(word, xs), xlabel=x)
        if 0.06 * max(len(word(v)) for v in xs) > inches:
            below.tick_params(axis="x", rotation=90)
    columns = min(len(titles), 3)
    for stack in stacks[::columns]:
        for axes in stack:
            axes.set_ylabel(y)
    words = "share of seeds\nsolved", "median last loss\n(0 optimum,\n1 memoryless)"
    for j, (image, told) in enumerate(zip((shares, losses), words, strict=True)):
        bar = figure.colorbar(image, ax=[stack[j] for stack in stacks], pad=0.01, aspect=14)
        bar.set_label(told, fontsize=7)
    said = "k/n: seeds solved" + ", 95 % Wilson interval" * room
    said += r"; $\times$: diverged" * any(row["diverged"] for row in rows)
    said += "; !: failed" * any(row["failed"] for row in rows)
    _noted(figure, "\n".join(filter(None, (said, note))))
    return figure, _told(Table(), rows)


def _say(above: Axes, below: Axes, row: Mapping[str, Any], j: int, i: int, room: bool) -> None:
    """The numbers of one field of the grid."""
    share, loss = row["share"], row["loss_median"]
    ink = "white" if share is not None and share > 0.65 else "black"
    middle: Any = {"ha": "center", "va": "center"}
    if share is not None:
        above.text(j, i + 0.16 * room, f"{row['solved']}/{row['total']}", color=ink, fontsize=7, **middle)
        if room:
            told = f"{row['low']:.2f}-{row['high']:.2f}"
            above.text(j, i - 0.24, told, color=ink, fontsize=5.5, **middle)
        told = (
            r"$\infty$"
            if np.isinf(loss)
            else f"{loss:.2f}"
            if abs(loss) < 9.995
            else f"{loss:.2g}"
            if abs(loss) < 99.5
            else f"{loss:.0e}"
        )
        below.text(j, i, told, color="white" if loss > 0.65 else "black", fontsize=6.5, **middle)
    lost = rf"{row['diverged']}$\times$" if row["diverged"] else ""
    lost += f" {row['failed']}!" if row["failed"] else ""
    if lost:
        below.text(j + 0.47, i + 0.42, lost.strip(), ha="right", va="top", fontsize=5.5,
                   color="white" if loss is not None and loss > 0.65 else "black")  # fmt: skip


# ------------------------------------------------------------------------------------------------ one field


@styled
def solved_curve(runs: Rows, x: str, note: str = "") -> tuple[Figure, Table]:
    """One field with numbers: above the share of seeds solved with its 95 % Wilson interval, below the last loss,
    median and range of the seeds between the levels. A colour per label, a column of panels per `panel`."""
    titles, labels = [*groups(runs, "panel")], [*groups(runs, "label")]
    rows = _tallied(runs, "panel", "label", "x")
    at, _ = places([run["x"] for run in runs])
    step = min(np.diff(sorted(at.values())), default=1.0)
    figure, stacks = _blocks(titles, (1.55, 1.9), COLUMN + 0.6)
    for title, (above, below) in zip(titles, stacks, strict=True):
        for n, label in enumerate(labels):
            mine = [row for row in rows if (row["panel"], row["label"]) == (title, label) and row["total"]]
            mine.sort(key=lambda row: at[row["x"]])
            shift = 0.12 * step * (n - (len(labels) - 1) / 2) / max(1, (len(labels) - 1) / 3)
            style = {"color": NAMES[n % len(NAMES)], "marker": MARKERS[n % len(MARKERS)]}
            _curve(above, mine, at, shift, ("share", "low", "high"), style)
            _curve(below, mine, at, shift, ("loss_median", "loss_low", "loss_high"), style)
            for row in mine:  # on the upper edge: what lies above it
                if row["loss_high"] > TOP:
                    sign = "x" if row["diverged"] else "^"
                    below.plot(at[row["x"]] + shift, TOP, sign, color=style["color"], markersize=4, clip_on=False)
        above.set(ylim=(-0.04, 1.04), yticks=(0, 0.5, 1))
        _levels(below, [run for run in runs if run["panel"] == title], at)
        below.set(ylim=(min([-0.05, *(r["loss_low"] for r in rows if r["total"])]), TOP), xlabel=x)
        for axes in (above, below):
            _ticks(axes, at)
        above.set_xticklabels([])
    for stack in stacks[:: min(len(titles), 3)]:
        stack[0].set_ylabel(SHARE)
        stack[1].set_ylabel("last loss\n(0 optimum, 1 memoryless)")
    keys = [
        key(label=label, color=NAMES[n % len(NAMES)], marker=MARKERS[n % len(MARKERS)])
        for n, label in enumerate(labels)
    ]
    keys += [key(label=name, linewidth=0.8, linestyle=d) for name, d in (("blind", DASHED), ("strict", DOTTED))]
    keys += [key(label="diverged", marker="x", linestyle="")] * any(row["diverged"] for row in rows)
    figure.legend(handles=keys, loc="outside upper center", ncols=4)
    said = "above: 95 % Wilson interval; below: median and range of the seeds"
    if failed := sum(row["failed"] for row in rows):
        said += f"; failed, not counted: {failed}"
    _noted(figure, "\n".join(filter(None, (said, note))))
    return figure, _told(Table(), rows)


def _curve(axes: Axes, rows: Rows, at: Mapping[Any, float], shift: float, names: Sequence[str], style: Any) -> None:
    """Points with bars; lines join numbers, not what stands beyond them."""
    if not rows:
        return
    x = np.array([at[row["x"]] for row in rows]) + shift
    middle, low, high = (np.array([row[name] for row in rows], float).clip(max=TOP + 9) for name in names)
    with np.errstate(invalid="ignore"):
        axes.errorbar(x, middle, np.abs([low - middle, high - middle]), fmt="none", capsize=1.5, elinewidth=0.7,
                      ecolor=style["color"])  # fmt: skip
    joined = np.array([isinstance(row["x"], int | float) for row in rows], bool)
    for chosen, line in ((joined, "-"), (~joined, "")):
        if chosen.any():
            axes.plot(x[chosen], middle[chosen], linestyle=line, **style)


def _levels(axes: Axes, runs: Rows, at: Mapping[Any, float]) -> None:
    """The levels over the field: they can change with it."""
    for name, dashes in (("blind", DASHED), ("strict", DOTTED)):
        known = {at[run["x"]]: run[name] for run in runs if run[name] is not None}
        x = sorted(known)
        if len({known[v] for v in x}) == 1:
            axes.axhline(known[x[0]], color="0.45", linewidth=0.8, linestyle=dashes, zorder=1)
        elif x:
            axes.plot(x, [known[v] for v in x], color="0.45", linewidth=0.8, linestyle=dashes, zorder=1)
    axes.axhline(0, color="0.45", linewidth=0.6, zorder=1)


def _ticks(axes: Axes, at: Mapping[Any, float], most: int = 8) -> None:
    every = -(-len(at) // most)
    shown = [v for i, v in enumerate(at) if i % every == 0 or isinstance(v, str) or v is None]
    axes.set_xticks([at[v] for v in shown], [word(v) for v in shown])
    span = max(at.values()) - min(at.values()) or 1.0
    axes.set_xlim(min(at.values()) - 0.06 * span, max(at.values()) + 0.06 * span)
    axes.minorticks_off()


@styled
def last_losses(runs: Rows, x: str, note: str = "") -> tuple[Figure, Table]:
    """One field with words: the last loss of every seed as a dot, filled if solved, the median as a bar, and k/n.

    The words stand on the vertical axis, a colour per label, a panel per `panel`. A cross at the right edge diverged.
    """
    titles, labels, values = ([*groups(runs, name)] for name in ("panel", "label", "x"))
    figure, stacks = _blocks(titles, (0.6 + len(values) * (0.14 + 0.13 * len(labels)),), 4.6)
    columns, rows = min(len(titles), 3), []
    for i, (title, (axes,)) in enumerate(zip(titles, stacks, strict=True)):
        mine = [run for run in runs if run["panel"] == title]
        for (value, label), seeds in groups(mine, "x", "label").items():
            n, told = labels.index(label), tally(seeds)
            place = values.index(value) + 0.7 * ((n + 0.5) / len(labels) - 0.5)
            rows += [_dot(axes, run, place, NAMES[n % len(NAMES)]) | told for run in seeds]
            if told["total"]:
                median = min(told["loss_median"], TOP)
                reach = 0.32 / len(labels)
                axes.plot([median] * 2, [place - reach, place + reach], color=NAMES[n % len(NAMES)], linewidth=1.6)
            counts = f"{told['solved']}/{told['total']}" + f" {told['failed']}!" * bool(told["failed"])
            axes.text(1.025, place, counts, transform=axes.get_yaxis_transform(), va="center", fontsize=6,
                      color=NAMES[n % len(NAMES)])  # fmt: skip
        for name, dashes in (("blind", DASHED), ("strict", DOTTED)):
            for level in {run[name] for run in mine if run[name] is not None}:
                axes.axvline(level, color="0.45", linewidth=0.8, linestyle=dashes, zorder=1)
        for edge in np.arange(len(values) - 1) + 0.5:
            axes.axhline(edge, color="0.9", linewidth=0.5, zorder=0)
        lowest = min([-0.05, *(run["loss"] for run in runs if run["loss"] is not None)])
        axes.set(xlim=(lowest, TOP), ylim=(len(values) - 0.5, -0.5), xlabel=LOSS, yticks=range(len(values)))
        axes.set_yticklabels([word(v) for v in values] if i % columns == 0 else [])
        if i % columns == 0:
            axes.set_ylabel(x)
    keys = [key(label=label, color=NAMES[n % len(NAMES)], marker="o", linestyle="") for n, label in enumerate(labels)]
    keys += [key(label="not solved", marker="o", linestyle="", markerfacecolor="none")]
    keys += [key(label="median", marker="|", linestyle="", markersize=7, markeredgewidth=1.6)]
    keys += [key(label=name, linewidth=0.8, linestyle=d) for name, d in (("blind", DASHED), ("strict", DOTTED))]
    keys += [key(label="diverged", marker="x", linestyle="")] * any(run["diverged"] for run in runs)
    figure.legend(handles=keys, loc="outside upper center", ncols=4)
    said = "k/n: seeds solved" + "; !: failed, not counted" * any(run["loss"] is None for run in runs)
    _noted(figure, "\n".join(filter(None, (said, note))))
    return figure, _told(Table(), rows)


def _dot(axes: Axes, run: Mapping[str, Any], place: float, colour: str, across: bool = True) -> dict[str, Any]:
    """One seed; on the edge if its loss is above it, nothing if it failed. Its row of the table."""
    loss = run["loss"]
    if loss is not None:
        sign = "x" if run["diverged"] else "o" if loss <= TOP else (">" if across else "^")
        point = (min(loss, TOP), place) if across else (place, min(loss, TOP))
        fill = colour if run["solved"] or run["diverged"] else "none"
        axes.plot(*point, sign, color=colour, markerfacecolor=fill, markersize=3.5, alpha=0.8, clip_on=False)
    return {name: run[name] for name in ("panel", "label", "x", "seed", "loss")}


# ------------------------------------------------------------------------------------------------ sampled fields


@styled
def sampled_losses(runs: Rows, fields: Mapping[str, str], note: str = "") -> tuple[Figure, Table]:
    """Settings drawn at random: the last loss of every run over each of the fields, filled if solved.

    `fields`: name -> label of its axis; a run has `values`, by name, in place of `x`. A colour per label.
    """
    labels, table = [*groups(runs, "label")], Table()
    figure, stacks = _blocks([""] * len(fields), (2.3,), COLUMN + 0.6)
    for i, ((name, axis), (axes,)) in enumerate(zip(fields.items(), stacks, strict=True)):
        at, log = places([run["values"][name] for run in runs])
        for run in runs:
            n = labels.index(run["label"])
            _dot(axes, {**run, "x": None}, at[run["values"][name]], NAMES[n % len(NAMES)], across=False)
        numbers = [v for v in at if isinstance(v, int | float)]
        if len(numbers) <= 6 or log or len(at) > len(numbers):
            shown = numbers if len(numbers) <= 6 else _marks(numbers, log)
            ticks = [(np.log10(v) if log else v, v) for v in shown] + [(at[v], v) for v in at if v not in numbers]
            axes.set_xticks([float(place) for place, _ in ticks], [word(v) for _, v in ticks])
        for level, dashes in (("blind", DASHED), ("strict", DOTTED)):
            for value in {run[level] for run in runs if run[level] is not None}:
                axes.axhline(value, color="0.45", linewidth=0.8, linestyle=dashes, zorder=1)
        lowest = min([-0.05, *(run["loss"] for run in runs if run["loss"] is not None)])
        axes.set(ylim=(lowest, TOP), xlabel=axis, ylabel="" if i % 3 else "last loss\n(0 optimum, 1 memoryless)")
    for run in runs:
        about = {name: [run[name]] for name in ("panel", "label", "seed", "loss", "solved", "diverged")}
        extend(table, **about, **{name: [word(run["values"][name])] for name in fields})
    keys = [key(label=label, color=NAMES[n % len(NAMES)], marker="o", linestyle="") for n, label in enumerate(labels)]
    keys += [key(label="not solved", marker="o", linestyle="", markerfacecolor="none")]
    keys += [key(label=name, linewidth=0.8, linestyle=d) for name, d in (("blind", DASHED), ("strict", DOTTED))]
    keys += [key(label="diverged", marker="x", linestyle="")] * any(run["diverged"] for run in runs)
    figure.legend(handles=keys, loc="outside upper center", ncols=5)
    _noted(figure, note)
    return figure, table


def _marks(numbers: Sequence[float], log: bool) -> list[float]:
    """A few round numbers between the ends: powers of ten, or of those that the ends have between them."""
    if log:
        low, high = np.log10(numbers[0]), np.log10(numbers[-1])
        found = [float(10.0**k) for k in range(int(np.ceil(low)), int(np.floor(high)) + 1)]
        return found[:: -(-len(found) // 5)] if len(found) > 1 else [numbers[0], numbers[-1]]
    return [float(v) for v in MaxNLocator(4).tick_values(numbers[0], numbers[-1]) if numbers[0] <= v <= numbers[-1]]
