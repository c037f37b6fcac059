"""What defines identity, orthogonal and linear networks: norms kept, rings, holds, shares, and what they refuse."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from flax import nnx

from harness import compiled, plan_of
from ltd import linalg
from ltd.cells import CELLS
from ltd.cells.linear import hippo
from ltd.cells.unitary import complex_modrelu, modrelu
from ltd.settings import Plan
from ltd.trees import disassemble
from ltd.unroll import unroll as unroll_by
from oracles import linear as oracles

LOOP = Plan("stepwise")
ROTATIONS = ["urnn", "exprnn", "scornn"]
PRECISIONS = pytest.mark.parametrize(("double", "tolerance"), [(False, 1e-5), (True, 1e-12)])


def unroll(cell, inputs, state, plan, valid=None):
    """In one compiled program."""
    graphdef, params, rest = disassemble(cell)

    @compiled
    def run(params, inputs, state, valid):
        return unroll_by(nnx.merge(graphdef, params, rest), inputs, state, plan, valid)

    return run(params, inputs, state, valid)


def build(name, key, hidden, inputs=3, **options):
    """A cell, drawn in one compiled program."""
    graphdef, _, rest = disassemble(nnx.eval_shape(lambda: CELLS[name](key, inputs, hidden=hidden, **options)))
    params = compiled(lambda key: disassemble(CELLS[name](key, inputs, hidden=hidden, **options))[1])(key)
    return nnx.merge(graphdef, params, rest)


def departure(cell):
    """Largest entry of U' U - I."""
    graphdef, params, rest = disassemble(cell)
    U = np.asarray(compiled(lambda params: nnx.merge(graphdef, params, rest).kernel()[0])(params))
    return np.max(np.abs(U.T @ U - np.eye(len(U))))


def descend(cell, key, rate=1.0):
    """The cell after one large step down the gradient of a loss on random inputs."""
    graphdef, params, rest = disassemble(cell)
    inputs = jax.random.normal(key, (8, 3, cell.inputs))

    @compiled
    def step(params):
        def loss(params):
            own = nnx.merge(graphdef, params, rest)
            return jnp.sum(jnp.sin(unroll_by(own, inputs, own.initial_state((3,)), LOOP)[1]))

        return jax.tree.map(lambda p, g: p - rate * g, params, jax.grad(loss)(params))

    return nnx.merge(graphdef, step(params), rest)


# -------------------------------------------------------------------------------------------- exponential, inverse


@PRECISIONS
@pytest.mark.parametrize("norm", [0.0, 1e-3, 0.5, 7.0, 100.0])
def test_expm_against_scipy(norm, double, tolerance):
    with jax.enable_x64(double):
        A = np.random.default_rng(0).normal(size=(3, 16, 16))
        A[1] -= A[1].T
        A = (A / np.sum(np.abs(A), axis=-2).max(-1)[:, None, None] * norm).astype(np.float64 if double else np.float32)
        found = np.asarray(jax.jit(linalg.expm)(A))
    assert found.dtype == A.dtype
    for one, matrix in zip(found, A, strict=True):
        wanted = scipy.linalg.expm(matrix.astype(np.float64))
        np.testing.assert_allclose(one, wanted, 0, 10 * tolerance * np.max(np.abs(wanted)))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("function", ["expm", "inverse"])
def test_matrix_functions_are_differentiable_twice_among_lanes(function, key):
    f = getattr(linalg, function)
    A, V = jax.random.normal(key, (2, 3, 5, 5)) + 2 * jnp.eye(5)
    probe = jax.random.normal(key, (5, 5))

    def along(A, V, t):
        return f(A + t * V)

    first = compiled(jax.vmap(lambda A, V: jax.jvp(functools.partial(along, A, V), (0.0,), (1.0,))[1]))(A, V)
    second = compiled(jax.vmap(jax.jacfwd(jax.grad(lambda *a: jnp.sum(probe * along(*a)), 2), 2), (0, 0, None)))(
        A, V, 0.0
    )
    for a, v, one, two in zip(*map(np.asarray, (A, V, first, second)), strict=True):
        if function == "expm":
            wanted = scipy.linalg.expm_frechet(a, v, compute_expm=False)
            block = np.block([[a, v, 0 * a], [0 * a, a, v], [0 * a, 0 * a, a]])  # exp of it holds half the second one
            wanted_two = 2 * scipy.linalg.expm(block)[:5, 10:]
        else:
            M = np.linalg.inv(a)
            wanted, wanted_two = -M @ v @ M, 2 * M @ v @ M @ v @ M
        np.testing.assert_allclose(one, wanted, 1e-10, 1e-10 * np.max(np.abs(wanted)))
        assert two == pytest.approx(np.sum(np.asarray(probe) * wanted_two), rel=1e-9)  # reverse, then forward


