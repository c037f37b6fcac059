"""What is registered, as rows: for `ltd list`, the README and the docs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from experiments.tables import print_rows

Rows = list[dict[str, Any]]


def cells() -> Rows:
    """Every cell with its key, source and the plans that its form allows."""
    from ltd.cells import CELLS

    return [_body("cell", name, build, build) for name, build in CELLS.items()]


def nets() -> Rows:
    """Every net with its key, source and the plans that its form allows, with an LSTM inside where it takes a cell."""
    from ltd.config import Choice
    from ltd.model import make_body
    from ltd.nets import NETS

    lstm = Choice("lstm")
    return [_body("net", name, build, make_body(lstm, Choice(name))) for name, build in NETS.items()]


def _body(kind: str, name: str, build: Any, make: Callable[[Any, int], Any]) -> dict[str, Any]:
    """A row from the registered constructor and from what it makes with its defaults, by shapes alone."""
    import jax
    from flax import nnx

    from ltd.unroll import plans_of

    made = nnx.eval_shape(lambda: make(jax.random.key(0), 1))
    return {
        "kind": kind,
        "name": name,
        "summary": summary(build),
        "source": section(build, "Source"),
        "key": getattr(made, "key", "-"),
        "plans": list(plans_of(made)),
        "fields": _fields(build, ("self", "key", "inputs", "make")),
    }


def tasks(levels: bool = True) -> Rows:
    """Every dialect with its lag and, if asked for, levels at its default sizes; those of a data file are left out."""
    from tasks import TASKS

    rows = []
    for name, build in TASKS.items():
        task = build()
        counted = task.levels()._asdict() if levels and not task.file else {}  # a file need not be here
        found = {"levels": {k: {"loss": v.loss, "metric": v.metric} for k, v in counted.items()}} if levels else {}
        reference = f"{task.source.reference} [{task.source.evidence}]"
        rows.append(
            {"kind": "task", "name": name, "summary": summary(build), "source": reference}
            | {"lag": list(task.lag), **found, "fields": _fields(build, ())}
        )
    return rows


def plans() -> Rows:
    """The roads of an unroll."""
    from ltd.unroll import PLANS

    return [_plain("plan", name, plan, "own") for name, plan in PLANS.items()]


def probes() -> Rows:
    """The probes."""
    from ltd.probes import GIVEN, PROBES

    return [
        _plain("probe", name, probe, section(probe, "Source") or "own") | {"fields": _fields(probe, GIVEN)}
        for name, probe in PROBES.items()
    ]


def optimizers() -> Rows:
    """The update rules."""
    from ltd.optimizers import SUMMARIES

    return [{"kind": "optimizer", "name": n, "summary": s, "source": "optax"} for n, s in SUMMARIES.items()]


def activations() -> Rows:
    """The activations with their derivative bounds."""
    from ltd.activations import ACTIVATIONS

    rows = []
    for name, a in ACTIVATIONS.items():
        gamma = "max(1, slopes)" if callable(a.gamma) else a.gamma
        text = "tanh(a)" if name == "tanh" else summary(a.function)
        rows.append({"kind": "activation", "name": name, "summary": text, "source": a.key, "gamma": gamma})
    return rows


def initializers() -> Rows:
    """The recurrent initialisers."""
    from ltd.initializers import INITIALIZERS

    return [_plain("initializer", name, f, "") for name, f in INITIALIZERS.items()]


def losses() -> Rows:
    """The losses and their units."""
    from ltd.losses import LOSSES

    return [_plain("loss", name, f, "") for name, f in LOSSES.items()]


def presets() -> Rows:
    """The settings of papers that `--preset` fills in."""
    from ltd.presets import PRESETS

    rows: Rows = []
    for name, p in PRESETS.items():
        words = f"{p.fields.get('cell.type', p.fields.get('net.type'))} on {p.fields['task.type']}"
        rows.append({"kind": "preset", "name": name, "summary": words, "source": p.source})
        rows[-1] |= {"fields": dict(p.fields), "departures": p.departures}
    return rows


KINDS: dict[str, Callable[[], Rows]] = {
    "cells": cells,
    "nets": nets,
    "plans": plans,
    "tasks": tasks,
    "probes": probes,
    "optimizers": optimizers,
    "activations": activations,
    "initializers": initializers,
    "losses": losses,
    "presets": presets,
}


def catalogue(kinds: Sequence[str], levels: bool = True) -> Rows:
    """The rows of these kinds; without the levels of tasks, some of which are counted for seconds, if not `levels`."""
    return [row for kind in kinds for row in (tasks(levels) if kind == "tasks" else KINDS[kind]())]


def summary(thing: Any) -> str:
    """The first line of a docstring."""
    while isinstance(thing, functools.partial):
        thing = thing.func
    return (inspect.getdoc(thing) or "").strip().splitlines()[0]


def section(thing: Any, name: str) -> str:
    """The text under a heading of a docstring."""
    lines = (inspect.getdoc(thing) or "").splitlines()
    if name not in lines:
        return ""
    found = []
    for line in lines[lines.index(name) + 1 :]:
        if line and not line.startswith(" "):
            break
        found.append(line.strip())
    return " ".join(found).strip()


def _plain(kind: str, name: str, thing: Any, source: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, "summary": summary(thing), "source": source}


def _fields(constructor: Any, given: tuple[str, ...]) -> dict[str, Any]:
    import dataclasses

    from ltd.config import Choice, options_of

    found = {f.name: f.default for f in dataclasses.fields(options_of(constructor, given))}
    found = {name: None if value is dataclasses.MISSING else value for name, value in found.items()}
    return {name: value.type if isinstance(value, Choice) else value for name, value in found.items()}


def print_catalogue(rows: Rows) -> None:
    """The rows as tables, one per kind."""
    for kind in dict.fromkeys(row["kind"] for row in rows):
        of_kind = [row for row in rows if row["kind"] == kind]
        # every dialect of a task has the same first line
        columns = (
            ("name", "lag", "levels", "fields", "source")
            if kind == "task"
            else ("name", "fields", "source")
            if kind == "preset"
            else ("name", "key", "summary", "gamma", "plans", "fields")
        )
        shown = [{c: _text(c, row[c]) for c in columns if c in row} for row in of_kind]
        print_rows(kind, shown)


def _text(column: str, value: Any) -> str:
    if column == "levels":
        return ", ".join(f"{name} {level['loss']:.4g}" for name, level in value.items()) or "by the file"
    if column == "source":
        return str(value).split("),")[0] + ")"
    if column == "plans":
        return " ".join(value)
    if column == "lag":
        return "-".join(str(v) for v in dict.fromkeys(value))
    if column == "fields":
        return " ".join(f"{k}={v}" for k, v in value.items())
    return str(value)
