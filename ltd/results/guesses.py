"""Guessing controls in the ledger: `DIR/guesses/DIGEST.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ltd.config import digest, plain
from ltd.results.files import now, provenance, write_json


def write_guess(root: Path, config: Any, found: Mapping[str, Any]) -> Path:
    """A guessing control, beside the runs: `guesses/DIGEST.json`."""
    path = Path(root) / "guesses" / f"{digest(config)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"digest": digest(config), "config": plain(config), **found, "ended": now(), **provenance()})
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