@PRECISIONS
def test_inverse_of_many(double, tolerance):
    with jax.enable_x64(double):
        A = jax.random.normal(jax.random.key(0), (4, 2, 9, 9)) + 5 * jnp.eye(9)
        found = jax.jit(jax.vmap(linalg.inverse))(A)
        assert found.dtype == A.dtype and found.shape == A.shape
        np.testing.assert_allclose(found @ A, np.broadcast_to(np.eye(9), A.shape), 0, tolerance)


@PRECISIONS
def test_one_step_towards_the_nearest_orthogonal_matrix_squares_the_distance(double, tolerance):
    with jax.enable_x64(double):
        A = jax.random.normal(jax.random.key(0), (3, 40, 40))
        U = linalg.qr(A)[0]
        off = U @ (jnp.eye(40) + 1e-4 * (A + A.mT))
        found = compiled(linalg.nearest_orthogonal)(off)

        def distance(V):
            return np.max(np.linalg.norm(np.asarray(V.mT @ V - jnp.eye(40), np.float64), 2, axis=(-2, -1)))

        assert distance(off) > 1e-3
        assert distance(found) <= distance(off) ** 2 + tolerance
        np.testing.assert_allclose(found, U, 0, distance(off) ** 2 + tolerance)


def test_the_rotation_of_exprnn_is_orthogonal_in_single_precision_though_its_exponential_is_not(key):
    cell = build("exprnn", key, 256)
    cell.a[...] = 0.3 * jax.random.normal(key, cell.a[...].shape)
    raw = np.asarray(cell.rotation())
    assert np.max(np.abs(raw.T @ raw - np.eye(256))) > 1e-5
    assert departure(cell) <= 1e-5


# ------------------------------------------------------------------------------------------------ norms are kept


@PRECISIONS
@pytest.mark.parametrize("name", ROTATIONS)
@pytest.mark.parametrize("hidden", [1, 64])
def test_kernels_are_orthogonal_and_stay_so(name, hidden, double, tolerance, key):
    with jax.enable_x64(double):
        cell = build(name, key, hidden)
        assert departure(cell) <= tolerance
        moved = descend(cell, key)
        assert departure(moved) <= tolerance
        name_of_angles = "theta" if name == "urnn" else "a"
        before, after = (getattr(each, name_of_angles)[...] for each in (cell, moved))
        assert hidden == 1 or np.max(np.abs(after - before)) > 0.1  # the step did move it


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ROTATIONS)
def test_norms_are_kept_over_10000_steps(name, key):
    """Without input and bias, modrelu changes nothing, forwards and backwards."""
    cell = CELLS[name](key, 2, hidden=32)
    cell.b[...] = jnp.zeros(32)
    state = jax.tree.map(lambda leaf: jax.random.normal(key, leaf.shape), cell.initial_state((3,)))

    def norms(leaves):
        return jnp.sqrt(sum(jnp.sum(jnp.square(leaf), axis=-1) for leaf in leaves))

    silence = jnp.zeros((10_000, 3, 2))

    @jax.jit
    def run(state):
        (_, outputs), pull = jax.vjp(lambda s: unroll_by(cell, silence, s, Plan("chunked", 100)), state)
        (d_state,) = pull((state, jnp.zeros_like(outputs)))
        return norms([outputs]), norms(jax.tree.leaves(d_state))

    start = norms(jax.tree.leaves(state))
    forwards, backwards = run(state)
    np.testing.assert_allclose(forwards, np.broadcast_to(start, forwards.shape), 0, 1e-9)
    np.testing.assert_allclose(backwards, start, 0, 1e-9)


