"""A cell or task of the user's own, and what is wrong with it, in a line."""

import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.cli import main
from ltd import launch
from ltd.cells import CELLS, constructor
from ltd.config import Choice, ConfigError
from ltd.model import load, make_model, make_task
from ltd.settings import Measure, Plan, Run
from ltd.trees import flat
from ltd.unroll import unroll
from ltd.yours import check_task
from tasks import TASKS

MINE = '''
from typing import NamedTuple
import jax
import jax.numpy as jnp
from flax import nnx


def leaky(params, state, x):
    """A leaky unit, as a function."""
    h = 0.5 * state + 0.5 * jnp.tanh(x @ params["W"] + state @ params["U"])
    return h, h


def init(key, inputs, hidden: int = 4, scale: float = 1.0):
    w, u = jax.random.split(key)
    W = scale * jax.random.normal(w, (inputs, hidden)) / inputs**0.5
    return {"W": W, "U": jax.random.normal(u, (hidden, hidden)) / hidden**0.5}, jnp.zeros(hidden)


leaky.init = init


def uninitialised(params, state, x):
    return state, x


def keyless(params, state, x):
    return state, x


keyless.init = lambda: None


class State(NamedTuple):
    h: jax.Array


class Whole(nnx.Module):
    def __init__(self, key, inputs, hidden: int = 4):
        self.inputs, self.hidden = inputs, hidden
        self.W = nnx.Param(jax.random.normal(key, (inputs, hidden)))

    def initial_state(self, batch):
        return State(jnp.zeros((*batch, self.hidden)))

    def kernel(self):
        return ()

    def project(self, inputs):
        return inputs @ self.W[...]

    def step(self, kernel, state, drive):
        h = jnp.tanh(drive + state.h)
        return State(h), h


class NoStep(Whole):
    step = property()


class Stepless(nnx.Module):
    def initial_state(self, batch): ...
    def kernel(self): ...
    def project(self, inputs): ...


class OnlyOutput(Whole):
    def step(self, kernel, state, drive):
        return drive


class Grows(Whole):
    def step(self, kernel, state, drive):
        return State(jnp.concatenate([state.h, drive], axis=-1)), drive


class Wide(Whole):
    def step(self, kernel, state, drive):
        return state, jnp.concatenate([drive, drive], axis=-1)


class Swapped(Whole):
    def step(self, state, drive):
        return state, drive


class Sizeless(Whole):
    def __init__(self, key, inputs):
        self.inputs = inputs
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine_of_test.py").write_text(textwrap.dedent(MINE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("mine_of_test", None)


SMALL = {
    "task.type": "adding/arjovsky2016", "task.length": 6, "cell.hidden": 3, "train.steps": 4, "train.eval_every": 2,
    "train.batch": 4, "train.eval_batch": 8,
}  # fmt: skip


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("name", ["leaky", "Whole"])
@pytest.mark.parametrize("plan", ["stepwise", "chunked", "newton"])
def test_a_users_cell_trains_by_every_plan(name, plan, mine):
    one = launch.configure(Run, {**SMALL, "cell.type": f"mine_of_test:{name}", "plan": plan})
    (record,) = launch.run([one], mine / "runs")
    assert record.status == "finished" and record.summary["updates"] == 4


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("name", ["leaky", "Whole"])
@pytest.mark.parametrize("probe", ["gradient", "jacobian"])
def test_a_users_cell_is_probed(name, probe):
    fields = {"probe": probe, "cell.type": f"mine_of_test:{name}", "cell.hidden": 3, "length": 8}
    (curves,) = launch.probe(launch.lanes_of(launch.configure(Measure, fields), [None], 1))
    assert np.all(np.isfinite(curves[f"{'adjoint' if probe == 'gradient' else 'jacobian'}_log10"]))


@pytest.mark.usefixtures("mine")
def test_a_class_is_a_cell_and_runs_know_it_by_name():
    import mine_of_test

    named = launch.configure(Run, {**SMALL, "cell.type": "mine_of_test:Whole"})
    assert launch.configure(Run, {**SMALL, "cell.type": mine_of_test.Whole}) == named


@pytest.mark.usefixtures("mine")
def test_a_function_is_the_cell_that_it_says(key):
    cell = constructor("mine_of_test:leaky")(key, 2, hidden=3, scale=2.0)
    inputs = jax.random.normal(key, (5, 2, 2))
    outputs = unroll(cell, inputs, cell.initial_state((2,)), Plan("stepwise"))[1]
    W, U = (np.asarray(cell.weights[name][...]) for name in ("W", "U"))
    h = np.zeros((2, 3))
    for x, found in zip(np.asarray(inputs), outputs, strict=True):
        h = 0.5 * h + 0.5 * np.tanh(x @ W + h @ U)
        np.testing.assert_allclose(found, h, 1e-5, 1e-6)
    assert set(flat(jax.tree.map(lambda x: x, make_model(Run(cell=Choice("mine_of_test:leaky")), make_task(
        Choice("adding/arjovsky2016", {"length": 6})))(key)))) >= {"V", "b_y"}  # fmt: skip


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Stepless", "has no method step: a cell offers initial_state, kernel, project, step"),
        ("OnlyOutput", "step must return (state, output), not"),
        ("Grows", "step returns the state State(h=((2, 6), 'float32'))"),
        ("Wide", "step returns an output of shape (2, 6), not (batch, 3): set `width`"),
        ("Swapped", "step has a wrong signature"),
        ("Sizeless", "no field 'cell.hidden'"),
        ("uninitialised", "has no initialiser: set uninitialised.init"),
        ("keyless", "must take (key, inputs, ...)"),
        ("nothing", "cannot be imported"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_one_line(name, words, capsys):
    arguments = [f"--{k}={v}" for k, v in {**SMALL, "cell.type": f"mine_of_test:{name}", "out": "runs"}.items()]
    assert main(["run", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and words in err


def test_our_own_cells_pass_the_check_too(key):
    from ltd.cells import check_cell

    for name, build in CELLS.items():
        jax.eval_shape(lambda build=build, name=name: check_cell(build(key, 3, hidden=8), name))


def test_a_constructor_function_is_no_step(key):
    with pytest.raises(ConfigError, match="has no method initial_state"):
        constructor("builtins:dict")
    assert jnp.ones(3).sum() == 3


def test_a_cell_that_was_edited_is_said_where_its_old_numbers_are_met(tmp_path, monkeypatch):
    """By who runs the same again, and by who loads a network of it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "edited_cell.py"
    file.write_text("from ltd.cells import CELLS\n\n\nclass Mine(CELLS['elman']):\n    pass\n")
    small = {"task.type": "adding/arjovsky2016", "task.length": 5, "train.steps": 2, "train.eval_every": 1}
    one = launch.configure(Run, {**small, "cell.type": "edited_cell:Mine", "cell.hidden": 2, "train.eval_batch": 4})
    said = []
    (record,) = launch.run(one, tmp_path / "runs", warn=said.append)
    launch.run(one, tmp_path / "runs", warn=said.append)
    load(record.folder)
    assert said == []
    file.write_text(file.read_text() + "    # another\n")
    launch.run(one, tmp_path / "runs", warn=said.append)
    assert len(said) == 1 and "1 of 1 runs" in said[0] and "another source of edited_cell:Mine" in said[0]
    with pytest.warns(UserWarning, match="trained with another source of edited_cell:Mine"):
        load(record.folder)


TASK_OF_MINE = '''
from dataclasses import dataclass
import jax
import jax.numpy as jnp
from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes


