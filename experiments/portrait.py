"""The family portrait: one probe on every registered cell, one picture of all decay curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.figures import read_curves
from ltd import config, launch, plots
from ltd.cells import CELLS, constructor
from ltd.launch import Progress
from ltd.settings import Measure


def lanes_of(fields: Mapping[str, Any], seeds: int) -> dict[str, list[Measure]]:
    """What is to be measured, by cell, with the same fields for all.

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
    return {name: launch.lanes_of(one, [None], seeds) for name, one in configured.items()}


def portrait(lanes: Mapping[str, Sequence[Measure]], out: Path, progress: Progress) -> list[Path]:
    """Probe every cell, a folder each, and draw them all into `portrait`.

    A cell that has been measured with these settings before is not measured again.
    """
    rows: list[dict[str, Any]] = []
    digests: list[str] = []
    for done, (name, its_lanes) in enumerate(lanes.items()):
        progress(f"{name} x {len(its_lanes)}", done, len(lanes))
        folder = out / name
        if not _measured(folder, [config.digest(lane) for lane in its_lanes]):
            launch.probe(its_lanes, folder)
        found, its = read_curves(folder)
        rows += found
        digests += its
    progress("all cells", len(lanes), len(lanes))
    figure, table = plots.portrait(rows)
    return plots.save(figure, out / "portrait", table, digests)


def _measured(folder: Path, digests: list[str]) -> bool:
    try:
        return [lane["digest"] for lane in json.loads((folder / "summary.json").read_text())["lanes"]] == digests
    except (OSError, ValueError, KeyError, TypeError):
        return False
