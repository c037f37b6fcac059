"""Figures of a folder, drawn from what lies in it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.sweep import distinct
from experiments.sweep_figures import category, draw_sweep, in_order, settings
from experiments.tables import choice
from ltd import plots
from ltd.config import Choice, ConfigError
from ltd.model import make_task
from ltd.plots.common import NAMES, NORMS
from ltd.plots.probes import DEEP, WORDS
from ltd.plots.training import LAG
from ltd.results import Record, guessed, names_of, read_guesses, read_looks, read_runs
from ltd.types import Curves

Warn = Callable[[str], None]


def draw(folder: Path, warn: Warn) -> list[Path]:
    """Every figure that the folder has data for."""
    drawn: list[Path] = []
    if (folder / "curves.csv").is_file():
        drawn += draw_probe(folder)
    records = in_order([r for r in read_runs(folder, warn) if r.status != "unfinished"])
    guesses = read_guesses(folder, warn)
    whole = [r for r in records if r.status != "failed"]
    if whole:
        drawn += draw_training(folder, distinct(whole), guesses)
        drawn += draw_looks(folder, whole, warn)
    if records:
        drawn += draw_sweep(folder, distinct(records), guesses, warn)
    return drawn


# ------------------------------------------------------------------------------------------------ probes


def read_curves(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of `decay_curves` and the digests, from `curves.csv` and `summary.json`."""
    try:
        lanes = json.loads((folder / "summary.json").read_text())["lanes"]
        with open(folder / "curves.csv", newline="") as file:
            table = list(csv.DictReader(file))
        groups: dict[tuple[str, str, str], list[dict[str, str]]] = {}
        for row in table:
            groups.setdefault((row["cell"], row["rho"], row["seed"]), []).append(row)
        quantity = "jacobian" if table[0]["jacobian_log10"] else "adjoint"
        rows = []
        for lane, ((cell, _, seed), group) in zip(lanes, groups.items(), strict=True):
            bound = [float(r["bound_log10"]) for r in group] if group[0]["bound_log10"] else None
            rows.append(
                {
                    "cell": cell,
                    "rho": lane["rho"] if lane["rho"] is not None else _typical(lanes),
                    "seed": int(seed),
                    "lag": np.array([int(r["lag"]) for r in group]),
                    "log10": np.array([float(r[f"{quantity}_log10"] or "nan") for r in group]),
                    "bound_log10": None if bound is None else np.array(bound),
                    "asymptote": bound is not None and lane["rho"] is not None,
                    "quantity": quantity,
                }
            )
        return rows, [lane["digest"] for lane in lanes]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ConfigError(f"{folder} holds a corrupt probe ({error}): run it again.") from None


def _typical(lanes: Sequence[dict[str, Any]]) -> float:
    """Where no rho was asked for: the median one of the networks, to three digits."""
    known = [lane["rho_measured"] for lane in lanes if lane.get("rho_measured") is not None]
    return float(f"{np.median(known):.3g}") if known else np.nan


DRAWN: dict[str, Callable[..., Any]] = {  # the decay curves of other probes have several figures
    "lyapunov": plots.exponents,
    "memory": plots.memory_curves,
    "saturation": plots.unit_shares,
    "spectrum": plots.eigenvalues,
}


def draw_probe(folder: Path) -> list[Path]:
    """A figure named after the probe; of a decay curve `decay`, and `slope` where there are several rho."""
    if (name := probe_of(folder)) in DRAWN:
        rows, digests = read_table(folder)
        figure, table = DRAWN[name](rows)
        return plots.save(figure, folder / name, table, digests)
    rows, digests = read_curves(folder)
    axes = json.loads((folder / "summary.json").read_text()).get("axes", {})
    layers = any("layer" in names for names in axes.values())
    figure, table = plots.decay_curves(rows, counted="layers" if layers else "steps")
    drawn = plots.save(figure, folder / "decay", table, digests)
    longest = len(rows[0]["lag"])
    if len({row["rho"] for row in rows}) > 1 and longest > 3 and all(np.isfinite(row["log10"]).all() for row in rows):
        figure, table = plots.slope_against_rho(rows)
        drawn += plots.save(figure, folder / "slope", table, digests)
    return drawn


