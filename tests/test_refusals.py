"""Settings that cannot be meant are refused by name: numbers that are none, and fields that nothing would use."""

import typing

import jax
import jax.numpy as jnp
import pytest

from ltd import cells, config, launch, model, nets
from ltd.cells import CELLS, from_function
from ltd.config import Choice, ConfigError
from ltd.nets import NETS
from ltd.settings import Measure, Run
from ltd.train import make_train
from ltd.trees import disassemble, flat
from tasks import TASKS

TASK = {"task.type": "adding/arjovsky2016", "task.length": 6}


def floats(constructor, given):
    """The names of the options of a constructor that may be a float."""
    hints = typing.get_type_hints(config.options_of(constructor, given))
    return [name for name, kind in hints.items() if float in (kind, *typing.get_args(kind))]


FLOATS = [
    *(("cell", name, each) for name in CELLS for each in floats(cells.constructor(name), ("key", "inputs"))),
    *(("net", name, each) for name in NETS for each in floats(nets.constructor(name), ("key", "inputs", "make"))),
    *(("task", name, each) for name in TASKS for each in floats(config.resolve(name, TASKS, "task"), ())),
]
OPTIONS = {"cell": model.cell_options, "net": model.net_options, "task": model.task_options}


def test_no_option_is_infinite_or_no_number():
    known = {f"{name}.{option}" for _, name, option in FLOATS}
    assert known >= {"irnn.scale", "lstm.forget_bias", "highway.carry_bias", "s5.dt_max", "stacked.dropout"}
    for kind, name, option in FLOATS:
        for value in (float("nan"), float("inf"), -float("inf"), "nan"):
            with pytest.raises(ConfigError, match=rf"^{kind}\.{option} = (nan|inf|-inf) must be finite\.$"):
                OPTIONS[kind](Choice(name, {option: value}))


def test_options_of_a_net_inside_a_net_are_finite_too():
    fields = {**TASK, "net.type": "stacked", "net.inner.type": "stacked", "net.inner.dropout": float("nan")}
    with pytest.raises(ConfigError, match=r"net\.dropout = nan must be finite"):
        launch.configure(Run, fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cell": "urnn", "cell.permutation": -1}, "cell: permutation = -1 must not be below 0"),
        ({"cell": "clockwork", "cell.periods": "1,1000000001"}, "periods = '1,1000000001' must be at most 1000000000"),
        ({"cell": "clockwork", "cell.periods": "1,0"}, "must be whole numbers above 0"),
        (
            {"net": "sliding_window", "cell": "elman", "initial.type": "learned"},
            "'learned' has no meaning for Sliding",
        ),
        ({"net": "plain", "initial.type": "constant", "initial.value": 1.0}, "'constant' has no meaning for Plain"),
        ({"net": "highway", "initial.type": "noise", "initial.value": 1.0}, "has no state: leave it out"),
        ({"cell": "min_gru", "plan.type": "associative", "plan.chunk": 3}, "plan.chunk = 3 has no meaning for MinGRU"),
        ({"net": "fsmn", "plan.type": "associative", "plan.chunk": 3}, "for FSMN under associative: leave it out"),
        ({"net": "window", "plan.type": "chunked", "plan.chunk": 3}, "for Window under chunked: leave it out"),
        ({"net": "highway", "plan.chunk": 3}, "plan.chunk = 3 has no meaning for Highway under chunked"),
        ({"net": "fsmn", "plan.unroll": 4}, "plan.unroll = 4 has no meaning for FSMN under chunked"),
        (
            {"net": "stacked", "cell": "lru", "plan.type": "associative", "plan.chunk": 3},
            "plan.chunk = 3 has no meaning for Stacked under associative",
        ),
    ],
    ids=str,
)
def test_a_setting_that_nothing_would_use_is_refused(fields, words):
    with pytest.raises(ConfigError, match=words) as error:
        launch.check_run(launch.configure(Run, {**TASK, **fields}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"cell": "urnn", "cell.permutation": 3},
        {"cell": "clockwork", "cell.hidden": 4, "cell.periods": "1,1000000000"},
        {"cell": "mlstm", "plan.type": "associative", "plan.chunk": 3},
        {"net": "stacked", "cell": "mlstm", "plan.type": "associative", "plan.chunk": 3},
        {"net": "sliding_window", "cell": "mlstm", "plan.type": "associative", "plan.chunk": 3},
        {"net": "bidirectional", "cell": "lstm", "plan.chunk": 3},
        {"net": "window", "initial.type": "noise", "initial.value": 1.0},
    ],
    ids=str,
)
def test_and_one_that_something_uses_is_not(fields):
    launch.check_run(launch.configure(Run, {**TASK, **fields}))


def test_a_probe_refuses_a_start_without_a_state():
    one = launch.configure(Measure, {"net": "plain", "initial.type": "learned"})
    with pytest.raises(ConfigError, match="'learned' has no meaning for Plain"):
        launch.lanes_of(one, [None], 1)


def test_steps_are_neither_more_nor_fewer_than_asked_for(tmp_path):
    """The last chunk is shorter, in the ledger and in the one program of a whole run."""
    small = {**TASK, "cell.hidden": 2, "train.batch": 2, "train.eval_batch": 4, "train.stop": False}
    for steps, checks in ((25, [0, 10, 20, 25]), (3, [0, 3]), (10, [0, 10])):
        one = launch.configure(Run, {**small, "train.steps": steps, "train.eval_every": 10})
        (record,) = launch.run(one, tmp_path)
        assert [row["update"] for row in record.metrics()] == checks and record.summary["updates"] == steps
        state, curves = make_train(one, model.make_task(one.task))({"seed": jnp.uint32(0)})
        assert state.update == steps and curves["update"].tolist() == checks[1:]


def test_memory_of_fsmn_is_known(key):
    with pytest.raises(ValueError, match="memory = 'matrix' must be scalar or vector"):
        NETS["fsmn"](key, 2, memory="matrix")


def as_cell(params):
    """A cell that is a function with these parameters."""

    def step(params, state, x):
        return state, x

    step.init = lambda key, inputs: (params, jnp.zeros(2))
    return from_function(step)


def test_parameters_of_a_function_keep_names_of_their_own(key):
    cell = as_cell({"a": {"b": jnp.ones(1)}, "a_b": jnp.ones(2), "l": [jnp.ones(3)]})(key, 2)
    named = flat(disassemble(cell)[1])
    assert {name: leaf.shape for name, leaf in named.items()} == {
        "weights.a.b": (1,),
        "weights.a_b": (2,),
        "weights.l.0": (3,),
    }
    assert jax.tree.map(jnp.shape, cell.kernel(), is_leaf=lambda x: hasattr(x, "shape")) == {
        "a": {"b": (1,)},
        "a_b": (2,),
        "l": [(3,)],
    }
    with pytest.raises(ValueError, match=r"two parameters are named 'a\.b'"):
        as_cell({"a": {"b": jnp.ones(1)}, "a.b": jnp.ones(2)})(key, 2)