@pytest.mark.usefixtures("x64")
def test_modrelu_keeps_the_phase_and_shifts_the_modulus():
    z = np.array([3 + 4j, -0.3 + 0.4j, 0, 1e-30])
    for b, modulus in [(0.0, [5, 0.5, 0, 1e-30]), (-1.0, [4, 0, 0, 0]), (2.0, [7, 2.5, 0, 0])]:
        re, im = complex_modrelu(jnp.asarray(z.real), jnp.asarray(z.imag), jnp.full(4, b))
        np.testing.assert_allclose(np.hypot(re, im), modulus, 1e-12, 1e-20)
        live = np.array(modulus) > 0.1
        np.testing.assert_allclose(np.arctan2(im, re)[live], np.angle(z)[live], 1e-12)
    np.testing.assert_allclose(modrelu(jnp.array([3.0, -3, 0.5, 0]), jnp.full(4, -1.0)), [2, -2, 0, 0])


def test_modrelu_without_bias_is_the_identity_also_where_it_begins():
    """At zero, where a network without input starts."""
    zero = jnp.zeros(())
    assert jax.grad(modrelu)(zero, zero) == 1
    assert jax.grad(modrelu)(zero, zero - 0.1) == 0
    slopes = jax.jacobian(lambda re, im: jnp.stack(complex_modrelu(re, im, zero)), (0, 1))(zero, zero)
    np.testing.assert_array_equal(slopes, np.eye(2))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_scornn_counts_its_negative_units(share, key):
    """det U = (-1)^units: the Cayley transform itself turns and does not reflect."""
    for hidden in (5, 6):
        U = CELLS["scornn"](key, 2, hidden=hidden, rho=share).kernel()[0]
        assert np.linalg.det(U) == pytest.approx((-1) ** round(share * hidden))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("name", "options"), [("exprnn", {}), ("scornn", {"rho": 0.0})])
def test_initial_angles_of_rotation(name, options, key):
    """Henaff: U(-pi, pi). Cayley transform: U(0, pi/2). With an odd number of units one stays put."""
    U = np.asarray(CELLS[name](key, 1, hidden=401, **options).kernel()[0])
    angles = np.sort(np.abs(np.angle(np.linalg.eigvals(U))))
    assert angles[0] == pytest.approx(0, abs=1e-6)
    assert np.mean(angles) == pytest.approx(np.pi / (2 if name == "exprnn" else 4), rel=0.1)
    assert np.max(angles) <= (np.pi if name == "exprnn" else np.pi / 2) + 1e-9


def test_the_permutation_of_urnn_is_an_option_and_not_drawn(key):
    cells = [CELLS["urnn"](key, 2, hidden=8, permutation=p) for p in (0, 0, 1)]
    kernels = [np.asarray(cell.kernel()[0]) for cell in cells]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.allclose(kernels[0], kernels[2])


# --------------------------------------------------------------------------------------------- identity, rotation


def test_irnn_keeps_a_positive_state(key):
    """The identity passes what is positive on for ever, and scale^t of it otherwise."""
    for scale in (1.0, 0.5):
        cell = CELLS["irnn"](key, 2, hidden=5, scale=scale)
        start = cell.initial_state((3,))._replace(h=jax.random.uniform(key, (3, 5)))
        final, _ = unroll(cell, jnp.zeros((20, 3, 2)), start, LOOP)
        np.testing.assert_array_equal(final.h, scale**20 * start.h)
    assert np.std(cell.W[...]) == pytest.approx(0.001, rel=0.5)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("pooling", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 37])
def test_powers_of_lt_rnn_equal_its_loop(length, pooling, key):
    cell = CELLS["lt_rnn"](key, 2, hidden=6, pooling=pooling)
    inputs = jax.random.normal(key, (length, 4, 2))
    start = cell.initial_state((4,))._replace(h=jax.random.normal(key, (4, 6)))
    holes = jax.random.bernoulli(key, 0.6, (length, 4)).at[:, 0].set(False).at[:, 1].set(True)  # one that is all holes
    for valid in (None, holes):
        inputs_seen = inputs if valid is None else jnp.where(valid[..., None], inputs, jnp.nan)
        wanted, outputs = unroll(cell, inputs, start, LOOP, valid)
        final, found = unroll(cell, inputs_seen, start, Plan("associative"), valid)
        live = np.ones((length, 4), bool) if valid is None else np.asarray(valid)
        np.testing.assert_allclose(final.h, wanted.h, 0, 1e-12)
        np.testing.assert_allclose(found[live], outputs[live], 0, 1e-12)


