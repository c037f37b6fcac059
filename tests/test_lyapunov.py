"""Exponents against networks whose exponents are known, and against Gram and Schmidt in loops."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probing import around, batch_of, linear, network, padded, walked
from scipy.special import digamma

from ltd.cells.base import HiddenState, RecurrentCell
from ltd.config import ConfigError
from ltd.probes import PROBES
from ltd.runtime import precision
from ltd.streams import stream
from oracles import probes as oracle


def measured(model, key, batch, **options):
    found = jax.jit(lambda b: dict(PROBES["lyapunov"](model, key, b, **options).arrays))(batch)
    return np.asarray(found["lyapunov"]), np.asarray(found["lyapunov_stderr"])


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_diagonal_linear_network_has_the_logarithms_of_its_diagonal(kind, key):
    """Given in no order, one contracting to 1e-300 over the steps."""
    diagonal = np.array([0.5, 1.1, 0.9, 1.0])
    with precision(kind):
        found, _ = measured(linear(np.diag(diagonal), key), key, batch_of(key, 1000, 2, 1), warmup=400)
    want = np.sort(np.log(diagonal))[::-1]
    np.testing.assert_allclose(found, [want, want], atol=1e-12 if kind == "float64" else 1e-6)


@pytest.mark.parametrize(("name", "hidden"), [("elman", 5), ("gru_before", 4)])
def test_exponents_equal_gram_and_schmidt_in_loops(name, hidden, key):
    with precision("float64"):
        model, batch = network(name, key, hidden), batch_of(key, 40)
        found = measured(model, key, batch, warmup=7, blocks=5)
        frames = jax.random.normal(stream(key, "frame of the probe"), (2, hidden, hidden), jnp.float64)
        for sample in range(2):
            _, jacobians = walked(model, batch, sample)
            want = oracle.lyapunov(jacobians, np.linalg.qr(frames[sample])[0], 7, 5)
            np.testing.assert_allclose([found[0][sample], found[1][sample]], want, atol=1e-9)


class Multiplied(RecurrentCell):
    """A test double: each input is the matrix by which the state is multiplied."""

    def __init__(self, hidden):
        self.inputs, self.hidden = hidden**2, hidden

    def initial_state(self, batch):
        return HiddenState(jnp.ones((*batch, self.hidden), jnp.result_type(float)))

    def kernel(self):
        return ()

    def project(self, inputs):
        return inputs.reshape(*inputs.shape[:-1], self.hidden, self.hidden)

    def step(self, kernel, state, drive):
        # linear in the state, and never infinite: the value is thrown away, its derivative is not
        h = jnp.einsum("bij,bj->bi", drive, state.h)
        h = h - jax.lax.stop_gradient(h) + 1
        return HiddenState(h), h


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_products_of_gaussian_matrices_have_newmans_exponents(kind, key):
    """mu_i = (ln 2 + psi(i/2)) / 2, within four standard errors, and those are small and right in size."""
    N, samples = 8, 4
    with precision(kind):
        model = around(Multiplied(N), key)
        found, errors = measured(model, key, batch_of(key, 2000, samples, N * N), warmup=50)
    want = np.array([(math.log(2) + digamma(i / 2)) / 2 for i in range(N, 0, -1)])
    error = np.sqrt(np.sum(errors**2, axis=0)) / samples
    assert np.all(error < 0.03)
    z = (found.mean(axis=0) - want) / error
    assert np.all(np.abs(z) < 4), z
    assert np.mean(z**2) > 0.1, "the standard errors are not too large either"


def test_the_frame_stays_orthonormal_through_a_long_warm_up(key):
    """One gain far below 1 in float32: without orthonormal columns all would fall into the first and then to zero."""
    U = np.asarray(jax.random.orthogonal(key, 6)) @ np.diag([1.0, 0.8, 0.5, 0.3, 0.1, 0.05])
    found, _ = measured(linear(U, key), key, batch_of(key, 1500, 1, 1), warmup=1000)
    assert np.sum(found) == pytest.approx(np.log(np.abs(np.linalg.det(U))), rel=1e-4)
    want = np.sort(np.log(np.abs(np.linalg.eigvals(U))))[::-1]
    np.testing.assert_allclose(found[0], want, atol=5e-3)


def test_an_lstm_without_recurrent_weights_forgets_by_its_bias(key):
    """Its cells have ln sigmoid(b); h is made anew at every step, and what was in it is gone: -inf."""
    with precision("float64"):
        batch = batch_of(key, 400)

        @jax.jit
        def at(bias):
            model = network("lstm", key, 3)
            model.net.U[...] = 0 * model.net.U[...]
            model.net.W[...] = model.net.W[...].at[:, 3:6].set(0)
            model.net.b[...] = model.net.b[...].at[3:6].set(bias)
            return dict(PROBES["lyapunov"](model, key, batch).arrays)

        for bias in (0.0, 1.0, 2.0, 5.0):
            found = jax.device_get(at(bias))
            # h goes along with c by a factor that depends on the inputs: of that the ends are left, over 320 steps
            np.testing.assert_allclose(found["lyapunov"][:, :3], -math.log1p(math.exp(-bias)), atol=2e-3)
            assert np.all(found["lyapunov"][:, 3:] == -np.inf)
            assert np.all(found["lyapunov_stderr"][:, :3] < 2e-3) and np.all(np.isnan(found["lyapunov_stderr"][:, 3:]))


def test_the_leading_ones_are_the_leading_ones(key):
    with precision("float64"):
        model = linear(np.diag([0.2, 0.4, 0.6, 0.8]), key)
        found, _ = measured(model, key, batch_of(key, 300, 1, 1), leading=2, warmup=200)
    np.testing.assert_allclose(found, [np.log([0.8, 0.6])], atol=1e-12)


def test_without_inputs_a_network_of_gain_below_1_has_ln_rho(key):
    """h <- tanh(g J h) from a random start falls into the origin, where the map is g J."""
    with precision("float64"):
        batch, U = batch_of(key, 1500, 1), np.random.default_rng(0).normal(size=(100, 100))
        U /= np.max(np.abs(np.linalg.eigvals(U)))

        @partial(jax.jit, static_argnums=1)
        def at(gain, driven=False):
            model = network("elman", key, 100)
            model.net.W[...], model.net.U[...] = 0 * model.net.W[...], gain * U
            return PROBES["lyapunov"](model, key, batch, leading=1, warmup=300, driven=driven)["lyapunov"][0, 0]

        assert at(0.8) == pytest.approx(np.log(0.8), abs=2e-3)
        assert 0.3 < at(4.0) < 0.5, "chaos: 0.434 in the limit of many units"
        assert at(4.0, True) == pytest.approx(np.log(4.0), abs=2e-3), "with W = 0 it stays at the origin"


def test_padding_is_not_a_step(key):
    with precision("float64"):
        model, batch = network("elman", key), batch_of(key, 30)
        short = batch._replace(inputs=batch.inputs[:22], targets=batch.targets[:22], scored=batch.scored[:22])
        want, wanted_errors = measured(model, key, short, warmup=4)
        whole, errors = measured(model, key, padded(batch, 22), warmup=4)
        np.testing.assert_allclose([whole[0], errors[0]], [want[0], wanted_errors[0]], atol=1e-12)
        assert abs(whole[1] - want[1]).max() > 1e-3, "the other sequence goes on"


def test_clocks_are_left_out(key):
    """A clockwork network counts its steps: the count has no exponent."""
    found, _ = measured(network("clockwork", key, 4, periods="1,2"), key, batch_of(key, 30))
    assert found.shape == (2, 4)


def test_what_cannot_be_measured_is_refused(key):
    model, probe = network("elman", key), PROBES["lyapunov"]
    for name, value in (("warmup", 19), ("leading", 0), ("leading", 6), ("blocks", 1)):
        with pytest.raises(ConfigError, match=f"{name} = {value}"):
            jax.eval_shape(partial(probe, model, key, **{name: value}), batch_of(key))
