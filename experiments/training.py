"""The verbs that train and measure: run, sweep, probe, guess. Nothing heavy is imported before a verb is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.options import mesh_of, take, warn
from ltd import config, runtime
from ltd.config import ConfigError


def do_run(arguments: list[str]) -> int:
    """Train."""
    from ltd import tracking
    from ltd.results import finished, read_guesses, writable
    from ltd.settings import Run

    fields = config.parse(arguments)
    seeds, out = take(fields, "seeds", 1, int), take(fields, "out", None)
    device, mode = take(fields, "device", "auto"), tracking.mode(take(fields, "wandb", None))
    mesh = mesh_of(fields)
    tracking.check(mode, seeds)
    runtime.start(device)
    from experiments.tables import bar, length_table, run_table
    from ltd import launch

    one = launch.configure(Run, fields)
    out = writable(Path(out or f"runs/{one.task.type.replace('/', '_').replace(':', '_')}"))
    runs = launch.seeds_of(one, seeds)
    launch.check_run(one, mesh=mesh)
    known = [finished(out, each) for each in runs]
    there = f"   there already: {sum(map(bool, known))} of {len(runs)}" if any(known) else ""
    print(f"ledger: {out}   wandb: {mode}{there}", flush=True)
    with tracking.mirror(mode, out.name, warn) as tracker:
        if known[0] and tracking.under_agent():  # the agent's run wants its numbers all the same
            tracking.replay(tracker, known[0])
        with bar() as progress:
            records = launch.run(runs, out, progress, tracker, warn, mesh)
    run_table(records, read_guesses(out, warn))
    length_table(records)
    for record in records:
        if fallbacks := record.summary.get("plan/fallbacks"):
            warn(f"{record.digest}: newton did not come to rest in {fallbacks:g} unrolls, which ran step by step")
    if one.probe is not None:
        cost, whole = (sum(r.times.get(name, 0.0) for r in records) for name in ("probe_seconds", "seconds"))
        print(f"probe {one.probe.type}: {cost:.1f} s of {whole:.1f} s, with compilation; probe.npz in the run folders")
    print(f"figures: ltd plot {out}")
    return 0


def do_sweep(arguments: list[str]) -> int:
    """A sweep file."""
    from ltd import tracking

    flags = [word for word in arguments if word == "--dry-run"]
    words = [word for word in arguments if not word.startswith("--")]
    fields = config.parse([word for word in arguments if word.startswith("--") and word not in flags])
    if len(words) != 1:
        raise ConfigError("sweep needs one file: ltd sweep FILE.yaml --out=DIR; fields are written --name=value.")
    out, device = take(fields, "out", None), take(fields, "device", "auto")
    lanes, workers = take(fields, "lanes", None, int), take(fields, "workers", None, int)
    name, address = take(fields, "executor", "process"), take(fields, "ray-address", None)
    mode = tracking.mode(take(fields, "wandb", None))
    for option, value in (("lanes", lanes), ("workers", workers)):
        if value is not None and value < 1:
            raise ConfigError(f"{option} = {value} must be at least 1.")
    gpus = take(fields, "gpus", None, float)
    if device not in runtime.DEVICES:
        raise ConfigError(f"device = {device!r}: must be one of {', '.join(runtime.DEVICES)}.")
    executor, devices = _executor(name, workers, address, gpus, device)
    if name == "ray" and not executor.gpus and device == "auto":
        device = "cpu"
    here = name == "process" or bool(flags)
    runtime.start(device if here else "cpu")  # the GPU is for the processes that compute
    from experiments.sweep import sweep

    about = {"lanes": lanes, "mirror": mode, "device": device, "devices": devices}
    return sweep(Path(words[0]), fields, out, executor, about, bool(flags), warn)


def _executor(
    name: str, workers: int | None, address: str | None, gpus: float | None, device: str
) -> tuple[Any, int | None]:
    """The executor, and how many host devices each of its processes has on a CPU."""
    from ltd import executors

    if address is not None and name != "ray":
        raise ConfigError(f"ray-address = {address!r} has no meaning for executor = {name}: leave it out.")
    if address == "":
        raise ConfigError(
            "ray-address = '' names no cluster: give HOST:PORT or auto, or leave it out for one of this machine."
        )
    if workers is not None and name != "pool":
        raise ConfigError(f"workers = {workers} has no meaning for executor = {name}: leave it out.")
    if gpus is not None and name != "ray":
        raise ConfigError(f"gpus = {gpus:g} has no meaning for executor = {name}: leave it out.")
    if name == "process":
        return None, None
    if name == "pool":
        count = workers or runtime.cores()
        return executors.Pool(count), max(1, runtime.cores() // count)
    if name == "ray":
        gpus = float(device == "gpu") if gpus is None else gpus
        if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
            raise ConfigError(f"gpus = {gpus:g} must be a part of one GPU, or a whole number of them.")
        return executors.Ray(address, gpus=gpus), 1
    raise ConfigError(config.unknown("executor", name, ["process", "pool", "ray"]))


def do_probe(arguments: list[str]) -> int:
    """Measure."""
    from ltd.results import writable
    from ltd.settings import Measure

    named = [] if not arguments or arguments[0].startswith("-") else [arguments[0]]
    fields = config.parse(arguments[len(named) :])
    if not named and not fields.get("probe"):
        raise ConfigError("probe needs its name: ltd probe gradient --cell.type=elman ...; `ltd list probes` has them.")
    for name in named:
        config.put(fields, "probe.type", name)
    seeds, out = take(fields, "seeds", 1, int), Path(take(fields, "out", "runs/probe"))
    device = take(fields, "device", "auto")
    rhos = config.numbers(fields.pop("rho"), "rho") if fields.get("rho") is not None else [None]
    cell = fields.get("cell")
    if (cell.get("type") if isinstance(cell, dict) else cell) == "all":
        return _portrait(fields, rhos, seeds, out, device)
    runtime.start(device)
    from experiments.figures import draw_probe
    from experiments.tables import bar, probe_table
    from ltd import launch

    one = launch.configure(Measure, fields)
    writable(out)
    lanes = launch.lanes_of(one, rhos, seeds)
    title = f"{one.probe.type} x {len(lanes)}"
    with bar() as progress:
        progress(title, 0, 1)
        launch.probe(lanes, out)
        progress(title, 1, 1)
    drawn = draw_probe(out)
    probe_table(out)
    print(f"written: {out}/curves.csv, curves.npz, summary.json, {', '.join(path.name for path in drawn)}")
    return 0


def _portrait(fields: dict[str, Any], rhos: Sequence[float | None], seeds: int, out: Path, device: str) -> int:
    choice = fields.get("probe")
    named = choice.get("type") if isinstance(choice, dict) else choice
    if named not in ("gradient", "jacobian"):
        raise ConfigError(f"probe {named!r} has no portrait of all cells: take gradient or jacobian, or one cell.")
    if rhos != [None]:
        raise ConfigError("rho does not fit every cell: leave it out where cell = all.")
    runtime.start(device)
    from experiments.portrait import lanes_of, portrait
    from experiments.tables import bar
    from ltd.results import writable

    lanes = lanes_of(fields, seeds)
    writable(out)
    with bar() as progress:
        drawn = portrait(lanes, out, progress)
    print("\n".join(map(str, drawn)))
    return 0


def do_guess(arguments: list[str]) -> int:
    """The guessing control."""
    from ltd.settings import Guess

    fields = config.parse(arguments)
    out, device = Path(take(fields, "out", "runs/guess")), take(fields, "device", "auto")
    runtime.start(device)
    from experiments.tables import bar
    from ltd import launch
    from ltd.guess import sentence

    one = launch.configure(Guess, fields)
    with bar() as progress:
        found = launch.guess(one, out, progress)
    print(f"{one.task.type}: {sentence(found)}\nrule: {found['rule']}; twice, on fresh data")
    return 0


def do_judge(arguments: list[str]) -> int:
    """Claims: the list of them, or verdicts and the report; 1 if runs are missing or a control failed."""
    flags = {word for word in arguments if word in ("--list", "--json", "--headline", "--all")}
    words = [word for word in arguments if not word.startswith("--")]
    fields = config.parse([word for word in arguments if word.startswith("--") and word not in flags])
    scale, seeds = take(fields, "scale", "quick"), take(fields, "seeds", None, int)
    out, device = Path(take(fields, "out", "runs/judge")), take(fields, "device", "auto")
    if fields:
        known = ["list", "json", "headline", "all", "scale", "seeds", "out", "device"]
        raise ConfigError(config.unknown("option", next(iter(fields)), known))
    if scale not in ("quick", "full"):
        raise ConfigError(f"scale = {scale!r} must be quick (a reduced setting, minutes) or full (the paper's).")
    if seeds is not None and seeds < 1:
        raise ConfigError(f"seeds = {seeds} must be at least 1.")
    every = flags & {"--all", "--headline"}
    if len(every) + bool(words) + ("--list" in flags and not words) != 1 or (words and "--list" in flags):
        raise ConfigError("judge needs claims by name or path, or --headline, or --all, or --list: one of these.")
    runtime.start(device)
    from experiments import judge

    folders = judge.chosen(words, "--all" in flags or "--list" in flags, "--headline" in flags)
    if "--list" in flags:
        return judge.listing(folders, "--json" in flags)
    return judge.judge(folders, scale, seeds, out, "--json" in flags, warn)