@dataclass(frozen=True)
class First(Classes):
    """Say at the end which of two symbols came first."""

    variant: str = "own"
    gap: int = 5
    task, size, sources = "first", "gap", {"own": Source("own", "mine", "o")}
    inputs, outputs = 3, 2
    steps = property(lambda self: self.gap + 1)
    lag = property(lambda self: (self.gap, self.gap))

    def __post_init__(self):
        super().__post_init__()
        self.at_least(gap=1)

    def sample(self, key, batch):
        symbol = jax.random.randint(key, (batch,), 0, 2)
        seen = jnp.full((self.steps, batch), 2).at[0].set(symbol)
        last = jnp.zeros((self.steps, batch), bool).at[-1].set(True)
        return Batch(jax.nn.one_hot(seen, 3), jnp.broadcast_to(symbol, last.shape), last, None)

    def levels(self):
        guess = Score(0.6931, 0.5)
        return Levels(guess, guess, Score(0.0, 1.0))


class Pair(First):
    def sample(self, key, batch):
        return super().sample(key, batch)[:2]


class Transposed(First):
    def sample(self, key, batch):
        given = super().sample(key, batch)
        return given._replace(inputs=given.inputs.swapaxes(0, 1))


class Counts(First):
    def sample(self, key, batch):
        given = super().sample(key, batch)
        return given._replace(scored=given.scored.astype(int))


