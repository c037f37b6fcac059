"""What an attached probe saw of a run: `probe.npz` in its folder, an array per name with one row per look.

`update` holds the updates of the looks, `seconds` what they took, `head` the probe and the names of all axes as JSON.
The file is written anew, beside and renamed, at every look.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ltd.config import ConfigError
from ltd.results.files import write_atomically
from ltd.types import Curves

LOOKS = "probe.npz"


class Looks:
    """The looks at one run so far.

    Raises
        ValueError  where the file does not hold a look at every due update up to `until`.
    """

    def __init__(self, folder: Path, probe: Mapping[str, Any], until: int | None = None):
        self.path, self.probe = Path(folder) / LOOKS, dict(probe)
        self.arrays: dict[str, np.ndarray] = {}
        self.axes: dict[str, tuple[str, ...]] = {}
        if until is None:
            self.path.unlink(missing_ok=True)
            return
        arrays, head = _load(self.path)
        due = list(range(0, until + 1, self.probe["every"]))
        if list(arrays["update"][: len(due)]) != due:
            raise ValueError(f"its probe has not looked at every update up to {until}")
        self.arrays = {name: rows[: len(due)] for name, rows in arrays.items()}
        self.axes = {name: tuple(names) for name, names in head["axes"].items()}

    @property
    def reached(self) -> int:
        """The update of the last look; -1 before the first."""
        return int(self.arrays["update"][-1]) if self.arrays else -1

    @property
    def seconds(self) -> float:
        """What all looks took."""
        return float(np.sum(self.arrays.get("seconds", 0.0)))

    def add(self, update: int, curves: Curves, seconds: float) -> None:
        """One look."""
        row = {"update": np.int64(update), "seconds": np.float32(seconds), **curves.arrays}
        new = {name: np.asarray(value)[None] for name, value in row.items()}
        self.arrays = {n: np.concatenate([self.arrays[n], a]) if self.arrays else a for n, a in new.items()}
        self.axes = {name: tuple(names) for name, names in curves.axes.items()}
        head = np.frombuffer(json.dumps({"probe": self.probe, "axes": self.axes}).encode(), np.uint8)
        write_atomically(
            self.path, lambda file: np.savez_compressed(file, allow_pickle=False, head=head, **self.arrays)
        )


def read_looks(folder: Path) -> Curves:
    """What the probe saw of a run: every array with `update` as its first axis; `update` and `seconds` beside them.

    Raises
        ConfigError  where no probe was attached, or its file is damaged.
    """
    path = Path(folder) / LOOKS
    if not path.is_file():
        raise ConfigError(f"{folder} has no {LOOKS}: train with --probe.type=NAME.")
    try:
        arrays, head = _load(path)
        axes = {name: ("update", *names) for name, names in head["axes"].items()}
        return Curves(arrays, {"update": ("update",), "seconds": ("update",), **axes}, {"probe": head["probe"]})
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is corrupt ({error}): run it again.") from None


def _load(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        head = json.loads(arrays.pop("head").tobytes())
        if len({len(rows) for rows in arrays.values()}) != 1 or {"update", "seconds"} - arrays.keys():
            raise ValueError("its arrays do not have a row per look")
        return arrays, head
    except FileNotFoundError:
        raise ValueError(f"{path.name} is missing") from None
    except Exception as error:  # zipfile.BadZipFile, zlib.error, struct.error, ...: a truncated or damaged archive
        raise ValueError(f"{path.name}: {error}") from None


def names_of(curves: Curves) -> Sequence[str]:
    """The arrays that the probe measured."""
    return [name for name in curves.arrays if name not in ("update", "seconds")]
