"""Terms added to the loss: their values and gradients against loops, in training, and what they refuse."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness import compiled, network_of
from ltd import config, launch, regularizers
from ltd.block import fit
from ltd.cells import recurrent_blocks
from ltd.config import ConfigError
from ltd.linalg import qr
from ltd.model import make_task
from ltd.settings import Regularizer, Run
from ltd.streams import stream
from ltd.train import Trainer
from ltd.trees import disassemble
from oracles import training as oracle

SMALL = {
    "task": {"type": "copy/arjovsky2016", "gap": 3, "pattern": 1, "symbols": 2},
    "cell": {"type": "elman", "hidden": 5},
    "train": {"steps": 20, "batch": 4, "eval_every": 10, "eval_batch": 8},
    "optimizer": {"type": "sgd", "learning_rate": 0.1},
}


def run_of(**fields):
    return launch.configure(Run, {**SMALL, **fields})


def made(one, batch=4):
    return network_of(one, batch, 0.3)


def by_hand(parts, batch, task):
    """The weights of an Elman network as the oracle holds them, its states and costates, which steps are real."""
    model = nnx.merge(*parts)
    net = model.net
    weights = {"W": net.W[...].T, "U": net.U[...].T, "b": net.b[...], "V": model.V[...].T, "c": model.b_y[...]}
    weights = {name: np.asarray(value) for name, value in weights.items()}
    inputs = np.asarray(model.embed(batch.inputs))
    real = np.asarray(batch.valid)
    states, outputs = [], np.zeros((*real.shape, task.outputs))
    for n in range(real.shape[1]):
        count = int(real[:, n].sum())
        h, y = oracle.run(weights, inputs[:count, n], np.zeros(net.hidden))
        states.append(h)
        outputs[:count, n] = y
    errors = np.asarray(jax.grad(lambda y: task.loss(y, batch))(jnp.asarray(outputs)))
    adjoints = [oracle.costates(weights, h, errors[: len(h) - 1, n]) for n, h in enumerate(states)]
    return weights, states, adjoints, real.T


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("variant", ["code", "paper"])
def test_omega_and_its_gradient_are_those_of_the_formula(variant):
    parts, batch, task = made(run_of(precision="float64"))
    weights, states, adjoints, real = by_hand(parts, batch, task)
    value, grads = jax.value_and_grad(
        lambda p: regularizers.omega(nnx.merge(parts[0], p, parts[2]), batch, task, variant)
    )(parts[1])
    assert float(value) == pytest.approx(oracle.omega(weights, states, adjoints, variant, real), rel=1e-10)
    wanted = oracle.omega_gradient(weights, states, adjoints, variant, real)
    np.testing.assert_allclose(grads["net"]["U"][...].T, wanted, rtol=1e-5, atol=1e-7)
    grads["net"]["U"][...] = jnp.zeros_like(grads["net"]["U"][...])
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(grads)), "U alone is moved"


@pytest.mark.usefixtures("x64")
def test_the_two_variants_differ_and_steps_without_gradient_do_not_count():
    """A loss at one step: behind it there is no costate. A read-out of 1e-12 leaves none that the code would count."""
    parts, batch, task = made(run_of(precision="float64"))
    model = nnx.merge(*parts)
    values = {v: float(regularizers.omega(model, batch, task, v)) for v in ("code", "paper")}
    assert values["code"] > 0 and not np.isclose(values["code"], values["paper"], rtol=0.05)
    early = batch._replace(scored=batch.scored & (jnp.arange(len(batch.scored))[:, None] == 0))
    assert np.isfinite(float(regularizers.omega(model, early, task, "paper")))
    faint = nnx.merge(*parts)
    faint.V[...] = 1e-12 * faint.V[...]
    assert float(regularizers.omega(faint, batch, task, "code")) == 0
    assert float(regularizers.omega(faint, batch, task, "paper")) > 0


@pytest.mark.parametrize("variant", ["code", "paper"])
def test_omega_vanishes_for_an_orthogonal_linear_network_and_its_gradient_is_finite_without_any_costate(variant):
    parts, batch, task = made(run_of(cell={"type": "elman", "hidden": 5, "activation": "linear"}))
    model = nnx.merge(*parts)
    assert float(regularizers.omega(model, batch, task, variant)) > 0.1
    model.net.U[...] = qr(model.net.U[...])[0]
    assert float(regularizers.omega(model, batch, task, variant)) < 1e-9
    model.net.U[...] = 0 * model.net.U[...]
    model.V[...] = model.V[...].at[0].set(0)
    graphdef, params, rest = disassemble(model)
    grads = jax.grad(lambda p: regularizers.omega(nnx.merge(graphdef, p, rest), batch, task, variant))(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


@pytest.mark.usefixtures("x64")
def test_omega_of_an_lstm_measures_its_whole_state():
    """Against Jacobians and gradients taken by automatic differentiation, step by step."""
    parts, batch, task = made(run_of(cell={"type": "lstm", "hidden": 3}, precision="float64"), batch=1)
    batch = jax.tree.map(lambda leaf: leaf[:-2], batch)._replace(valid=None)  # without the padding
    model = nnx.merge(*parts)
    net, x = model.net, model.embed(batch.inputs)

    def step(s, t):
        new, _ = net.step(net.kernel(), type(model.initial_state(1))(s[None, :3], s[None, 3:]), net.project(x[t]))
        return jnp.concatenate([new.h[0], new.c[0]])

    states = [jnp.zeros(6)]
    for t in range(len(x)):
        states.append(step(states[-1], t))

    def loss_from(s, k):
        """The loss as a function of the state after step k, those before it held."""
        path = [*states[1:k], s]
        for t in range(k, len(x)):
            path.append(step(path[-1], t))
        return task.loss(model.readout(jnp.stack([p[:3] for p in path])[:, None]), batch)

    terms = []
    for k in range(1, len(states)):
        d, J = jax.grad(loss_from)(states[k], k), jax.jacobian(step)(states[k - 1], k - 1)
        terms.append((jnp.sum((d @ J) ** 2) / jnp.sum(d**2) - 1) ** 2)
    assert float(regularizers.omega(model, batch, task)) == pytest.approx(float(np.mean(terms)), rel=1e-10)


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_l1_and_l2_are_sums_over_the_recurrent_blocks(cell):
    parts, batch, task = made(run_of(cell={"type": cell, "hidden": 3}))
    model = nnx.merge(*parts)
    blocks = [np.asarray(U) for U in recurrent_blocks(model.net).values()]

    def value_and_grad(**weights):
        o = Regularizer(**weights)
        return jax.value_and_grad(lambda p: regularizers.penalty(nnx.merge(parts[0], p, parts[2]), o, batch, task))(
            parts[1]
        )

    value, grads = value_and_grad(l1=0.5)
    assert float(value) == pytest.approx(0.5 * oracle.l1(blocks), rel=1e-5)
    np.testing.assert_allclose(grads["net"]["U"][...], 0.5 * np.sign(model.net.U[...]))
    value, grads = value_and_grad(l2=0.25)
    assert float(value) == pytest.approx(0.25 * oracle.l2(blocks), rel=1e-5)
    np.testing.assert_allclose(grads["net"]["U"][...], 0.5 * model.net.U[...], rtol=1e-6)
    assert not np.any(grads["net"]["W"][...]) and not np.any(grads["V"][...])


def test_training_adds_the_weighted_gradient_and_records_the_bare_loss():
    """One update of SGD: the difference to the update without is the learning rate times the gradient of the term."""
    one = run_of(regularizer={"omega": 2.0, "l2": 0.1})
    task = make_task(one.task)
    trainer, plainly = Trainer(one, task), Trainer(run_of(), task)
    traced = {name: jnp.asarray(v) for name, v in config.split(one)[1].items()} | {"seed": jnp.uint32(3)}
    without = {name: v for name, v in traced.items() if not name.startswith("regularizer")}
    start = trainer.start(traced)
    (new, told), (bare, bare_told) = (
        compiled(lambda s, t=t, lane=lane: t.update(config.overlay(t.settings, lane), s))(start)
        for t, lane in ((trainer, traced), (plainly, without))
    )
    assert float(told["loss"]) == float(bare_told["loss"]) and "penalty" not in bare_told
    batch = trainer.curriculum.sample(stream(jax.random.fold_in(jax.random.key(3), 0), "data"), jnp.int32(0))
    value, grads = jax.value_and_grad(lambda p: regularizers.penalty(trainer.model(p), one.regularizer, batch, task))(
        start.params
    )
    assert float(told["penalty"]) == pytest.approx(float(value), rel=1e-5)
    for a, b, g in zip(*map(jax.tree.leaves, (new.params, bare.params, grads)), strict=True):
        np.testing.assert_allclose(b - a, 0.1 * g, rtol=1e-3, atol=1e-6)


def test_weights_of_terms_may_differ_between_lanes():
    one = run_of(regularizer={"omega": 2.0, "l1": 0.1})
    base = config.split(one)[1]
    lanes = fit(one, make_task(one.task), [base, {**base, "regularizer.l1": 0.5}])
    norms = [np.abs(jax.tree.leaves(lane.params["net"]["U"])[0]).sum() for lane in lanes]
    assert norms[1] < norms[0]
    assert all(lane.summary["train/penalty"] > 0 for lane in lanes)


def test_runs_without_terms_keep_their_config_and_digest():
    one = run_of()
    assert "regularizer" not in config.plain(one) and "regularizer" in config.plain(one, whole=True)
    with_one = dataclasses.replace(one, regularizer=Regularizer(omega=4.0))
    assert config.plain(with_one)["regularizer"] == {"l1": None, "l2": None, "omega": 4.0, "variant": "code"}
    assert config.digest(with_one) != config.digest(one)
    for each in (one, with_one):
        assert config.decode(Run, config.plain(each)) == each
    assert config.digest(Run()) == "438e7ce62796"  # as before these fields were there


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"regularizer": {"omega": -1}}, "omega = -1.0 must be a finite number above 0"),
        ({"regularizer": {"variant": "paper"}}, "variant = paper has no meaning without omega"),
        ({"regularizer": {"omega": 4}, "cell": "gru_before"}, "omega: GRUResetBefore is not one cell"),
        ({"regularizer": {"omega": 4}, "net": "stacked"}, "omega: Stacked is not one cell"),
        ({"regularizer": {"omega": 4}, "cell": {"type": "elman", "form": "before"}}, "is no part of its state"),
        ({"regularizer": {"omega": 4}, "precision": "bfloat16"}, "bfloat16"),
        ({"regularizer": {"l1": 4}, "cell": {"type": "flax.nnx:LSTMCell", "hidden": 4}}, "names no recurrent block"),
    ],
)
def test_refusals(fields, words):
    with pytest.raises(ConfigError, match=words) as error:
        launch.check_run(run_of(**fields))
    assert "\n" not in str(error.value)
