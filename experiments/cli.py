"""The `ltd` command: verbs, fields written --name=value, one-line errors with exit code 2.

This file imports nothing heavy: `ltd --help` answers before jax would have been loaded.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ltd import config, runtime
from ltd.config import ConfigError

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EFBIG)

USAGE = """\
ltd: how far back does this recurrent network remember, why does it stop, what makes it remember longer?

  ltd run    --task.type=copy/arjovsky2016 --task.gap=100 --cell.type=lstm --cell.hidden=128 --seeds=5 --out=runs/copy
             train on a long-lag task; all seeds in one compiled program. No verb means run.
  ltd sweep  FILE.yaml --out=DIR [--dry-run] [--lanes=N] [--executor=process|pool|ray] [--workers=N]
             [--ray-address=auto] [--gpus=0.5]
             the runs of a W&B sweep file, seeds and settings as lanes of compiled programs; killed at any moment, the
             same command goes on. --dry-run says what it will cost; further fields stand over those of the file.
             pool: processes that share cores and GPUs; ray: tasks of one core each, and of GPUs if asked; all nodes
             must see DIR under one path
  ltd probe  gradient|jacobian --cell.type=elman --rho=0.5,0.9,1.0,1.1,1.5 --length=200 --seeds=10 --out=DIR
             how gradients decay through time. On a task's loss: --task.type=...; on a trained network: --run=DIR/DIGEST
             or, in one picture, on every cell: --cell.type=all
  ltd tasks  show copy/arjovsky2016 --gap=20 [--seed=0] [--out=FILE]
             one example, printed and drawn
  ltd tasks  check [NAME ...] [--samples=20000] [--seed=N]
             the levels of tasks against counting on fresh samples; 1 if one is over 4.5 standard errors
  ltd guess  --task.type=latch/variant2 --cell.type=elman --cell.hidden=1 --guesses=1000 --out=DIR
             random weights instead of training: a task that they solve says nothing about memory
  ltd runs   DIR [--json|--csv] [--where='task.gap>=50' ...] [--sql='select ...']
             the runs of a folder; those that fulfil all conditions; or what SQL finds in the tables runs and metrics
  ltd index  DIR                makes the index of a folder anew, which --csv, --where and --sql keep up to date
  ltd sync   DIR [--wandb=offline|online] [--project=NAME] [--all]
             sends the finished runs of a folder to Weights & Biases; what has been sent is left out
  ltd plot   DIR                figures of a folder: decay curves, training curves, the map of rho against lag
  ltd data   get NAME [--url=URL]
             fetches a data file into the folder that LTD_DATA names (else ~/.cache/ltd) and checks its content
  ltd list   [cells|nets|plans|tasks|probes|optimizers|activations|initializers|losses ...] [--json]
  ltd demo   [--out=DIR]        the main job, end to end, in a few minutes
  ltd conformance               our cells held against torch, Flax, Haiku and Equinox: the table of differences
  ltd doctor                    versions, devices, precision, and the jaxlib defects that would spoil results

