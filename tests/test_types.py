"""The shapes in the types are executed: a process of its own trains, measures and loads under a type checker."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

CHECKED = """
import sys, types
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

checker = types.ModuleType("checker")
checker.check = beartype(conf=BeartypeConf(is_pep484_tower=True))      # a whole number may stand for a number
sys.modules["checker"] = checker
install_import_hook(["ltd", "tasks"], "checker.check")

from ltd import launch, runtime
from ltd.model import load
from ltd.settings import Measure, Run

runtime.start()
out = sys.argv[1]
small = {"train": {"steps": 2, "eval_every": 1, "eval_batch": 4, "batch": 2}}
for task, cell in (({"type": "copy/bai2018", "gap": 2}, "elman"),
                   ({"type": "adding/hochreiter1997", "length": 20}, "gru_before"),
                   ({"type": "parity/beck2024", "bits": 5}, "elman")):
    one = launch.configure(Run, {"task": task, "cell": {"type": cell, "hidden": 3}, **small})
    (record,) = launch.run([one], out)
    assert record.status == "finished"
load(record.folder)

import jax, jax.numpy as jnp
from experiments.show import drawn_sizes
from tasks import TASKS

for name in [name for name, build in TASKS.items() if not build().file]:
    task = TASKS[name](**drawn_sizes(name))

    def everything(key, task=task):
        batch, outputs = task.sample(key, 3), jnp.zeros((task.steps, 3, task.outputs))
        return [f(outputs, batch) for f in (task.loss, task.metric, task.wrong, task.scores)]

    jax.eval_shape(everything, jax.random.key(0))
for probe in ("gradient", "jacobian", "lyapunov", "memory", "saturation", "spectrum"):
    one = launch.configure(Measure, {"probe": probe, "cell": {"type": "lstm", "hidden": 3}, "length": 8})
    launch.probe(launch.lanes_of(one, [1.0], 2), out + "/" + probe)
"""
WRONG = (
    CHECKED
    + """
import jax.numpy as jnp
from ltd.losses import euclidean
euclidean(jnp.zeros((2, 3, 4)), jnp.zeros((2, 3, 4)), jnp.zeros((3, 2), bool))
"""
)


def checked(program, out):
    command = [sys.executable, "-c", program, str(out)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=280, check=False)


def test_types_hold_through_training_and_measuring(tmp_path):
    done = checked(CHECKED, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_wrong_shape_is_seen(tmp_path):
    program = WRONG.split("runtime.start()")[0] + WRONG.split('"/" + probe)')[1]
    done = checked(program, tmp_path)
    assert done.returncode == 1 and "TypeCheckError" in done.stderr
