"""Losses against loops, closed forms, and what stands in steps that are not scored."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltd import losses
from ltd.losses import LOSSES
from oracles import losses as oracles

T, B, O = 5, 3, 4
CLASSES = ("softmax_cross_entropy", "hamming", "expected_hamming")
RNG = np.random.default_rng(0)
MASKS = {
    "all": np.ones((T, B), bool),
    "some": RNG.random((T, B)) < 0.5,
    "one": np.arange(T * B).reshape(T, B) == 7,
    "none": np.zeros((T, B), bool),
}
pytestmark = pytest.mark.usefixtures("x64")


def drawn(name):
    """Outputs and targets that suit the loss."""
    rng = np.random.default_rng(3)
    if name in CLASSES:
        return 2 * rng.normal(size=(T, B, O)), rng.integers(0, O, (T, B))
    if name == "bernoulli_nll":
        return 2 * rng.normal(size=(T, B, O)), rng.integers(0, 2, (T, B, O)).astype(float)
    return rng.normal(size=(T, B, 2 * O if name == "gaussian_nll" else O)), rng.normal(size=(T, B, O))


@pytest.fixture(params=list(LOSSES))
def name(request):
    return request.param


def test_every_loss_has_a_twin():
    assert set(LOSSES) == set(oracles.LOSSES)


@pytest.mark.parametrize("mask", list(MASKS))
def test_against_oracle(name, mask):
    outputs, targets = drawn(name)
    found = LOSSES[name](jnp.asarray(outputs), jnp.asarray(targets), MASKS[mask])
    assert found.shape == ()
    wanted = oracles.over_scored(oracles.LOSSES[name], outputs, targets, MASKS[mask])
    assert found == pytest.approx(wanted, rel=1e-10, abs=1e-12)
    assert (wanted == 0) == (mask == "none") or name == "hamming"


@pytest.mark.parametrize("mask", list(MASKS))
def test_accuracy_against_oracle(mask):
    outputs, targets = drawn("hamming")
    found = losses.accuracy(jnp.asarray(outputs), jnp.asarray(targets), MASKS[mask])
    wanted = oracles.over_scored(oracles.accuracy, outputs, targets, MASKS[mask]) if mask != "none" else 1.0
    assert found == pytest.approx(wanted, abs=1e-12)


def test_steps_that_are_not_scored_may_hold_anything(name):
    """Neither the loss nor its gradient sees NaN, infinity or a class that does not exist."""
    outputs, targets = drawn(name)
    scored = MASKS["some"]
    broken = np.where(scored[..., None], outputs, np.nan)
    broken[..., 0] = np.where(scored, outputs[..., 0], np.inf)
    strange = np.where(scored, targets, 99) if name in CLASSES else np.where(scored[..., None], targets, np.nan)
    clean = LOSSES[name](jnp.asarray(outputs), jnp.asarray(targets), scored)
    assert LOSSES[name](jnp.asarray(broken), jnp.asarray(strange), scored) == clean
    gradient = jax.grad(lambda o: LOSSES[name](o, jnp.asarray(strange), scored))(jnp.asarray(broken))
    assert np.all(np.isfinite(gradient))
    assert not np.any(gradient[~scored])
    assert np.any(gradient[scored]) == (name != "hamming")


@pytest.mark.parametrize("classes", [2, 8, 10])
def test_uniform_output_costs_the_logarithm_of_the_vocabulary(classes):
    targets = jnp.asarray(RNG.integers(0, classes, (T, B)))
    loss = losses.softmax_cross_entropy(jnp.full((T, B, classes), 3.0), targets, MASKS["all"])
    assert loss == pytest.approx(math.log(classes), rel=1e-12)


def test_huge_logits_do_not_overflow():
    targets = jnp.zeros((T, B), int)
    logits = jnp.zeros((T, B, O)).at[..., 1].set(1e4)
    assert losses.softmax_cross_entropy(logits, targets, MASKS["all"]) == 1e4
    assert losses.expected_hamming(logits, targets, MASKS["all"]) == 2
    assert losses.bernoulli_nll(jnp.full((T, B, 1), -1e4), jnp.ones((T, B, 1)), MASKS["all"]) == 1e4


def test_a_diverged_network_is_wrong_everywhere():
    logits = jnp.full((T, B, O), jnp.nan)
    for target in range(2):
        assert losses.accuracy(logits, jnp.full((T, B), target), MASKS["all"]) == 0


def test_expected_hamming_is_twice_the_chance_of_being_wrong():
    outputs, targets = drawn("expected_hamming")
    p = jax.nn.softmax(jnp.asarray(outputs))[np.arange(T)[:, None], np.arange(B), targets]
    found = losses.expected_hamming(jnp.asarray(outputs), jnp.asarray(targets), MASKS["all"])
    assert found == pytest.approx(float(np.mean(2 * (1 - p))), rel=1e-12)


def test_euclidean_of_one_output_is_the_mean_squared_error():
    outputs, targets = drawn("euclidean")
    found = losses.euclidean(jnp.asarray(outputs[..., :1]), jnp.asarray(targets[..., :1]), MASKS["all"])
    assert found == pytest.approx(np.mean((outputs[..., 0] - targets[..., 0]) ** 2), rel=1e-12)


def test_the_best_gaussian_has_the_mean_and_variance_of_its_targets():
    targets = jnp.asarray(RNG.normal(0.7, math.sqrt(0.1), (50, 20, 1)))
    everywhere = np.ones((50, 20), bool)

    def loss(mean, log_variance):
        outputs = jnp.stack([jnp.broadcast_to(v, (50, 20)) for v in (mean, log_variance)], axis=-1)
        return losses.gaussian_nll(outputs, targets, everywhere)

    best = (jnp.mean(targets), jnp.log(jnp.var(targets)))
    np.testing.assert_allclose(jax.grad(loss, (0, 1))(*best), 0, atol=1e-12)
    assert loss(*best) == pytest.approx(0.5 * math.log(2 * math.pi * math.e * float(jnp.var(targets))), rel=1e-12)
    assert loss(best[0], best[1] + 0.1) > loss(*best)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "hamming"])
def test_gradients_against_finite_differences(name):
    outputs, targets = (jnp.asarray(a) for a in drawn(name))
    line = jnp.asarray(np.random.default_rng(5).normal(size=outputs.shape))
    along = jax.jit(lambda step: LOSSES[name](outputs + step * line, targets, MASKS["some"]))
    assert (along(1e-5) - along(-1e-5)) / 2e-5 == pytest.approx(float(jax.grad(along)(0.0)), rel=1e-6)


def test_hamming_has_no_gradient():
    outputs, targets = (jnp.asarray(a) for a in drawn("hamming"))
    assert not np.any(jax.grad(lambda o: losses.hamming(o, targets, MASKS["all"]))(outputs))


def test_a_sequence_is_wrong_if_one_scored_step_is():
    wrong = np.array([[1, 0, 0], [0, 1, 0]], bool)
    scored = np.array([[1, 1, 1], [1, 0, 1]], bool)
    np.testing.assert_array_equal(losses.wrong_sequences(jnp.asarray(wrong), scored), [True, False, False])


def test_safe_norm():
    x = jnp.array([[3.0, 4.0], [0.0, 0.0], [5.0, 12.0]])
    np.testing.assert_allclose(losses.safe_norm(x, axis=-1), [5, 0, 13])
    assert losses.safe_norm(x) == pytest.approx(math.sqrt(194))
    gradient = jax.grad(lambda x: jnp.sum(losses.safe_norm(x, axis=-1)))(x)
    np.testing.assert_allclose(gradient, [[0.6, 0.8], [0, 0], [5 / 13, 12 / 13]], 1e-12)
    second = jax.jacfwd(jax.grad(losses.safe_norm))(jnp.zeros(2))
    np.testing.assert_array_equal(second, np.zeros((2, 2)))
