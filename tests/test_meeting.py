"""Cells and nets meet tasks, the ledger and bfloat16."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness import build, compiled, first_of_each
from ltd import launch, results
from ltd.cells import CELLS
from ltd.model import Model, load, make_model, make_task
from ltd.nets import NETS
from ltd.settings import Initial, Plan, Run
from ltd.trees import disassemble, flat
from tables import CELL_ROWS, TASK_ROWS
from tables.nets import NET_ROWS

T, B, D, H = 12, 2, 3, 4
KINDS = first_of_each([*CELL_ROWS, *NET_ROWS])
TASKS = {
    "copy/arjovsky2016": {"gap": 2, "pattern": 1, "symbols": 2},  # tokens
    "adding/arjovsky2016": {"length": 6},  # numbers
    "parity/beck2024": {"bits": 4, "shortest": 2},  # padded
}
CELLS_MET = ("elman", "lstm", "min_gru")  # by the tasks, in turn


def learns(fields):
    """The gradient of a task's loss by every parameter of a fresh network: finite, and not all zero."""
    one = launch.configure(Run, fields)
    task = make_task(one.task)
    make = make_model(one, task)

    @compiled  # all of it at once: one by one its parts take longer
    def gradient(key):
        graphdef, params, rest = disassemble(make(key))
        batch = task.sample(key, 4)

        def loss(params):
            valid = batch.valid if task.padded else None
            outputs = nnx.merge(graphdef, params, rest)(batch.inputs, Plan("stepwise"), valid)
            return task.loss(outputs, batch)

        return jax.grad(loss)(params)

    grads = gradient(jax.random.key(0))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(grads)), fields
    assert np.any(flat(grads)["V"]), fields


@pytest.mark.parametrize("cell", list(CELLS))
def test_every_cell_runs_on_a_task_and_some_on_all_kinds(cell):
    kinds = list(TASKS) if cell in CELLS_MET else list(TASKS)[list(CELLS).index(cell) % 3 :][:1]
    for task in kinds:
        learns({"cell.type": cell, "cell.hidden": 8, "task": {"type": task, **TASKS[task]}})


@pytest.mark.parametrize("net", list(NETS))
def test_every_net_runs_on_three_tasks(net):
    for task, sizes in TASKS.items():
        alone = {"net.hidden": 3, "net.activation": "tanh"}
        fields = {"cell.type": "gru_after", "cell.hidden": 3} if NETS[net].takes else alone
        learns({**fields, "net.type": net, "task": {"type": task, **sizes}})


@pytest.mark.parametrize(("number", "row"), [*enumerate(first_of_each(TASK_ROWS))], ids=str)
def test_every_task_is_learned_from(number, row):
    learns({"cell.type": CELLS_MET[number % 3], "cell.hidden": 3, "task": {"type": row.name, **row.sizes}})


@pytest.mark.parametrize("row", KINDS, ids=str)
def test_bfloat16_activations_run(row, key):
    """The net rounds to 8 bits unless it is exact; the read-out and the gradient of the parameters are float32."""
    net = build(row)
    graphdef, params, rest = disassemble(Model(key, net, 2, False, Initial()))
    inputs = jax.random.normal(jax.random.key(1), (T, B, D))

    @compiled
    def both(params):
        def run(params, half):
            return nnx.merge(graphdef, params, rest)(inputs, half=half)

        half, pull = jax.vjp(functools.partial(run, half=True), params)
        return run(params, False), half, pull(jnp.ones_like(half))[0]

    whole, half, grads = both(params)
    exact = getattr(net, "exact", False)
    assert half.dtype == jnp.float32 and all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(grads))
    assert np.array_equal(whole, half) == exact
    np.testing.assert_allclose(half, whole, 0, 0.1 * float(jnp.max(jnp.abs(whole))))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize("row", KINDS, ids=str)
def test_parameters_are_saved_and_loaded_by_name(row, tmp_path):
    params = nnx.state(build(row), nnx.Param)
    named = flat(params)
    assert len(named) == len(jax.tree.leaves(params))
    folder = results.RunFolder(tmp_path, launch.configure(Run, {"seed": 1}))
    folder.finish({"status": "finished"}, jax.device_get(named))
    stored = results.read_params(folder.path)
    assert list(stored) == list(named)
    for name, leaf in named.items():
        np.testing.assert_array_equal(stored[name], leaf)


@pytest.mark.parametrize(
    "fields",
    [
        {"cell": "clockwork", "cell.hidden": 8},
        {"cell": "lru", "cell.hidden": 4},
        {"cell.type": "scrn", "cell.hidden": 4, "plan": "associative"},
        {"net": "fsmn", "net.hidden": 4, "plan": "associative"},
        {"net": "highway", "net.hidden": 4, "net.depth": 30},
        {"cell": "lstm", "cell.hidden": 4, "precision": "bfloat16"},
        {"cell": "gru_after", "cell.hidden": 4, "initial.type": "learned", "plan.type": "newton"},
    ],
    ids=str,
)
def test_a_run_comes_back_from_the_ledger(fields, tmp_path):
    small = {"train.steps": 2, "train.eval_every": 1, "train.batch": 4, "train.eval_batch": 8}
    one = launch.configure(Run, {"task.type": "adding/arjovsky2016", "task.length": 6, **small, **fields})
    (record,) = launch.run([one], tmp_path)
    model, again, task = load(tmp_path / record.digest)
    assert again == one
    batch = task.sample(jax.random.key(3), 4)
    graphdef, params, rest = disassemble(model)
    outputs = nnx.merge(graphdef, params, rest)(batch.inputs, Plan(), half=one.precision == "bfloat16")
    assert np.all(np.isfinite(outputs))
    stored = results.read_params(tmp_path / record.digest)
    for name, leaf in flat(params).items():
        np.testing.assert_array_equal(stored[name], leaf)
