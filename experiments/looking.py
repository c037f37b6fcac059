"""The verbs that look at what is there: ledgers, tasks, figures, data, registries. Nothing heavy is imported before."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from experiments.options import folder_of, take, warn
from ltd import config, runtime
from ltd.config import ConfigError


def do_runs(arguments: list[str]) -> int:
    """The runs of a folder."""
    from experiments.runs import show

    return show(arguments, warn)


def do_index(arguments: list[str]) -> int:
    """The index of a folder, made anew."""
    from experiments.runs import rebuild

    return rebuild(arguments, warn)


def do_sync(arguments: list[str]) -> int:
    """The ledger into Weights & Biases; 1 if a run could not be sent."""
    from ltd import tracking

    words = [word for word in arguments if not word.startswith("--")]
    again = "--all" in arguments
    fields = config.parse([word for word in arguments if word.startswith("--") and word != "--all"])
    asked, project = take(fields, "wandb", None), take(fields, "project", None)
    if fields:
        raise ConfigError(config.unknown("field", next(iter(fields)), ["wandb", "project", "all"]))
    folder = folder_of(words, "sync")
    mode = tracking.mode(asked)
    if mode == "off":
        raise ConfigError("wandb is off: choose --wandb=offline, or --wandb=online with an API key.")
    from experiments.tables import bar

    with bar() as progress:
        done = tracking.sync(folder, mode, warn, progress, project, again)
    counts = f"{done.sent} sent, {done.before} sent before, {done.unfinished} unfinished, {done.failed} failed"
    print(f"wandb {mode}: {counts}")
    return int(done.failed > 0)


def do_tasks(arguments: list[str]) -> int:
    """Looking at tasks, and checking their levels."""
    words = [word for word in arguments if not word.startswith("--")]
    fields = config.parse([word for word in arguments if word.startswith("--")])
    if isinstance(fields.get("task"), dict):  # --task.gap=20 as elsewhere
        fields |= fields.pop("task")
    action, *names = words or [""]
    if action == "show" and len(names) == 1:
        return _show_task(names[0], fields)
    if action == "check":
        return _check_tasks(names, fields)
    raise ConfigError("tasks needs what to do: ltd tasks show NAME [--gap=20], or ltd tasks check [NAME ...].")


def _show_task(name: str, fields: dict[str, Any]) -> int:
    seed, out = take(fields, "seed", 0, int), take(fields, "out", None)
    if out is not None and Path(out).suffix not in ("", ".png", ".svg"):
        raise ConfigError(
            f"out = {out} must end in .png or .svg, or in neither: both are drawn, and a .csv beside them."
        )
    runtime.start()
    from experiments.show import show
    from ltd.config import Choice
    from ltd.model import make_task
    from ltd.results import writable

    task = make_task(Choice(name, fields))
    path = Path(out).with_suffix("") if out else Path("runs/tasks") / task.name.replace("/", "_")
    writable(path.parent)
    print(show(task, seed, path))
    print(f"\ndrawn: {path}.png, {path}.svg, {path}.csv")
    return 0


def _check_tasks(names: list[str], fields: dict[str, Any]) -> int:
    samples, seed = take(fields, "samples", 20_000, int), take(fields, "seed", None, int)
    if samples < 2000:
        raise ConfigError(f"samples = {samples} must be at least 2000, or the standard errors are none.")
    runtime.start()
    import jax

    from experiments.show import check, known, names_like, sizes_of
    from experiments.tables import bar, check_table
    from ltd.config import Choice
    from ltd.model import make_task
    from tasks import TASKS

    for name in names:
        if not known(name):
            raise ConfigError(config.unknown("task", name, TASKS))
    chosen = [make_task(Choice(name, sizes_of(name, fields))) for name in names_like(names)]
    if not chosen:
        raise ConfigError(f"{', '.join(names)}: its dialects read data files: name one whole, such as chars/sonnets28.")
    seed = int.from_bytes(os.urandom(4), "little") if seed is None else seed
    rows = []
    with bar() as progress:
        for done, task in enumerate(chosen):
            progress(task.name, done, len(chosen))
            rows += check(task, jax.random.fold_in(jax.random.key(seed), done), samples)
        progress("all tasks", len(chosen), len(chosen))
    check_table(rows)
    over = sum(row["ok"] is False for row in rows)
    print(
        f"{len(rows)} levels of {len(chosen)} dialects, {over} over 4.5 standard errors; {samples} samples, seed {seed}"
    )
    return int(over > 0)


def do_plot(arguments: list[str]) -> int:
    """The figures of a folder."""
    folder = folder_of(arguments, "plot")
    from experiments.figures import draw
    from ltd.results import writable

    writable(folder)
    drawn = draw(folder, warn)
    if not drawn:
        raise ConfigError(f"{folder} holds neither runs nor curves.csv: give the --out of an earlier run or probe.")
    print("\n".join(str(path) for path in drawn))
    return 0


def do_data(arguments: list[str]) -> int:
    """Data files, on request."""
    from ltd import data

    words = [word for word in arguments if not word.startswith("--")]
    fields = config.parse([word for word in arguments if word.startswith("--")])
    url = take(fields, "url", None)
    if fields:
        raise ConfigError(config.unknown("field", next(iter(fields)), ["url"]))
    if len(words) != 2 or words[0] != "get":
        raise ConfigError(f"data needs what to get: ltd data get NAME [--url=URL]; known: {', '.join(data.ITEMS)}.")
    data.item(words[1])
    from experiments.tables import bar

    with bar() as progress:
        path = data.get(words[1], url, lambda done, total: progress(words[1], done, total or done))
    print(f"{path}: {data.item(words[1]).what}; its content is what it should be")
    return 0


def do_list(arguments: list[str]) -> int:
    """What is registered."""
    from experiments.catalogue import KINDS, catalogue, print_catalogue

    kinds = [word for word in arguments if not word.startswith("-")]
    for word in arguments:
        if word.startswith("-") and word != "--json":
            raise ConfigError(f"{word} is not an option of list: ltd list [{'|'.join(KINDS)}] [--json]")
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError(config.unknown("kind", kind, KINDS))
    rows = catalogue(kinds or list(KINDS), levels="--json" in arguments or "tasks" in kinds)
    if "--json" in arguments:
        print(json.dumps(rows, indent=1))
    else:
        print_catalogue(rows)
    return 0


def do_demo(arguments: list[str]) -> int:
    """The main job."""
    fields = config.parse(arguments)
    out = Path(take(fields, "out", "runs/demo"))
    scale = take(fields, "scale", "full")
    device, precision = take(fields, "device", "auto"), take(fields, "precision", "float32")
    if fields:
        raise ConfigError(config.unknown("field", next(iter(fields)), ["out", "scale", "device", "precision"]))
    runtime.start(device)
    from experiments.demo import demo

    return demo(out, scale, precision)


def do_conformance(arguments: list[str]) -> int:
    """Our numbers beside those of other frameworks; 1 if one is over its tolerance."""
    if arguments:
        raise ConfigError(f"{arguments[0]} is not an option of conformance: it has none.")
    from ltd.conformance import main as conformance

    return conformance()


def do_doctor(arguments: list[str]) -> int:
    """The health of the installation."""
    if arguments:
        raise ConfigError(f"{arguments[0]} is not an option of doctor: it has none.")
    from ltd.doctor import main as doctor

    return doctor()