def probe_of(folder: Path) -> str:
    """The probe that measured what lies in the folder."""
    try:
        named = json.loads((folder / "summary.json").read_text())["measurement"]["probe"]
        return named["type"] if isinstance(named, dict) else str(named)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder} holds a corrupt probe ({error}): run it again.") from None


def read_table(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """A row per lane with the columns of `curves.csv` as arrays, and the digests."""
    try:
        lanes = json.loads((folder / "summary.json").read_text())["lanes"]
        with open(folder / "curves.csv", newline="") as file:
            names, *lines = list(csv.reader(file))
        size, rest = divmod(len(lines), len(lanes))
        if rest or not size:
            raise ValueError(f"{len(lines)} lines for {len(lanes)} networks")
        rows = []
        for i, lane in enumerate(lanes):
            columns = dict(zip(names, zip(*lines[i * size : (i + 1) * size], strict=True), strict=True))
            rho = lane["rho"] if lane["rho"] is not None else _typical(lanes)
            head = {"cell": columns.pop("cell")[0], "rho": rho, "seed": int(columns.pop("seed")[0])}
            columns.pop("rho")
            words = {name: np.array(values) for name, values in columns.items() if name == "block"}
            numbers = {n: np.array([float(v or "nan") for v in vs]) for n, vs in columns.items() if n not in words}
            rows.append({**head, **words, **numbers})
        return rows, [lane["digest"] for lane in lanes]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ConfigError(f"{folder} holds a corrupt probe ({error}): run it again.") from None


# ------------------------------------------------------------------------------------------------ training


def draw_training(folder: Path, records: Sequence[Record], guesses: Sequence[dict[str, Any]] = ()) -> list[Path]:
    """`training`; `lengths` where runs were tested at other lengths; where there are several rho `map`, one for each
    network and task in which nothing else was varied.

    The map of a task that guessing solves is not drawn, and its other panels say so.
    """
    named = list(zip(records, _labels(records), strict=True))
    rows = [training_row(record) | label | _warned(record, guesses) for record, label in named]
    figure, table = plots.training_curves(rows)
    drawn = plots.save(figure, folder / "training", table, [r.digest for r in records])
    tested = [length_row(r) | label | _warned(r, guesses) for r, label in named if "lengths" in r.summary]
    if tested:
        figure, table = plots.length_curves(tested)
        drawn += plots.save(figure, folder / "lengths", table, [r.digest for r in records if "lengths" in r.summary])
    maps: dict[tuple[str, str], list[Record]] = {}
    for r in records:
        if r.config["rho"] is not None and not _solved_by_guessing(r, guesses):
            maps.setdefault((category(r), r.config["task"]["type"]), []).append(r)
    maps = {kind: its for kind, its in maps.items() if len({r.config["rho"] for r in its}) > 1 and _seeds_alone(its)}
    for kind, its in maps.items():
        drawn += draw_map(folder, its, [], _map_name(kind, list(maps)))
    return drawn


MAPS: dict[str, tuple[str, str, str, float | None]] = {  # probe: array, what is counted, what it is, decades shown
    "gradient": ("adjoint_log10", "lag (steps)", rf"$\log_{{10}}\, {NORMS['adjoint']}$", DEEP),
    "jacobian": ("jacobian_log10", "lag (steps)", rf"$\log_{{10}}\, {NORMS['jacobian']}$", DEEP),
    "lyapunov": ("lyapunov", "rank", "exponent (nats per step)", None),
    "memory": ("memory", "lag (steps)", "$R^2$ of the input", None),
}


def draw_looks(folder: Path, records: Sequence[Record], warn: Warn) -> list[Path]:
    """`probe_NAME` for each probe that was attached to runs of the folder."""
    found: dict[str, list[dict[str, Any]]] = {}
    digests: dict[str, list[str]] = {}
    watched = [record for record in records if record.config.get("probe")]
    for record, named in zip(watched, _labels(watched) if watched else [], strict=True):
        try:
            seen = read_looks(record.folder)
        except ConfigError as error:
            warn(str(error))
            continue
        name = record.config["probe"]["type"]
        found.setdefault(name, []).extend(look_rows(record, seen, ", ".join(filter(None, named.values()))))
        digests.setdefault(name, []).append(record.digest)
    drawn: list[Path] = []
    for name, rows in found.items():
        _, counted, label, deep = MAPS.get(name, ("", "", LINES.get(name, "value"), None))
        figure, table = plots.looks(rows, counted, label, deep)
        drawn += plots.save(figure, folder / f"probe_{name}", table, digests[name])
    return drawn


LINES = {"saturation": "share of units\n(mean over steps)", "spectrum": "of the recurrent block"}


def look_rows(record: Record, seen: Curves, label: str) -> list[dict[str, Any]]:
    """A run as `plots.looks` wants it: one map, or a panel per unit or block and in it a line per number."""
    names, name = _names(record), record.config["probe"]["type"]
    about = {"title": f"{names['title']}\n{label}", "seed": names["seed"], "update": seen["update"]}
    if name in MAPS:
        values = np.asarray(seen[MAPS[name][0]], float)
        values = values.mean(axis=-1) if values.ndim == 3 else values
        if name == "gradient":
            with np.errstate(invalid="ignore"):
                values = values - values[:, :1]
        return [{**about, "name": "", "values": values}]
    rows = []
    for array in names_of(seen):
        if array.endswith("/by_unit") or array.endswith("/eigenvalues"):
            continue
        values = np.asarray(seen[array], float)
        unit, _, number = array.rpartition("/")
        values = np.nanmean(values, axis=-1) if values.ndim == 2 else values
        rows.append(
            {**about, "title": f"{about['title']}, {unit}", "name": WORDS.get(number, number), "values": values}
        )
    return rows


def _map_name(kind: tuple[str, str], kinds: Sequence[tuple[str, str]]) -> str:
    """`map`, and what tells it from the others where there are several: `map_lstm`."""
    told = [part for i, part in enumerate(kind) if len({other[i] for other in kinds}) > 1]
    return "_".join(["map", *(re.sub(r"\W+", "_", part).strip("_") for part in told)])


def _solved_by_guessing(record: Record, guesses: Sequence[dict[str, Any]]) -> bool:
    return (guessed(guesses, record.config["task"]) or (0, 0))[0] > 0


def _warned(record: Record, guesses: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The panel of a task that random weights solve says that it shows no memory."""
    guessable = _solved_by_guessing(record, guesses)
    return {"title": _names(record)["title"] + "\n(random weights solve it)"} if guessable else {}


def _names(record: Record) -> dict[str, Any]:
    """The panel and the colour of a run, and its seed."""
    task = record.config["task"]
    sizes = ", ".join(choice(task, "task").split()[1:]).replace("=", " ")
    return {
        "title": f"{task['type']}\n{sizes}" if sizes else task["type"],
        "label": category(record),
        "seed": record.config["seed"],
    }


def _seeds_alone(records: Sequence[Record]) -> bool:
    """Whether the runs of one rho and task differ in their seeds alone."""
    return all(name == "rho" or name.startswith("task.") for name in settings(records))


def _labels(records: Sequence[Record]) -> list[dict[str, str]]:
    """The colour of each run, and its setting where there are more of these than colours: only seeds share a median."""
    varied = {name: values for name, values in settings(records).items() if not name.startswith("task.")}
    words = [", ".join(f"{name} {values[i]}" for name, values in varied.items()) for i in range(len(records))]
    networks = [category(record) for record in records]
    whole = [f"{network}, {its}" if its else network for network, its in zip(networks, words, strict=True)]
    if len(set(whole)) <= len(NAMES):
        return [{"label": label} for label in whole]
    return [{"label": network, "setting": its} for network, its in zip(networks, words, strict=True)]


def length_row(record: Record) -> dict[str, Any]:
    """A run as `length_curves` wants it: the metric of its last network at the lengths of the test."""
    rows, options = record.summary["lengths"], dict(record.config["task"])
    task = make_task(Choice(options.pop("type"), options))
    return {
        **_names(record),
        "length": np.array([row["length"] for row in rows]),
        "metric": np.array([np.nan if row["metric"] is None else row["metric"] for row in rows], float),
        "levels": {n: [row[f"{n}/metric"] for row in rows] for n in ("blind", "strict", "optimum")},
        "trained": getattr(task, task.size),  # type: ignore[attr-defined]
    }


def training_row(record: Record) -> dict[str, Any]:
    """A run as `training_curves` wants it: the loss on the evaluation set."""
    metrics = record.metrics()
    loss = [row["eval/loss"] if row["eval/loss"] is not None else np.nan for row in metrics]
    return {
        **_names(record),
        "update": np.array([row["update"] for row in metrics]),
        "loss": np.array(loss, float),
        "levels": {name: level["loss"] for name, level in record.summary["levels"].items()},
        "diverged": record.status == "diverged",
    }


def lag_of(record: Record) -> tuple[int, int]:
    """The shortest and the longest lag of a run's task."""
    options = dict(record.config["task"])
    return make_task(Choice(options.pop("type"), options)).lag


def draw_map(
    folder: Path, records: Sequence[Record], slopes: Sequence[dict[str, float]], name: str = "map"
) -> list[Path]:
    """Solved share over rho and lag, the decay slope at the same rho below it.

    The lag is the shortest one, or the longest where tasks of several lengths agree in the shortest.
    """
    lags = {record.digest: lag_of(record) for record in records}
    longest = len({lag[0] for lag in lags.values()}) < len({lag[1] for lag in lags.values()})
    fields: dict[tuple[float, int], list[Record]] = {}
    for record in records:
        fields.setdefault((record.config["rho"], lags[record.digest][longest]), []).append(record)
    shares = [
        {
            "rho": rho,
            "lag": lag,
            "solved": sum(r.status == "solved" for r in group),
            "total": len(group),
            "diverged": sum(r.status == "diverged" for r in group),
        }
        for (rho, lag), group in sorted(fields.items())
    ]
    slopes = slopes or fresh_slopes(records)
    axis = "longest lag of the task (steps)" if longest else LAG
    named = category(records[0]) if name != "map" else ""
    figure, table = plots.solved_map(shares, slopes, lag=axis, name=named)
    return plots.save(figure, folder / name, table, [r.digest for r in records])


def fresh_slopes(records: Sequence[Record]) -> list[dict[str, float]]:
    """The decay slope of networks like these before training, on the task of the longest lag."""
    from ltd import launch, measure
    from ltd.settings import Measure

    longest = max(records, key=lag_of).config
    rhos = sorted({r.config["rho"] for r in records})
    seeds = len({r.config["seed"] for r in records})
    like = {"probe": "jacobian", **{part: longest[part] for part in ("cell", "net", "task", "initial")}}
    like["precision"] = "float64" if longest["precision"] == "float64" else "float32"
    lanes = launch.lanes_of(launch.configure(Measure, like), rhos, seeds)
    curves = launch.probe(lanes)
    found = [measure.summarise(lane, curve) for lane, curve in zip(lanes, curves, strict=True)]
    return [{"rho": s["rho"], "slope": s["decay_slope"]} for s in found if s["decay_slope"] is not None]
