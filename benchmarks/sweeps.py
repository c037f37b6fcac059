"""How long a sweep takes: P3 against separate runs of a Flax script, P7 how time grows with sizes.

    python -m benchmarks.sweeps [--updates 500 2000] [--peers 64 16] [--part peers growth] [--out FILE]

P3: adding/arjovsky2016, T = 100, LSTM with 64 units, Adam, batch 32; 16 seeds x 4 learning rates, from a cold start (no
compiled program is cached) to the ledger, against 64 processes of `benchmarks.peer_adding`, two at a time, each on a
core of its own where there are two. Both check the loss on 256 sequences every 100 updates; ours also holds the success
rule against fresh sequences, and keeps records, checkpoints and parameters. Measured once.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.step import ROOT, circumstances, row, write
from ltd import runtime

SEEDS, RATES = range(16), (3e-4, 1e-3, 3e-3, 1e-2)
FIELDS: dict[str, Any] = {
    "task.type": "adding/arjovsky2016",
    "task.length": 100,
    "cell.type": "lstm",
    "cell.hidden": 64,
    "optimizer.type": "adam",
    "train.batch": 32,
    "train.eval_every": 100,
    "train.eval_batch": 256,
    "train.stop": False,
}


def ours(updates: int, folder: Path) -> float:
    """Seconds of the whole sweep."""
    parameters = {name: {"value": value} for name, value in {**FIELDS, "train.steps": updates}.items()}
    parameters |= {"seed": {"values": [*SEEDS]}, "optimizer.learning_rate": {"values": [*RATES]}}
    file = folder / "sweep.yaml"
    file.write_text(json.dumps({"program": "experiments/cli.py", "method": "grid", "parameters": parameters}))
    words = [sys.executable, "-m", "ltd", "sweep", str(file), f"--out={folder}/ours", "--wandb=off"]
    began = time.perf_counter()
    subprocess.run(words, check=True, env=_cold(), cwd=ROOT, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    assert len(list(folder.glob("ours/*/summary.json"))) == len(SEEDS) * len(RATES)
    return seconds


def peers(updates: int, folder: Path, count: int) -> float:
    """Seconds of 64 processes, two at a time; where fewer are run, their time is scaled up."""
    jobs = [(seed, rate) for seed in SEEDS for rate in RATES][:count]
    share = len(jobs) / (len(SEEDS) * len(RATES))
    cores = sorted(os.sched_getaffinity(0))[:2]
    running: dict[int, subprocess.Popen] = {}
    began = time.perf_counter()
    while jobs or running:
        for core in [c for c in cores if c not in running and jobs]:
            seed, rate = jobs.pop(0)
            words = [sys.executable, "-m", "benchmarks.peer_adding", str(seed), str(rate), str(updates)]
            words.append(str(folder / f"peer-{seed}-{rate}.jsonl"))
            pinned = ["taskset", "-c", str(core), *words] if shutil.which("taskset") else words
            running[core] = subprocess.Popen(pinned, env=_cold(), cwd=ROOT)
        time.sleep(0.02)
        for core, process in list(running.items()):
            if process.poll() is not None:
                assert process.returncode == 0
                del running[core]
    seconds = time.perf_counter() - began
    assert len(list(folder.glob("peer-*.jsonl"))) == share * len(SEEDS) * len(RATES)
    return seconds / share


def _cold() -> dict[str, str]:
    """The environment without a cache of compiled programs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}


def against_peers(updates: int, count: int) -> dict[str, Any]:
    """One row of P3."""
    with tempfile.TemporaryDirectory() as name:
        mine = ours(updates, Path(name))
        print(f"{updates} updates: ours {mine:.1f} s", flush=True)
        theirs = peers(updates, Path(name), count)
        print(f"{updates} updates: peers {theirs:.1f} s, ratio {mine / theirs:.3f}", flush=True)
        losses = {
            "ours": _losses(Path(name).glob("ours/*/metrics.jsonl")),
            "flax": _losses(Path(name).glob("peer-*.jsonl")),
        }
    case = f"adding/arjovsky2016 T=100, LSTM 64, batch 32, {updates} updates, 16 seeds x 4 learning rates"
    scaled = "" if count >= len(SEEDS) * len(RATES) else f", from {count} of them"
    name = f"64 flax nnx.RNN processes, two at a time{scaled}"
    bound = {"ratio": 0.4} if updates == 500 else {}
    made = row("P3: a sweep from cold start to ledger", case, mine, {name: theirs}, "s", circumstances(), bound)
    return made | {"median last loss": losses}


def _losses(paths: Any) -> float:
    last = [json.loads(path.read_text().splitlines()[-1])["eval/loss"] for path in paths]
    return round(float(np.median([np.inf if loss is None else loss for loss in last])), 4)


# ------------------------------------------------------------------------------------------------ growth


def seconds_of(lanes: int, plan: str = "chunked", **sizes: int) -> float:
    """Seconds of one update of all lanes, median of five."""
    import dataclasses

    from ltd import config, launch
    from ltd.block import Block
    from ltd.model import make_task
    from ltd.settings import Run
    from ltd.train import Trainer

    fields = {**FIELDS, "task.length": sizes.get("T", 100), "cell.hidden": sizes.get("H", 64)}
    one = launch.configure(Run, {**fields, "plan": plan, "train.batch": sizes.get("B", 32), "train.steps": 10**6})
    block = Block(Trainer(one, make_task(one.task)), lanes)
    for seed in range(lanes):
        block.place(str(seed), config.split(dataclasses.replace(one, seed=seed))[1])
    block.advance(1)
    check = min(_timed(block, 0) for _ in range(3))
    count = max(1, int(0.3 / max(_timed(block, 1) - check, 1e-3)))
    return float(np.median([(_timed(block, count) - check) / count for _ in range(5)]))


def _timed(block: Any, updates: int) -> float:
    began = time.perf_counter()
    block.advance(updates)
    return time.perf_counter() - began


GROWTH = {"T": (50, 100, 200, 400), "B": (8, 16, 32, 64), "H": (16, 32, 64, 128), "lanes": (2, 4, 8, 16)}


def growth() -> list[dict[str, Any]]:
    """P7: log-log slopes around T = 100, B = 32, H = 64, four lanes."""
    rows = []
    for name, values in GROWTH.items():
        times = [seconds_of(v) if name == "lanes" else seconds_of(4, **{name: v}) for v in values]
        slope = float(np.polyfit(np.log(values), np.log(times), 1)[0])
        milliseconds = [round(1000 * t, 3) for t in times]
        print(f"{name}: {dict(zip(values, milliseconds, strict=True))} ms, slope {slope:.2f}", flush=True)
        case = f"{name} = {', '.join(map(str, values))}"
        made = row("P7: growth of an update's time", case, slope, {}, "log-log slope", circumstances())
        rows.append(made | {"milliseconds": milliseconds})
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, nargs="*", default=[500, 2000])
    parser.add_argument("--peers", type=int, nargs="*", default=[64, 16],
                        help="how many of the 64 processes are run, and scaled up, for each of --updates")  # fmt: skip
    parser.add_argument("--part", nargs="*", default=["peers", "growth"], choices=["peers", "growth"])
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if "peers" in given.part:
        rows += [against_peers(updates, count) for updates, count in zip(given.updates, given.peers, strict=True)]
    runtime.start()
    if "growth" in given.part:
        rows += growth()
    print(f"written: {write(rows, 'sweeps', given.out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
