"""Initialisers against what their papers say of them, and rescaling against numpy's eigenvalues."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltd import initializers
from ltd.initializers import INITIALIZERS, blocks_of, kernel_of, recurrent, to_rho, to_sigma, uniform_fan_in
from ltd.linalg import qr, rho, sigma, singular_values

SIZE, SEEDS = 50, 100  # the paper's networks have 50 units


def numpy_rho(matrices):
    return np.max(np.abs(np.linalg.eigvals(np.asarray(matrices, np.float64))), axis=-1)


def drawn(name, seeds=SEEDS, size=SIZE):
    keys = jax.random.split(jax.random.key(1), seeds)
    return np.asarray(jax.jit(jax.vmap(lambda key: INITIALIZERS[name](key, size, jnp.result_type(float))))(keys))


@pytest.mark.parametrize(("double", "tolerance"), [(False, 1e-5), (True, 1e-12)])
def test_orthogonal_matrices_are(double, tolerance):
    with jax.enable_x64(double):
        found = drawn("orthogonal", seeds=3)
    assert found.dtype == (np.float64 if double else np.float32)
    np.testing.assert_allclose(found @ found.mT, np.broadcast_to(np.eye(SIZE), found.shape), 0, tolerance)


def test_orthogonal_matrices_are_drawn_from_the_haar_measure():
    """Where E Q_ij = 0, E Q_ij^2 = 1/n and E (tr Q)^2 = 1; without the signs of R the diagonal is biased."""
    found = drawn("orthogonal", seeds=2000, size=4)
    np.testing.assert_allclose(np.mean(found, axis=0), 0, atol=5 * 0.5 / np.sqrt(2000))
    np.testing.assert_allclose(np.mean(found**2, axis=0), 0.25, atol=5 * 0.2 / np.sqrt(2000))
    trace = np.trace(found, axis1=1, axis2=2)
    assert np.mean(trace) == pytest.approx(0, abs=5 / np.sqrt(2000))
    assert np.mean(trace**2) == pytest.approx(1, abs=5 * np.std(trace**2) / np.sqrt(2000))


def test_identity_and_gaussian():
    np.testing.assert_array_equal(drawn("identity", seeds=1)[0], np.eye(SIZE))
    found = drawn("gaussian", seeds=40, size=100)
    assert np.mean(numpy_rho(found)) == pytest.approx(1, abs=0.1)  # the circular law
    assert np.mean(np.linalg.norm(found, 2, axis=(1, 2))) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("name", "radius", "largest"),
    [
        ("pascanu2013_sigmoid", 0.075, 0.137),
        ("pascanu2013_basic_tanh", 0.75, 1.37),
        ("pascanu2013_smart_tanh", 0.95, 1.81),
    ],
)
def test_pascanu2013_statistics(name, radius, largest):
    found = drawn(name)
    assert np.mean(numpy_rho(found)) == pytest.approx(radius, rel=0.05)
    assert np.mean(np.linalg.norm(found, 2, axis=(1, 2))) == pytest.approx(largest, rel=0.05)


@pytest.mark.parametrize(("name", "std"), [("pascanu2013_sigmoid", 0.01), ("pascanu2013_basic_tanh", 0.1)])
def test_pascanu2013_numbers_are_standard_deviations(name, std):
    found = drawn(name)
    assert np.std(found) == pytest.approx(std, rel=0.01)
    assert np.mean(found) == pytest.approx(0, abs=5 * std / np.sqrt(found.size))


def test_pascanu2013_smart_tanh_has_fifteen_outgoing_weights():
    """A unit's outgoing weights are a row: the state multiplies from the left."""
    found = drawn("pascanu2013_smart_tanh")
    np.testing.assert_array_equal(np.sum(found != 0, axis=2), 15)
    assert len(np.unique(np.sum(found != 0, axis=1))) > 5  # and incoming as chance has it
    np.testing.assert_allclose(numpy_rho(found), 0.95, rtol=1e-4)
    assert np.all(drawn("pascanu2013_smart_tanh", seeds=3, size=8) != 0)


def test_a_kernel_is_made_of_blocks_drawn_apart(key):
    kernel = recurrent("orthogonal", key, 4, blocks=3)
    assert kernel.shape == (4, 12)
    blocks = blocks_of(kernel)
    for i in range(3):
        np.testing.assert_array_equal(blocks[i], kernel[:, 4 * i : 4 * (i + 1)])
        np.testing.assert_allclose(blocks[i] @ blocks[i].T, np.eye(4), atol=1e-5)
    assert not np.allclose(blocks[0], blocks[1])
    np.testing.assert_array_equal(kernel_of(blocks), kernel)
    assert not np.allclose(kernel, recurrent("orthogonal", jax.random.key(7), 4, blocks=3))


def test_uniform_fan_in_keeps_within_its_bound(key):
    found = uniform_fan_in(key, (16, 500))
    assert found.shape == (16, 500)
    assert 0.249 < np.max(np.abs(found)) <= 0.25
    assert np.var(found) == pytest.approx(0.25**2 / 3, rel=0.05)


def test_unknown_names_are_refused(key):
    with pytest.raises(KeyError, match="no initializer 'ortogonal'; known initializers: orthogonal, identity"):
        recurrent("ortogonal", key, 4)


