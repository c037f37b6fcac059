"""Which cell solves which task: five tasks with long lags, three cells, five seeds, equal budgets, and guessing as a
control. `python -m experiments.battery [--out=DIR] [--docs=DIR]`

The settings below were fixed before the runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.figures import training_row
from experiments.separation import share
from experiments.tables import bar, number, print_rows
from ltd import config, launch, plots, results, runtime
from ltd.results import Record
from ltd.settings import Guess, Run, body_of

CELLS = ("elman", "lstm", "gru_after")
TASKS: dict[str, dict[str, Any]] = {  # fields of the task; updates
    "reber/embedded_hochreiter1997": {"steps": 3000},
    "adding/pascanu2013": {"length": 50, "steps": 3000},
    "temporal_order/pascanu2013": {"length": 50, "steps": 3000},
    "parity/arora2024": {"bits": 20, "steps": 3000},
    "recall/mqar_arora2024": {"steps": 3000},
}
FIELDS: dict[str, Any] = {
    "train": {"batch": 32, "eval_every": 200, "eval_batch": 256},
    "optimizer": {"type": "adam", "learning_rate": 3e-3, "clip_norm": 1.0},
}
SEEDS, HIDDEN, GUESSES = 5, 32, 2000


def main(arguments: Sequence[str]) -> int:
    """Run what the ledger lacks; write table and figure."""
    fields = config.parse(arguments)
    out, docs = Path(fields.pop("out", "runs/battery")), Path(fields.pop("docs", "docs/results"))
    if fields:
        raise config.ConfigError(config.unknown("field", next(iter(fields)), ["out", "docs"]))
    runtime.start()
    records: list[Record] = []
    guesses: dict[str, dict[str, Any]] = {}
    with bar() as progress:
        for name, sizes in TASKS.items():
            task = {"type": name, **{k: v for k, v in sizes.items() if k != "steps"}}
            train = {**FIELDS["train"], "steps": sizes["steps"]}
            for cell in CELLS:
                given = {**FIELDS, "task": task, "train": train, "cell": {"type": cell, "hidden": HIDDEN}}
                records += launch.run(launch.seeds_of(launch.configure(Run, given), SEEDS), out, progress)
            control = {"task": task, "cell": {"type": "elman", "hidden": HIDDEN}, "guesses": GUESSES}
            guesses[name] = launch.guess(launch.configure(Guess, control), out, progress)
    rows = summarise(records, guesses)
    print_rows(f"{SEEDS} seeds, equal budgets", rows)
    docs.mkdir(parents=True, exist_ok=True)
    figure, table = plots.training_curves([training_row(r) for r in records])
    plots.save(figure, docs / "battery", table, [r.digest for r in records])
    about = {"cells": CELLS, "tasks": TASKS, "fields": FIELDS, "seeds": SEEDS, "hidden": HIDDEN, "guesses": GUESSES}
    results.write_json(docs / "battery.json", {"rows": rows, "settings": about, **results.provenance()})
    return 0


def summarise(records: Sequence[Record], guesses: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Per task and cell: solved share with its Wilson interval, updates to success, levels, guesses."""
    rows = []
    for name in TASKS:
        for cell in CELLS:
            group = [r for r in records if (r.config["task"]["type"], body_of(r.config)) == (name, cell)]
            solved = [r.summary["solved_at"] for r in group if r.status == "solved"]
            levels, last = group[0].summary["levels"], [r.summary["eval/loss"] for r in group]
            whole = [np.inf if loss is None else loss for loss in last]
            tried = guesses[name]
            rows.append(
                {
                    "task": name,
                    "cell": cell,
                    "solved": share(len(solved), len(group)),
                    "updates to success": f"{np.median(solved):.0f} ({min(solved)} to {max(solved)})"
                    if solved
                    else "-",
                    "diverged": sum(r.status == "diverged" for r in group),
                    "median loss": number(np.median(whole)),
                    **{level: number(levels[level]["loss"]) for level in ("blind", "strict", "optimum")},
                    "solved by guessing": f"{tried['solved']}/{tried['guesses']}",
                }
            )
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
