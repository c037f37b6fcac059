"""`ltd runs` and `ltd index`: the runs of a folder as a table, JSON or CSV, filtered, or asked in SQL."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ltd import index
from ltd.config import ConfigError, unknown
from ltd.results import guessed, read_guesses, read_run, read_runs

USAGE = "ltd runs DIR [--json | --csv] [--where=COND ... | --sql=SELECT]"
FORMS = ("json", "csv")
EMPTY = "holds no runs: give the --out of an earlier run."

Warn = Callable[[str], None]


def show(arguments: Sequence[str], warn: Warn) -> int:
    """The verb `runs`."""
    folder, form, conditions, sql = _options(arguments)
    if sql is not None:
        with _filled(folder, warn) as found:
            columns, rows = found.select(sql)
        _print(columns, rows, form)
        return 0
    if form == "csv":
        with _filled(folder, warn) as found:
            columns, rows = found.columns(), found.runs(conditions)
        _print(columns, rows, form)
        return 0
    if conditions:
        with _filled(folder, warn) as found:
            total, folders = found.counts()[0], found.folders(conditions)
        records = [read_run(path) for path in folders]
        if not records:
            warn(f"none of {total} runs fulfils {' and '.join(conditions)}")
    else:
        records = read_runs(folder, warn)
        if not records:
            raise ConfigError(f"{folder} {EMPTY}")
    guesses = read_guesses(folder, warn)
    if form == "json":
        its = [
            {"digest": r.digest, "status": r.status, "config": r.config, "summary": r.summary, "times": r.times}
            | {"guessed": guessed(guesses, r.config["task"])}
            for r in records
        ]
        print(json.dumps(its, indent=1))
        return 0
    from experiments.tables import run_table

    run_table(records, guesses)
    return 0


def rebuild(arguments: Sequence[str], warn: Warn) -> int:
    """The verb `index`."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise ConfigError("index needs one folder: ltd index DIR")
    with index.opened(_folder(arguments[0]), warn, afresh=True) as found:
        runs, values = found.counts()
        if found.path is None:
            raise ConfigError(f"{arguments[0]} cannot be written: its index is made in memory whenever it is read.")
        print(f"{found.path}: {runs} runs, {values} metrics")
    return 0


@contextlib.contextmanager
def _filled(folder: Path, warn: Warn) -> Iterator[index.Index]:
    """The index of a folder that holds runs."""
    with index.opened(folder, warn) as found:
        if not found.counts()[0]:
            raise ConfigError(f"{folder} {EMPTY}")
        yield found


def _options(arguments: Sequence[str]) -> tuple[Path, str | None, list[str], str | None]:
    words: list[str] = []
    forms: list[str] = []
    conditions: list[str] = []
    queries: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            words.append(word)
        elif name in FORMS and not equals:
            forms.append(name)
        elif name in ("where", "sql"):
            if not equals and not rest:
                raise ConfigError(f"--{name} has no value: {USAGE}")
            (conditions if name == "where" else queries).append(value if equals else rest.pop(0))
        else:
            raise ConfigError(unknown("option of runs", word, ["--json", "--csv", "--where", "--sql"]))
    if len(words) != 1:
        raise ConfigError(f"runs needs one folder: {USAGE}")
    if len(set(forms)) > 1 or len(queries) > 1 or (queries and conditions):
        raise ConfigError(f"these options do not go together: {USAGE}")
    return _folder(words[0]), forms[0] if forms else None, conditions, queries[0] if queries else None


def _folder(name: str) -> Path:
    if not Path(name).is_dir():
        raise ConfigError(f"{name} is not a folder: give the --out of an earlier run.")
    return Path(name)


def _print(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: str | None) -> None:
    rows = [[_plain(value) for value in row] for row in rows]
    if form == "json":
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=1))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    elif rows:
        from experiments.tables import print_columns

        print_columns(columns, rows)
    else:
        print("no rows")


def _plain(value: Any) -> Any:
    """What JSON and CSV can hold."""
    if isinstance(value, bytes):
        return value.hex()
    return None if isinstance(value, float) and not math.isfinite(value) else value
