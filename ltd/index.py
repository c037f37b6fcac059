"""The index: an SQLite file beside the run folders, for questions to many runs at once.

    runs      digest, status, started, ended, seconds, commit, then a column per dotted config field ("cell.type") and
              per scalar of the summary ("eval/loss", "levels.blind.loss"); one whose name is a field's too is
              "summary.rho"
    metrics   digest, update, name, value: the records of all checks; null for what is not finite

The run folders are the truth. The index is brought up to date whenever it is opened: folders whose files differ in time
or size from what was noted are read again, those that are gone leave. So whoever writes runs need not know of it, and
it can be deleted at any time. Truth values are 1 and 0. Where the folder cannot be written, the index is in memory.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import math
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ltd import config
from ltd.config import ConfigError
from ltd.results import read_run

NAME = "index.sqlite"
VERSION = 1
WAIT = 30.0  # seconds for another process that brings the index up to date
FILES = ("config.json", "metrics.jsonl", "summary.json")
CORE = ("digest", "status", "started", "ended", "seconds", "commit")

CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
NOT_WRITABLE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}

# `folders` notes what was read; `samples` holds whole numbers where `metrics` shows text, and is a third as large
TABLES = """
CREATE TABLE IF NOT EXISTS folders (
    run INTEGER PRIMARY KEY, name TEXT UNIQUE, stamp TEXT, digest TEXT, fields TEXT, problem TEXT
);
CREATE INDEX IF NOT EXISTS by_digest ON folders (digest);
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS samples (
    name INTEGER, run INTEGER, "update", value REAL, PRIMARY KEY (name, run, "update")
) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS metrics AS
    SELECT folders.digest AS digest, samples."update" AS "update", names.name AS name, samples.value AS value
    FROM names CROSS JOIN folders CROSS JOIN samples ON samples.name = names.id AND samples.run = folders.run;
"""

Warn = Callable[[str], None]


class Index:
    """An index that is up to date as of when it was opened; to be closed."""

    def __init__(self, root: Path, connection: sqlite3.Connection, path: Path | None):
        self.root, self.path, self._connection = root, path, connection  # no path: in memory

    def columns(self) -> list[str]:
        """The columns of `runs`."""
        return [row[1] for row in self._connection.execute("PRAGMA table_info(runs)")]

    def counts(self) -> tuple[int, int]:
        """How many runs, and how many values of metrics."""
        runs, values = (self._connection.execute(f"SELECT count(*) FROM {t}").fetchone() for t in ("runs", "samples"))
        return runs[0], values[0]

    def runs(self, conditions: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """The rows of `runs`, by digest, that fulfil all conditions such as `cell.type=lstm` or `task.gap>=50`."""
        return self._matching("SELECT runs.* FROM runs", conditions)

    def folders(self, conditions: Sequence[str] = ()) -> list[Path]:
        """The folders of these runs."""
        found = self._matching("SELECT folders.name FROM runs JOIN folders USING (digest)", conditions)
        return [self.root / name for (name,) in found]

    def _matching(self, select: str, conditions: Sequence[str]) -> list[tuple[Any, ...]]:
        columns = self.columns()
        parts = [condition(text, columns, self._types) for text in conditions]
        where = " AND ".join(["1", *(sql for sql, _ in parts)])
        values = [value for _, its in parts for value in its]
        return self._connection.execute(f"{select} WHERE {where} ORDER BY runs.digest", values).fetchall()

    def _types(self, column: str) -> set[str]:
        found = self._connection.execute(f"SELECT DISTINCT typeof({quoted(column)}) FROM runs")
        return {kind for (kind,) in found} - {"null"}

    def select(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The columns and rows that one SELECT gives. Nothing else is allowed: what could change anything is an error.

        Raises
            ConfigError  in one line, with SQLite's reason.
        """
        self._connection.execute("PRAGMA query_only = ON")
        self._connection.set_authorizer(_reads)
        try:
            cursor = self._connection.execute(sql)
            rows = cursor.fetchall()
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            said = " ".join(str(error).split())
            raise ConfigError(f"sql: {said}. One SELECT from runs and metrics is allowed.") from None
        finally:
            self._connection.set_authorizer(None)
            self._connection.execute("PRAGMA query_only = OFF")
        if cursor.description is None:
            raise ConfigError("sql gives no rows: write a SELECT from runs and metrics.")
        return [column[0] for column in cursor.description], rows


