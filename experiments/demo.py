"""The main job, end to end: how gradients decay through time against rho, and what that does to training."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments import figures
from experiments.tables import bar, memory, number, print_rows
from ltd import launch, plots, report
from ltd.config import ConfigError, unknown
from ltd.results import Record, writable
from ltd.runtime import PRECISIONS
from ltd.settings import Measure, Run, body_of
from ltd.stats import wilson

RHOS = (0.5, 0.75, 1.0, 1.25, 1.5)
NETWORKS = {
    "elman tanh": {"type": "elman", "activation": "tanh"},
    "elman relu": {"type": "elman", "activation": "relu"},
    "elman linear": {"type": "elman", "activation": "linear"},
    "lstm": {"type": "lstm"},
    "gru_after": {"type": "gru_after"},
}
TRAINED = ("elman", "lstm", "gru_after")


@dataclass(frozen=True)
class Scale:
    """How large the demo is. `full` is the README's; `small` is the same path in seconds, for the tests."""

    hidden: int
    length: int
    seeds: int  # of a probe
    runs: int  # seeds of a training run
    steps: int
    gaps: tuple[int, ...]
    tasks: dict[str, dict[str, Any]]
    precision: str = "float32"  # of training; probes are measured in float64
    networks: tuple[str, ...] = tuple(NETWORKS)  # that are probed
    trained: tuple[str, ...] = TRAINED


SCALES = {
    "full": Scale(
        32, 200, 10, 5, 1500, (5, 10, 20, 40),
        {
            "copy/arjovsky2016": {"gap": 10, "pattern": 3},
            "adding/arjovsky2016": {"length": 50},
            "parity/arora2024_cumulative": {"bits": 16},
        },
    ),
    "small": Scale(
        4, 12, 2, 2, 20, (2, 4),
        {
            "copy/arjovsky2016": {"gap": 2, "pattern": 1},
            "adding/arjovsky2016": {"length": 8},
        },
        networks=("elman tanh", "lstm"), trained=("elman",),
    ),
}  # fmt: skip


def demo(out: Path, scale: str = "full", precision: str = "float32") -> int:
    """Probe, train, draw, and write `index.html` into the folder; the exit code."""
    if scale not in SCALES:
        raise ConfigError(unknown("scale", scale, SCALES))
    if precision not in PRECISIONS:
        raise ConfigError(f"precision = {precision!r}: must be one of {', '.join(PRECISIONS)}.")
    size, out = replace(SCALES[scale], precision=precision), writable(out)
    stages: list[tuple[str, float, Callable[[Any], Any]]] = []
    for probe, cost in (("jacobian", 5.0), ("gradient", 3.0)):
        stages += [(f"{probe} {name}", cost, _measuring(out, probe, name, size)) for name in size.networks]
    stages += [(f"map, gap {gap}", 6.0, _mapping(out, gap, size)) for gap in size.gaps]
    for task, options in size.tasks.items():
        stages += [(f"{task} {cell}", 6.0, _training(out, task, options, cell, size)) for cell in size.trained]
    results: dict[str, Any] = {}
    total = sum(cost for _, cost, _ in stages)
    with bar() as progress:
        done = 0.0
        for name, cost, work in stages:
            begun = done

            def inside(_: str, part: int, of: int, name=name, begun=begun, cost=cost) -> None:
                progress(name, int(1000 * (begun + cost * part / max(of, 1))), int(1000 * total))

            inside("", 0, 1)
            results[name] = work(inside)
            done += cost
        progress("done", int(1000 * total), int(1000 * total))
    _write(out, size, results)
    return 0


# ------------------------------------------------------------------------------------------------ stages


def _measuring(out: Path, probe: str, name: str, size: Scale) -> Callable:
    def work(progress: launch.Progress) -> Path:
        folder = out / "probes" / f"{probe}_{name.replace(' ', '_')}"
        cell = {**NETWORKS[name], "hidden": size.hidden, "init": "gaussian"}
        settings = launch.configure(Measure, {"probe": probe, "cell": cell, "length": size.length, "batch": 1})
        launch.probe(launch.lanes_of(settings, RHOS, size.seeds), folder)
        return folder

    return work


def _mapping(out: Path, gap: int, size: Scale) -> Callable:
    def work(progress: launch.Progress) -> list[Record]:
        task = {"type": "copy/arjovsky2016", "gap": gap, "pattern": 1}
        cell = {"type": "elman", "hidden": size.hidden, "init": "gaussian"}
        runs = [
            one
            for rho in RHOS
            for one in launch.seeds_of(
                launch.configure(Run, {**_training_fields(size), "task": task, "cell": cell, "rho": rho}), size.runs
            )
        ]
        return launch.run(runs, out / "map", progress)

    return work


def _training(out: Path, task: str, options: dict[str, Any], cell: str, size: Scale) -> Callable:
    def work(progress: launch.Progress) -> list[Record]:
        fields = {
            **_training_fields(size),
            "task": {"type": task, **options},
            "cell": {"type": cell, "hidden": size.hidden},
        }
        return launch.run(launch.seeds_of(launch.configure(Run, fields), size.runs), out / "training", progress)

    return work


