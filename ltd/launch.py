"""From settings to ledger: train many runs, measure many networks."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from ltd import config, measure, results
from ltd import guess as guessing
from ltd.model import fill, make_task, takes_cell
from ltd.results import Record
from ltd.runtime import precision
from ltd.settings import Guess, Measure, Run, body_of
from ltd.tracking import Null
from ltd.train import RUNNING, SOLVED, Trainer, fit
from ltd.trees import flat
from ltd.types import Curves, Tracker

Progress = Callable[[str, int, int], None]  # what is going on, updates or lanes done, of how many


def configure(cls: type, fields: Mapping[str, Any]) -> Any:
    """A `Run` or `Measure` from fields, dotted (`task.gap`) or nested; checked, and complete with all defaults."""
    nested: dict[str, Any] = {}
    for name, value in fields.items():
        config.put(nested, name, value)
    one = config.decode(cls, nested)
    if isinstance(one, Measure) and one.run is not None:
        return one
    if nested.get("cell") is not None and not takes_cell(one.net):
        raise config.ConfigError(f"net {one.net.type!r} is not made of cells: leave --cell out.")
    return fill(one)


def seeds_of(one: Any, seeds: int) -> list[Any]:
    """The same settings for seeds seed..seed+N-1."""
    if seeds < 1:
        raise config.ConfigError(f"seeds = {seeds} must be at least 1.")
    with config.explained("seeds"):
        return [dataclasses.replace(one, seed=one.seed + i) for i in range(seeds)]


def check_run(one: Run) -> None:
    """Everything that can be wrong with a run, found before anything is compiled or written."""
    Trainer(one, make_task(one.task))


def run(
    runs: Sequence[Run], out: Path | str, progress: Progress | None = None, tracker: Tracker | None = None
) -> list[Record]:
    """Train what the ledger at `out` has not finished; the records of all, in order.

    Runs that differ only in traced fields share one compiled program. Finished runs are not repeated. The tracker is
    the caller's to close.
    """
    out = results.writable(Path(out))
    groups: dict[str, list[Run]] = {}
    for one in runs:
        if results.finished(out, one) is None:
            groups.setdefault(json.dumps(config.split(one)[0], sort_keys=True, default=str), []).append(one)
    for group in groups.values():
        _train(group, out, progress or (lambda *_: None), tracker or Null())
    return [results.read_run(out / config.digest(one)) for one in runs]


def _train(group: Sequence[Run], out: Path, progress: Progress, tracker: Tracker) -> None:
    first = group[0]
    task = make_task(first.task)
    folders = [results.RunFolder(out, one) for one in group]
    for folder, one in zip(folders, group, strict=True):
        tracker.start(folder.digest, config.plain(one), folder.started)
    total = first.train.steps
    title = f"{first.task.type} {body_of(config.plain(first))} x {len(group)}"
    written = [0] * len(group)

    def keep(chunk: int, lanes: list[list[dict[str, float]]]) -> None:
        for i, (folder, rows) in enumerate(zip(folders, lanes, strict=True)):
            for row in rows[written[i] :]:
                folder.append(row)
                tracker.log(folder.digest, row)
            written[i] = len(rows)
        solved = sum(rows[-1].get("status", RUNNING) == SOLVED for rows in lanes)
        name = f"{title}, {solved} solved" if solved else title
        progress(name, min(chunk * first.train.eval_every, total), total)

    with precision(first.precision):
        lanes = fit(first, task, [config.split(one)[1] for one in group], keep)
    for folder, lane in zip(folders, lanes, strict=True):
        folder.finish(lane.summary, jax.device_get(flat(lane.params)))
        tracker.finish(folder.digest, lane.summary, folder.path)
    progress(title, total, total)


def guess(one: Guess, out: Path | str, progress: Progress | None = None) -> dict[str, Any]:
    """The guessing control of a task, into `guesses/` of the ledger at `out`; one that is there is not repeated."""
    out = results.writable(Path(out))
    for row in results.read_guesses(out, lambda _: None):
        if row["digest"] == config.digest(one):
            return row
    run = Run(task=one.task, cell=one.cell, net=one.net, initial=one.initial, precision=one.precision)
    tell = progress or (lambda *_: None)
    with precision(one.precision):
        trainer = Trainer(run, make_task(one.task))
        sketch = jax.eval_shape(trainer.start, {"seed": jnp.uint32(0)}).params
        found = guessing.guess(
            one,
            sketch,
            lambda params, key: trainer.rule_holds(params, key, one.batch),
            trainer.size,
            lambda done, total: tell(f"{one.task.type} guesses", done, total),
        )
    found["rule"] = trainer.rule.statement
    results.write_guess(out, one, found)
    return found


def lanes_of(one: Measure, rhos: Sequence[float | None], seeds: int) -> list[Measure]:
    """The measurement for all rho and seeds, checked before anything is compiled."""
    with config.explained():
        lanes = [dataclasses.replace(each, rho=rho) for rho in rhos for each in seeds_of(one, seeds)]
        measure.network(lanes[0])
    return lanes


def probe(lanes: Sequence[Measure], out: Path | str | None = None) -> list[Curves]:
    """Measure networks that differ only in traced fields, in one program; `curves.csv` and a summary in `out`."""
    if out is not None:
        out = results.writable(Path(out))
    with precision(lanes[0].precision):
        curves = measure.measure(lanes[0], [config.split(lane)[1] for lane in lanes])
    if out is not None:
        measure.write(out, lanes, curves)
    return curves