def test_pooling_has_a_gradient_at_zero(key):
    cell = CELLS["lt_rnn"](key, 2, hidden=6, pooling=True)
    gradient = jax.grad(lambda x: jnp.sum(unroll_by(cell, x, cell.initial_state((1,)), LOOP)[1]))(jnp.zeros((3, 1, 2)))
    np.testing.assert_array_equal(gradient, 0)


def test_lt_rnn_starts_as_a_rotation_or_as_the_identity(key):
    U = CELLS["lt_rnn"](key, 2, hidden=6).U[...]
    np.testing.assert_allclose(U.T @ U, np.eye(6), 0, 1e-5)
    np.testing.assert_array_equal(CELLS["lt_rnn"](key, 2, hidden=6, init="identity").U[...], np.eye(6))


# --------------------------------------------------------------------------------------------- linear state spaces


@pytest.mark.parametrize(("r_min", "r_max", "theta_max"), [(0.0, 1.0, 6.283), (0.9, 0.999, 0.3), (0.4, 1.0, 1.0)])
def test_eigenvalues_of_lru_lie_in_their_ring(r_min, r_max, theta_max, key):
    cell = CELLS["lru"](key, 2, hidden=2000, r_min=r_min, r_max=r_max, theta_max=theta_max)
    poles = np.asarray(cell.eigenvalues())
    modulus = np.abs(poles)
    assert np.all((modulus >= r_min - 1e-6) & (modulus <= r_max))
    assert np.mean(modulus**2) == pytest.approx((r_min**2 + r_max**2) / 2, rel=0.05)  # uniform over the area
    phase = np.exp(np.asarray(cell.theta[...]))
    assert np.all((phase > 0) & (phase <= theta_max)) and np.mean(phase) == pytest.approx(theta_max / 2, rel=0.05)
    np.testing.assert_allclose(np.exp(2 * np.asarray(cell.log_n[...], np.float64)), 1 - modulus**2, 0, 1e-6)
    assert np.all(np.isfinite(cell.nu[...])) and np.all(np.isfinite(cell.log_n[...]))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("norm", ["learned", "tied"])
def test_impulse_response_of_lru(norm, key):
    """C lambda^k n B at lag k, and F besides at lag 0."""
    cell = CELLS["lru"](key, 3, hidden=5, norm=norm)
    inputs = jnp.zeros((50, 3, 3)).at[0].set(jnp.eye(3))
    _, outputs = unroll(cell, inputs, cell.initial_state((3,)), Plan("associative"))
    poles = np.asarray(cell.eigenvalues())
    B, C = ((np.asarray(w[0]) + 1j * np.asarray(w[1])) for w in (cell.B[...], cell.C[...]))
    n = np.sqrt(1 - np.abs(poles) ** 2)
    wanted = np.array([((B * n) * poles**k @ C).real for k in range(50)])
    wanted[0] += np.asarray(cell.F[...])
    np.testing.assert_allclose(outputs, wanted, 1e-10, 1e-10)


def test_the_norm_of_lru_keeps_the_state_at_the_size_of_white_noise(key):
    """Var h = n^2 |B|^2 / (1 - |lambda|^2) = |B|^2: what n is for."""
    cell = build("lru", key, 50, inputs=1, r_min=0.5, r_max=0.95)
    cell.F[...], cell.C[...] = jnp.zeros((1, 50)), jnp.zeros((2, 50, 50)).at[0].set(jnp.eye(50))  # the output: Re h
    _, outputs = unroll(cell, jax.random.normal(key, (1000, 8, 1)), cell.initial_state((8,)), Plan("chunked"))
    power = 2 * np.mean(np.square(outputs[200:]), axis=(0, 1)) / np.sum(np.square(cell.B[...]), axis=(0, 1))
    assert np.mean(power) == pytest.approx(1, rel=0.15)


