"""The generated tables of the README. `python -m experiments.docs` rewrites them; a test says when they are stale."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from experiments.catalogue import catalogue
from experiments.tables import number

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def bodies(kind: str) -> list[dict[str, str]]:
    """Cells or nets from the registry, with the plan that their form adds to the loop and its chunks."""
    return [
        {
            kind.removesuffix("s"): f"`{r['name']}`",
            "key": r["key"],
            "what": r["summary"],
            "parallel by": ", ".join(p for p in r["plans"] if p not in ("stepwise", "chunked")) or "-",
            "source": r["source"],
        }
        for r in catalogue([kind])
    ]


def tasks() -> list[dict[str, str]]:
    """Tasks from the registry, with their lag and levels."""
    return [
        {
            "task": f"`{r['name']}`",
            "lag": " to ".join(map(str, dict.fromkeys(r["lag"]))),
            **{name: number(level["loss"]) for name, level in r["levels"].items()},
            "source": r["source"].split("),")[0] + ")",
        }
        for r in catalogue(["tasks"])
    ]


def separation() -> list[dict[str, Any]]:
    """The committed result of `experiments.separation`."""
    return json.loads((ROOT / "docs/results/separation.json").read_text())["rows"]


def step() -> list[dict[str, str]]:
    """The committed times and peak memories of one gradient step; all rows stand in the file itself."""
    rows = []
    for path in sorted((ROOT / "benchmarks/results").glob("*_step.json")):
        for entry in json.loads(path.read_text()):
            what = entry["goal"].removesuffix(" of one gradient step").replace(" of one gradient step", "")
            if "stepwise" in what or ("memory" in what and "," in what):
                continue
            peers = ", ".join(f"{name} {number(value)}" for name, value in entry["peers"].items())
            ours = f"{number(entry['ours'])} {entry['unit']}"
            rows.append(
                {
                    "case": entry["case"],
                    "what": what,
                    "ours": ours,
                    "others": peers or "-",
                    "ratio": number(entry["ratio"]),
                }
            )
    return rows


TABLES: dict[str, Callable[[], Sequence[Mapping[str, Any]]]] = {
    "cells": partial(bodies, "cells"),
    "nets": partial(bodies, "nets"),
    "tasks": tasks,
    "separation": separation,
    "step": step,
}


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table."""
    if not rows:
        return "Not measured yet.\n"
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row.values())) + " |" for row in rows)]) + "\n"


def generated(text: str) -> str:
    """The text with every generated block made anew."""
    return BLOCK.sub(lambda m: m[1] + markdown(TABLES[m[2]]()) + m[3], text)


def main() -> int:
    """Rewrite the README's tables."""
    path = ROOT / "README.md"
    path.write_text(generated(path.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