Fields are dotted: --optimizer.type=rmsprop --optimizer.learning_rate=1e-3 --optimizer.clip_norm=1 --train.steps=2000
--train.batch=20 --plan.type=stepwise --initial.type=learned --rho=1.0 --seed=0. `ltd VERB --help` lists them with
their defaults. Everywhere: --device=auto|cpu|gpu|tpu, --precision=float32|float64|tensorfloat32|bfloat16
(probes: float64). Weights & Biases mirrors the ledger of `ltd run`: --wandb=off|offline|online; left out, WANDB_MODE
decides, else online if an API key is configured.
Nets nest: --net.type=stacked --net.layers=2 --net.inner.type=bidirectional --cell.type=lstm.
A cell, net or task of your own: --cell.type=package.module:Class.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; the exit code."""
    entered = arguments is None  # as a program of its own
    if entered:
        signal.signal(signal.SIGTERM, _terminate)
    arguments = sys.argv[1:] if arguments is None else arguments
    # a user's own cells and tasks are found where the user stands, after ours, so that nothing of ours is shadowed
    for folder in (str(Path(__file__).resolve().parents[1]), os.getcwd()):
        if folder not in sys.path:
            sys.path.append(folder)
    verb, rest = (arguments[0], arguments[1:]) if arguments and not arguments[0].startswith("-") else ("run", arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    try:
        if verb not in VERBS:
            raise ConfigError(config.unknown("verb", verb, VERBS))
        if any(word in ("-h", "--help") for word in rest):
            print(describe(verb), end="")
            return 0
        return VERBS[verb](rest if verb in ("run", "sweep", "probe", "guess", "demo") else common(rest))
    except ConfigError as error:
        warn(str(error))
        return 2
    except (KeyboardInterrupt, Terminated) as error:
        code = 143 if isinstance(error, Terminated) else 130
        warn("stopped; what was finished is in the ledger, and the same command goes on with the rest.")
        if entered:  # a computation that is under way would be waited for
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        where = f" ({error.filename})" if error.filename else ""
        warn(
            f"cannot write{where}: {error.strerror}. What was finished is safe; mend it, and the same command goes on."
        )
        return 1


class Terminated(BaseException):
    """A SIGTERM, as a scheduler sends it."""


def _terminate(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise Terminated


def describe(verb: str) -> str:
    """The usage of a verb, its fields with their defaults."""
    from ltd import settings

    shown = {"run": settings.Run, "probe": settings.Measure, "guess": settings.Guess}.get(verb)
    lines = [line for line in USAGE.splitlines() if line.startswith(f"  ltd {verb}")] or [f"  ltd {verb}"]
    if shown:
        lines += ["", f"Fields, with their defaults ({(shown.__doc__ or '').splitlines()[0]})", ""]
        lines += [f"  --{name}={'' if value is None else value}" for name, value in _fields(config.plain(shown()))]
        lines += [
            "",
            "Fields of a cell, net or task: `ltd list cells nets tasks`. Besides: --seeds=N --out=DIR --device=auto"
            + (" --wandb=off|offline|online" if verb == "run" else ""),
        ]
    return "\n".join(lines) + "\n"


def _fields(nested: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in nested.items():
        if isinstance(value, Mapping):
            rows += _fields(value, f"{prefix}{name}.")
        else:
            rows.append((prefix + name, value))
    return rows


def common(arguments: list[str]) -> list[str]:
    """The other verbs understand --device and --precision too, though only `plot` computes anything."""
    words = [word for word in arguments if word.startswith(("--device=", "--precision="))]
    fields = config.parse(words)
    device, precision = take(fields, "device", "auto"), take(fields, "precision", "float32")
    for name, value, known in (("device", device, runtime.DEVICES), ("precision", precision, runtime.PRECISIONS)):
        if value not in known:
            raise ConfigError(f"{name} = {value!r}: must be one of {', '.join(known)}.")
    if device != "auto":
        os.environ["JAX_PLATFORMS"] = {"gpu": "cuda,rocm"}.get(device, device)
    return [word for word in arguments if word not in words]


def take(fields: dict[str, Any], name: str, default: Any, kind: type = str) -> Any:
    """An option of the command itself, taken out of the fields and checked."""
    value = fields.pop(name, default)
    if value is None or (kind is str and isinstance(value, str)):
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is str or isinstance(value, bool) != (kind is bool) or not isinstance(value, kind):
        if kind is str and isinstance(value, (int, float)):
            return str(value)
        raise ConfigError(f"{name} = {value!r}: must be {config.words(kind)}.")
    return value


# ------------------------------------------------------------------------------------------------ verbs


def do_run(arguments: list[str]) -> int:
    """Train."""
    from ltd import tracking
    from ltd.results import finished, read_guesses, writable
    from ltd.settings import Run

    fields = config.parse(arguments)
    seeds, out = take(fields, "seeds", 1, int), take(fields, "out", None)
    device, mode = take(fields, "device", "auto"), tracking.mode(take(fields, "wandb", None))
    tracking.check(mode, seeds)
    runtime.start(device)
    from experiments.tables import bar, length_table, run_table
    from ltd import launch

    one = launch.configure(Run, fields)
    out = writable(Path(out or f"runs/{one.task.type.replace('/', '_').replace(':', '_')}"))
    runs = launch.seeds_of(one, seeds)
    launch.check_run(one)
    known = finished(out, runs[0])
    print(f"ledger: {out}   wandb: {mode}", flush=True)
    with tracking.mirror(mode, out.name, warn) as tracker:
        if known and tracking.under_agent():  # the agent's run wants its numbers all the same
            tracking.replay(tracker, known)
        with bar() as progress:
            records = launch.run(runs, out, progress, tracker)
    run_table(records, read_guesses(out, warn))
    length_table(records)
    for record in records:
        if fallbacks := record.summary.get("plan/fallbacks"):
            warn(f"{record.digest}: newton did not come to rest in {fallbacks:g} unrolls, which ran step by step")
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

    if not flags:
        print(f"wandb: {mode}   executor: {name}", flush=True)
    about = {"lanes": lanes, "mirror": mode, "device": device, "devices": devices}
    return sweep(Path(words[0]), fields, out, executor, about, bool(flags), warn)


def _executor(
    name: str, workers: int | None, address: str | None, gpus: float | None, device: str
) -> tuple[Any, int | None]:
    """The executor, and how many host devices each of its processes has on a CPU."""
    from ltd import executors

    if address is not None and name != "ray":
        raise ConfigError(f"ray-address = {address!r} has no meaning for executor = {name}: leave it out.")
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

    if not arguments or arguments[0].startswith("-"):
        raise ConfigError("probe needs its name: ltd probe gradient|jacobian --cell.type=elman ...")
    fields = config.parse(arguments[1:])
    seeds, out = take(fields, "seeds", 1, int), Path(take(fields, "out", "runs/probe"))
    device = take(fields, "device", "auto")
    rhos = config.numbers(fields.pop("rho"), "rho") if fields.get("rho") is not None else [None]
    cell = fields.get("cell")
    if (cell.get("type") if isinstance(cell, dict) else cell) == "all":
        return _portrait({**fields, "probe": arguments[0]}, rhos, seeds, out, device)
    runtime.start(device)
    from experiments.figures import draw_probe
    from experiments.tables import bar, probe_table
    from ltd import launch

    one = launch.configure(Measure, {**fields, "probe": arguments[0]})
    writable(out)
    lanes = launch.lanes_of(one, rhos, seeds)
    title = f"{one.probe} x {len(lanes)}"
    with bar() as progress:
        progress(title, 0, 1)
        launch.probe(lanes, out)
        progress(title, 1, 1)
    draw_probe(out)
    probe_table(out)
    print(f"written: {out}/curves.csv, curves.npz, summary.json, decay.png, decay.svg")
    return 0


def _portrait(fields: dict[str, Any], rhos: Sequence[float | None], seeds: int, out: Path, device: str) -> int:
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
    folder = _folder(words, "sync")
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
    action, *names = words or [""]
    if action == "show" and len(names) == 1:
        return _show_task(names[0], fields)
    if action == "check":
        return _check_tasks(names, fields)
    raise ConfigError("tasks needs what to do: ltd tasks show NAME [--gap=20], or ltd tasks check [NAME ...].")


def _show_task(name: str, fields: dict[str, Any]) -> int:
    seed, out = take(fields, "seed", 0, int), take(fields, "out", None)
    runtime.start()
    from experiments.show import show
    from ltd.config import Choice
    from ltd.model import make_task
    from ltd.results import writable

    task = make_task(Choice(name, fields))
    path = Path(out or f"runs/tasks/{task.name.replace('/', '_')}").with_suffix("")
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
    folder = _folder(arguments, "plot")
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
    rows = catalogue(kinds or list(KINDS))
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


def _folder(arguments: list[str], verb: str) -> Path:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise ConfigError(f"{verb} needs one folder: ltd {verb} DIR")
    folder = Path(arguments[0])
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder: give the --out of an earlier run.")
    return folder


def warn(sentence: str) -> None:
    """One line on stderr."""
    print(f"ltd: {sentence}", file=sys.stderr)


VERBS: dict[str, Callable[[list[str]], int]] = {
    "run": do_run,
    "sweep": do_sweep,
    "probe": do_probe,
    "guess": do_guess,
    "sync": do_sync,
    "tasks": do_tasks,
    "runs": do_runs,
    "index": do_index,
    "plot": do_plot,
    "data": do_data,
    "list": do_list,
    "demo": do_demo,
    "conformance": do_conformance,
    "doctor": do_doctor,
}

if __name__ == "__main__":
    sys.exit(main())
