"""What the figures share: style, panels, tables, and how one is saved."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ltd.results import write_atomically

Rows = Sequence[Mapping[str, Any]]
Table = dict[str, list]
COLUMN, FULL, MARKERS = 3.4, 7.0, "osD^vP"
NAMES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHED, DOTTED = (0, (4, 2)), (0, (1, 1.5))
JACOBIAN, ADJOINT = r"\|\partial s_T / \partial s_{T-k}\|_2", r"\|\partial L / \partial s_{%s}\|_2"
NORMS = {"jacobian": JACOBIAN, "adjoint": ADJOINT % "T-k" + r"\,/\," + ADJOINT % "T"}
METRIC = "metric of the task (larger is better)"
RHO, UNIT = r"spectral radius $\rho$ of $W_{HH}$", "evaluation loss (unit of the task)"
STYLE: dict[Any, Any] = dict.fromkeys(("font.size", "axes.labelsize", "axes.titlesize"), 8)
STYLE |= dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 7)
STYLE |= {"axes.linewidth": 0.6, "lines.linewidth": 1.1, "lines.markersize": 3, "svg.hashsalt": "ltd"}
STYLE |= {"legend.frameon": False, "axes.spines.right": False, "axes.spines.top": False}
key = partial(Line2D, [], [], color="0.35")  # of a legend
styled = matplotlib.rc_context(STYLE)  # as a decorator: matplotlib's own settings stay as they were


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


def extend(table: Table, **columns: Any) -> None:
    """Add rows: lists and arrays item by item, anything else repeated beside them. The first call names the columns."""
    size = max(len(column) for column in columns.values() if isinstance(column, list | np.ndarray))
    for name in table or columns:
        column = columns.get(name)
        table.setdefault(name, []).extend(column if isinstance(column, list | np.ndarray) else [column] * size)


def groups(rows: Rows, *names: str) -> dict[Any, list[Mapping[str, Any]]]:
    """Rows by the value of a column, or by those of several, in order of appearance."""
    found: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[names[0]] if len(names) == 1 else tuple(row[name] for name in names), []).append(row)
    if not found:
        raise ValueError(f"no rows: a figure over {', '.join(names)} needs one at least.")
    return found


def panels_of(titles: list, single: float, x: str, y: str = "", sharey: bool = False) -> tuple[Figure, dict[Any, Axes]]:
    """A figure with a panel per title, three in a row; `single` is the width where there is one."""
    lines, columns = -(-len(titles) // 3), min(len(titles), 3)
    figure = Figure(figsize=(FULL if columns > 1 else single, 2.5 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False, sharey=sharey)
    widest = max(len(line) for title in titles for line in str(title).split("\n"))
    size = 8 if widest <= 90 // columns else 6.5  # so that neighbours do not touch
    for i, panel in enumerate(axes.flat):
        if i < len(titles):
            panel.set(xlabel=x, ylabel="" if i % 3 else y)
            panel.set_title(titles[i], fontsize=size)
        else:
            panel.remove()
    return figure, dict(zip(titles, axes.flat, strict=False))