def _reads(action: int, _one: str | None, two: str | None, *_: str | None) -> int:
    """SQLite asks before it compiles a statement: reading is allowed, and nothing else."""
    calls = action == sqlite3.SQLITE_FUNCTION and two not in ("load_extension", "fts3_tokenizer")
    reads = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
    return sqlite3.SQLITE_OK if calls or reads else sqlite3.SQLITE_DENY


# ------------------------------------------------------------------------------------------------ conditions

OPERATORS = ("!=", "<=", ">=", "=", "<", ">")
SHOWN = {  # what the printed table of runs calls a column
    "task": "task.type",
    "loss": "eval/loss",
    "metric": "eval/metric",
    "blind": "levels.blind.loss",
    "strict": "levels.strict.loss",
    "best": "levels.optimum.loss",
}


def condition(text: str, columns: Sequence[str], types: Callable[[str], set[str]]) -> tuple[str, list[Any]]:
    """A condition as SQL with its values. `=` and `!=` see every run, an order only those that have such a value.

    A column that is none may be the name that a printed table gives to one. `types`: those of the values of a column.
    """
    found = re.fullmatch(r"\s*(.*?)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", text, re.DOTALL)
    if not found or not found[1]:
        raise ConfigError(f"where = {text!r} must be a name, one of {' '.join(OPERATORS)}, and a value: task.gap>=50.")
    name, operator, written = found.groups()
    if name not in columns and SHOWN.get(name) in columns:
        name = SHOWN[name]
    if name not in columns:
        near = difflib.get_close_matches(name, columns, n=3, cutoff=0.4)
        hint = f"near: {', '.join(near)}" if near else "none is near"
        raise ConfigError(f"where: no column {name!r}; {hint}. All: ltd runs DIR --csv.")
    column, value = quoted(name), config.scalar(written)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"where = {text!r}: what is not finite is null: write {name}=none.")
    if value is None:
        if operator not in ("=", "!="):
            raise ConfigError(f"where = {text!r}: null has no order: write {name}=none or {name}!=none.")
        return f"{column} IS {'NOT ' if operator == '!=' else ''}NULL", []
    if operator in ("=", "!="):  # text too: a digest may look like a number
        return f"{'NOT ' if operator == '!=' else ''}({column} IS ? OR {column} IS ?)", [_cell(value), _cell(written)]
    if isinstance(value, str) and types(name) and "text" not in types(name):
        raise ConfigError(f"where = {text!r}: {name} holds numbers, and {written!r} is none.")
    number = "0" if isinstance(value, str) else f"{column} {operator} ?"
    sql = f"CASE typeof({column}) WHEN 'null' THEN 0 WHEN 'text' THEN {column} {operator} ? ELSE {number} END"
    return sql, [_cell(written)] if isinstance(value, str) else [_cell(written), _cell(value)]


def quoted(name: str) -> str:
    """A name as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


# ------------------------------------------------------------------------------------------------ opening


@contextlib.contextmanager
def opened(root: Path | str, warn: Warn, afresh: bool = False) -> Iterator[Index]:
    """The index of a folder, up to date; read anew from all folders where `afresh`.

    Raises
        ConfigError  where the folder is none.
    """
    root = Path(root)
    if not root.is_dir():
        raise ConfigError(f"{root} is not a folder: give the --out of an earlier run.")
    index = _open(root, warn, afresh)
    try:
        for name, problem in index._connection.execute("SELECT name, problem FROM folders ORDER BY name").fetchall():
            if problem is not None:
                warn(problem.replace("{}", str(root / name), 1))
        yield index
    except sqlite3.DatabaseError as error:
        if _code(error) not in CORRUPT:
            raise
        raise ConfigError(f"{root / NAME} is corrupt ({error}): delete it, it is made anew.") from None
    finally:
        index._connection.close()


def _open(root: Path, warn: Warn, afresh: bool) -> Index:
    path = root / NAME
    for _ in range(2):
        try:
            return Index(root, _ready(root, path, afresh), path)
        except sqlite3.DatabaseError as error:
            code = _code(error)
            if code in NOT_WRITABLE:
                break
            warn(f"{path} is corrupt ({error}): it is made anew.")
            try:
                for end in ("", "-wal", "-shm"):
                    path.with_name(NAME + end).unlink(missing_ok=True)
            except OSError:
                break
    return Index(root, _ready(root, None, True), None)


def _code(error: sqlite3.Error) -> int:
    """The kind of an error; an operational one that names none is a file that cannot be opened."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return sqlite3.SQLITE_CANTOPEN if isinstance(error, sqlite3.OperationalError) else -1
    return code & 0xFF


