"""Which figure answers a sweep: chosen by the fields in which its runs differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.sweep import fields_of, varied
from ltd import plots
from ltd.plots.common import RHO
from ltd.results import Record, guessed
from ltd.settings import body_of

LABELS = {
    "rho": RHO,
    "sigma": r"largest singular value of $W_{HH}$",
    "cell.hidden": "hidden units",
    "cell.init": "initial recurrent matrix",
    "optimizer.learning_rate": "learning rate",
    "optimizer.clip_norm": "gradient norm clipped at",
    "optimizer.clip_value": "gradient entries clipped at",
    "optimizer.clip_per_matrix": "norm per matrix clipped at",
    "task.gap": "gap (steps)",
    "task.length": "length $T$ (steps)",
    "task.bits": "length (bits)",
    "train.batch": "batch (sequences)",
    "train.steps": "training (updates)",
    "initial.value": "initial state, constant or noise",
}
MOST = 12  # values of a field that are settings; more have been drawn at random
ABSENT = "-"  # of a field that this cell, net or task does not have


@dataclass(frozen=True)
class Drawing:
    """What is drawn: `grid`, `curve`, `dots` or `sampled`, over which fields, and which are folded away."""

    kind: str
    axes: tuple[str, ...]
    facet: str | None = None
    folded: tuple[str, ...] = field(default=())


def category(record: Record) -> str:
    """The network in words: body, and the activation where it is an option."""
    cell = record.config["cell"] or {}
    return body_of(record.config) + (f" {cell['activation']}" if "activation" in cell else "")


def settings(records: Sequence[Record]) -> dict[str, list[Any]]:
    """The fields in which runs differ besides seed, network and task, and their values, run by run.

    One that follows from network and task is none: the gap of one task, the forget bias of one cell.
    """
    flat = [fields_of(record.config) for record in records]
    kinds = [(category(record), record.config["task"]["type"]) for record in records]
    found = {}
    for name in varied([record.config for record in records]):
        values = [fields.get(name, ABSENT) for fields in flat]
        values = [tuple(v) if isinstance(v, list) else v for v in values]
        if len(set(zip(kinds, values, strict=True))) > len(set(kinds)):
            found[name] = values
    return found


def in_order(records: Sequence[Record]) -> list[Record]:
    """By task, network, settings and seed, so that panels and colours do not hang on the digests."""
    found = settings(records)

    def key(i: int) -> tuple[Any, ...]:
        number = [isinstance(values[i], int | float) for values in found.values()]
        by = [(not n, v[i] if n else 0, str(v[i])) for n, v in zip(number, found.values(), strict=True)]
        return records[i].config["task"]["type"], category(records[i]), *by, records[i].config["seed"]

    return [records[i] for i in sorted(range(len(records)), key=key)]


def numeric(values: Sequence[Any]) -> bool:
    """Whether there are numbers to put in order: two at least, beside them only what is off or absent."""
    numbers = {v for v in values if isinstance(v, int | float) and not isinstance(v, bool)}
    return len(numbers) > 1 and set(values) <= numbers | {None, ABSENT}


def choose(fields: Mapping[str, Sequence[Any]]) -> Drawing | None:
    """The figure for these fields; None where there is nothing but seeds, networks and tasks.

    The two fields of numbers with most values make a grid; one makes a curve; words make dots. A further field makes
    panels: one of words if there is one, else that of fewest values. What is left is folded: its runs count as seeds.
    """
    if not fields:
        return None
    count = {name: len(set(values)) for name, values in fields.items()}
    numbers = sorted((n for n in fields if numeric(fields[n])), key=lambda n: -count[n])
    words = sorted((n for n in fields if n not in numbers), key=lambda n: count[n])
    if numbers and count[numbers[0]] > MOST:
        return Drawing("sampled", tuple(n for n in numbers if count[n] > 2)[:6])
    if len(numbers) > 1:
        kind, axes = "grid", numbers[:2]
        if axes[0].startswith("task.") and not axes[1].startswith("task."):
            axes = axes[::-1]  # how hard the task is stands upright
    elif numbers and (not words or count[numbers[0]] >= count[words[-1]]):
        kind, axes = "curve", numbers[:1]
    else:
        kind, axes = "dots", words[-1:]
    left = [n for n in (*words, *sorted(numbers, key=lambda n: count[n])) if n not in axes]
    return Drawing(kind, tuple(axes), left[0] if left else None, tuple(left[1:]))


def relative(record: Record) -> dict[str, float | None]:
    """Last loss, blind and strict level, with the optimum at 0 and the lower of both levels at 1."""
    if record.status == "failed":
        return {"loss": None, "blind": None, "strict": None}
    levels = {name: level["loss"] for name, level in record.summary["levels"].items()}
    zero = levels["optimum"]
    unit = max(min(levels["blind"], levels["strict"]) - zero, 1e-12)
    last = record.summary["eval/loss"]
    good = last is not None and math.isfinite(last) and record.status != "diverged"
    return {
        "loss": (last - zero) / unit if good else math.inf,
        **{name: (levels[name] - zero) / unit for name in ("blind", "strict")},
    }


def sweep_rows(
    records: Sequence[Record], fields: Mapping[str, Sequence[Any]], drawing: Drawing, guesses: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The runs as `ltd.plots.sweeps` wants them."""
    several = len({record.config["task"]["type"] for record in records}) > 1
    rows = []
    for i, record in enumerate(records):
        task, parts = record.config["task"], []
        label = category(record)
        if drawing.kind == "grid":
            parts.append(label)
        if several:
            parts.append(task["type"])
        if drawing.facet:
            parts.append(f"{_name(drawing.facet)} = {plots.sweeps.word(_plain(fields[drawing.facet][i]))}")
        if (guessed(guesses, task) or (0, 0))[0]:
            parts.append("(random weights solve it)")
        values = {name: _plain(fields[name][i]) for name in drawing.axes}
        rows.append(
            {
                "panel": "\n".join(parts),
                "label": label,
                "seed": record.config["seed"],
                "solved": bool(record.summary.get("solved", False)),
                "diverged": record.status == "diverged",
                **relative(record),
                "values": values,
                **dict(zip(("x", "y"), values.values(), strict=False)),
            }
        )
    return rows


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, bool | tuple) else value


