"""One example of a task, as text and as a picture; and the levels of tasks held against counting."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ltd import plots
from ltd.levels import Estimate, estimate
from ltd.types import Task
from tasks import TASKS

Rows = list[tuple[str, list[str]]]  # label, one cell per step
SIGMAS = 4.5  # how far a level may lie from the count, in standard errors
EXACT = 2e-6  # what rounding in float32 may add


def drawn(name: str) -> list[str]:
    """The example that the docstring of a dialect draws: `variant NAME, size = n` and labelled rows of cells."""
    text = inspect.getdoc(getattr(TASKS[name], "func", TASKS[name])) or ""
    head = re.compile(rf"variant {re.escape(name.split('/')[1])}(, \w+ = \w+)*")
    for block in re.split(r"\n\s*\n", text):
        lines = inspect.cleandoc(block).splitlines()
        if lines and head.fullmatch(lines[0].strip()):
            return lines
    return []


def drawn_sizes(name: str) -> dict[str, Any]:
    """The sizes of that example: small ones."""
    pairs = re.findall(r"(\w+) = (\w+)", drawn(name)[0]) if drawn(name) else []
    return {k: int(v) if v.isdigit() else v for k, v in pairs}


def example(task: Task, seed: int) -> Any:
    """One sequence, without its batch axis."""
    batch = jax.device_get(jax.jit(lambda key: task.sample(key, 1))(jax.random.key(seed)))
    batch = batch._replace(valid=np.ones_like(batch.scored) if batch.valid is None else batch.valid)
    return type(batch)(*(np.asarray(field)[:, 0] for field in batch))


def cells(task: Task, one: Any) -> Rows:
    """Inputs and targets step by step: `.` is not scored, `_` is padding."""
    inputs, targets, scored, valid = one
    symbols = _symbols(task, inputs, valid)
    rows: Rows = []
    if symbols is not None:
        rows.append(("input", [str(s) if v else "_" for s, v in zip(symbols, valid, strict=True)]))
    else:
        channels = inputs.T
        label = "input" if len(channels) == 1 else "input {}"
        rows += [
            (label.format(d), [_number(x) if v else "_" for x, v in zip(channel, valid, strict=True)])
            for d, channel in enumerate(channels)
        ]
    wide = targets[:, None] if targets.ndim == 1 else targets
    bits = wide.shape[1] > 1 and np.all(np.isin(wide, (0, 1)))
    if bits:
        shown = [["".join(str(int(b)) for b in step) for step in wide]]
    else:
        shown = [[_number(x) for x in output] for output in wide.T]
    label = "target" if len(shown) == 1 else "target {}"
    for o, values in enumerate(shown):
        marks = ["_" if not v else x if s else "." for x, s, v in zip(values, scored, valid, strict=True)]
        rows.append((label.format(o), marks))
    return rows


def _symbols(task: Task, inputs: np.ndarray, valid: np.ndarray) -> np.ndarray | None:
    """Which symbol stands at each step, where inputs are tokens or one-hot."""
    if task.tokens:
        return inputs
    hot = inputs[valid]
    one_hot = inputs.shape[-1] > 1 and np.all((hot == 0) | (hot == 1)) and np.all(hot.sum(axis=-1) == 1)
    return inputs.argmax(axis=-1) if one_hot else None


def _number(x: float) -> str:
    return f"{int(x)}" if x == int(x) else f"{x:.2f}".replace("0.", ".")


def text(rows: Rows, width: int = 110) -> str:
    """The rows under each other, in blocks that fit the width."""
    margin = max(len(label) for label, _ in rows) + 2
    size = max(len(cell) for _, line in rows for cell in line) + 1
    per_block, steps = max(1, (width - margin) // size), len(rows[0][1])
    blocks = []
    for start in range(0, steps, per_block):
        stop = min(start + per_block, steps)
        blocks.append(
            "\n".join(
                f"{label:<{margin}}" + "".join(f"{cell:>{size}}" for cell in line[start:stop]) for label, line in rows
            )
        )
    return "\n\n".join(blocks)


def facts(task: Task) -> list[str]:
    """Sizes, lag, levels, success and source, a line each."""
    levels = ", ".join(f"{n} {s.loss:.4g} ({s.metric:.4g})" for n, s in task.levels()._asdict().items())
    own = "within a tenth of the way from the optimum to the memoryless loss (the source has no rule)"
    rule = task.success.statement if task.success else own
    inputs = f"{task.inputs} tokens" if task.tokens else f"{task.inputs} inputs"
    lag = " to ".join(map(str, dict.fromkeys(task.lag)))
    return [
        f"{task.steps} steps, {inputs}, {task.outputs} outputs, lag {lag}",
        f"loss (metric): {levels}",
        f"solved: {rule}",
        f"source: {task.source.reference} [{task.source.evidence}]",
    ]


def show(task: Task, seed: int, path: Path) -> str:
    """The example as text; the picture beside it in `path`."""
    one = example(task, seed)
    fields = {**one._asdict(), "symbols": _symbols(task, one.inputs, one.valid), "classes": task.outputs}
    figure, table = plots.example(task.name, **fields)
    plots.save(figure, path, table, [])
    return "\n".join([task.name, *facts(task), "", text(cells(task, one))])


def check(task: Task, key: Any, samples: int) -> list[dict[str, Any]]:
    """A row per level: the closed form, the count, the standard errors between them, and whether those are few."""
    rows = []
    for name, found in estimate(task, key, samples).items():
        level = getattr(task.levels(), name)
        rows.append({"task": task.name, "level": name, **_compare(level, found)})
    return rows


def _compare(level: Any, found: Estimate | None) -> dict[str, Any]:
    row: dict[str, Any] = {"loss": level.loss, "metric": level.metric}
    if found is None:
        return row | {"counted": None, "metric counted": None, "z": None, "ok": None}
    own = level.stderr or (0.0, 0.0)
    z = []
    for value, wanted, error, more in zip(found[:2], (level.loss, level.metric), found[2:], own, strict=True):
        if value is None:
            continue
        apart = max(0.0, abs(value - wanted) - EXACT * max(1.0, abs(wanted)))
        z.append(apart / max(float(np.hypot(error, more)), 1e-12))
    return row | {"counted": found.loss, "metric counted": found.metric, "z": max(z), "ok": bool(max(z) <= SIGMAS)}


def names_like(words: Sequence[str]) -> list[str]:
    """The dialects of these names; those of these tasks (`copy`), or of all, that need no data file; a user's own."""
    tasks = words or [name.split("/")[0] for name in TASKS]
    ours = [n for n, build in TASKS.items() if n in words or (n.split("/")[0] in tasks and not build().file)]
    return ours + [word for word in words if ":" in word]


def known(word: str) -> bool:
    """Whether a word names a dialect, a task, or a user's `package.module:Class`."""
    return ":" in word or any(word in (name, name.split("/")[0]) for name in TASKS)


def sizes_of(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields given, or else the sizes of the drawn example; of a user's own task its defaults."""
    return dict(fields) or (drawn_sizes(name) if name in TASKS else {})
