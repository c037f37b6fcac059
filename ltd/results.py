"""The ledger: a folder per run, named by the digest of its config. Local, append-only, the truth.

    DIR/DIGEST/config.json    config, commit, versions, machine: written first
               metrics.jsonl  one line per check, appended while the run goes on
               summary.json   status and last scores: written last, so a folder without it is unfinished
               params.npz     final parameters, one array per name
               wandb.json     what was sent to W&B, if anything

One writer per folder. Files that are written at once are written beside and renamed. No pickle is read or written.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ltd.config import ConfigError, digest, plain


@dataclass(frozen=True)
class Record:
    """One run as it lies in the ledger."""

    digest: str
    status: str  # unfinished, finished, solved, diverged
    config: dict[str, Any]
    summary: dict[str, Any]  # metrics only
    times: dict[str, Any]
    folder: Path = field(compare=False)

    def metrics(self) -> list[dict[str, Any]]:
        """The records of all checks, in order. A last line cut off by a kill is left out."""
        rows = []
        for line in (self.folder / "metrics.jsonl").read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return rows


class RunFolder:
    """A run being written."""

    def __init__(self, root: Path, config: Any, overwrite: bool = True):
        self.digest = digest(config)
        self.path = Path(root) / self.digest
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "summary.json").unlink(missing_ok=True)
        (self.path / "metrics.jsonl").write_text("")
        self.started = _now()
        head = {"digest": self.digest, "config": plain(config), "started": self.started, **provenance()}
        write_json(self.path / "config.json", head)
        self._began = time.perf_counter()

    def append(self, row: Mapping[str, Any]) -> None:
        """One check."""
        with open(self.path / "metrics.jsonl", "a") as file:
            file.write(json.dumps(_clean(row)) + "\n")

    def finish(self, summary: Mapping[str, Any], params: Mapping[str, np.ndarray]) -> None:
        """The end: parameters first, summary last."""
        write_atomically(self.path / "params.npz", lambda file: np.savez(file, allow_pickle=False, **params))
        ended = {"ended": _now(), "wall_seconds": round(time.perf_counter() - self._began, 3)}
        write_json(self.path / "summary.json", {**summary, **ended})


def read_run(folder: Path) -> Record:
    """One run folder. Raises ConfigError in one line if it is missing or corrupt."""
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{folder} is not a run folder: it has no config.json. See `ltd runs DIR`.")
    try:
        head = json.loads((folder / "config.json").read_text())
        done = folder / "summary.json"
        summary = json.loads(done.read_text()) if done.is_file() else {}
        measured = ("ended", "wall_seconds", "seconds")
        times = {"started": head["started"], **{k: summary.pop(k) for k in measured if k in summary}}
        if digest(head["config"]) != head["digest"]:
            raise ValueError("its config does not match its digest")
        status = summary.pop("status", "unfinished")
        return Record(head["digest"], status, head["config"], summary, times, folder)
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{folder} is a corrupt run folder ({error}): move it away or run it again.") from None


def read_runs(root: Path, warn: Callable[[str], None]) -> list[Record]:
    """All runs of a folder, by digest. A corrupt one among them is named and skipped."""
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


def finished(root: Path, config: Any) -> Record | None:
    """The finished run of this config in the ledger, if there is one."""
    folder = Path(root) / digest(config)
    if not (folder / "summary.json").is_file():
        return None
    try:
        return read_run(folder)
    except ConfigError:
        return None


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


def write_guess(root: Path, config: Any, found: Mapping[str, Any]) -> Path:
    """A guessing control, beside the runs: `guesses/DIGEST.json`."""
    path = Path(root) / "guesses" / f"{digest(config)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"digest": digest(config), "config": plain(config), **found, "ended": _now(), **provenance()})
    return path


def read_guesses(root: Path, warn: Callable[[str], None]) -> list[dict[str, Any]]:
    """The guessing controls of a folder."""
    found = []
    for path in sorted((Path(root) / "guesses").glob("*.json")):
        try:
            row = json.loads(path.read_text())
            if digest(row["config"]) != row["digest"] or not 0 <= row["solved"] <= row["guesses"]:
                raise ValueError("its config does not match its digest")
            found.append(row)
        except (OSError, ValueError, KeyError, TypeError) as error:
            warn(f"{path} is corrupt ({error}): move it away or guess again.")
    return found


def guessed(guesses: Sequence[Mapping[str, Any]], task: Mapping[str, Any]) -> tuple[int, int] | None:
    """(solved, guesses) of the controls on this very task, whatever network was guessed; None where there are none."""
    its = [row for row in guesses if row["config"]["task"] == task]
    return (sum(row["solved"] for row in its), sum(row["guesses"] for row in its)) if its else None


def writable(path: Path) -> Path:
    """The folder, if it can be made and written to; nothing is made yet."""
    path = Path(path)
    nearest = path
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise ConfigError(f"out = {path}: cannot be written, {nearest} is not a writable folder. Choose another --out.")
    return path


@functools.cache
def provenance() -> dict[str, Any]:
    """Versions, code commit and machine, for every record."""
    names = ("jax", "jaxlib", "flax", "optax", "numpy")
    return {
        "versions": {"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in names}},
        "commit": commit(),
        "machine": {"node": platform.machine(), "system": platform.system(), "cores": os.cpu_count()},
        "command": sys.argv[1:],
    }


@functools.cache
def commit() -> str | None:
    """The commit of the code, with + where files differ from it; None outside a checkout."""
    home = Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(("git", "-C", str(home), *words), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def write_json(path: Path, value: Any) -> None:
    """JSON beside and renamed; what is not finite becomes null."""
    write_atomically(path, lambda file: file.write((json.dumps(_clean(value), indent=1) + "\n").encode()))


def write_atomically(path: Path, write: Callable[[Any], Any]) -> None:
    """Write beside, flush to the disk, rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
