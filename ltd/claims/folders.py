"""Claims as they lie on the disk: found by name, loaded by path, never unpickled."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ltd.claims.data import SCALES, Claim, Scale, line
from ltd.config import ConfigError, digest, unknown
from ltd.sweep.schema import PROGRAM, Sweep, read

OWN = "claim.py"


@dataclass(frozen=True)
class Folder:
    """A claim as it lies on the disk."""

    path: Path
    claim: Claim
    measure: Callable[..., Mapping[str, Any]] | None  # None where runs are trained

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.path.name

    @property
    def file(self) -> Path:
        """Its sweep file."""
        return self.path / "sweep.yaml"

    def replaced(self, scale: Scale, seeds: int | None = None) -> dict[str, dict[str, Any]]:
        """The parameters that stand instead of those of the sweep file."""
        changed = dict(self.claim.quick) if scale == "quick" else {}
        found = {n: {"values": list(v)} if isinstance(v, (tuple, list)) else {"value": v} for n, v in changed.items()}
        if self.seeded:
            found["seed"] = {"values": list(range(seeds or self.claim.seeds))}
        return found

    @property
    def seeded(self) -> bool:
        """Whether its runs have seeds; an exact claim has none."""
        return "seed" in read(self.file, own=OWN).configs[0]

    def sweep(self, scale: Scale, seeds: int | None = None) -> Sweep:
        """Its sweep at this scale."""
        return read(self.file, replaced=self.replaced(scale, seeds), own=OWN)

    def name_of(self, config: Mapping[str, Any]) -> str:
        """The digest by which a measured config is known in the ledger."""
        return digest({"claim": self.claim.key, "config": config})


def load(path: Path | str) -> Folder:
    """The claim of a folder.

    Raises
        ConfigError  in one line that names what is missing or wrong.
    """
    path = Path(path)
    for name in (OWN, "sweep.yaml"):
        if not (path / name).is_file():
            raise ConfigError(f"{path} is no claim: it has no {name}.")
    module = _module(path / OWN)
    claim = getattr(module, "CLAIM", None)
    if not isinstance(claim, Claim):
        raise ConfigError(f"{path / OWN}: CLAIM = {claim!r} must be a ltd.claims.Claim.")
    measure = getattr(module, "measure", None)
    folder = Folder(path.resolve(), claim, measure)
    for scale in SCALES:
        trained = folder.sweep(scale).program == PROGRAM
    if not trained and not callable(measure):
        raise ConfigError(f"{path / OWN} has no function measure, and sweep.yaml names it as the program.")
    return Folder(path.resolve(), claim, None if trained else measure)


def _module(path: Path) -> ModuleType:
    name = f"claim_{path.resolve().parent.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look for the module that they stand in
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(f"{path}: {line(error)}") from error
    return module


def known(root: Path) -> list[Path]:
    """The claim folders of a folder, by name."""
    return sorted(path.parent for path in Path(root).glob(f"*/{OWN}"))


def find(word: str, root: Path) -> list[Folder]:
    """The claims of that name: a folder's, a key (B-S2), a headline (H7), or the path of a folder."""
    given = Path(word)
    if (root / word / OWN).is_file():
        return [load(root / word)]
    if given.is_dir() or given.parent != Path():
        return [load(given)]
    folders = [load(path) for path in known(root)]
    found = [one for one in folders if word in (one.claim.key, one.claim.headline) and word]
    if not found:
        raise ConfigError(unknown("claim", word, [one.name for one in folders]) + " Or the path of a folder.")
    return found