@pytest.mark.usefixtures("x64")
def test_the_hold_of_s5_against_the_exponential_of_the_whole_system(key):
    """exp([[A, B], [0, 0]] dt) = [[lambda, held B], [0, I]], with both states of each pair."""
    cell = CELLS["s5"](key, 2, hidden=3, state=8, dt_min=0.3, dt_max=0.3)
    half = np.asarray(cell.A[0]) + 1j * np.asarray(cell.A[1])
    B, C = ((np.asarray(w[0]) + 1j * np.asarray(w[1])) for w in (cell.B[...], cell.C[...]))
    A = np.diag(np.concatenate([half, half.conj()]))
    B, C = np.concatenate([B, B.conj()], axis=1).T, np.concatenate([C, C.conj()]).T
    system = scipy.linalg.expm(0.3 * np.block([[A, B], [np.zeros((2, 10))]]))
    step, held = system[:8, :8], system[:8, 8:]

    inputs = np.random.default_rng(0).normal(size=(30, 1, 2))
    _, outputs = unroll(cell, jnp.asarray(inputs), cell.initial_state((1,)), LOOP)
    h = np.zeros(8, complex)
    for x, y in zip(inputs[:, 0], outputs[:, 0], strict=True):
        h = step @ h + held @ x
        whole = C @ h + x @ np.asarray(cell.F[...])
        assert np.max(np.abs(whole.imag)) < 1e-12  # the pairs give a real response
        np.testing.assert_allclose(y, whole.real, 1e-10, 1e-10)


@pytest.mark.parametrize("size", [2, 8, 64])
def test_hippo_is_diagonalised(size):
    """A of HiPPO-LegS plus the rank-one term that makes it normal, from its definition entry by entry."""
    P = np.array([np.sqrt(n + 0.5) for n in range(size)])
    A = np.array(
        [[-np.sqrt((2 * n + 1) * (2 * k + 1)) * (n > k) - (n + 1) * (n == k) for k in range(size)] for n in range(size)]
    )
    S = A + np.outer(P, P)
    poles, V = hippo(size)
    assert len(poles) == size // 2 and np.all(poles.imag > 0)
    np.testing.assert_allclose(S @ V, V * poles, 0, 1e-10 * size**2)
    np.testing.assert_allclose(V.conj().T @ V, np.eye(size // 2), 0, 1e-12)
    np.testing.assert_allclose(2 * (V * poles @ V.conj().T).real, S, 0, 1e-9 * size**2)


def test_s5_starts_in_its_real_coordinates(key):
    """The response is that of a real system S, B, C: what B and C were drawn as."""
    cell = CELLS["s5"](key, 500, hidden=400, state=16, dt_min=0.01, dt_max=0.5)
    poles, V = hippo(16)
    np.testing.assert_allclose(cell.A[...], [poles.real, poles.imag], 1e-5)
    B, C = ((np.asarray(w[0]) + 1j * np.asarray(w[1])) for w in (cell.B[...], cell.C[...]))
    real_B, real_C = 2 * (B @ V.T).real, 2 * (V.conj() @ C).real
    np.testing.assert_allclose(np.einsum("dn,nh->dh", real_B, real_C), 2 * (B @ C).real, 0, 1e-4)
    assert np.std(real_B) == pytest.approx(1 / np.sqrt(500), rel=0.1)
    assert np.std(real_C) == pytest.approx(1 / np.sqrt(16), rel=0.1)
    steps = np.exp(np.asarray(cell.log_step[...]))
    assert np.all((steps >= 0.01 - 1e-6) & (steps <= 0.5 + 1e-6))


# ------------------------------------------------------------------------------------------------ minimal networks


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["min_gru", "min_lstm"])
def test_retention_and_shares(name, key):
    """The state after T steps keeps the product of the shares kept; share kept and share taken add up to one."""
    cell = CELLS[name](key, 3, hidden=4)
    cell.b[...] = jax.random.normal(key, cell.b[...].shape)
    inputs = jax.random.normal(key, (25, 2, 3))
    kept, taken = (part.h for part in cell.affine((), cell.project(inputs)))
    blocks = np.split(np.asarray(inputs @ cell.W[...] + cell.b[...]), cell.blocks, axis=-1)
    gates = 1 / (1 + np.exp(-np.array(blocks[:-1])))
    share = 1 - gates[0] if name == "min_gru" else gates[0] / (gates[0] + gates[1])
    np.testing.assert_allclose(kept, share, 1e-12)
    np.testing.assert_allclose(kept + np.asarray(taken) / blocks[-1], 1, 1e-12)

    start = cell.initial_state((2,))._replace(h=jax.random.normal(key, (2, 4)))
    with_state, _ = unroll(cell, inputs, start, Plan("associative"))
    without, _ = unroll(cell, inputs, cell.initial_state((2,)), Plan("associative"))
    np.testing.assert_allclose(with_state.h - without.h, np.prod(share, axis=0) * start.h, 1e-9, 1e-14)


def test_closed_gates_of_min_lstm_do_not_divide_by_zero(key):
    """Both gates shut to exactly zero in single precision still share one."""
    cell = CELLS["min_lstm"](key, 1, hidden=1)
    cell.b[...] = jnp.array([-200.0, -201.0, 1.0])
    cell.W[...] = jnp.zeros((1, 3))
    kept, taken = (part.h for part in cell.affine((), cell.project(jnp.zeros((1, 1)))))
    assert kept[0, 0] == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-5)
    assert taken[0, 0] == pytest.approx(1 / (1 + np.exp(1)), rel=1e-5)


