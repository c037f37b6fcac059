"""What defines the simple, leaky, residual and continuous-time networks: forms, time scales, bounds, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from ltd.activations import ACTIVATIONS
from ltd.cells import CELLS
from ltd.settings import Plan
from ltd.trees import disassemble
from ltd.unroll import unroll
from tables.simple import ROWS

B, D, H = 2, 3, 6
LOOP = Plan("stepwise")


def noise(seed, *shape, scale=1.0):
    return scale * jax.random.normal(jax.random.key(seed), shape, jnp.result_type(float))


def run(cell, inputs, state=None, plan=LOOP):
    """Final state and outputs, from zero unless a state is given."""
    start = cell.initial_state((inputs.shape[1],)) if state is None else state
    graphdef, params, rest = disassemble(cell)
    return jax.jit(lambda p, x, s: unroll(nnx.merge(graphdef, p, rest), x, s, plan))(params, inputs, start)


def silence(cell, *names):
    for name in names:
        getattr(cell, name)[...] = jnp.zeros_like(getattr(cell, name)[...])


def jacobian(cell, state, x, part=0):
    """d new / d old of one part of the state, on columns, for one sequence."""

    def step(value):
        new, _ = cell.step(cell.kernel(), state._replace(**{state._fields[part]: value}), cell.project(x))
        return new[part]

    return np.asarray(jax.jacfwd(step)(state[part]))


# ------------------------------------------------------------------------------------------------------- elman


def forms(key, activation):
    return (CELLS["elman"](key, D, H, activation, "gaussian", form) for form in ("after", "before"))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "hard_tanh", "linear"])
def test_both_forms_of_elman_are_one_network_from_matched_starts(activation, key):
    after, before = forms(key, activation)
    s = noise(1, B, H)
    h = ACTIVATIONS[activation].function(s)
    inputs = noise(2, 60, B, D)
    final_h, of_after = run(after, inputs, after.initial_state((B,))._replace(h=h))
    final_s, of_before = run(before, inputs, before.initial_state((B,))._replace(s=s))
    np.testing.assert_allclose(of_before, of_after, 1e-11, 1e-11)
    np.testing.assert_allclose(ACTIVATIONS[activation].function(final_s.s), final_h.h, 1e-11, 1e-11)


@pytest.mark.usefixtures("x64")
def test_both_forms_of_elman_part_where_their_starts_do(key):
    inputs = noise(2, 60, B, D)
    after, before = forms(key, "logistic")  # both from zero, but f(0) = 1/2
    assert np.max(np.abs(run(after, inputs)[1] - run(before, inputs)[1])) > 1e-2
    after, before = forms(key, "relu")  # no s has f(s) = -1
    unreachable = jnp.full((B, H), -1.0)
    outputs = run(after, inputs, after.initial_state((B,))._replace(h=unreachable))[1]
    assert np.max(np.abs(outputs - run(before, inputs, before.initial_state((B,))._replace(s=unreachable))[1])) > 1e-2


@pytest.mark.usefixtures("x64")
def test_step_jacobians_of_both_forms(key):
    after, before = forms(key, "tanh")
    x, state = noise(1, D), noise(2, H)
    U = np.asarray(after.U[...]).T
    a = np.asarray(x @ after.W[...] + state @ after.U[...])
    found = jacobian(after, after.initial_state(())._replace(h=state), x)
    np.testing.assert_allclose(found, np.diag(1 - np.tanh(a) ** 2) @ U, 1e-12, 1e-12)
    found = jacobian(before, before.initial_state(())._replace(s=state), x)
    np.testing.assert_allclose(found, U @ np.diag(1 - np.tanh(np.asarray(state)) ** 2), 1e-12, 1e-12)


# ------------------------------------------------------------------------------------------------------ jordan


@pytest.mark.usefixtures("x64")
def test_jordan_with_an_open_read_out_is_elman(key):
    elman = CELLS["elman"](key, D, H)
    jordan = CELLS["jordan"](key, D, H, feedback=H)
    jordan.V[...] = jnp.eye(H)
    jordan.W[...], jordan.U[...] = elman.W[...], elman.U[...]
    inputs, h = noise(1, 40, B, D), noise(2, B, H)
    _, wanted = run(elman, inputs, elman.initial_state((B,))._replace(h=h))
    _, found = run(jordan, inputs, jordan.initial_state((B,))._replace(y=h))
    np.testing.assert_allclose(found, wanted, 1e-12, 1e-12)


# --------------------------------------------------------------------------------------------- leaky and ctrnn


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("learned", [False, True])
def test_half_lives_of_leaky_units(learned, key):
    """tau ln 2 steps, at equal ratios: 5, 10, 20."""
    cell = CELLS["leaky"](key, D, 3, tau_min=5 / np.log(2), tau_max=20 / np.log(2), learned=learned)
    silence(cell, "U")
    _, outputs = run(cell, jnp.zeros((20, 1, D)), cell.initial_state((1,))._replace(h=jnp.ones((1, 3))))
    np.testing.assert_allclose([outputs[4, 0, 0], outputs[9, 0, 1], outputs[19, 0, 2]], 0.5, 1e-12)
    np.testing.assert_allclose(cell.time_constants() * np.log(2), [5, 10, 20], 1e-12)


@pytest.mark.parametrize("tau", [1e-3, 1.0, 1e4, 1e7])
@pytest.mark.parametrize("learned", [False, True])
def test_leaky_units_keep_the_digits_of_their_leak_in_single_precision(learned, tau, key):
    cell = CELLS["leaky"](key, D, 3, tau_min=tau, tau_max=tau, learned=learned)
    np.testing.assert_allclose(cell.kernel()[1], -np.expm1(-1 / tau), rtol=1e-5)
    np.testing.assert_allclose(cell.time_constants(), tau, rtol=1e-5)


def test_a_slow_context_keeps_the_digits_of_its_leak_in_single_precision(key):
    cell = CELLS["scrn"](key, D, 3, 2, alpha=0.999999, learned=True)
    ones = jnp.ones((1, D))
    np.testing.assert_allclose(cell._slow(ones) / (ones @ cell.B[...]), 1e-6, rtol=1e-3)


@pytest.mark.usefixtures("x64")
def test_a_leaky_unit_without_memory_is_that_of_elman(key):
    elman = CELLS["elman"](key, D, H)
    leaky = CELLS["leaky"](key, D, H, tau_min=1e-3, tau_max=1e-3)
    inputs = noise(1, 40, B, D)
    np.testing.assert_allclose(run(leaky, inputs)[1], run(elman, inputs)[1], 1e-10, 1e-12)


@pytest.mark.usefixtures("x64")
def test_leaky_before_its_nonlinearity_is_euler(key):
    """h_t = v_t U + x_{t+1} W + b, on the drive (x_{t+1} W + b - alpha (x_t W + b)) / (1 - alpha)."""
    dt, tau = 0.5, 4.0
    alpha = 1 - dt / tau
    leaky = CELLS["leaky"](key, D, H, tau_min=-1 / np.log(alpha), tau_max=-1 / np.log(alpha), shared=True)
    leaky.b[...] = noise(3, H)
    ctrnn = CELLS["ctrnn"](key, H, H, dt=dt, tau_min=tau, tau_max=tau, shared=True)
    ctrnn.W[...], ctrnn.U[...] = jnp.eye(H), leaky.U[...]
    inputs, v = noise(1, 41, B, D), noise(2, B, H)
    seen = inputs @ leaky.W[...] + leaky.b[...]
    _, outputs = run(leaky, inputs[:-1], leaky.initial_state((B,))._replace(h=v))
    start = ctrnn.initial_state((B,))._replace(h=v @ leaky.U[...] + seen[0])
    _, found = run(ctrnn, (seen[1:] - alpha * seen[:-1]) / (1 - alpha), start)
    np.testing.assert_allclose(found, outputs @ leaky.U[...] + seen[1:], 1e-11, 1e-11)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("rk4", 4)])
def test_order_of_convergence(method, order, key):
    """Against 1024 steps of Runge and Kutta over the same four units of time."""
    x = noise(1, 1, B, D)

    def at_end(method, steps):
        cell = CELLS["ctrnn"](key, D, H, method, dt=4 / steps, tau_min=1.0, tau_max=4.0)
        return run(cell, jnp.tile(x, (steps, 1, 1)))[0].h

    fine = at_end("rk4", 1024)
    coarse, finer = (float(jnp.max(jnp.abs(at_end(method, steps) - fine))) for steps in (32, 64))
    assert np.log2(coarse / finer) == pytest.approx(order, abs=0.15)


# -------------------------------------------------------------------------------------------------------- scrn


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("options", [{}, {"learned": True}, {"delayed": True}, {"fast": False}], ids=str)
def test_the_context_keeps_a_gradient_of_alpha_to_the_lag(options, key):
    """B-S23: alpha^k along the context, exactly; the path through R has at most (sigma(R) / 4)^k, sigma(R) = 1."""
    lag = 200
    cell = CELLS["scrn"](key, D, H, context=3, **options)
    inputs = noise(1, lag, 1, D)
    zero = cell.initial_state((1,))

    def final(**parts):
        return run(cell, inputs, zero._replace(**parts))[0]

    found = jax.jacrev(lambda s: final(s=s[None]).s[0])(zero.s[0])
    np.testing.assert_allclose(found, 0.95**lag * np.eye(3), 1e-11, 1e-300)
    if "h" in zero._fields:
        found = jax.jacrev(lambda h: final(h=h[None]).h[0])(zero.h[0])
        assert 0 < np.linalg.norm(found, 2) < 0.25**lag * (1 + 1e-9)
        through = jax.jacrev(lambda s: final(s=s[None]).h[0])(zero.s[0])  # what of it reaches the fast layer
        assert 1e-4 * 0.95**lag < np.linalg.norm(through, 2) < 0.95**lag * 10


TAUS = (5, 50, 500)


def context_trained(learned, seed, updates=500, length=2000, batch=4, units=6):
    """Time constants before and after, and the share of each target's variance that is left unexplained.

    White noise in; the targets are its leaky integrals with time constants 5, 50 and 500, at variance 1.
    """
    cell_key, readout_key, data_key = jax.random.split(jax.random.key(seed), 3)
    cell = CELLS["scrn"](cell_key, 1, context=units, alpha=0.95, learned=learned, fast=False)
    graphdef, params, rest = disassemble(cell)
    stay = jnp.exp(-1 / jnp.array(TAUS))
    integrals = CELLS["scrn"](cell_key, 1, context=3, learned=True, fast=False)
    integrals.beta[...] = jnp.log(stay / (1 - stay))
    integrals.B[...] = (jnp.sqrt(1 - stay**2) / (1 - stay))[None]

    def outputs(cell, x):
        return unroll(cell, x, cell.initial_state((batch,)), LOOP)[1]

    def errors(weights, key):
        params, V = weights
        x = jax.random.normal(key, (length, batch, 1))
        y = outputs(integrals, x)[length // 4 :]
        found = (outputs(nnx.merge(graphdef, params, rest), x) @ V)[length // 4 :]
        return jnp.mean((found - y) ** 2, (0, 1)) / jnp.var(y, (0, 1))

    optimizer = optax.adam(0.05)

    @jax.jit
    def train(weights):
        def update(carry, key):
            weights, state = carry
            grads = jax.grad(lambda w: jnp.sum(errors(w, key)))(weights)
            updates, state = optimizer.update(grads, state)
            return (optax.apply_updates(weights, updates), state), None

        keys = jax.random.split(data_key, updates)
        (weights, _), _ = jax.lax.scan(update, (weights, optimizer.init(weights)), keys)
        unseen = jax.random.split(jax.random.fold_in(data_key, 1), 8)
        return weights, jnp.mean(jax.vmap(lambda key: errors(weights, key))(unseen), 0)

    (params, _), left = train((params, jax.random.normal(readout_key, (units, 3))))
    return cell.time_constants(), nnx.merge(graphdef, params, rest).time_constants(), left


def test_a_learned_context_spreads_over_time_scales_and_a_fixed_one_cannot():
    """B-S21. One filter with tau = 19.5 explains 14 % of the variance of one with tau = 500.

    The targets themselves lie two decades apart; six seeds gave spans of 102 to 112.
    """
    before, after, left = context_trained(True, 0)
    assert jnp.max(before) < 1.01 * jnp.min(before)
    assert jnp.log10(jnp.max(after) / jnp.min(after)) > 1.95
    for tau in TAUS:
        assert jnp.min(jnp.abs(jnp.log(after / tau))) < jnp.log(1.25)
    assert jnp.max(left) < 0.2
    before, after, left = context_trained(False, 0)
    np.testing.assert_array_equal(before, after)
    np.testing.assert_allclose(after, -1 / np.log(0.95), 1e-5)
    assert left[2] > 0.6


# --------------------------------------------------------------------------------------------------- clockwork


@pytest.mark.usefixtures("x64")
def test_clockwork_groups_hold_between_their_ticks(key):
    cell = CELLS["clockwork"](key, D, 8)
    _, outputs = run(cell, noise(1, 40, B, D), cell.initial_state((B,))._replace(h=noise(2, B, 8)))
    for group, period in enumerate((1, 2, 4, 8)):
        units = np.asarray(outputs)[..., 2 * group : 2 * group + 2]
        moved = np.any(units[1:] != units[:-1], axis=(1, 2))
        assert [t + 1 for t in np.flatnonzero(moved)] == [t for t in range(1, 40) if t % period == 0]


@pytest.mark.usefixtures("x64")
def test_clockwork_groups_read_equal_or_longer_periods(key):
    cell = CELLS["clockwork"](key, D, 8, periods="1,2,4,4")
    cell.U[...] = noise(3, 8, 8)  # nothing of the initial zeros is needed
    found = jacobian(cell, cell.initial_state(())._replace(h=noise(2, 8)), noise(1, D))  # t = 0: all move
    blocks = np.abs(found).reshape(4, 2, 4, 2).max((1, 3))
    np.testing.assert_array_equal(blocks > 0, [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]])
    still = cell.initial_state(())._replace(h=noise(2, 8), t=jnp.array([3.0]))  # only the first moves
    np.testing.assert_array_equal(jacobian(cell, still, noise(1, D))[2:], np.eye(8)[2:])


def test_clockwork_of_one_period_is_elman(key):
    clockwork, elman = CELLS["clockwork"](key, D, H, periods="1"), CELLS["elman"](key, D, H)
    inputs = noise(1, 40, B, D)
    np.testing.assert_array_equal(run(clockwork, inputs)[1], run(elman, inputs)[1])


def test_clockwork_groups_are_as_equal_as_they_can_be(key):
    cell = CELLS["clockwork"](key, D, 7, periods="1, 2,4")
    reads = np.asarray(cell.U[...]) != 0
    np.testing.assert_array_equal(reads.sum(0), [7, 7, 7, 4, 4, 2, 2])


# ---------------------------------------------------------------------------------------------------- residual


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_eigenvalues_of_the_antisymmetric_step(gamma, key):
    """J - 1 = epsilon diag(f') M: imaginary without gamma; with it the real part lies in -epsilon gamma f'."""
    epsilon = 0.1
    cell = CELLS["antisymmetric"](key, D, H, epsilon=epsilon, gamma=gamma)
    for seed in range(20):
        state = cell.initial_state(())._replace(h=noise(seed, H))
        x = noise(seed + 100, D)
        found = np.linalg.eigvals(jacobian(cell, state, x)) - 1
        slope = 1 - np.tanh(np.asarray(cell.project(x) + state.h @ cell.kernel())) ** 2
        assert np.all(found.real <= -epsilon * gamma * slope.min() + 1e-12)
        assert np.all(found.real >= -epsilon * gamma * slope.max() - 1e-12)
        assert np.max(np.abs(found.imag)) > 1e-3


@pytest.mark.usefixtures("x64")
def test_the_antisymmetric_network_reads_no_more_of_u(key):
    cell = CELLS["antisymmetric"](key, D, H)
    inputs = noise(1, 20, B, D)
    wanted = run(cell, inputs)[1]
    symmetric = noise(2, H, H)
    cell.U[...] += symmetric + symmetric.T
    np.testing.assert_allclose(run(cell, inputs)[1], wanted, 1e-10, 1e-12)


@pytest.mark.usefixtures("x64")
def test_a_minimal_network_retains_the_product_of_its_gates(key):
    cell = CELLS["minimal_rnn"](key, D, H, forget_bias=1.0)
    state, x = cell.initial_state(())._replace(h=noise(2, H)), noise(1, D)
    v, gate = cell.project(x)
    u = 1 / (1 + np.exp(-np.asarray(gate + state.h @ cell.U[...])))
    wanted = np.diag(u) + np.diag((np.asarray(state.h - v)) * u * (1 - u)) @ np.asarray(cell.U[...]).T
    np.testing.assert_allclose(jacobian(cell, state, x), wanted, 1e-12, 1e-12)

    silence(cell, "U")
    inputs = noise(3, 30, 1, D)
    found = jax.jacrev(lambda h: run(cell, inputs, state._replace(h=h[None]))[0].h[0])(state.h)
    gates = 1 / (1 + np.exp(-np.asarray(cell.project(inputs)[1][:, 0])))
    np.testing.assert_allclose(found, np.diag(np.prod(gates, axis=0)), 1e-11, 1e-300)


# ------------------------------------------------------------------------------------------------- oscillators


@pytest.fixture
def storm():
    """10,000 steps of large inputs."""
    return noise(5, 10_000, B, D, scale=3.0)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("dt", "gamma", "epsilon"), [(0.042, 2.7, 4.7), (0.5, 2.0, 1.0), (0.01, 90.0, 1.0)])
def test_the_energy_of_implicit_oscillators_is_bounded(dt, gamma, epsilon, storm, key):
    """gamma |y_t|^2 + |z_t|^2 <= H dt t, where dt <= (2 epsilon - 1) / gamma."""
    assert dt <= (2 * epsilon - 1) / gamma
    cell = CELLS["cornn"](key, D, H, dt=dt, gamma=gamma, epsilon=epsilon, damping="implicit")
    cell.U[...] *= 20.0
    _, y = run(cell, storm)
    z = np.diff(np.concatenate([np.zeros((1, B, H)), y]), axis=0) / dt  # y_t = y_{t-1} + dt z_t
    energy = np.sum(gamma * np.asarray(y) ** 2 + z**2, axis=-1)
    assert np.all(energy <= H * dt * np.arange(1, len(y) + 1)[:, None] * (1 + 1e-9))
    assert np.max(energy) > 0.1 * H  # the storm is felt


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("damping", ["explicit", "implicit"])
def test_oscillators_stay_below_the_sum_of_their_impulse_response(damping, storm, key):
    """A force of at most 1 moves a linear oscillator by at most the absolute sum of its answer to one push."""
    dt, gamma, epsilon = 0.1, 5.0, 1.0
    old, new = (1 - dt * epsilon, 1.0) if damping == "explicit" else (1.0, 1 / (1 + dt * epsilon))
    y, z, bound = 0.0, 0.0, 0.0
    for n in range(2000):
        z = new * (old * z + dt * ((n == 0) - gamma * y))
        y += dt * z
        bound += abs(y)
    cell = CELLS["cornn"](key, D, H, dt=dt, gamma=gamma, epsilon=epsilon, damping=damping)
    cell.U[...] *= 20.0
    largest = np.max(np.abs(run(cell, storm)[1]))
    assert 0.1 * bound < largest <= bound * (1 + 1e-9)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_long_expressive_memory_stays_below_one(dt, storm, key):
    cell = CELLS["lem"](key, D, H, dt=dt)
    cell.U[...] *= 10.0
    cell.U_y[...] *= 10.0
    final, outputs = run(cell, storm)
    assert 0.9 < np.max(np.abs(outputs)) <= 1
    assert np.max(np.abs(final.z)) <= 1


# ---------------------------------------------------------------------------------------- precision, refusals


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bfloat16_stays_bfloat16(row, key):
    cell = row.build(key, D, 4)
    graphdef, params, rest = disassemble(cell)
    small = nnx.merge(graphdef, jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params), rest)
    start = cell.initial_state((B,))
    start = start._replace(
        **{name: part.astype(jnp.bfloat16) for name, part in start._asdict().items() if name not in row.clock}
    )
    new, output = small.step(small.kernel(), start, small.project(jnp.ones((B, D), jnp.bfloat16)))
    assert output.dtype == jnp.bfloat16
    assert [leaf.dtype for leaf in new] == [leaf.dtype for leaf in start]


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("elman", {"form": "both"}, "form = 'both' must be 'after' or 'before'"),
        ("jordan", {"feedback": 0}, "feedback = 0 must be at least 1"),
        ("jordan", {"output_activation": "srelu"}, "activation = 'srelu' learns numbers of its own"),
        ("leaky", {"activation": "srelu"}, "activation = 'srelu' learns numbers of its own"),
        ("leaky", {"tau_min": 0.0}, "tau_min = 0.0 and tau_max = 100.0 must be finite with 0 < tau_min <= tau_max"),
        ("leaky", {"tau_min": 3.0, "tau_max": 2.0}, "tau_min = 3.0 and tau_max = 2.0 must be finite"),
        ("leaky", {"shared": True}, r"one shared time constant cannot spread from 1\.0 to 100\.0: make the two equal"),
        ("ctrnn", {"dt": 0.0}, "dt = 0.0 must be a positive number"),
        ("ctrnn", {"method": "heun"}, "method = 'heun' must be 'euler' or 'rk4'"),
        ("ctrnn", {"tau_min": -1.0, "method": "rk4"}, "tau_min = -1.0 and tau_max = 100.0 must be finite"),
        ("ctrnn", {"activation": "srelu"}, "activation = 'srelu' learns numbers of its own"),
        ("scrn", {"alpha": 1.0}, "alpha = 1.0 must lie between 0 and 1"),
        ("scrn", {"alpha": 0.0, "fast": False}, "alpha = 0.0 must lie between 0 and 1"),
        ("scrn", {"context": 0}, "context = 0 must be at least 1"),
        ("scrn", {"fast": False, "delayed": True}, "delayed = True says what the fast layer reads, and fast = False"),
        ("antisymmetric", {"epsilon": 0.0}, "epsilon = 0.0 must be above 0"),
        ("antisymmetric", {"gamma": -0.1}, "gamma = -0.1 must be at least 0"),
        ("clockwork", {"periods": "1,0"}, "periods = '1,0' must be whole numbers above 0"),
        ("clockwork", {"periods": "1,two"}, "periods = '1,two' must be whole numbers above 0"),
        ("clockwork", {"hidden": 3}, r"periods = '1,2,4,8' makes 4 groups of hidden = 3 units: use fewer groups"),
        ("cornn", {"dt": -0.1}, "dt = -0.1 must be a positive number"),
        ("cornn", {"gamma": -1.0}, "gamma = -1.0 must be at least 0"),
        ("cornn", {"epsilon": -1.0}, "epsilon = -1.0 must be at least 0"),
        ("cornn", {"damping": "none"}, "damping = 'none' must be 'explicit' or 'implicit'"),
        ("lem", {"dt": 0.0}, "dt = 0.0 must be a positive number"),
    ],
)
def test_impossible_options_are_refused(name, options, text, key):
    with pytest.raises(ValueError, match=text):
        CELLS[name](key, D, **options)


@pytest.mark.parametrize("name", ["jordan", "leaky", "ctrnn"])
def test_unknown_activations_are_refused(name, key):
    with pytest.raises(KeyError, match="no activation 'gelu'; known activations: linear"):
        CELLS[name](key, D, activation="gelu")
