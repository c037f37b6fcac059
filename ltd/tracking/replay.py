"""A ledger sent to W&B after the fact. Every run keeps its id, so that sending it twice makes no second run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ltd.results import Record, read_runs
from ltd.tracking.mirror import Wandb, noted, project_of, run_id

if TYPE_CHECKING:  # ltd.types loads jax
    from ltd.types import Tracker


class Sent(NamedTuple):
    """How many runs of a ledger were sent, had been sent before, are unfinished, or could not be sent."""

    sent: int
    before: int
    unfinished: int
    failed: int


def replay(tracker: Tracker, record: Record) -> None:
    """One finished run of the ledger. What the ledger holds as null was not finite."""
    code = json.loads((record.folder / "config.json").read_text())
    tracker.start(record.digest, record.config, record.times["started"], code)
    for row in record.metrics():
        tracker.log(record.digest, {name: math.nan if value is None else value for name, value in row.items()})
    tracker.finish(record.digest, {"status": record.status, **record.summary, **record.times}, record.folder)


def sync(
    root: Path,
    mode: str,
    tell: Callable[[str], None],
    progress: Callable[[str, int, int], None] = lambda *_: None,
    project: str | None = None,
    again: bool = False,
) -> Sent:
    """Send the finished runs of a ledger that were not yet sent in this mode to this project; all of them `again`.

    What was sent is noted in `DIR/DIGEST/wandb.json`. Online it does not fall back to offline.
    """
    records = read_runs(root, tell)
    finished = [record for record in records if record.status != "unfinished"]

    def is_new(record: Record) -> bool:
        its = noted(record.folder).get(mode)
        return its != {"id": run_id(record.digest, record.times["started"]), "project": project_of(project)}

    new = [record for record in finished if again or is_new(record)]
    if not new:
        return Sent(0, len(finished), len(records) - len(finished), 0)
    tracker = Wandb(mode, Path(root).resolve().name, tell, project, insist=True)
    try:
        for done, record in enumerate(new):
            progress(f"wandb {mode}", done, len(new))
            replay(tracker, record)
            tracker.flush()
        progress(f"wandb {mode}", len(new), len(new))
    finally:
        tracker.close()
    sent = len(tracker.arrived)
    return Sent(sent, len(finished) - len(new), len(records) - len(finished), len(new) - sent)
