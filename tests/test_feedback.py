"""A network that sees its own outputs, or the targets in their place, against loops; and where it is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness import compiled, network_of
from ltd import config, launch
from ltd.block import fit
from ltd.config import ConfigError
from ltd.model import make_task
from ltd.settings import Plan, Run
from ltd.train import Trainer
from oracles import training as oracle

SMALL = {
    "task": {"type": "periodic/gers2002", "period": 4, "periods": 3},
    "cell": {"type": "elman", "hidden": 4},
    "train": {"steps": 20, "batch": 4, "eval_every": 10, "eval_batch": 8},
    "optimizer": {"type": "sgd", "learning_rate": 0.01},
}


def run_of(**fields):
    return launch.configure(Run, {**SMALL, **fields})


def made(one):
    parts, batch, _ = network_of(one, 3, 0.3, extra=0)
    return nnx.merge(*parts), batch


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("plan", ["stepwise", "chunked"])
@pytest.mark.parametrize("teacher", [False, True])
def test_outputs_are_those_of_the_loop(teacher, plan):
    model, batch = made(run_of(feedback="forced", precision="float64"))
    targets = batch.targets + 0.7 * jax.random.normal(jax.random.key(3), batch.targets.shape)
    found = model(batch.inputs, Plan(plan), targets=targets if teacher else None)
    net = model.net
    weights = {"W": net.W[...].T, "U": net.U[...].T, "b": net.b[...], "V": model.V[...].T, "c": model.b_y[...]}
    weights = {name: np.asarray(value) for name, value in weights.items()}
    assert weights["W"].shape == (4, batch.inputs.shape[-1] + 1)
    for n in range(3):
        given = np.asarray(targets[:, n]) if teacher else None
        wanted = oracle.fed_back(weights, np.asarray(batch.inputs[:, n]), np.zeros(4), given)
        np.testing.assert_allclose(found[:, n], wanted, 1e-10, 1e-12)


@pytest.mark.parametrize("cell", ["elman", "lstm", "lru"])
def test_a_network_that_is_right_does_the_same_on_its_own(cell):
    """Fed with its own outputs as targets, it repeats them; padding does not move what is fed back."""
    model, batch = made(run_of(feedback="free", cell={"type": cell, "hidden": 4}))
    plan = Plan("associative" if cell == "lru" else "chunked")
    alone = model(batch.inputs)
    np.testing.assert_allclose(model(batch.inputs, plan, targets=alone), alone, 1e-4, 1e-5)
    other = model(batch.inputs, plan, targets=alone + 1)
    assert not np.allclose(other[1:], alone[1:], 1e-2) and np.allclose(other[0], alone[0], 1e-5)
    valid = jnp.ones(batch.scored.shape, bool).at[2].set(False)
    inputs = jnp.delete(batch.inputs, 2, axis=0)
    np.testing.assert_allclose(model(batch.inputs, valid=valid)[3:], model(inputs)[2:], 1e-5, 1e-6)


@pytest.mark.parametrize("feedback", ["free", "forced"])
def test_training_feeds_the_targets_and_evaluation_the_outputs(feedback):
    one = run_of(feedback=feedback)
    trainer = Trainer(one, make_task(one.task))
    params = trainer.start({"seed": jnp.uint32(0)}).params
    _, batch = made(one)
    model = trainer.model(params)
    free, forced = model(batch.inputs), model(batch.inputs, targets=batch.targets)
    np.testing.assert_allclose(trainer.outputs(params, batch), free, 1e-6)
    seen = trainer.outputs(params, batch, training=True)
    np.testing.assert_allclose(seen, forced if feedback == "forced" else free, 1e-6)
    assert not np.allclose(free, forced, 1e-3)
    grads = compiled(jax.grad(lambda p: trainer.task.loss(trainer.outputs(p, batch, training=True), batch)))(params)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(grads))


def test_it_trains_and_runs_without_it_keep_their_config():
    one = run_of(feedback="forced")
    (lane,) = fit(one, make_task(one.task), [config.split(one)[1]])
    assert lane.summary["updates"] == 20 and np.isfinite(lane.summary["eval/loss"])
    assert config.plain(one)["feedback"] == "forced" and "feedback" not in config.plain(run_of())
    assert config.decode(Run, {**config.plain(one), "feedback": None}) == run_of()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"task": "copy/arjovsky2016"}, "the targets of copy/arjovsky2016 are no numbers, one per output. Use free"),
        ({"task": "adding/hochreiter1997"}, "adding/hochreiter1997 has steps without a target. Use free"),
        ({"net": "bidirectional"}, "makes no steps in turn"),
        ({"net": {"type": "stacked", "dropout": 0.5}}, "set dropout to 0"),
        ({"gradient": "rtrl"}, "feedback = forced with gradient = rtrl: use bptt"),
        ({"regularizer": {"omega": 4}}, "feedback = forced with regularizer.omega"),
        ({"feedback": "teacher"}, "feedback = 'teacher': must be one of none, free, forced"),
    ],
)
def test_refusals(fields, words):
    with pytest.raises(ConfigError, match=words) as error:
        launch.check_run(run_of(**{"feedback": "forced", **fields}))
    assert "\n" not in str(error.value)
