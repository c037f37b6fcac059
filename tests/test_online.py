"""Weights that move within a sequence: against loops from the papers, and against the gradient of the batch."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness import compiled, network_of
from ltd import config, gradients, launch, online
from ltd.block import fit
from ltd.config import ConfigError
from ltd.model import make_task
from ltd.settings import Run
from ltd.train import DIVERGED, RUNNING, Trainer
from ltd.types import Batch
from oracles import training as oracle

SMALL = {
    "task": {"type": "copy/arjovsky2016", "gap": 3, "pattern": 1, "symbols": 2},
    "cell": {"type": "elman", "hidden": 4},
    "train": {"steps": 20, "batch": 3, "eval_every": 10, "eval_batch": 8},
    "optimizer": {"type": "sgd", "learning_rate": 0.3},
    "precision": "float64",
}
GRADIENTS = {"rtrl": {"type": "rtrl"}, "elman": {"type": "elman"}, "2, 5": {"type": "truncated", "k1": 2, "k2": 5}}


def run_of(gradient, **fields):
    gradient = {"type": gradient} if isinstance(gradient, str) else gradient
    return launch.configure(Run, {**SMALL, "gradient": {"online": True, **gradient}, **fields})


def learned(one, batch=None, size=3, rate=0.3):
    """A network, a batch, and what is left of it by `online.learn` with plain gradient descent."""
    (graphdef, params, rest), made, task = network_of(one, size, 0.5, 0)
    batch = made if batch is None else batch

    def move(params, moments, grads, loss):
        return jax.tree.map(lambda p, g: p - rate * g, params, grads), moments + 1, {"size": jnp.zeros(())}

    def build(p):
        return nnx.merge(graphdef, p, rest)

    found = compiled(lambda p: online.learn(one.gradient, build, p, jnp.int32(0), batch, task, move))(params)
    return build(params), batch, task, build(found[1]), found


def errors_of(task, batch):
    """dL/dy of some steps alone, by the loss of the task."""

    def found(steps, y):
        piece = jax.tree.map(lambda leaf: leaf[np.array(steps)], batch)
        return np.asarray(jax.grad(lambda y: task.loss(y, piece))(jnp.asarray(y)))

    return found


def columns(model, *names):
    weights = {name: np.asarray(getattr(model.net, name)[...]).T for name in names}
    return weights | {"V": np.asarray(model.V[...]).T, "c": np.asarray(model.b_y[...])}


def held(model, wanted):
    for name, value in columns(model, *[n for n in wanted if n in "WUb"]).items():
        np.testing.assert_allclose(value, wanted[name], 1e-9, 1e-12, err_msg=name)


# ------------------------------------------------------------------------------------------------ against the papers


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (1, 3), (2, 2), (2, 5), (3, 4), (4, 9), (9, 9)])
def test_a_pass_after_every_k1_steps_moves_the_weights(k1, k2):
    one = run_of({"type": "truncated", "k1": k1, "k2": k2})
    model, batch, task, after, (outputs, _, moves, _) = learned(one)
    inputs = np.asarray(model.embed(batch.inputs))
    wanted, y = oracle.online_passes(columns(model, *"WUb"), inputs, errors_of(task, batch), 0.3, k1, k2)
    held(after, wanted)
    np.testing.assert_allclose(outputs, y, 1e-9)
    assert int(moves) == -(-len(inputs) // k1)


@pytest.mark.usefixtures("x64")
def test_elman_moves_after_every_step():
    model, batch, task, after, _ = learned(run_of("elman"))
    inputs = np.asarray(model.embed(batch.inputs))
    held(after, oracle.online_passes(columns(model, *"WUb"), inputs, errors_of(task, batch), 0.3, 1, 1)[0])


@pytest.mark.usefixtures("x64")
def test_rtrl_moves_as_williams_and_zipser_have_it():
    model, batch, task, after, (outputs, _, _, _) = learned(run_of("rtrl"))
    inputs = np.asarray(model.embed(batch.inputs))
    wanted, y = oracle.online_rtrl(columns(model, *"WUb"), inputs, errors_of(task, batch), 0.3)
    held(after, wanted)
    np.testing.assert_allclose(outputs, y, 1e-9)


@pytest.mark.usefixtures("x64")
def test_hs97_moves_by_the_traces_of_the_cells():
    one = run_of("hs97", cell={"type": "lstm", "hidden": 3})
    model, batch, task, after, (outputs, _, _, _) = learned(one, size=1)
    inputs = np.asarray(model.embed(batch.inputs))[:, 0]
    wanted, y = oracle.online_lstm(columns(model, *"WUb"), inputs, errors_of(task, batch), 0.3)
    held(after, wanted)
    np.testing.assert_allclose(outputs[:, 0], y, 1e-9)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("gradient", "fields", "parts"),
    [
        ("hs97", {"cell": {"type": "lstm1997", "hidden": 4, "block": 2}}, 4),  # of cells, gates and what they show
        ("hs97", {"cell": {"type": "lstm", "hidden": 4}}, 4),
        ("rtrl", {"cell": {"type": "lstm", "hidden": 4}}, 8),
        ("rtrl", {"cell": {"type": "scrn", "hidden": 4, "context": 2}}, 6),
        ("rtrl", {"net": {"type": "stacked", "layers": 2}}, 8),
        ("rtrl", {"cell": {"type": "elman", "hidden": 4, "form": "before"}}, 4),
    ],
)
def test_only_what_a_later_step_has_a_derivative_by_is_carried(gradient, fields, parts):
    """And the moves of a small rate add up to the gradient of the batch, each by its share of the steps."""
    one = run_of(gradient, **fields)
    (graphdef, params, rest), batch, task = network_of(one, 2, 0.5, 0)

    def build(p):
        model = nnx.merge(graphdef, p, rest)
        if gradient == "hs97":
            model.net = gradients.cut(model.net)
        return model

    assert len(gradients.Forward(build, params, batch).kept) == parts
    rate = 1e-7
    _, _, _, _, (_, moved, _, _) = learned(one, batch, 2, rate)
    over = gradients.over(one.gradient)
    whole = jax.grad(
        lambda p: task.loss(nnx.merge(graphdef, p, rest)(batch.inputs, valid=batch.valid, over=over), batch)
    )(params)
    steps = len(batch.scored)  # all are scored, and the loss of a batch is a mean over them
    for before, after, g in zip(*map(jax.tree.leaves, (params, moved, whole)), strict=True):
        np.testing.assert_allclose((before - after) / rate, steps * g, 1e-4, 1e-6)


# ------------------------------------------------------------------------------------------------ padding, no score


def lane_of(one):
    trainer = Trainer(one, make_task(one.task))
    lane = {name: jnp.asarray(v) for name, v in config.split(one)[1].items()} | {"seed": jnp.uint32(0)}
    overlaid = config.overlay(one, lane)
    return trainer.start(lane), compiled(lambda state: trainer.update(overlaid, state)), trainer


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "gradient", [{"type": "rtrl"}, {"type": "truncated", "k1": 4, "k2": 60}], ids=["rtrl", "4, 60"]
)
def test_steps_without_a_score_move_nothing(gradient):
    """Where the last step alone is scored there is one move, that of the batch: Adam's moments, too, are untouched."""
    fields = {"task": {"type": "adding/arjovsky2016", "length": 20}, "optimizer": {"type": "adam"}}
    one = run_of(gradient, **fields)
    start, update, _ = lane_of(one)
    found, told = update(start)
    start, update, _ = lane_of(dataclasses.replace(one, gradient=dataclasses.replace(one.gradient, online=False)))
    wanted, expected = update(start)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, 1e-8, 1e-12)
    for name in ("loss", "before", "after"):
        assert float(told[name]) == pytest.approx(float(expected[name]), rel=1e-8)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "gradient", ["rtrl", "elman", {"type": "truncated", "k1": 1, "k2": 3}], ids=["rtrl", "elman", "1, 3"]
)
def test_padding_at_the_end_changes_nothing(gradient):
    one = run_of(gradient)
    model, batch, _, short, (_, _, moves, _) = learned(one)
    length = len(batch.inputs)
    longer = [jnp.concatenate([leaf, jnp.zeros_like(leaf[:4])]) for leaf in (batch.inputs, batch.targets)]
    there = jnp.broadcast_to(jnp.arange(length + 4)[:, None] < length, (length + 4, 3))
    _, _, _, long, (outputs, _, padded, _) = learned(one, Batch(*longer, there, there))
    assert len(outputs) == length + 4
    assert int(padded) == int(moves) == length, "a step that nothing is asked of moves no moments either"
    for a, b in zip(*(jax.tree.leaves(nnx.state(m, nnx.Param)) for m in (short, long)), strict=True):
        np.testing.assert_allclose(a, b, 1e-9, 1e-12)
    assert not np.allclose(model.V[...], short.V[...], rtol=1e-3)


