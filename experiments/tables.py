"""Tables and progress on the terminal."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ltd import config
from ltd.launch import Progress as Report
from ltd.results import Record, guessed


@contextlib.contextmanager
def bar() -> Iterator[Report]:
    """A progress bar on stderr that is told (what, done, of)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        yield report


def run_table(records: Sequence[Record], guesses: Sequence[Mapping[str, Any]] = ()) -> None:
    """One line per run, by task, network, rho and seed, with the levels of its task and how many guesses solve it."""
    table = _table(
        "task",
        "network",
        "rho",
        "seed",
        "status",
        "updates",
        "loss",
        "metric",
        "blind",
        "strict",
        "best",
        "guessed",
        "digest",
    )
    for r in sorted(records, key=_place):
        s, levels = r.summary, r.summary.get("levels", {})
        at = s.get("diverged_at") if s.get("diverged_at") is not None else s.get("solved_at")
        table.add_row(
            choice(r.config["task"], "task"),
            _network(r.config),
            number(r.config.get("rho")),
            str(r.config["seed"]),
            r.status + (f" at {at}" if at is not None else ""),
            *(number(s.get(name)) for name in ("updates", "eval/loss", "eval/metric")),
            *(number(levels.get(name, {}).get("loss")) for name in ("blind", "strict", "optimum")),
            "-" if (tried := guessed(guesses, r.config["task"])) is None else f"{tried[0]}/{tried[1]}",
            r.digest,
        )
    wide = _console()
    wide.print(table)
    for name, (solved, total) in _guessable(records, guesses).items():
        wide.print(
            f"{name}: {solved} of {total} random networks solve it, so it is no evidence of memory", style="bold"
        )
    for rule in dict.fromkeys(r.summary["rule"] for r in records if "rule" in r.summary):
        wide.print(f"solved: {rule}; at two checks in a row", highlight=False)


def _place(record: Record) -> tuple[str, str, float, int]:
    own = record.config
    return choice(own["task"], "task"), _network(own), own.get("rho") or 0.0, own["seed"]


def length_table(records: Sequence[Record]) -> None:
    """What the final networks score at the lengths they were tested at: medians over seeds, and the levels there."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for r in records:
        if "lengths" in r.summary:
            groups.setdefault((choice(r.config["task"], "task"), _network(r.config)), []).append(r)
    for (task, network), its in groups.items():
        rows = []
        for i, first in enumerate(its[0].summary["lengths"]):
            found = [r.summary["lengths"][i] for r in its]
            told = {n: [row[n] for row in found if row[n] is not None] for n in ("loss", "metric")}
            rows.append(
                {
                    "length": first["length"],
                    **{n: number(sorted(v)[len(v) // 2]) if v else "-" for n, v in told.items()},
                    **{f"{n} metric": number(first[f"{n}/metric"]) for n in ("blind", "strict", "optimum")},
                    "seeds": len(found),
                }
            )
        _console().print(f"{task}, {network}: the final networks at other lengths, medians over seeds", highlight=False)
        print_rows("", rows)


def _guessable(records: Sequence[Record], guesses: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    tried = {choice(r.config["task"], "task"): guessed(guesses, r.config["task"]) for r in records}
    return {name: found for name, found in tried.items() if found and found[0]}


def probe_table(out: Path) -> None:
    """Decay slope and effective memory, or what else the probe says in numbers: medians over seeds."""
    import numpy as np

    lanes = json.loads((out / "summary.json").read_text())["lanes"]
    if "decay_slope" not in lanes[0]:
        return print_rows("medians over seeds", _told(lanes))
    rows = []
    for rho in dict.fromkeys(lane["rho"] for lane in lanes):
        group = [lane for lane in lanes if lane["rho"] == rho]
        slopes, ends = ([lane[n] for lane in group if lane[n] is not None] for n in ("decay_slope", "end_log10"))
        rows.append(
            {
                "cell": group[0]["cell"],
                "rho": number(
                    rho if rho is not None else np.median([lane["rho_measured"] or np.nan for lane in group])
                ),
                "seeds": len(group),
                "log10 per step": number(np.median(slopes)) if slopes else "-",
                "effective memory (steps)": memory([lane["effective_memory"] for lane in group]),
                "log10 at the end": number(np.median(ends)) if ends else "-inf",
            }
        )
    print_rows("medians over seeds", rows)


def _told(lanes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row per rho and, of numbers that are named `block/number`, per block."""
    about = ("digest", "cell", "rho", "seed", "rho_measured")
    names = [name for name in lanes[0] if name not in about]
    rows = []
    for rho in dict.fromkeys(lane["rho"] for lane in lanes):
        group = [lane for lane in lanes if lane["rho"] == rho]
        asked = rho if rho is not None else _median(group, "rho_measured")
        for block in dict.fromkeys(name.rpartition("/")[0] for name in names):
            head = {
                "cell": group[0]["cell"],
                "rho": number(asked),
                "seeds": len(group),
                **({"of": block} if block else {}),
            }
            numbers = {n.rpartition("/")[2]: number(_median(group, n)) for n in names if n.rpartition("/")[0] == block}
            rows.append({**head, **numbers})
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name, "-") for name in columns} for row in rows]