def _name(name: str) -> str:
    """A field as the title of a panel has it."""
    if name == "rho":
        return r"$\rho$"
    return (name.replace(".", " ") if name.endswith(".type") else name.rpartition(".")[2]).replace("_", " ")


def draw_sweep(
    folder: Path, records: Sequence[Record], guesses: Sequence[dict[str, Any]], warn: Callable[[str], None]
) -> list[Path]:
    """`sweep`: the answer of a folder whose runs differ in fields besides seed, network and task."""
    records = in_order(records)
    fields = settings(records)
    drawing = choose(fields)
    if drawing is None:
        return []
    note = ""
    if drawing.folded:
        note = f"runs that differ in {', '.join(drawing.folded)} are counted as seeds of one setting"
        warn(f"sweep: {note}")
    rows = sweep_rows(records, fields, drawing, guesses)
    label = [LABELS.get(name, name) for name in drawing.axes]
    if drawing.kind == "grid":
        figure, table = plots.solved_grid(rows, label[0], label[1], note)
    elif drawing.kind == "curve":
        figure, table = plots.solved_curve(rows, label[0], note)
    elif drawing.kind == "dots":
        figure, table = plots.last_losses(rows, label[0], note)
    else:
        axes = dict(zip(drawing.axes, label, strict=True))
        figure, table = plots.sampled_losses(rows, axes, note)
    return plots.save(figure, folder / "sweep", table, [record.digest for record in records])