class Undefined(First):
    def sample(self, key, batch):
        return nothing


class Branches(First):
    def sample(self, key, batch):
        if jax.random.bernoulli(key):
            return None


class PerSequence(First):
    def loss(self, outputs, batch):
        return outputs[-1, :, 0]


class NoLevels(First):
    levels = None


class TwoLevels(First):
    def levels(self):
        return 0.69, 0.0


class Named(First):
    name = property(lambda self: self.title)


class Lag(First):
    lag = 5


@dataclass(frozen=True)
class NoVariant(Classes):
    task, sources = "first", {"own": Source("own", "mine", "o")}


class Bare:
    name = "bare"
    source = Source("own", "mine", "o")


thing = 3
'''


@pytest.fixture
def task_of_mine(tmp_path, monkeypatch):
    (tmp_path / "task_of_test.py").write_text(TASK_OF_MINE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("task_of_test", None)


WRONG_TASKS = {
    "Pair": "sample must return a Batch of ltd.types, not a tuple",
    "Transposed": "sample: inputs has shape (2, 6, 3) and type float32: must be numbers, (6, 2, 3)",
    "Counts": "sample: scored has shape (6, 2) and type int32: must be truth values",
    "Undefined": "sample fails (NameError: name 'nothing' is not defined; line 54 of",
    "Branches": "sample fails (TracerBoolConversionError: ",
    "PerSequence": "loss has shape (2,) and type float32: must be numbers, ()",
    "NoLevels": "levels = None must be a method",
    "TwoLevels": "levels must return Levels(blind, strict, optimum)",
    "Named": "has no title: a task offers name, source, inputs",
    "Lag": "lag = 5 must be (shortest, longest)",
    "NoVariant": "its constructor fails (AttributeError: 'NoVariant' object has no attribute 'variant')",
    "Bare": "has no inputs: a task offers",
    "thing": "'task_of_test:thing' is no class: it is 3",
}


@pytest.mark.parametrize("name", WRONG_TASKS)
def test_a_wrong_task_is_one_line(name, task_of_mine, capsys):
    assert main(["run", f"--task.type=task_of_test:{name}", "--train.steps=2", "--out=runs"]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and f"task_of_test:{name}" in said.err and WRONG_TASKS[name] in said.err
    assert not (task_of_mine / "runs").exists()


@pytest.mark.usefixtures("task_of_mine")
def test_a_right_one_is_made():
    assert make_task(Choice("task_of_test:First", {"gap": 3})).steps == 4
    with pytest.raises(ConfigError, match=r"^task: gap = 0 must be at least 1 in first/own"):
        make_task(Choice("task_of_test:First", {"gap": 0}))


def test_our_own_tasks_pass_the_check_too():
    for name, build in {getattr(build, "func", build): (n, build) for n, build in TASKS.items()}.values():
        if not build().file:
            check_task(build, name)
