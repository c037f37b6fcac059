"""What is going on in a ledger: who trains which run, and how far a block of runs has come.

    DIR/.unfinished/lock       one byte per name; a process that is killed lets go of its bytes
                    NAME.npz   a block of lanes as it stood after its last chunk

So several processes share a folder, and a run has one writer. A checkpoint is written beside and renamed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ltd.results.files import provenance, write_atomically

FOLDER = ".unfinished"


class Locks:
    """Names held by this process. Names are at least twelve hexadecimal digits, such as digests.

    A lock is a byte of a file (POSIX record lock): the operating system drops it when the process ends in whatever
    way, and file systems on a network know it. Two holders in one process are one.
    """

    # closing any handle of the file would drop all locks, so each is opened once and kept
    _open: ClassVar[dict[str, int]] = {}

    def __init__(self, root: Path):
        folder = Path(root) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        path = os.path.realpath(folder / "lock")
        known = Locks._open.get(path)
        if known is None or not os.path.exists(path) or not os.path.samestat(os.fstat(known), os.stat(path)):
            Locks._open[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._file = Locks._open[path]

    def take(self, name: str) -> bool:
        """Whether the name is ours now."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(name[:12], 16))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def free(self, name: str) -> None:
        """Let go of the name."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, int(name[:12], 16))


class Checkpoint(NamedTuple):
    """A block of lanes as it stood after a chunk.

    places    the run in each place of the block, by digest, or None
    parked    runs that have begun and stand in no place
    updates   digest -> updates done
    origin    commit, versions and machine that wrote it
    leaves    name -> one row per place, then one per parked run
    """

    places: list[str | None]
    parked: list[str]
    updates: dict[str, int]
    origin: dict[str, Any]
    leaves: dict[str, np.ndarray]

    def row(self, digest: str) -> dict[str, np.ndarray]:
        """The state of one run."""
        where = [*self.places, *self.parked].index(digest)
        return {name: rows[where] for name, rows in self.leaves.items()}


def save(
    root: Path, name: str, places: list[str | None], parked: list[str], updates: dict[str, int],
    leaves: Mapping[str, np.ndarray],
) -> None:  # fmt: skip
    """Write the checkpoint of a block."""
    head = {"places": places, "parked": parked, "updates": updates, "origin": provenance()}
    told = np.frombuffer(json.dumps(head).encode(), np.uint8)
    named = {f"/{label}": rows for label, rows in leaves.items()}
    path = Path(root) / FOLDER / f"{name}.npz"
    write_atomically(path, lambda file: np.savez(file, allow_pickle=False, head=told, **named))


def load(path: Path, warn: Callable[[str], None], whole: bool = True) -> Checkpoint | None:
    """A checkpoint, without its arrays unless `whole`; None where there is none, or a corrupt one, which is said."""
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            leaves = {name[1:]: file[name] for name in file.files if name != "head"} if whole else {}
        rows = len(head["places"]) + len(head["parked"])
        if any(len(leaf) != rows for leaf in leaves.values()):
            raise ValueError("its arrays do not have a row per run")
        return Checkpoint(**head, leaves=leaves)
    except FileNotFoundError:
        return None
    except Exception as error:  # zipfile.BadZipFile, zlib.error, struct.error, ...: a truncated or damaged archive
        warn(f"{path} is corrupt ({error}): its runs start over.")
        return None


def checkpoints(root: Path) -> Iterator[Path]:
    """The checkpoints of a folder."""
    yield from sorted((Path(root) / FOLDER).glob("[!.]*.npz"))


def discard(root: Path, name: str) -> None:
    """Remove a checkpoint that is needed no more."""
    (Path(root) / FOLDER / f"{name}.npz").unlink(missing_ok=True)
