"""The `ltd` command: verbs, fields written --name=value, one-line errors with exit code 2.

This file imports nothing heavy: `ltd --help` answers before jax would have been loaded.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from experiments import looking, training
from experiments.options import take, warn
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
  ltd probe  lyapunov|memory|saturation|spectrum, with options of the probe: --probe.leading=5
             exponents, memory of inputs, saturated units, eigenvalues. While training: ltd run --probe.type=gradient
             --probe.every=100, a multiple of train.eval_every
  ltd tasks  show copy/arjovsky2016 --gap=20 [--seed=0] [--out=FILE]
             one example, printed and drawn
  ltd tasks  check [NAME ...] [--samples=20000] [--seed=N]
             the levels of tasks against counting on fresh samples; 1 if one is over 4.5 standard errors
  ltd guess  --task.type=latch/variant2 --cell.type=elman --cell.hidden=1 --guesses=1000 --out=DIR
             random weights instead of training: a task that they solve says nothing about memory
  ltd judge  NAME ... | PATH | --headline | --all [--scale=quick|full] [--seeds=N] [--out=DIR] [--json]; --list [--json]
             published claims: runs what is missing, judges with intervals, writes a report. quick takes minutes and
             judges a reduced sentence, full is the paper's setting
  ltd runs   DIR [--json|--csv] [--where='task.gap>=50' ...] [--sql='select ...']
             the runs of a folder; those that fulfil all conditions; or what SQL finds in the tables runs and metrics
  ltd index  DIR                makes the index of a folder anew, which --csv, --where and --sql keep up to date
  ltd sync   DIR [--wandb=offline|online] [--project=NAME] [--all]
             sends the finished runs of a folder to Weights & Biases; what has been sent is left out
  ltd plot   DIR                figures of a folder: decay curves, training curves, the map of rho against lag
  ltd data   get NAME [--url=URL]
             fetches a data file into the folder that LTD_DATA names (else ~/.cache/ltd) and checks its content
  ltd list   [cells|nets|plans|tasks|probes|optimizers|activations|initializers|losses|presets ...] [--json]
  ltd demo   [--out=DIR]        the main job, end to end, in a few minutes
  ltd conformance               our cells held against torch, Flax, Haiku and Equinox: the table of differences
  ltd doctor                    versions, devices, precision, and the jaxlib defects that would spoil results

Fields are dotted: --optimizer.type=rmsprop --optimizer.learning_rate=1e-3 --optimizer.clip_norm=1 --train.steps=2000
--train.batch=20 --plan.type=stepwise --initial.type=learned --rho=1.0 --seed=0. `ltd VERB --help` lists them with
their defaults. Everywhere: --device=auto|cpu|gpu|tpu, --precision=float32|float64|tensorfloat32|bfloat16
(probes: float64). Weights & Biases mirrors the ledger of `ltd run`: --wandb=off|offline|online; left out, WANDB_MODE
decides, else online if an API key is configured. One big run over several devices: ltd run ... --mesh=data:N.
Training by a paper's settings: --preset=hochreiter1997_task4 (`ltd list presets`); what is said beside it wins. Its
gradient: --gradient.type=bptt|truncated|elman|hs97|rtrl, --gradient.k1=5 --gradient.k2=10; --gradient.online=true moves
the weights within a sequence. Terms added to the loss: --regularizer.omega=4 --regularizer.l2=1e-4.
Nets nest: --net.type=stacked --net.layers=2 --net.inner.type=bidirectional --cell.type=lstm.
A cell, net or task of your own: --cell.type=package.module:Class. The version: ltd --version.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; the exit code."""
    entered = arguments is None  # as a program of its own
    if entered:
        runtime.hear_signals()
    arguments = sys.argv[1:] if arguments is None else arguments
    # a user's own cells and tasks are found where the user stands, after ours, so that nothing of ours is shadowed
    for folder in (str(Path(__file__).resolve().parents[1]), os.getcwd()):
        if folder not in sys.path:
            sys.path.append(folder)
    verb, rest = (arguments[0], arguments[1:]) if arguments and not arguments[0].startswith("-") else ("run", arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    if arguments[0] == "--version":
        print(f"ltd {runtime.version()}")
        return 0
    try:
        if verb not in VERBS:
            raise ConfigError(config.unknown("verb", verb, VERBS))
        if any(word in ("-h", "--help") for word in rest):
            print(describe(verb), end="")
            return 0
        return VERBS[verb](rest if verb in ("run", "sweep", "probe", "guess", "judge", "demo") else common(rest))
    except ConfigError as error:
        warn(str(error))
        return 2
    except (KeyboardInterrupt, runtime.Stopped) as error:
        code = 128 + getattr(error, "number", signal.SIGINT)
        if entered:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)  # once is enough
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


def describe(verb: str) -> str:
    """The usage of a verb, its fields with their defaults."""
    from ltd import settings

    shown = {"run": settings.Run, "probe": settings.Measure, "guess": settings.Guess}.get(verb)
    lines = [line for line in USAGE.splitlines() if line.startswith(f"  ltd {verb}")] or [f"  ltd {verb}"]
    if shown:
        fields = _fields(config.plain(shown(), whole=True))
        lines += ["", f"Fields, with their defaults ({(shown.__doc__ or '').splitlines()[0]})", ""]
        lines += [f"  --{name}={'null' if value is None else value}" for name, value in fields]
        lines += [
            "",
            "Fields of a cell, net, task or probe: `ltd list cells nets tasks probes`. Besides: --seeds=N --out=DIR "
            "--device=auto" + (" --wandb=off|offline|online --mesh=data:N" if verb == "run" else ""),
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


VERBS: dict[str, Callable[[list[str]], int]] = {
    "run": training.do_run,
    "sweep": training.do_sweep,
    "probe": training.do_probe,
    "guess": training.do_guess,
    "judge": training.do_judge,
    "sync": looking.do_sync,
    "tasks": looking.do_tasks,
    "runs": looking.do_runs,
    "index": looking.do_index,
    "plot": looking.do_plot,
    "data": looking.do_data,
    "list": looking.do_list,
    "demo": looking.do_demo,
    "conformance": looking.do_conformance,
    "doctor": looking.do_doctor,
}

if __name__ == "__main__":
    sys.exit(main())
