"""How long a user waits for the first answer of a fresh process: nothing compiled before, and with what was kept.

    python -m benchmarks.start [--repeats N] [--out FILE]

Whole commands by the clock, medians of N processes. `cold` has no compiled program to read; `kept` reads those of the
process before from JAX_COMPILATION_CACHE_DIR.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.step import ROOT, circumstances, row, write

COMMANDS = {  # what is waited for -> words, seconds that it should take
    "ltd --help": (["--help"], 0.5),
    "ltd list": (["list"], 3.0),
    "first probe": (["probe", "gradient", "--cell.type=lstm", "--length=100"], 15.0),
    "first training update": (
        ["run", "--task.type=adding/arjovsky2016", "--task.length=100", "--cell.type=lstm", "--train.steps=1",
         "--train.eval_every=1", "--wandb=off"],
        10.0,
    ),
}  # fmt: skip


def seconds_of(words: Sequence[str], kept: str | None = None) -> float:
    """One command in a fresh process, its output in a folder that is thrown away."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))}
    env |= {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    if kept:
        env |= {"JAX_COMPILATION_CACHE_DIR": kept, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    with tempfile.TemporaryDirectory() as folder:
        out = [f"--out={folder}/out"] if words[0] in ("probe", "run") else []
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "ltd", *words, *out], env=env, cwd=folder, check=True, capture_output=True
        )
        return time.perf_counter() - began


def measure(repeats: int) -> list[dict[str, Any]]:
    """A row per command."""
    rows, around = [], circumstances()
    for name, (words, bound) in COMMANDS.items():
        cold = statistics.median(seconds_of(words) for _ in range(repeats))
        rows.append(row("P8: a fresh process", f"{name}, cold", cold, {}, "s", around, {"ours": bound}))
        if words[0] in ("probe", "run"):
            with tempfile.TemporaryDirectory() as kept:
                seconds_of(words, kept)
                again = statistics.median(seconds_of(words, kept) for _ in range(repeats))
            rows.append(row("P8: a fresh process", f"{name}, compiled programs kept", again, {}, "s", around))
        for found in rows[-1 - (words[0] in ("probe", "run")) :]:
            print(f"{found['case']:50} {found['ours']:7.2f} s", flush=True)
    return rows


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="default benchmarks/results/MACHINE_start.json")
    given = parser.parse_args(words)
    print(f"written: {write(measure(given.repeats), 'start', given.out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
