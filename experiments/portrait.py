"""The family portrait: one probe on every registered cell, one picture of all decay curves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.figures import read_curves
from ltd import config, launch, plots
from ltd.cells import CELLS, constructor
from ltd.launch import Progress
from ltd.results import writable
from ltd.settings import Measure


def portrait(fields: Mapping[str, Any], seeds: int, out: Path, progress: Progress) -> list[Path]:
    """Probe every cell with the same fields, a folder each, and draw them all into `portrait`.

    A cell that has been measured with these settings before is not measured again.

    Raises
        ConfigError  where a field does not fit every cell, before anything is measured.
    """
    own = {k: v for k, v in dict(fields.get("cell") or {}).items() if k != "type"}
    for name in CELLS:
        known = config.options_of(constructor(name), ("key", "inputs")).__dataclass_fields__  # type: ignore[attr-defined]
        for option in own:
            if option not in known:
                raise config.ConfigError(f"cell.{option} does not fit every cell ({name} has none): leave it out.")
    configured = {n: launch.configure(Measure, {**fields, "cell": {"type": n, **own}}) for n in CELLS}
    lanes = {name: launch.lanes_of(one, [None], seeds) for name, one in configured.items()}
    writable(out)
    rows: list[dict[str, Any]] = []
    digests: list[str] = []
    for done, name in enumerate(CELLS):
        progress(f"{name} x {seeds}", done, len(CELLS))
        folder = out / name
        if not _measured(folder, [config.digest(lane) for lane in lanes[name]]):
            launch.probe(lanes[name], folder)
        found, its = read_curves(folder)
        rows += found
        digests += its
    progress("all cells", len(CELLS), len(CELLS))
    figure, table = plots.portrait(rows)
    return plots.save(figure, out / "portrait", table, digests)


def _measured(folder: Path, digests: list[str]) -> bool:
    try:
        return [lane["digest"] for lane in json.loads((folder / "summary.json").read_text())["lanes"]] == digests
    except (OSError, ValueError, KeyError, TypeError):
        return False