def _training_fields(size: Scale) -> dict[str, Any]:
    every = max(size.steps // 15, 1)
    return {
        "train": {"steps": size.steps, "batch": 32, "eval_every": every, "eval_batch": 256},
        "optimizer": {"type": "adam", "learning_rate": 3e-3, "clip_norm": 1.0},
        "precision": size.precision,
    }


# ------------------------------------------------------------------------------------------------ the page


def _write(out: Path, size: Scale, results: dict[str, Any]) -> None:
    for probe in ("jacobian", "gradient"):
        rows, digests = [], []
        for name in size.networks:
            found, names = figures.read_curves(results[f"{probe} {name}"])
            rows += [{**row, "cell": name} for row in found]
            digests += names
        plots.save(*_drawn(plots.decay_curves, rows, out / probe), digests)
        if probe == "jacobian":
            alive = [row for row in rows if np.isfinite(row["log10"]).all()]
            plots.save(*_drawn(plots.slope_against_rho, alive, out / "slope"), digests)
    mapped = [record for gap in size.gaps for record in results[f"map, gap {gap}"]]
    figures.draw_map(out, mapped, slopes_of(results["jacobian elman tanh"]))
    trained = [r for task in size.tasks for cell in size.trained for r in results[f"{task} {cell}"]]
    figures.draw_training(out, trained)
    solved, decay = solved_rows(trained), decay_rows(results, size.networks)
    picture = {name: report.Picture(name, ALT[name], CAPTIONS[name]) for name in ALT}
    sections = [
        report.Section("What rho does to training", [picture["map"]]),
        report.Section("How the gradient decays", [picture["jacobian"], picture["slope"], decay, picture["gradient"]]),
        report.Section("Three tasks, three cells", [picture["training"], solved]),
    ]
    intro = (
        f"Fresh networks of {size.hidden} units are probed over {size.length} steps; then networks are trained for "
        f"{size.steps} updates of 32 sequences with Adam (learning rate 0.003, norms clipped at 1). Every number comes "
        "from the runs in this folder."
    )
    report.write_page(out / "index.html", "How far back does this network remember?", intro, sections)
    print_rows("decay through time (jacobian, medians over seeds)", decay)
    print_rows("solved runs, with the levels of each task", solved)
    print(f"page: {out}/index.html   ledger: {out}/training, {out}/map")


def _drawn(plot: Callable, rows: list, stem: Path) -> tuple[Any, Path, Any]:
    figure, table = plot(rows)
    return figure, stem, table


ALT = {
    "map": "Heat map of the share of solved runs over rho and lag, with the decay slope at the same rho below it",
    "jacobian": "Norm of the Jacobian of the last state by earlier states against the lag, one panel per network",
    "gradient": "Norm of the gradient by earlier states against the lag, one panel per network",
    "slope": "Decay slope against rho, one line per network",
    "training": "Evaluation loss against updates with the blind, strict and optimal levels, one panel per task",
}
CAPTIONS = {
    "map": "Share of tanh Elman runs that learn to copy one of 8 symbols, by initial rho and lag; below, the slope at "
    "which the gradient of the same networks decays before training.",
    "jacobian": "Recurrent weights N(0, 1/H), rescaled to rho. rho^k is the asymptote of the linear network; "
    "(gamma sigma)^k is what the survey's equations 13-15 guarantee: for these matrices sigma is near 2 rho, so the "
    "bound is far above what happens.",
    "gradient": "Gradient of a random linear read-out of the last state by the whole earlier state (for the LSTM h "
    "and c), relative to its start.",
    "slope": "Slope over the second half of the lags; a network whose gradient becomes exactly zero is left out.",
    "training": "Five seeds each. Without memory a network stays at the blind or strict level.",
}


def slopes_of(folder: Path) -> list[dict[str, float]]:
    """rho and decay slope of every lane of a probe."""
    lanes = json.loads((folder / "summary.json").read_text())["lanes"]
    return [{"rho": lane["rho"], "slope": lane["decay_slope"]} for lane in lanes if lane["decay_slope"] is not None]


def decay_rows(results: dict[str, Any], networks: Sequence[str]) -> list[dict[str, Any]]:
    """Decay slope and effective memory per network and rho."""
    rows = []
    for name in networks:
        lanes = json.loads((results[f"jacobian {name}"] / "summary.json").read_text())["lanes"]
        for rho in RHOS:
            group = [lane for lane in lanes if lane["rho"] == rho]
            slopes = [lane["decay_slope"] for lane in group if lane["decay_slope"] is not None]
            rows.append(
                {
                    "network": name,
                    "rho": number(rho),
                    "log10 per step": number(np.median(slopes)) if slopes else "exactly zero",
                    "effective memory (steps)": memory([lane["effective_memory"] for lane in group]),
                    "seeds": len(group),
                }
            )
    return rows


def solved_rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Solved share with interval, final losses and levels, per task and cell."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.config["task"]["type"], body_of(record.config)), []).append(record)
    rows = []
    for (task, cell), group in groups.items():
        solved = [r for r in group if r.status == "solved"]
        low, high = wilson(len(solved), len(group))
        levels = group[0].summary["levels"]
        losses = [r.summary["eval/loss"] for r in group if r.summary["eval/loss"] is not None]
        rows.append(
            {
                "task": task,
                "cell": cell,
                "solved": f"{len(solved)}/{len(group)}",
                "95 % interval": f"{low:.2f} to {high:.2f}",
                "updates to success": number(np.median([r.summary["solved_at"] for r in solved])) if solved else "-",
                "diverged": sum(r.status == "diverged" for r in group),
                "median loss": number(np.median(losses)) if losses else "-",
                **{name: number(levels[name]["loss"]) for name in ("blind", "strict", "optimum")},
            }
        )
    return rows
