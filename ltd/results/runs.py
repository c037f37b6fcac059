"""The ledger: a folder per run, named by the digest of its config. Local, append-only, the truth.

    DIR/DIGEST/config.json    config, commit, versions, machine: written first
               metrics.jsonl  one line per check, appended while the run goes on
               summary.json   status and last scores: written last, so a folder without it is unfinished
               params.npz     final parameters, one array per name
               probe.npz      what a probe saw that was attached, if any (see `ltd.results.looks`)
               wandb.json     what was sent to W&B, if anything
               error.txt      of a run that failed: where

One writer per folder (see `ltd.results.unfinished`). Files that are written at once are written beside and renamed.
No pickle is read or written.
"""

from __future__ import annotations

import json
import math
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ltd.config import ConfigError, digest, plain
from ltd.results.files import clean, now, own_sources, provenance, write_atomically, write_json
from ltd.results.looks import LOOKS, Looks

DONE = ("finished", "solved", "diverged")  # what is not repeated


@dataclass(frozen=True)
class Record:
    """One run as it lies in the ledger."""

    digest: str
    status: str  # unfinished, finished, solved, diverged, stopped (early, by a sweep), failed (see error.txt)
    config: dict[str, Any]
    summary: dict[str, Any]  # metrics only
    times: dict[str, Any]
    folder: Path = field(compare=False)

    def metrics(self) -> list[dict[str, Any]]:
        """The records of all checks, in order. A last line cut off by a kill is left out."""
        return rows_of(self.folder)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl` that are whole."""
    rows = []
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


class RunFolder:
    """A run being written.

    With `until` a run goes on that was left after so many updates: its records up to there are kept (`rows`), later
    ones are cut off, and the resumption is noted in its `config.json`.

    Raises
        ValueError  where the records do not reach as far as `until`.
    """

    def __init__(self, root: Path, config: Any, until: int | None = None):
        self.digest = digest(config)
        self.path = Path(root) / self.digest
        self.rows: list[dict[str, float]] = []
        head: dict[str, Any] = {"digest": self.digest, "config": plain(config), "started": now(), **provenance()}
        if own := own_sources(head["config"]):
            head["own"] = own
        if until is not None:
            self.rows, head = self._left(until)
        probe = head["config"].get("probe")
        self.looks = None if probe is None else Looks(self.path, probe, until)
        self.path.mkdir(parents=True, exist_ok=True)
        for old in (self.path / "summary.json", self.path / "error.txt", *self.path.glob(".*.*.*")):
            old.unlink(missing_ok=True)  # the last are halves of files that a kill left behind
        lines = "".join(json.dumps(clean(row)) + "\n" for row in self.rows)
        write_atomically(self.path / "metrics.jsonl", lambda file: file.write(lines.encode()))
        write_json(self.path / "config.json", head)
        self.started: str = head["started"]
        self._began = time.perf_counter()

    def _left(self, until: int) -> tuple[list[dict[str, float]], dict[str, Any]]:
        rows = read_rows(self.path, until)
        head = json.loads((self.path / "config.json").read_text())
        if head["digest"] != self.digest:
            raise ValueError("its config does not match its digest")
        return rows, {**head, "resumed": [*head.get("resumed", []), {"at": now(), "update": until, **provenance()}]}

    def append(self, row: Mapping[str, Any]) -> None:
        """One check."""
        self.rows.append(dict(row))
        with open(self.path / "metrics.jsonl", "a") as file:
            file.write(json.dumps(clean(row)) + "\n")

    def finish(self, summary: Mapping[str, Any], params: Mapping[str, np.ndarray]) -> None:
        """The end: parameters first, summary last."""
        write_atomically(self.path / "params.npz", lambda file: np.savez(file, allow_pickle=False, **params))
        ended = {"ended": now(), "wall_seconds": round(time.perf_counter() - self._began, 3)}
        if self.looks is not None:
            ended["probe_seconds"] = round(self.looks.seconds, 3)
        write_json(self.path / "summary.json", {**summary, **ended})

    def fail(self, error: str, trace: str) -> None:
        """The end of a run that could not be computed: one line, and where it happened."""
        write_atomically(self.path / "error.txt", lambda file: file.write(trace.encode()))
        write_json(self.path / "summary.json", {"status": "failed", "error": error, "ended": now()})


def read_rows(folder: Path, until: int) -> list[dict[str, float]]:
    """The records of a run up to this update, with NaN for what was not finite.

    Raises
        ValueError  where they do not reach so far.
    """
    rows = [
        {name: math.nan if value is None else value for name, value in row.items()}
        for row in rows_of(folder)
        if row["update"] <= until
    ]
    if not rows or rows[-1]["update"] != until:
        raise ValueError(f"its records end before update {until}")
    return rows


def read_run(folder: Path) -> Record:
    """One run folder. Raises ConfigError in one line if it is missing or corrupt."""
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{folder} is not a run folder: it has no config.json. See `ltd runs DIR`.")
    try:
        head = json.loads((folder / "config.json").read_text())
        done = folder / "summary.json"
        summary = json.loads(done.read_text()) if done.is_file() else {}
        measured = ("ended", "wall_seconds", "seconds", "probe_seconds")
        times = {"started": head["started"], **{k: summary.pop(k) for k in measured if k in summary}}
        if digest(head["config"]) != head["digest"]:
            raise ValueError("its config does not match its digest")
        status = summary.pop("status", "unfinished")
        return Record(head["digest"], status, head["config"], summary, times, folder)
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{folder} is a corrupt run folder ({error}): move it away or run it again.") from None


def edited(folder: Path) -> list[str]:
    """The cells, nets and tasks of the user's own whose source is another now than when this run began."""
    try:
        head = json.loads((Path(folder) / "config.json").read_text())
        now_ = own_sources(head["config"]) if head.get("own") else {}
        return sorted(name for name, source in now_.items() if head["own"].get(name, source) != source)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def read_runs(root: Path, warn: Callable[[str], None] = warnings.warn) -> list[Record]:
    """All runs of a folder, by digest. A corrupt one among them is skipped, and `warn` is told its name."""
    root = Path(root)
    if not root.is_dir():
        raise ConfigError(f"{root} is not a folder: give the --out of an earlier run.")
    found = []
    for folder in sorted(p for p in root.iterdir() if (p / "config.json").exists()):
        try:
            found.append(read_run(folder))
        except ConfigError as error:
            warn(str(error))
    return found


def finished(root: Path, config: Any, also: tuple[str, ...] = ()) -> Record | None:
    """The finished run of this config in the ledger, if there is one; `also` names further ways to have ended.

    A run whose records or parameters are damaged is not finished: it is run again.
    """
    folder = Path(root) / digest(config)
    if not (folder / "summary.json").is_file():
        return None
    try:
        record = read_run(folder)
        rows = record.metrics()
        whole = rows[-1]["update"] == record.summary["updates"] and not _damaged(folder / "params.npz")
        whole = whole and not (record.config.get("probe") and _damaged(folder / LOOKS))
    except (ValueError, OSError, LookupError, TypeError):
        return None
    return record if whole and record.status in DONE + also else None


def _damaged(path: Path) -> bool:
    """Whether an archive is missing, cut off, or has other content than its check sums say."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is not None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError):
        # the last two: a damaged header that speaks of encryption or of a compression that nobody knows
        return True


def read_params(folder: Path) -> dict[str, np.ndarray]:
    """The final parameters of a run, by name."""
    try:
        with open(Path(folder) / "params.npz", "rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ConfigError(f"{folder} has no params.npz: the run has not finished; run it again.") from None
    except (ValueError, OSError, KeyError, EOFError) as error:
        raise ConfigError(f"{folder}/params.npz is corrupt ({error}): run it again.") from None
    except Exception as error:  # zipfile.BadZipFile, struct.error: a truncated archive
        raise ConfigError(f"{folder}/params.npz is corrupt ({error}): run it again.") from None
