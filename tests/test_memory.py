"""The memory function against networks that remember a known number of inputs, and against regression in loops."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probing import batch_of, linear, network, padded, walked

from ltd.config import Choice, ConfigError
from ltd.model import Model, make_task
from ltd.probes import PROBES
from ltd.runtime import precision
from ltd.settings import Initial
from oracles import probes as oracle


def measured(model, key, batch, **options):
    probe = PROBES["memory"]
    return jax.device_get(jax.jit(lambda b: dict(probe(model, key, b, **options).arrays))(batch))


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_delay_line_remembers_as_many_inputs_as_it_has_places(kind, key):
    with precision(kind):
        found = measured(linear(np.eye(6, k=1), key), key, batch_of(key, 300, 4, 1), lags=12)
    np.testing.assert_allclose(found["memory"][:6, 0], 1, atol=1e-5)
    assert np.all(found["memory"][6:, 0] < 0.05)
    assert 0 < found["chance"] < 0.05
    assert found["capacity"] == pytest.approx(6, abs=0.1)


def test_a_linear_network_that_turns_spreads_its_memory(key):
    """0.9 times a cycle of 8: x_{t-k} and x_{t-k-8} share a place, the older one 0.9^8 as loud."""
    with precision("float64"):
        U = 0.9 * np.roll(np.eye(8), 1, axis=1)
        found = measured(linear(U, key), key, batch_of(key, 1500, 8, 1), lags=32)
    want = (1 - 0.9**16) * 0.9 ** (16 * (np.arange(32) // 8))
    np.testing.assert_allclose(found["memory"][:, 0], want, atol=0.02)
    assert found["capacity"] == pytest.approx(sum(want), abs=0.2)
    assert found["capacity"] < 8.1, "never more than numbers of state"


def test_r2_equals_ridge_regression_in_loops(key):
    with precision("float64"):
        model, batch = network("gru_after", key, 4), batch_of(key, 40, 3)
        found = measured(model, key, batch, lags=5, warmup=6, held=0.3, ridge=1e-3)
        states = np.stack([walked(model, batch, b)[0] for b in range(3)], axis=1)[:-1]
        want = oracle.memory(states, np.asarray(batch.inputs), 5, 6, 1, 1e-3)
        np.testing.assert_allclose(found["memory"], want, atol=1e-9)
        assert found["samples_per_number"] == pytest.approx(2 * 33 / 4)
        above = [value for row in want for value in row if value > found["chance"]]
        assert found["capacity"] == pytest.approx(sum(above))


def test_many_numbers_of_state_do_not_flatter_the_memory(key):
    """200 numbers that have seen nothing, 180 samples: fitted they would explain all, held out they explain nothing."""
    with precision("float64"):
        model = network("elman", key, 200)
        model.net.W[...] = 0 * model.net.W[...]
        model.net.b[...] = model.net.b[...] + 0.1
        model.net.U[...] = 3 * model.net.U[...]
        found = measured(model, key, batch_of(key, 81, 4), lags=20)
        assert found["capacity"] < 0.5 and found["memory"].max() < 0.3
        assert found["samples_per_number"] < 1


def test_padding_does_not_count(key):
    """What stands behind the end of a training sequence changes nothing."""
    with precision("float64"):
        model, batch = network("elman", key), batch_of(key, 40, 3)
        one = padded(batch, 30)
        at = jax.jit(lambda b: PROBES["memory"](model, key, b, lags=5)["memory"])
        first, behind, inside = (at(one._replace(inputs=one.inputs.at[t:, 0].set(-50.0))) for t in (40, 30, 29))
        np.testing.assert_allclose(first, behind, atol=1e-12)
        assert abs(first - inside).max() > 1e-4


def test_inputs_that_do_not_vary_are_not_remembered(key):
    """A channel that is always 1 is known without memory: R^2 is 0, not an accident of rounding."""
    with precision("float64"):
        model, batch = network("elman", key), batch_of(key, 60, 4)
        found = measured(model, key, batch._replace(inputs=batch.inputs.at[..., 1].set(1.0)), lags=5)
        assert np.all(found["memory"][:, 1] == 0) and found["memory"][0, 0] > 0.7


def test_on_a_task_the_inputs_are_those_of_the_task(key):
    task = make_task(Choice("adding/arjovsky2016", {"length": 60}))
    cell = network("lstm", key, 4, task.inputs).net
    found = measured(Model(key, cell, 1, task.tokens, Initial()), key, task.sample(key, 6), lags=4)
    assert found["memory"].shape == (4, 2) and np.all(np.isfinite(found["memory"]))


def test_what_cannot_be_measured_is_refused(key):
    probe = PROBES["memory"]
    refused = (
        ({"lags": 19}, 2, "lags = 19"),
        ({"warmup": 18}, 2, "warmup = 18"),
        ({}, 1, "batch = 1"),
        ({"held": 1.0}, 4, "held = 1.0"),
        ({"ridge": -1.0}, 2, "ridge = -1"),
    )
    for options, samples, words in refused:
        with pytest.raises(ConfigError, match=words):
            jax.eval_shape(partial(probe, network("elman", key), key, **options), batch_of(key, 20, samples))
    deep = Model(key, _highway(key), 1, False, Initial())
    with pytest.raises(ConfigError, match="between layers"):
        jax.eval_shape(partial(probe, deep, key), batch_of(key))


def _highway(key):
    from ltd.nets import NETS

    return NETS["highway"](key, 2)


def test_ridge_shrinks(key):
    """A penalty as large as the states halves what is explained of a perfect memory: 1 - (1/2)^2."""
    with precision("float64"):
        found = measured(linear(np.zeros((1, 1)), key), key, batch_of(key, 4000, 4, 1), lags=1, ridge=1.0)
        assert found["memory"][0, 0] == pytest.approx(0.75, abs=1e-3)
        assert jnp.ndim(found["capacity"]) == 0
