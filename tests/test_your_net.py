"""A net of the user's own, with a cell inside or without one; and what is wrong with it, in a line."""

import sys
import textwrap

import jax
import numpy as np
import pytest

from experiments.cli import main
from ltd import launch
from ltd.config import Choice
from ltd.model import load, make_body
from ltd.nets import NETS, check_net
from ltd.settings import Measure, Run, body_of
from ltd.unroll import unroll

MINE = '''
import jax.numpy as jnp
import jax
from flax import nnx
from ltd.unroll import unroll


class Mean(nnx.Module):
    """The mean of everything so far: no cell inside, no `hidden`, nothing of ours."""

    def __init__(self, key, inputs, size: int = 4, gain: float = 1.0):
        self.inputs, self.width = inputs, size
        self.W = nnx.Param(gain * jax.random.normal(key, (inputs, size)))

    def initial_state(self, batch):
        return ()

    def over(self, inputs, state, plan, valid=None, key=None):
        seen = jnp.cumsum(inputs @ self.W[...], axis=0)
        return (), seen / jnp.arange(1, len(inputs) + 1)[:, None, None]


class Doubled(nnx.Module):
    """The cell's outputs twice, without an option `inner`."""

    takes = True

    def __init__(self, key, inputs, make, factor: float = 2.0):
        self.net, self.factor, self.inputs = make(key, inputs), factor, inputs
        self.width = 2 * self.net.hidden

    def initial_state(self, batch):
        return self.net.initial_state(batch)

    def over(self, inputs, state, plan, valid=None, key=None):
        state, out = unroll(self.net, inputs, state, plan, valid, key)
        return state, jnp.concatenate([out, self.factor * out], axis=-1)


class Overless(nnx.Module):
    def initial_state(self, batch):
        return ()


class Widthless(Mean):
    def __init__(self, key, inputs):
        self.inputs, self.hidden = inputs, 3


class Inputless(Mean):
    def __init__(self, key, inputs):
        self.width = 3


class OnlyOutputs(Mean):
    def over(self, inputs, state, plan, valid=None, key=None):
        return inputs


class Narrow(Mean):
    def over(self, inputs, state, plan, valid=None, key=None):
        return state, inputs


class LastOnly(Mean):
    def over(self, inputs, state, plan, valid=None, key=None):
        return state, super().over(inputs, state, plan)[1][-1]


class Forgetful(Mean):
    def initial_state(self, batch):
        return jnp.zeros((*batch, 3))


class Short(Mean):
    def over(self, inputs, state):
        return state, inputs


class Makeless(Mean):
    takes = True
'''


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    (tmp_path / "net_of_test.py").write_text(textwrap.dedent(MINE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("net_of_test", None)


SMALL = {
    "task.type": "adding/arjovsky2016", "task.length": 6, "train.steps": 4, "train.eval_every": 2, "train.batch": 4,
    "train.eval_batch": 8,
}  # fmt: skip
WITH_CELL = {"net.type": "net_of_test:Doubled", "cell.type": "lstm", "cell.hidden": 3}
ALONE = {"net.type": "net_of_test:Mean", "net.size": 5}


@pytest.mark.parametrize(
    ("fields", "body", "width"),
    [(ALONE, "net_of_test:Mean", 5), (WITH_CELL, "net_of_test:Doubled(lstm)", 6)],
    ids=["alone", "with a cell"],
)
def test_a_users_net_trains_and_comes_back(fields, body, width, mine):
    one = launch.configure(Run, {**SMALL, **fields, "plan.chunk": 3})
    (record,) = launch.run([one], mine / "runs")
    assert record.status == "finished" and record.summary["updates"] == 4
    assert body_of(record.config) == body
    model, again, _ = load(mine / "runs" / record.digest)
    assert again == one and model.V.shape == (width, 1)


@pytest.mark.parametrize("fields", [ALONE, WITH_CELL], ids=["alone", "with a cell"])
@pytest.mark.parametrize("probe", ["gradient", "jacobian"])
def test_a_users_net_is_probed(fields, probe):
    one = launch.configure(Measure, {**fields, "probe": probe, "length": 8})
    (curves,) = launch.probe(launch.lanes_of(one, [None], 1))
    assert curves.arrays


def test_the_cell_stands_where_the_net_puts_it(key):
    net = make_body(Choice("lstm", {"hidden": 3}), Choice("net_of_test:Doubled", {"factor": 3.0}))(key, 2)
    inputs = jax.random.normal(key, (5, 2, 2))
    alone = unroll(net.net, inputs, net.net.initial_state((2,)))[1]
    outputs = unroll(net, inputs, net.initial_state((2,)))[1]
    np.testing.assert_array_equal(outputs, np.concatenate([alone, 3 * alone], axis=-1))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Overless", "has no method over: a net offers initial_state, over"),
        ("Widthless", "has no width: a net offers initial_state, over, inputs and width"),
        ("Inputless", "has no inputs: a net offers"),
        ("OnlyOutputs", "over must return (state, outputs), not"),
        ("Narrow", "over returns outputs of shape (3, 2, 2), not (steps, batch, 4): set `width`"),
        ("LastOnly", "over returns outputs of shape (2, 4), not (steps, batch, 4)"),
        ("Forgetful", "over returns the state (), initial_state gave ((2, 3), 'float32')"),
        ("Short", "over has a wrong signature"),
        ("Makeless", "says takes = True: its constructor must be (key, inputs, make, ...)"),
        ("nothing", "cannot be imported"),
    ],
)  # fmt: skip
def test_a_wrong_net_is_one_line(name, words, capsys):
    arguments = [f"--{k}={v}" for k, v in {**SMALL, "net.type": f"net_of_test:{name}", "out": "runs"}.items()]
    assert main(["run", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and words in err


@pytest.mark.parametrize("name", list(NETS))
def test_our_own_nets_pass_the_check_too(name):
    def build(key):
        return make_body(Choice("elman", {"hidden": 4}), Choice(name))(key, 3)

    jax.eval_shape(lambda key: check_net(build(key), name), jax.random.key(0))