def _ready(root: Path, path: Path | None, afresh: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", timeout=WAIT, isolation_level=None)
    try:
        with contextlib.suppress(sqlite3.OperationalError):  # another one is just doing it, or nothing can be written
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _update(connection, root, afresh)
    except BaseException:
        connection.close()
        raise
    return connection


def _update(connection: sqlite3.Connection, root: Path, afresh: bool) -> None:
    """Read what differs from what was noted. Nothing is written, and nobody is waited for, where nothing does."""
    current = connection.execute("PRAGMA user_version").fetchone()[0] == VERSION
    if current and not afresh and _stamps(root) == _noted(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if afresh or connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            _clear(connection)
        stamps, noted = _stamps(root), _noted(connection)
        gone = [name for name in noted if name not in stamps]
        changed = [name for name, stamp in stamps.items() if noted.get(name) != stamp]
        lost = {field for name in [*gone, *changed] for field in _leave(connection, name)}
        for name in changed:
            lost -= _enter(connection, root / name, stamps[name])
        _fill(connection, changed, bool(lost))
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _clear(connection: sqlite3.Connection) -> None:
    """Nothing but empty tables."""
    for kind, name in connection.execute(
        "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
    ).fetchall():
        connection.execute(f"DROP {kind} IF EXISTS {quoted(name)}")
    for statement in TABLES.split(";")[:-1]:
        connection.execute(statement)
    connection.execute(f"CREATE TABLE runs ({', '.join(map(quoted, CORE))}, PRIMARY KEY (digest))")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _stamps(root: Path) -> dict[str, str]:
    """Time and size of the files of all run folders."""
    found = {}
    for folder in sorted(entry.name for entry in os.scandir(root) if entry.is_dir()):
        marks = []
        for name in FILES:
            try:
                seen = os.stat(root / folder / name)
                marks.append(f"{seen.st_mtime_ns}:{seen.st_size}")
            except OSError:
                marks.append("-")
        if marks[0] != "-":
            found[folder] = " ".join(marks)
    return found


def _noted(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, stamp FROM folders"))


def _columns(connection: sqlite3.Connection) -> list[str]:
    return [row[1] for row in connection.execute("PRAGMA table_info(runs)")]


# ------------------------------------------------------------------------------------------------ runs


def _leave(connection: sqlite3.Connection, name: str) -> set[str]:
    """Forget a folder; the columns that its run had, if one was in it."""
    row = connection.execute("SELECT run, digest, fields FROM folders WHERE name = ?", (name,)).fetchone()
    if row is None:
        return set()
    run, digest, fields = row
    connection.execute("DELETE FROM samples WHERE name IN (SELECT id FROM names) AND run = ?", (run,))
    connection.execute("DELETE FROM folders WHERE run = ?", (run,))
    connection.execute("DELETE FROM runs WHERE digest = ?", (digest,))  # none, where there was a problem
    return set(json.loads(fields))


def _enter(connection: sqlite3.Connection, folder: Path, stamp: str) -> set[str]:
    """Note a folder, and its run if it is in order; its columns."""
    digest = problem = None
    fields: dict[str, Any] = {}
    rows: list[Any] = []
    try:
        record = read_run(folder)
        head = json.loads((folder / "config.json").read_text())
        rows = record.metrics() if (folder / "metrics.jsonl").exists() else []
        digest, fields = record.digest, _fields(record, head.get("commit"))
        twin = connection.execute("SELECT name FROM folders WHERE digest = ? AND problem IS NULL", (digest,)).fetchone()
        if twin:
            problem, stamp = f"{{}} holds the same run as {twin[0]}: it is left out.", ""  # looked at each time
            digest, fields = None, {}
    except ConfigError as error:
        problem = str(error).replace(str(folder), "{}", 1)
    except (OSError, ValueError, AttributeError) as error:
        problem = f"{{}} is a corrupt run folder ({error}): move it away or run it again."
    run = connection.execute(
        "INSERT INTO folders (name, stamp, digest, fields, problem) VALUES (?, ?, ?, ?, ?)",
        (folder.name, stamp, digest, json.dumps(fields), problem),
    ).lastrowid
    if problem is None:
        samples = _samples(connection, run or 0, rows)
        connection.executemany("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?)", samples)
    return set(fields)


def _fields(record: Any, commit: Any) -> dict[str, Any]:
    """The columns of a run: name -> value."""
    given = dict(_scalars(record.config))
    times = dict(_scalars(record.times))
    core = {"digest": record.digest, "status": record.status, "commit": commit, **times}
    found = {name: _cell(core.get(name)) for name in CORE} | given
    for name, value in _scalars({**record.summary, **{n: v for n, v in times.items() if n not in CORE}}):
        found[f"summary.{name}" if name in CORE or name in given else name] = value
    return found


def _scalars(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, Mapping):
            yield from _scalars(value, f"{prefix}{name}.")
        elif not isinstance(value, (list, tuple)):
            yield _text(prefix + name), _cell(value)


def _samples(connection: sqlite3.Connection, run: int, rows: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of `samples` from the records of a run. What is neither a number nor null is no metric."""
    ids = dict(connection.execute("SELECT name, id FROM names"))
    for row in rows:
        at = row.get("update") if isinstance(row, Mapping) else None
        if not isinstance(at, (int, float)) or not -1e15 < at < 1e15:
            continue
        at = int(at) if at == int(at) else at
        for name, value in row.items():
            if name != "update" and (value is None or isinstance(value, (int, float))):
                if value is not None and not -1e15 < value < 1e15:
                    value = _finite(value)
                yield ids.get(name) or _id(connection, ids, name), run, at, value


def _id(connection: sqlite3.Connection, ids: dict[str, int], name: str) -> int:
    connection.execute("INSERT OR IGNORE INTO names (name) VALUES (?)", (_text(name),))
    ids[name] = connection.execute("SELECT id FROM names WHERE name = ?", (_text(name),)).fetchone()[0]
    return ids[name]


def _finite(value: float) -> float | None:
    with contextlib.suppress(OverflowError):  # a whole number beyond every float
        return float(value) if math.isfinite(value) else None
    return None


def _cell(value: Any) -> Any:
    """A scalar as SQLite holds it."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return int(value)
    return value if value is None or (isinstance(value, int) and abs(value) < 2**63) else _finite(value)


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def _fill(connection: sqlite3.Connection, changed: Sequence[str], lost: bool) -> None:
    """The rows of changed runs; all rows, in a new table, where columns came or may have gone."""
    every = connection.execute("SELECT name, fields FROM folders WHERE problem IS NULL ORDER BY name").fetchall()
    there, news = set(_columns(connection)), set(changed)
    rows = [json.loads(fields) for name, fields in every if name in news]
    labels = {name: name for name in there}
    if lost or not all(row.keys() <= there for row in rows):
        rows = [json.loads(fields) for _, fields in every]
        labels = _labels([*CORE, *(name for row in rows for name in row)])
        connection.execute("DROP TABLE runs")
        connection.execute(f"CREATE TABLE runs ({', '.join(map(quoted, labels.values()))}, PRIMARY KEY (digest))")
    for row in rows:
        columns = ", ".join(quoted(labels[name]) for name in row)
        connection.execute(f"INSERT INTO runs ({columns}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def _labels(names: Sequence[str]) -> dict[str, str]:
    """A column for every name: SQLite takes `H` and `h` for one, so the second is `h (2)`."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        label, count = name, 1
        while label.lower() in taken:
            count += 1
            label = f"{name} ({count})"
        found[name] = label
        taken.add(label.lower())
    return found