# ------------------------------------------------------------------------------------------------ in training


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("gradient", GRADIENTS.values(), ids=GRADIENTS)
def test_lanes_share_a_program_and_learn(gradient, precision):
    one = run_of(gradient, precision=precision, train={**SMALL["train"], "steps": 60, "eval_every": 30})
    with jax.enable_x64(precision == "float64"):
        lanes = fit(one, make_task(one.task), [{**config.split(one)[1], "seed": s} for s in (0, 1)])
        alone = fit(one, make_task(one.task), [{**config.split(one)[1], "seed": 1}])
    assert lanes[1].summary["eval/loss"] == pytest.approx(alone[0].summary["eval/loss"], rel=1e-4)
    assert all(lane.records[-1]["eval/loss"] < lane.records[0]["eval/loss"] for lane in lanes)
    assert lanes[0].summary["eval/loss"] != lanes[1].summary["eval/loss"]


@pytest.mark.parametrize("policy", ["stop", "skip"])
@pytest.mark.parametrize("gradient", GRADIENTS.values(), ids=GRADIENTS)
def test_moves_that_are_not_finite(gradient, policy):
    """From weights that are infinite: the run stops as diverged, or every move is skipped and counted."""
    one = run_of(gradient, optimizer={"type": "sgd", "learning_rate": 0.1, "nonfinite": policy}, precision="float32")
    start, update, _ = lane_of(one)
    broken = start._replace(params=jax.tree.map(lambda leaf: leaf.at[0].set(jnp.inf), start.params))
    found, _ = update(broken)
    assert int(found.status) == (DIVERGED if policy == "stop" else RUNNING)
    moves = {"rtrl": 5, "elman": 5}.get(one.gradient.type, 3)  # of 5 steps
    assert int(found.skipped) == (moves if policy == "skip" else 0)
    for a, b in zip(jax.tree.leaves(found.params), jax.tree.leaves(broken.params), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("gradient", ["rtrl", "elman"])
def test_every_move_is_told_the_loss_of_its_step(gradient):
    """So that one that is not finite is seen even where its gradient is."""
    one = run_of(gradient)
    (graphdef, params, rest), batch, task = network_of(one, 3, 0.5, 0)

    def build(p):
        return nnx.merge(graphdef, p, rest)

    def move(params, moments, grads, loss):
        return params, moments, {"loss": loss}

    told = online.learn(one.gradient, build, params, jnp.zeros(()), batch, task, move)[3]
    outputs = build(params)(batch.inputs)
    steps = [jax.tree.map(lambda leaf, t=t: leaf[t : t + 1], batch) for t in range(len(outputs))]
    wanted = [task.loss(outputs[t : t + 1], step) for t, step in enumerate(steps)]
    np.testing.assert_allclose(told["loss"], wanted, 1e-10)


def test_a_run_that_is_not_online_keeps_its_config():
    one = run_of("rtrl")
    assert config.plain(one)["gradient"] == {"type": "rtrl", "k1": None, "k2": None, "online": True}
    assert config.decode(Run, config.plain(one)) == one
    off = dataclasses.replace(one, gradient=dataclasses.replace(one.gradient, online=False))
    assert config.plain(off)["gradient"] == {"type": "rtrl", "k1": None, "k2": None}


@pytest.mark.parametrize(
    ("gradient", "fields", "words"),
    [
        ("bptt", {}, "online = true with type = bptt, .* use rtrl"),
        ("rtrl", {"regularizer": {"l2": 0.1}}, "online with a regularizer, which is a term of a whole batch"),
        ("elman", {"precision": "bfloat16"}, "which bfloat16 is too coarse for"),
        ("rtrl", {"net": "bidirectional"}, "rtrl: Bidirectional.* has no state that goes from step to step"),
        ("hs97", {"net": {"type": "stacked", "dropout": 0.5}, "cell": "lstm"}, "set dropout to 0"),
        ("rtrl", {"feedback": "free"}, "feedback = free with gradient = rtrl"),
    ],
)
def test_refusals(gradient, fields, words):
    with pytest.raises(ConfigError, match=words) as error:
        launch.check_run(run_of(gradient, **fields))
    assert "\n" not in str(error.value)


class Complex(nnx.Module):
    """A cell whose state is complex."""

    hidden = 4

    def __init__(self, key, inputs):
        self.inputs = inputs
        self.W = nnx.Param(jax.random.normal(key, (inputs, 4)))

    def initial_state(self, batch):
        return jnp.zeros((*batch, 4), complex)

    def kernel(self):
        return ()

    def project(self, inputs):
        return inputs @ self.W[...]

    def step(self, kernel, state, drive):
        state = 0.9j * state + drive
        return state, jnp.real(state)


@pytest.mark.parametrize("online", [True, False])
def test_a_complex_state_is_not_carried_forward(online):
    one = run_of({"type": "rtrl", "online": online}, cell="test_online:Complex", precision="float32")
    with pytest.raises(ConfigError, match="the state of Complex is complex: use bptt"):
        launch.check_run(one)
    launch.check_run(run_of("elman", cell="test_online:Complex", precision="float32"))


class Spread:
    """A task whose loss is not one of single steps: how far the outputs of a sequence lie from their mean over time."""

    def __init__(self, task):
        self.name, self.outputs, self.sample = "made up", task.outputs, task.sample

    def loss(self, outputs, batch):
        return jnp.mean((outputs - jnp.mean(outputs, axis=0)) ** 2)


class Fixed(Spread):
    """One whose loss is that of a certain step."""

    def loss(self, outputs, batch):
        return jnp.mean(outputs[3] ** 2)


def test_a_task_without_its_data_says_so():
    class Missing(Spread):
        def loss(self, outputs, batch):
            raise ConfigError("digits.npz is not there")

    one = run_of("rtrl")
    with pytest.raises(ConfigError, match=r"digits\.npz is not there"):
        online.check(one, Missing(make_task(one.task)))


@pytest.mark.parametrize("made_up", [Spread, Fixed])
def test_a_loss_that_no_step_has_alone_is_refused(made_up):
    one = run_of("rtrl")
    task = make_task(one.task)
    online.check(one, task)
    with pytest.raises(ConfigError, match="the loss of made up is not one of single steps"):
        online.check(one, made_up(task))