@pytest.mark.parametrize("name", ["min_gru", "min_lstm", "lt_rnn", "irnn"])
def test_bfloat16_runs_by_every_plan_and_stays(name, key):
    cell = CELLS[name](key, 3, hidden=4)
    half = functools.partial(jax.tree.map, lambda a: a.astype(jnp.bfloat16))
    graphdef, params, rest = nnx.split(cell, nnx.Param, ...)
    low = nnx.merge(graphdef, half(params), rest)
    inputs = jax.random.normal(key, (9, 2, 3), jnp.bfloat16)
    wanted = unroll(cell, inputs.astype(jnp.float32), cell.initial_state((2,)), LOOP)[1]
    for plan in cell.plans:
        final, outputs = unroll(low, inputs, half(cell.initial_state((2,))), plan_of(plan, 4))
        assert outputs.dtype == final.h.dtype == jnp.bfloat16
        np.testing.assert_allclose(outputs.astype(np.float32), wanted, 0, 0.05 * np.max(np.abs(wanted)))


def test_which_cells_keep_single_precision():
    assert [name for name in CELLS if name in {*ROTATIONS, "lru", "s5", "min_gru", "lt_rnn"} and CELLS[name].exact] == [
        *ROTATIONS, "lru", "s5",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("name", "options", "error", "said"),
    [
        ("lt_rnn", {"hidden": 5, "pooling": True}, ValueError, "hidden = 5 must be even"),
        ("lt_rnn", {"activation": "srelu"}, ValueError, "'srelu' learns numbers of its own"),
        ("lt_rnn", {"activation": "gelu"}, KeyError, "no activation 'gelu'"),
        ("exprnn", {"init": "orthogonal"}, KeyError, "known initializers: henaff, cayley"),
        ("scornn", {"rho": 1.5}, ValueError, "rho = 1.5 must lie between 0 and 1"),
        ("scornn", {"rho": -0.1}, ValueError, "rho = -0.1 must lie between 0 and 1"),
        ("lru", {"r_max": 1.1}, ValueError, "0 <= r_min < r_max <= 1"),
        ("lru", {"r_min": 0.5, "r_max": 0.5}, ValueError, "r_min = 0.5, r_max = 0.5"),
        ("lru", {"theta_max": 7.0}, ValueError, "theta_max = 7.0 must be an angle"),
        ("lru", {"norm": "free"}, ValueError, "norm = 'free' must be learned or tied"),
        ("s5", {"state": 7}, ValueError, "state = 7 must be even"),
        ("s5", {"state": 0}, ValueError, "state = 0 must be at least 1"),
        ("s5", {"dt_min": 0.2}, ValueError, "0 < dt_min <= dt_max"),
        ("s5", {"activation": "relu"}, ValueError, "activation = 'relu' must be none or gelu"),
    ],
)
def test_impossible_options_are_refused(name, options, error, said, key):
    with pytest.raises(error, match=said):
        CELLS[name](key, 2, **options)


def test_the_oracle_of_unitary_matrices_is_unitary(key):
    cell = CELLS["urnn"](key, 2, hidden=6)
    weights = {name: np.asarray(getattr(cell, name)[...], np.float64) for name in ("theta", "v")}
    U = oracles.unitary(weights, np.arange(6))
    np.testing.assert_allclose(U.conj().T @ U, np.eye(6), 0, 1e-12)