def _median(lanes: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = sorted(lane[name] for lane in lanes if lane[name] is not None)
    return (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2 if known else None


def check_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Levels beside their counts."""
    said = {True: "ok", False: "OVER", None: "not counted"}
    print_rows(
        "levels against counting",
        [
            {
                **{name: row[name] for name in ("task", "level")},
                **{
                    n: "-" if row[n] is None else f"{row[n]:.6f}"
                    for n in ("loss", "counted", "metric", "metric counted")
                },
                "z": "-" if row["z"] is None else f"{row['z']:.1f}",
                "": said[row["ok"]],
            }
            for row in rows
        ],
    )


def memory(lags: Sequence[int | None]) -> str:
    """The median effective memory; None counts as beyond the last lag."""
    ordered = sorted(float("inf") if lag is None else lag for lag in lags)
    middle = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return "beyond the last lag" if middle[1] == float("inf") else number(sum(middle) / 2)


def print_rows(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table on stdout, wide enough for a file too."""
    table = _table(*rows[0])
    table.title, table.title_justify = title or None, "left"
    for row in rows:
        table.add_row(*map(str, row.values()))
    _console().print(table, markup=False)


def print_columns(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Values of any kind as a table, whatever the columns are called; a dash for null."""
    table = _table(*columns)
    for row in rows:
        table.add_row(*("-" if v is None else f"{v:.6g}" if isinstance(v, float) else str(v) for v in row))
    _console().print(table, markup=False)


def number(value: Any) -> str:
    """Four significant digits; a dash for what is not there."""
    return "-" if value is None else f"{value:.4g}"


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table."""
    if not rows:
        return "Not measured yet.\n"
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row.values())) + " |" for row in rows)]) + "\n"


def choice(options: Mapping[str, Any], part: str) -> str:
    """A cell, net or task with its size and what else differs from its defaults."""
    usual = _defaults(options["type"], part)
    own = [(k, v) for k, v in options.items() if k not in ("type", "inner")]
    shown = [f"{k}={v}" for i, (k, v) in enumerate(own) if i == 0 or k not in usual or usual[k] != v]
    inner = options.get("inner")
    return " ".join([options["type"], *shown, *([f"[{choice(inner, part)}]"] if inner else [])])


def _defaults(name: str, part: str) -> dict[str, Any]:
    from ltd import cells, nets
    from tasks import TASKS

    try:
        build = {"cell": cells.constructor, "net": nets.constructor, "task": TASKS.__getitem__}[part](name)
        found = config.options_of(build, ("key", "inputs", "make"))
    except (config.ConfigError, KeyError):  # somebody's own, which cannot be imported from here
        return {}
    return {f.name: f.default for f in dataclasses.fields(found)}


def _network(run: Mapping[str, Any]) -> str:
    """The net and the cell of a run with their options."""
    return " of ".join(choice(run[part], part) for part in ("net", "cell") if run.get(part))


def _console() -> Console:
    return Console(width=max(Console().width, 170))


def _table(*columns: str) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i < 2 else "right", no_wrap=i == 0, overflow="fold")
    return table
