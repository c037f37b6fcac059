"""`ltd sweep`: what a sweep file asks for, what it will cost, and its runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.tables import bar, number, print_rows
from ltd import config, launch, preview
from ltd.executors import Executor
from ltd.results import Record, finished, writable
from ltd.settings import Run, body_of
from ltd.stats import wilson

MOST_ROWS = 60  # of the table of results


def sweep(
    file: Path,
    fixed: dict[str, Any],
    out: str | None,
    executor: Executor | None,
    about: dict[str, Any],
    dry: bool,
    warn: Callable[[str], None],
) -> int:
    """Run the sweep, or say what it would cost. 1 if runs failed."""
    found, runs = launch.expand(file, fixed)
    folder = writable(Path(out or f"runs/{found.name}"))
    done = sum(finished(folder, one, ("stopped",) if found.stop else ()) is not None for one in runs)
    jobs = launch.jobs_of(runs, folder, lanes=about.get("lanes"))
    if executor is not None and not dry:
        executor.room()  # a cluster that cannot be reached is said before anything else
    if not dry:
        name = type(executor).__name__.lower() if executor else "process"
        print(f"wandb: {about.get('mirror', 'off')}   executor: {name}", flush=True)
    again = f" ({found.repeated} equal ones left out)" if found.repeated else ""
    print(
        f"{found.name}: {len(runs)} configs{again} in {len(jobs)} groups, {len(jobs)} programs to compile; {done} of "
        f"them done in {folder}",
        flush=True,
    )
    if dry:
        return _preview(jobs)
    with bar() as progress:
        records = launch.sweep(found, runs, folder, progress, warn, executor, **about)
    print_rows(f"{found.name}: solved runs, last scores", summary(records)[:MOST_ROWS])
    failed = sum(record.status == "failed" for record in records)
    missing = len(runs) - len(records)
    print(f"ledger: {folder}   figures: ltd plot {folder}   queries: ltd runs {folder} --sql=...")
    if failed or missing:
        warn(f"{failed} runs failed, {missing} were not reached; the same command tries them again.")
    return int(bool(failed or missing))


def _preview(jobs: Sequence[Any]) -> int:
    costs = []
    with bar() as progress:
        for done, job in enumerate(jobs):
            progress(f"measuring {job.title}", done, len(jobs))
            costs.append(preview.cost(job))
        progress("measured", len(jobs), len(jobs))
    rows = [
        {
            "group": cost.title,
            "varies": _static(job, jobs),
            "runs": cost.runs,
            "lanes": cost.places,
            "compile": f"{cost.compile:.1f} s",
            "update of all lanes": f"{1000 * cost.update:.3g} ms",
            "check": f"{1000 * cost.check:.3g} ms",
            "whole": duration(cost.seconds),
            "memory": size(cost.memory),
            "disk": size(cost.disk),
        }
        for cost, job in zip(costs, jobs, strict=True)
    ]
    print_rows("measured now; whole: if no run ends early", rows)
    seconds, memory, disk = preview.total(costs)
    print(f"about {duration(seconds)}, {size(memory)} of memory, {size(disk)} on disk; nothing was written")
    return 0


def _static(job: Any, jobs: Sequence[Any]) -> str:
    """The fields in which the groups differ."""
    traced = config.split(job.runs[0])[1]
    mine = fields_of(config.plain(job.runs[0]))
    hidden = {*traced, "task.type", "cell.type", "net.type"}  # the latter stand in the title
    names = varied([config.plain(each.runs[0]) for each in jobs])
    return ", ".join(f"{name} {mine[name]}" for name in names if name in mine and name not in hidden)


def flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted names."""
    found: dict[str, Any] = {}
    for name, value in nested.items():
        found |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


@functools.cache
def _left_out() -> dict[str, Any]:
    """The fields that the config of a run leaves out at their default, with it (`config.unless`)."""
    whole, usual = (flatten(config.plain(Run(), whole)) for whole in (True, False))
    return {name: value for name, value in whole.items() if name not in usual}


def fields_of(one: dict[str, Any]) -> dict[str, Any]:
    """The config of a run by dotted names, with the fields that it leaves out at their default."""
    return _left_out() | flatten(one)


def varied(configs: Sequence[dict[str, Any]]) -> list[str]:
    """The fields in which configs differ, but for the seed and the probe that looks on, which changes nothing.

    A cell, net or task of another kind has other options: an option that a config has not counts as a value of it only
    beside others of its kind.
    """
    flat = [fields_of(each) for each in configs]
    names = dict.fromkeys(name for fields in flat for name in fields)

    def differs(name: str) -> bool:
        owner, _, last = name.rpartition(".")
        kinds: dict[str, set[str]] = {}
        for fields in flat:
            kind = "" if last == "type" else repr(fields.get(f"{owner}.type"))
            kinds.setdefault(kind, set()).add(repr(fields.get(name)))
        return len({repr(fields[name]) for fields in flat if name in fields}) > 1 or max(map(len, kinds.values())) > 1

    return [name for name in names if name.split(".")[0] not in ("seed", "probe") and differs(name)]


def distinct(records: Sequence[Record]) -> list[Record]:
    """Without a second run of what differs in its probe alone: it is the same run."""
    kept: dict[str, Record] = {}
    for record in records:
        kept.setdefault(config.digest({**record.config, "probe": None}), record)
    return list(kept.values())


def summary(records: Sequence[Record]) -> list[dict[str, Any]]:
    """A row per setting: the share of its seeds that were solved, with its interval; medians of the last scores."""
    records = distinct(records)
    names = varied([record.config for record in records])
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        fields = fields_of(record.config)
        groups.setdefault(tuple(_word(fields.get(name)) for name in names), []).append(record)
    rows = []
    for key, group in groups.items():
        scored = [record for record in group if record.status != "failed"]
        solved = sum(record.summary.get("solved", False) for record in scored)
        low, high = wilson(solved, len(scored)) if scored else (0.0, 1.0)
        levels = scored[0].summary["levels"] if scored else {}
        rows.append(
            {
                **(dict(zip(names, key, strict=True)) or {"network": body_of(group[0].config)}),
                "solved": f"{solved}/{len(scored)} ({low:.2f} to {high:.2f})",
                **{
                    status: sum(record.status == status for record in group)
                    for status in ("diverged", "stopped", "failed")
                    if any(record.status == status for record in records)
                },
                "loss": _median(scored, "eval/loss"),
                "metric": _median(scored, "eval/metric"),
                **{name: number(levels[name]["loss"]) if levels else "-" for name in ("blind", "strict", "optimum")},
            }
        )
    return rows


def _median(records: Sequence[Record], name: str) -> str:
    values = [np.inf if record.summary[name] is None else record.summary[name] for record in records]
    return number(float(np.median(values))) if values else "-"


def _word(value: Any) -> str:
    return "-" if value is None else number(value) if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Bytes in words."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