# ---------------------------------------------------------------------------------------------- rho and sigma


@pytest.fixture
def matrices():
    """[2, 3, 8, 8]: of very different sizes, one with a complex leading pair."""
    scale = np.array([[1e-3, 1.0, 40.0], [0.5, 2.0, 7.0]])[..., None, None]
    found = scale * np.random.default_rng(0).normal(size=(2, 3, 8, 8))
    found[0, 1, :2, :2] = [[0.0, 9.0], [-9.0, 0.0]]
    return jnp.asarray(found, jnp.float32)


def everywhere(function):
    """As it is, compiled, and over lanes: each must find the same."""
    return [function, jax.jit(function), jax.jit(jax.vmap(function)), jax.vmap(jax.vmap(function))]


def test_rho_is_that_of_numpy(matrices):
    for find in everywhere(rho):
        found = find(matrices)
        assert found.shape == (2, 3)
        np.testing.assert_allclose(found, numpy_rho(matrices), 1e-4)


def test_sigma_is_that_of_numpy(matrices):
    for find in everywhere(sigma):
        np.testing.assert_allclose(find(matrices), np.linalg.norm(matrices, 2, axis=(2, 3)), 1e-4)
    wanted = np.linalg.svd(np.asarray(matrices), compute_uv=False)
    np.testing.assert_allclose(singular_values(matrices), wanted, 1e-4, 1e-4 * wanted.max())


def test_qr_is_a_factorisation(matrices):
    for Q, R in [find(matrices) for find in everywhere(qr)]:
        np.testing.assert_allclose(Q @ R, matrices, 0, 1e-4)
        np.testing.assert_allclose(Q.mT @ Q, np.broadcast_to(np.eye(8), Q.shape), 0, 1e-5)
        np.testing.assert_array_equal(np.tril(R, -1), 0)


def test_rescaling_hits_its_target_for_each_block(matrices):
    for rescale in everywhere(lambda m: to_rho(m, 0.9)):
        np.testing.assert_allclose(numpy_rho(rescale(matrices)), 0.9, 1e-4)
    for rescale in everywhere(lambda m: to_sigma(m, 0.9)):
        np.testing.assert_allclose(np.linalg.norm(rescale(matrices), 2, axis=(2, 3)), 0.9, 1e-4)


def test_rescaling_changes_the_size_alone(matrices):
    for found in (to_rho(matrices, 0.9), to_sigma(matrices, 0.9)):
        scale = (found / matrices)[..., -1:, -1:]
        assert np.all(scale > 0)
        np.testing.assert_allclose(found, scale * matrices, 1e-5)


def test_targets_may_differ_between_lanes(matrices):
    targets = jnp.array([0.5, 1.25])
    for rescale, measure in [(to_rho, numpy_rho), (to_sigma, lambda m: np.linalg.norm(m, 2, axis=(-2, -1)))]:
        found = jax.jit(jax.vmap(rescale))(matrices[:, 0], targets)
        np.testing.assert_allclose(measure(found), targets, 1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rho_of_a_broken_matrix_is_nan_and_its_neighbours_are_not(matrices, bad):
    found = jax.jit(rho)(matrices.at[1, 2, 0, 5].set(bad))
    assert np.isnan(found[1, 2])
    np.testing.assert_allclose(np.asarray(found).ravel()[:5], numpy_rho(matrices).ravel()[:5], 1e-4)


@pytest.mark.parametrize("nilpotent", [np.zeros((3, 3)), np.diag([1.0, 1.0], 1)])
def test_a_nilpotent_matrix_has_no_multiple_of_another_radius(nilpotent):
    assert rho(jnp.asarray(nilpotent, jnp.float32)) == 0
    assert np.all(np.isnan(to_rho(jnp.asarray(nilpotent, jnp.float32), 0.9)))
    both = to_rho(jnp.stack([jnp.asarray(nilpotent, jnp.float32), jnp.eye(3)]), 0.9)
    np.testing.assert_allclose(both[1], 0.9 * np.eye(3), 1e-5)


def test_rho_passes_no_gradient(matrices):
    assert not np.any(jax.grad(lambda m: jnp.sum(rho(m)))(matrices))
    scaled = jax.grad(lambda m: jnp.sum(to_rho(m, 0.9)))(matrices[0, 1])  # the factor counts as a constant
    np.testing.assert_allclose(scaled, np.full((8, 8), 0.9 / numpy_rho(matrices[0, 1])), 1e-4)


def test_docstrings_name_their_papers():
    for name, initializer in INITIALIZERS.items():
        assert initializer.__doc__
        assert not name.startswith("pascanu2013") or "Pascanu et al. (2013)" in initializer.__doc__
    assert initializers.__doc__


@pytest.mark.parametrize(("name", "bound"), [("hochreiter1997", 0.1), ("gers2000", 0.2)])
def test_uniform_weights_of_papers_fill_their_range(name, bound):
    found = drawn(name)
    assert 0.999 * bound < np.max(np.abs(found)) <= bound
    assert np.std(found) == pytest.approx(bound / np.sqrt(3), rel=0.01)
