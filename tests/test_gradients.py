"""Gradients of training: truncated ones against loops from the papers, the forward one against backpropagation."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness import compiled, network_of
from ltd import config, gradients, launch
from ltd.block import fit
from ltd.config import ConfigError
from ltd.model import make_task
from ltd.settings import Gradient, Plan, Run
from ltd.train import Trainer
from ltd.trees import disassemble
from ltd.unroll import unroll
from oracles import training as oracle

SMALL = {
    "task": {"type": "copy/arjovsky2016", "gap": 3, "pattern": 1, "symbols": 2},
    "cell": {"type": "elman", "hidden": 4},
    "train": {"steps": 20, "batch": 4, "eval_every": 10, "eval_batch": 8},
    "optimizer": {"type": "sgd", "learning_rate": 0.1},
}
T, B = 7, 3
PLANS = ["stepwise", "chunked", "newton"]


def run_of(**fields):
    return launch.configure(Run, {**SMALL, **fields})


def made(one, extra=2):
    return network_of(one, B, 0.5, extra)


def gradient_of(parts, batch, task, over=unroll, plan=Plan(), key=None):
    graphdef, params, rest = parts

    @compiled
    def found(params):
        def loss(p):
            return task.loss(nnx.merge(graphdef, p, rest)(batch.inputs, plan, batch.valid, key, over=over), batch)

        return jax.value_and_grad(loss)(params)

    return found(params)


def close(found, wanted, rtol, atol=0.0):
    paths = jax.tree_util.tree_leaves_with_path(wanted)
    for (path, w), f in zip(paths, jax.tree.leaves(found), strict=True):
        scale = float(jnp.max(jnp.abs(w)))
        np.testing.assert_allclose(f, w, rtol, atol + rtol * scale, err_msg=jax.tree_util.keystr(path))


def apart(found, wanted):
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True)
    return any(not np.allclose(f, w, rtol=1e-2, atol=1e-6) for f, w in pairs)


# ------------------------------------------------------------------------------------------------ truncated


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("k1", "k2", "plan"),
    [(1, 1, "chunked"), (1, 3, "stepwise"), (2, 2, "chunked"), (2, 5, "newton"), (3, 4, "stepwise"), (4, 9, "chunked")],
)
def test_truncated_is_the_sum_of_all_errors_carried_back_by_their_pass(k1, k2, plan):
    parts, batch, task = made(run_of(initial="learned", precision="float64"), extra=0)
    value, found = gradient_of(parts, batch, task, lambda *a: gradients.truncated(k1, k2, *a), Plan(plan))
    assert float(value) == pytest.approx(float(gradient_of(parts, batch, task)[0]), rel=1e-12), "values are the same"
    model = nnx.merge(*parts)
    net, inputs = model.net, np.asarray(model.embed(batch.inputs))
    weights = {"W": net.W[...].T, "U": net.U[...].T, "b": net.b[...], "V": model.V[...].T, "c": model.b_y[...]}
    weights = {name: np.asarray(w) for name, w in weights.items()}
    outputs = model(batch.inputs, Plan("stepwise"))
    errors = np.asarray(jax.grad(lambda y: task.loss(y, batch))(outputs))
    start = np.asarray(model.start[0][...])
    each = [oracle.truncated(weights, inputs[:, n], start, errors[:, n], k1, k2) for n in range(B)]
    wanted = {name: sum(one[name] for one in each) for name in each[0]}
    got = {"W": found["net"]["W"], "U": found["net"]["U"], "b": found["net"]["b"], "V": found["V"], "c": found["b_y"]}
    for name, leaf in got.items():
        np.testing.assert_allclose(np.asarray(leaf[...]).T, wanted[name], 1e-8, 1e-10, err_msg=name)
    np.testing.assert_allclose(jax.tree.leaves(found["start"])[0], wanted["h"], 1e-8, 1e-10)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru_before", "lru", "clockwork", "flax.nnx:GRUCell"])
def test_passes_that_reach_the_beginning_are_the_whole_gradient_and_shorter_ones_are_not(cell):
    """With padding, whose steps must not age the state of a window."""
    plan = Plan("associative" if cell == "lru" else "chunked")
    parts, batch, task = made(run_of(cell={"type": cell, "hidden": 4}, precision="float64"))
    value, whole = gradient_of(parts, batch, task, plan=plan)
    for k1 in (1, 3):
        same, found = gradient_of(parts, batch, task, lambda *a, k1=k1: gradients.truncated(k1, 50, *a), plan)
        assert float(same) == pytest.approx(float(value), rel=1e-10)
        close(found, whole, 1e-8)
    same, found = gradient_of(parts, batch, task, lambda *a: gradients.truncated(1, 1, *a), plan)
    assert float(same) == pytest.approx(float(value), rel=1e-10)
    assert apart(found, whole)


@pytest.mark.usefixtures("x64")
def test_a_net_is_truncated_as_a_whole():
    parts, batch, task = made(run_of(net={"type": "stacked", "layers": 2}, precision="float64"))
    _, whole = gradient_of(parts, batch, task)
    close(gradient_of(parts, batch, task, lambda *a: gradients.truncated(2, 50, *a))[1], whole, 1e-8)
    assert apart(gradient_of(parts, batch, task, lambda *a: gradients.truncated(2, 2, *a))[1], whole)


# ------------------------------------------------------------------------------------------------ hs97


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("plan", PLANS)
def test_hs97_of_an_lstm_is_the_forward_trace_of_its_cells(plan):
    D, H = 3, 4
    one = run_of(cell={"type": "lstm", "hidden": H}, precision="float64")
    (graphdef, params, rest), _, _ = made(one)
    net = nnx.merge(graphdef, params, rest).net
    graphdef, params, rest = disassemble(net)
    D = net.inputs
    inputs, weigh = (jax.random.normal(jax.random.key(k), (T, 1, n)) for k, n in ((5, D), (6, H)))

    def value(road, params):
        cell = nnx.merge(graphdef, params, rest)
        return jnp.sum(weigh * road(cell, inputs, cell.initial_state((1,)), Plan(plan))[1])

    found, whole = (jax.grad(lambda p, r=r: value(r, p))(params) for r in (gradients.carousel, unroll))
    W, U, b = (np.asarray(getattr(net, name)[...]).T for name in ("W", "U", "b"))
    wanted = oracle.lstm_trace(W, U, b, np.asarray(inputs[:, 0]), np.asarray(weigh[:, 0]))
    for name, w in zip(("W", "U", "b"), wanted, strict=True):
        np.testing.assert_allclose(np.asarray(found[name][...]).T, w, 1e-8, 1e-11)
        assert not np.allclose(np.asarray(whole[name][...]).T, w, 1e-2)
    assert not net.truncate, "the network itself is left as it was"


def test_hs97_is_the_option_truncate_of_the_cell_of_1997():
    parts, batch, task = made(run_of(cell={"type": "lstm1997", "hidden": 4, "block": 2}))
    cut = made(run_of(cell={"type": "lstm1997", "hidden": 4, "block": 2, "truncate": True}))[0]
    _, wanted = gradient_of(cut, batch, task)
    _, found = gradient_of(parts, batch, task, gradients.carousel)
    close(found, wanted, 1e-6)
    assert apart(found, gradient_of(parts, batch, task)[1])


def test_hs97_goes_through_all_layers_of_a_net_and_is_the_whole_gradient_where_nothing_loops():
    parts, batch, task = made(run_of(net={"type": "stacked", "layers": 2}, cell={"type": "lstm", "hidden": 3}))
    _, found = gradient_of(parts, batch, task, gradients.carousel)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(found["net"])) and apart(
        found, gradient_of(*[parts, batch, task])[1]
    )
    parts, batch, task = made(run_of(cell={"type": "lstm1997", "hidden": 3, "connectivity": "B"}))
    close(gradient_of(parts, batch, task, gradients.carousel)[1], gradient_of(parts, batch, task)[1], 1e-6)


# ------------------------------------------------------------------------------------------------ rtrl


def forward(parts, batch, task, key=None):
    graphdef, params, rest = parts
    return compiled(lambda p: gradients.rtrl(lambda p: nnx.merge(graphdef, p, rest), p, batch, task, key))(params)


CELLS = ["elman", "lstm", "gru_before", "gru_after", "lstm1997", "clockwork", "lru", "flax.nnx:LSTMCell"]


@pytest.mark.parametrize(
    ("cell", "precision"), [*((c, "float64") for c in CELLS), *((c, "float32") for c in ("elman", "lstm", "gru_after"))]
)
def test_rtrl_equals_backpropagation(cell, precision):
    with jax.enable_x64(precision == "float64"):
        one = run_of(cell={"type": cell, "hidden": 4}, initial="learned", precision=precision)
        parts, batch, task = made(one)
        value, wanted = gradient_of(parts, batch, task, plan=Plan("stepwise"))
        loss, found = forward(parts, batch, task)
        rtol = 1e-10 if precision == "float64" else 1e-5
        assert float(loss) == pytest.approx(float(value), rel=rtol)
        close(found, wanted, rtol)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "fields",
    [
        {"net": {"type": "stacked", "layers": 2, "norm": True}},
        {"initial": {"type": "noise", "value": 0.3}},
        {"task": {"type": "adding/hochreiter1997", "length": 20}},
        {"cell": {"type": "elman", "hidden": 4, "form": "before"}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_rtrl_equals_backpropagation_in_nets_on_numbers_and_from_noise(fields):
    parts, batch, task = made(run_of(**fields, precision="float64"), extra=0)
    key = jax.random.key(4)
    value, wanted = gradient_of(parts, batch, task, plan=Plan("stepwise"), key=key)
    loss, found = forward(parts, batch, task, key)
    assert float(loss) == pytest.approx(float(value), rel=1e-10)
    close(found, wanted, 1e-10)


@pytest.mark.usefixtures("x64")
def test_rtrl_is_the_recursion_of_williams_and_zipser():
    parts, batch, task = made(run_of(precision="float64"), extra=0)
    model = nnx.merge(*parts)
    net, inputs = model.net, np.asarray(model.embed(batch.inputs))
    weights = {"W": net.W[...].T, "U": net.U[...].T, "b": net.b[...], "V": model.V[...].T}
    weights = {name: np.asarray(w) for name, w in weights.items()}
    errors = np.asarray(jax.grad(lambda y: task.loss(y, batch))(model(batch.inputs, Plan("stepwise"))))
    each = [oracle.rtrl(weights, inputs[:, n], np.zeros(4), errors[:, n]) for n in range(B)]
    _, found = forward(parts, batch, task)
    for name in ("W", "U", "b"):
        got = np.asarray(found["net"][name][...]).T
        np.testing.assert_allclose(got, sum(one[name] for one in each), 1e-9, 1e-12)


def test_rtrl_needs_no_memory_for_earlier_steps():
    """Of the compiled programs: what a step adds is of the size of its outputs and errors, and less than of a state."""

    def bytes_at(length, how):
        one = run_of(task={"type": "adding/bai2018", "length": length}, cell={"type": "elman", "hidden": 32})
        (graphdef, params, rest), batch, task = made(one, extra=0)

        def bptt(p):
            return jax.value_and_grad(lambda p: task.loss(nnx.merge(graphdef, p, rest)(batch.inputs), batch))(p)

        def rtrl(p):
            return gradients.rtrl(lambda p: nnx.merge(graphdef, p, rest), p, batch, task)

        program = jax.jit({"bptt": bptt, "rtrl": rtrl}[how]).lower(params).compile()
        return program.memory_analysis().temp_size_in_bytes

    state, output = 32 * B * 4, 1 * B * 4
    growth = {how: (bytes_at(1200, how) - bytes_at(400, how)) / 800 for how in ("bptt", "rtrl")}
    assert growth["bptt"] >= state
    assert growth["rtrl"] <= 6 * output < state / 4


# ------------------------------------------------------------------------------------------------ in training


@pytest.mark.parametrize(
    "gradient",
    [{"type": "truncated", "k1": 2, "k2": 4}, "elman", "hs97", "rtrl"],
    ids=lambda g: g if isinstance(g, str) else g["type"],
)
def test_training_follows_its_gradient(gradient):
    """One update of SGD moves the weights by the learning rate times the gradient of the rule, not by the whole one."""
    one = run_of(gradient=gradient, cell={"type": "lstm", "hidden": 4})
    trainer = Trainer(one, make_task(one.task))
    lane = {name: jnp.asarray(v) for name, v in config.split(one)[1].items()} | {"seed": jnp.uint32(0)}
    start = trainer.start(lane)
    moved = compiled(lambda s: trainer.update(config.overlay(one, lane), s)[0])(start)
    whole = Trainer(dataclasses.replace(one, gradient=Gradient()), make_task(one.task))
    other = compiled(lambda s: whole.update(config.overlay(whole.settings, lane), s)[0])(start)
    if gradient == "rtrl":
        close(moved.params, other.params, 1e-5)
    else:
        step = [jax.tree.map(lambda a, b: (a - b) / 0.1, start.params, s.params) for s in (moved, other)]
        assert apart(*step)


def test_lanes_of_rtrl_share_a_program():
    one = run_of(gradient="rtrl")
    lanes = fit(one, make_task(one.task), [{**config.split(one)[1], "seed": s} for s in (0, 1)])
    assert [lane.summary["updates"] for lane in lanes] == [20, 20]
    assert lanes[0].summary["eval/loss"] != lanes[1].summary["eval/loss"]
    assert all(lane.records[-1]["eval/loss"] < lane.records[0]["eval/loss"] for lane in lanes)


def test_runs_of_the_whole_gradient_keep_their_config_and_digest():
    assert "gradient" not in config.plain(run_of())
    one = run_of(gradient="hs97")
    assert config.plain(one)["gradient"] == {"type": "hs97", "k1": None, "k2": None}
    assert config.decode(Run, config.plain(one)) == one
    assert run_of(gradient="bptt") == run_of()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"gradient": {"type": "truncated", "k1": 4, "k2": 3}}, "k2 = 3 must be at least k1 = 4"),
        ({"gradient": {"type": "truncated", "k1": 4}}, "k2 = None with type = truncated: truncated needs k1 and k2"),
        ({"gradient": {"type": "elman", "k1": 4}}, "k1 = 4 with type = elman"),
        ({"gradient": {"k2": 4}}, "k2 = 4 with type = bptt"),
        ({"gradient": {"type": "truncated", "k1": 0, "k2": 3}}, "k1 = 0 must be a finite number above 0"),
        ({"gradient": "bppt"}, "gradient.type = 'bppt': must be one of bptt, truncated, elman, hs97, rtrl"),
        ({"gradient": "hs97"}, "hs97: Elman has no cells that carry errors alone"),
        ({"gradient": "hs97", "cell": {"type": "lstm", "peepholes": "diagonal"}}, "hs97: LSTM has no cells that carry"),
        ({"gradient": "hs97", "net": "stacked", "cell": "gru_before"}, "hs97: GRUResetBefore \\(0\\) has no cells"),
        (
            {"gradient": "rtrl", "net": "bidirectional"},
            "rtrl: Bidirectional.* has no state that goes from step to step",
        ),
        ({"gradient": "elman", "net": {"type": "stacked", "dropout": 0.5}}, "set dropout to 0"),
        ({"gradient": "rtrl", "precision": "bfloat16"}, "use float32"),
        ({"gradient": "hs97", "cell": "lstm", "regularizer": {"omega": 4}}, "needs the whole gradient: use bptt"),
    ],
)
def test_refusals(fields, words):
    with pytest.raises(ConfigError, match=words) as error:
        launch.check_run(run_of(**fields))
    assert "\n" not in str(error.value)
