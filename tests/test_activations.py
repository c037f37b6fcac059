"""The survey's activation functions against their formulas, their slopes and the bound gamma."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltd.activations import ACTIVATIONS, activation, logistic
from oracles.cells import SCALAR, SLOPE

GRID = np.linspace(-6, 6, 4801) + 1e-5  # beside the kinks at 0, 1 and pi/2, not on them
KINKED = (1.5, -0.3, -0.5, 2.0)  # srelu: t_r, a_r, t_l, a_l

pytestmark = pytest.mark.usefixtures("x64")


@pytest.fixture(params=list(ACTIVATIONS))
def name(request):
    return request.param


def scalars(name, values=None):
    start = ACTIVATIONS[name].parameters
    return tuple(jnp.full(GRID.shape, v) for v in (values if start and values else start))


def slopes(name, *learned):
    return jax.vmap(jax.grad(ACTIVATIONS[name].function))(jnp.asarray(GRID), *learned)


def test_every_activation_has_a_twin():
    assert set(ACTIVATIONS) == set(SCALAR) == set(SLOPE)
    assert [ACTIVATIONS[name].key for name in ACTIVATIONS] == [f"A1.{i}" for i in range(6, 14)]


@pytest.mark.parametrize("learned", [None, KINKED])
def test_values_and_slopes(name, learned):
    given = scalars(name, learned)
    at = [float(s[0]) for s in given]
    values = ACTIVATIONS[name].function(jnp.asarray(GRID), *given)
    np.testing.assert_allclose(values, [SCALAR[name](a, *at) for a in GRID], 1e-12, 1e-12)
    np.testing.assert_allclose(slopes(name, *given), [SLOPE[name](a, *at) for a in GRID], 1e-12, 1e-12)


def test_gamma_bounds_every_slope_and_is_reached(name):
    gamma = ACTIVATIONS[name].gamma
    for learned in [None, KINKED, (1.0, 0.1, -1.0, -3.0)]:
        given = scalars(name, learned)
        bound = float(gamma(*given) if callable(gamma) else gamma)
        steepest = np.max(np.abs(slopes(name, *given)))
        assert steepest <= bound * (1 + 1e-12)
        assert steepest == pytest.approx(bound, rel=1e-5)


def test_the_logistic_function_is_an_affine_tanh():
    np.testing.assert_allclose(logistic(jnp.asarray(GRID)), (np.tanh(GRID / 2) + 1) / 2, 1e-15, 1e-15)
    assert logistic(jnp.array(-800.0)) == 0  # and no overflow on the way
    assert logistic(jnp.array(800.0)) == 1


def test_the_logistic_function_has_its_digits_where_it_is_small():
    small = np.array([-15.0, -40.0, -600.0])
    np.testing.assert_allclose(logistic(jnp.asarray(small)), 1 / (1 + np.exp(-small)), rtol=1e-14)
    np.testing.assert_allclose(jax.vmap(jax.grad(logistic))(jnp.asarray(small)), np.exp(small), rtol=1e-6)


def test_srelu_is_made_of_three_lines():
    right, left = 1.5, -0.5
    values = activation("srelu").function(jnp.array([-2.5, left, 0.3, right, 3.5]), *KINKED)
    np.testing.assert_allclose(values, [left + 2.0 * -2.0, left, 0.3, right, right - 0.3 * 2.0], 1e-15)


def test_srelu_learns_its_four_numbers():
    f = activation("srelu").function
    above = jax.grad(f, (1, 2, 3, 4))(2.0, *KINKED)  # t_r (1 - a_r) + a_r a
    np.testing.assert_allclose(above, [1 + 0.3, 2.0 - 1.5, 0, 0], 1e-12)
    below = jax.grad(f, (1, 2, 3, 4))(-2.0, *KINKED)
    np.testing.assert_allclose(below, [0, 0, 1 - 2.0, -2.0 + 0.5], 1e-12)
    np.testing.assert_array_equal(jax.grad(f, (1, 2, 3, 4))(0.2, *KINKED), [0, 0, 0, 0])


def test_threshold_passes_its_gradient_straight_through():
    f = activation("threshold").function
    at = jnp.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.001, 3.0])
    np.testing.assert_array_equal(f(at), [-1, -1, -1, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(jax.vmap(jax.grad(f))(at), [0, 1, 1, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(jax.jvp(f, (at,), (2 * at,))[1], [0, -2, -1, 0, 1, 2, 0, 0])


def test_relu_is_flat_at_zero():
    assert jax.grad(activation("relu").function)(0.0) == 0


@pytest.mark.parametrize("name", ["hard_tanh", "sine", "threshold"])
def test_nothing_passes_where_saturated(name):
    slope = jax.vmap(jax.grad(activation(name).function))(jnp.array([-9.0, -1.6, 1.6, 9.0]))
    assert not np.any(slope)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_type_is_kept(name, dtype):
    a = jnp.ones(3, dtype)
    learned = [jnp.full(3, p, dtype) for p in ACTIVATIONS[name].parameters]
    assert ACTIVATIONS[name].function(a, *learned).dtype == dtype


def test_unknown_names_are_refused():
    with pytest.raises(KeyError, match="no activation 'swish'; known activations: linear, hard_tanh"):
        activation("swish")
