"""Probes against networks whose answer is known, against explicit products, and against their bounds."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from harness import compiled
from ltd import launch, measure
from ltd.cells import CELLS, constructor
from ltd.config import Choice, ConfigError
from ltd.model import Model, make_model, make_task
from ltd.probes import PROBES, gradient, jacobian
from ltd.runtime import precision
from ltd.settings import Initial, Measure, Run
from ltd.streams import stream
from ltd.types import Batch, Curves
from ltd.unroll import output_leaf
from oracles import jacobians

NAMES = [*CELLS, "flax.nnx:LSTMCell", "flax.nnx:GRUCell"]


def network(name, key, hidden=5, inputs=2, **options):
    cell = constructor(name)(key, inputs, hidden, **options)
    if name == "irnn":
        cell.b[...] += 0.1  # so that no unit dies, and no product is exactly zero
    return Model(key, cell, 1, False, Initial())


def batch_of(key, length=20, samples=2, inputs=2):
    x = jax.random.normal(key, (length, samples, inputs), jnp.result_type(float))
    return Batch(x, x[..., 0], jnp.zeros((length, samples), bool), None)


def explicit_products(model, batch, sample):
    """d state_T / d state_{T-k}, k = 0..T-1, by forward differentiation of one step at a time and numpy products."""
    cell = model.net
    start = cell.initial_state((1,))
    flat, unflatten = ravel_pytree(start)

    @jax.jit
    def step(flat, x):
        return ravel_pytree(cell.step(cell.kernel(), unflatten(flat), cell.project(x))[0])[0]

    steps, differentiated = [], jax.jit(jax.jacfwd(step))
    for x in np.asarray(batch.inputs[:, sample : sample + 1]):
        steps.append(np.asarray(differentiated(flat, x)))
        flat = step(flat, x)
    product, found = np.eye(len(flat)), []
    for J in steps[::-1]:
        found.append(product)
        product = product @ J
    return found


@pytest.mark.parametrize("name", NAMES)
def test_norms_and_singular_values_equal_explicit_products(name, key):
    with precision("float64"):
        model, batch = network(name, key), batch_of(key, length=60)
        curves = jax.jit(lambda b: dict(jacobian(model, key, b).arrays))(batch)
        for k, product in enumerate(explicit_products(model, batch, 1)):
            values = np.linalg.svd(product, compute_uv=False)
            big = values > 1e-6 * values[0]  # a state that holds copies has singular values of 0
            found = 10 ** (np.asarray(curves["singular_log10"][k, 1])[big] - np.log10(values[big]))
            np.testing.assert_allclose(found, 1, rtol=1e-5)
            np.testing.assert_allclose(10 ** (curves["jacobian_log10"][k, 1] - np.log10(values[0])), 1, rtol=1e-5)
            norm = np.log10(np.linalg.norm(product))
            np.testing.assert_allclose(10 ** (curves["frobenius_log10"][k, 1] - norm), 1, rtol=1e-5)


def test_elman_products_equal_the_closed_form(key):
    with precision("float64"):
        model, batch = network("elman", key, hidden=4), batch_of(key, length=12)
        states, h = [], np.zeros(4)
        W, U = np.asarray(model.net.W[...]), np.asarray(model.net.U[...])
        for x in np.asarray(batch.inputs[:, 0]):
            h = np.tanh(x @ W + h @ U)
            states.append(h)
        want = [np.linalg.norm(p, 2) for p in jacobians.elman_products(U, np.array(states), lambda h: 1 - h**2)]
        np.testing.assert_allclose(jacobian(model, key, batch)["jacobian_log10"][:, 0], np.log10(want), atol=1e-9)


@pytest.mark.parametrize("probe", sorted(measure.MEASURED))
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_log_norms_to_1e_minus_300(probe, kind, key):
    fields = {"probe": probe, "cell": {"type": "elman", "activation": "linear", "hidden": 4}, "length": 1200}
    one = launch.configure(Measure, {**fields, "batch": 1, "precision": kind})
    (curves,) = launch.probe(launch.lanes_of(one, [0.5], 1))
    name = measure.MEASURED[probe]
    curve = measure.median_curve(curves, name)
    assert np.isfinite(curve).all()
    assert curve[-1] < -330
    slope = np.polyfit(np.arange(1200), curve, 1)[0]
    assert slope == pytest.approx(np.log10(0.5), rel=0.01)
    straight = curve[0] + np.log10(0.5) * np.arange(1200)
    np.testing.assert_allclose(curve, straight, atol=0.02 * 361)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "hard_tanh", "sine"])
def test_no_curve_above_its_bound(activation, key):
    """10^4 random cases over the activations, each with sigma below 1/gamma."""
    gamma = 0.25 if activation == "logistic" else 1.0
    with precision("float64"):
        keys = jax.random.split(key, 2000)

        def one(key):
            sigma_key, scale_key, cell_key = jax.random.split(key, 3)
            sigma = jax.random.uniform(sigma_key) / gamma
            model = network("elman", cell_key, hidden=3, activation=activation, init="gaussian")
            model.net.U[...] *= sigma / jnp.linalg.norm(model.net.U[...], 2)
            batch = batch_of(scale_key, length=12, samples=1)
            arrays = jacobian(model, key, batch).arrays
            return arrays["jacobian_log10"][:, 0], arrays["bound_log10"]

        curve, bound = jax.jit(lambda k: jax.lax.map(one, k))(keys)
        assert np.all(np.isfinite(bound)) and np.all(np.asarray(bound)[:, -1] < 0)
        excess = np.asarray(curve) - np.asarray(bound)
        assert np.max(excess) <= np.log10(1 + 1e-6)
        if activation in ("tanh", "hard_tanh"):
            assert np.max(excess[:, 1]) > -0.2, "the bound is nearly reached somewhere, so the test can fail"


def test_a_wrong_bound_would_be_seen(key):
    """With half the gamma the same comparison fails."""
    with precision("float64"):
        model = network("elman", key, hidden=4, activation="linear")
        curves = jacobian(model, key, batch_of(key))
        assert np.max(curves["jacobian_log10"][:, 0] - curves["bound_log10"]) < 1e-9
        halved = curves["bound_log10"] + np.arange(20) * np.log10(0.5)
        assert np.max(curves["jacobian_log10"][1:, 0] - halved[1:]) > 0.2


def test_jordan_block_transient_growth(key):
    """rho = 0.5 and yet the norm grows first: rho rules only the end."""
    with precision("float64"):
        model = network("elman", key, hidden=2, activation="linear")
        model.net.U[...] = jnp.array([[0.5, 10.0], [0.0, 0.5]])
        curve = np.asarray(jacobian(model, key, batch_of(key, length=60))["jacobian_log10"][:, 0])
        want = [np.linalg.norm(np.linalg.matrix_power([[0.5, 10], [0, 0.5]], k), 2) for k in range(60)]
        np.testing.assert_allclose(curve, np.log10(want), atol=1e-9)
        assert curve[1] > 0.9 and curve[-1] < -14


@pytest.mark.parametrize("name", NAMES)
def test_the_adjoint_equals_reverse_mode(name, key):
    """The costate against the gradient with respect to a zero perturbation of the state at every step."""
    with precision("float64"):
        model, batch = network(name, key), batch_of(key, length=6)
        names = []

        def measured(batch):
            arrays = gradient(model, key, batch).arrays
            names[:] = arrays  # in order, which a dictionary loses on the way out
            return list(arrays.values())

        curves = dict(zip(names, compiled(measured)(batch), strict=True))
        leaves, form = jax.tree.flatten(model.net.initial_state((2,)))
        states = [l.shape for l in leaves]
        kernel = model.net.kernel()
        found = {}

        def loss(bumps, readout):
            state = model.net.initial_state((2,))
            for t, x in enumerate(batch.inputs):
                state, _ = model.net.step(kernel, state, model.net.project(x))
                state = jax.tree.unflatten(form, [s + b[t] for s, b in zip(jax.tree.leaves(state), bumps, strict=True)])
            return sum(jnp.sum(a * b) for a, b in zip(jax.tree.leaves(state), readout, strict=True))

        keys = jax.random.split(stream(key, "readout of the probe"), len(states))
        readout = [jax.random.normal(k, shape, jnp.float64) for k, shape in zip(keys, states, strict=True)]
        fields = getattr(model.net.initial_state((2,)), "_fields", ("",) * len(states))
        readout = [0 * r if f in getattr(model.net, "clock", ()) else r for f, r in zip(fields, readout, strict=True)]
        bumps = [jnp.zeros((6, *shape)) for shape in states]
        for i, g in enumerate(compiled(jax.grad(loss))(bumps, readout)):
            found[i] = np.linalg.norm(np.asarray(g).reshape(*g.shape[:2], -1), axis=-1)[::-1]
        whole = np.sqrt(sum(f**2 for f in found.values()))
        np.testing.assert_allclose(curves["adjoint_log10"], np.log10(whole), atol=1e-9)
        parts = [n for n in curves if n != "adjoint_log10"]
        assert len(parts) == len(states)
        for i, part in enumerate(parts):
            with np.errstate(divide="ignore"):  # a part that nothing reads has a gradient of exactly 0
                np.testing.assert_allclose(curves[part], np.log10(found[i]), atol=1e-9)


def test_lstm_h_alone_misses_the_carousel(key):
    """With open forget gates and a read-out of everything, c keeps what h has lost."""
    with precision("float64"):
        model = network("lstm", key, forget_bias=8.0)
        curves = gradient(model, key, batch_of(key, length=100))
        assert np.all(curves["adjoint_c_log10"][-1] > curves["adjoint_h_log10"][-1])
        assert np.all(curves["adjoint_c_log10"][-1] > -2)


@pytest.mark.parametrize("task_name", ["copy/arjovsky2016", "adding/arjovsky2016", "adding/hochreiter1997"])
def test_on_a_task_the_adjoint_is_that_of_the_loss(task_name, key):
    """Per sample, against reverse mode through the model; padding is not counted as lag."""
    with precision("float64"):
        fields = {"gap": 3, "pattern": 2} if "copy" in task_name else {"length": 20}
        task = make_task(Choice(task_name, fields))
        batch = task.sample(key, 3)
        model = Model(key, constructor("elman")(key, task.inputs, 4), task.outputs, task.tokens, Initial())
        curves = gradient(model, key, batch, task)
        valid = np.asarray(batch.valid)

        def loss(bumps):
            state, outputs = model.initial_state(3), []
            inputs, kernel = model.embed(batch.inputs), model.net.kernel()
            for t in range(task.steps):
                new, _ = model.net.step(kernel, state, model.net.project(inputs[t]))
                h = jnp.where(batch.valid[t][:, None], new.h, state.h) + bumps[t]
                state = type(state)(h)
                outputs.append(h)
            return task.loss(model.readout(jnp.stack(outputs)), batch)

        bumps = jnp.zeros((task.steps, 3, 4))
        norms = np.linalg.norm(np.asarray(jax.jit(jax.grad(loss))(bumps)), axis=-1)
        for sample in range(3):
            real = int(valid[:, sample].sum())
            want = np.log10(norms[:real, sample][::-1])
            np.testing.assert_allclose(curves["adjoint_log10"][:real, sample], want, atol=1e-9)
            assert np.isnan(np.asarray(curves["adjoint_log10"])[real:, sample]).all()


class Steep:
    """A loss at every step, a tenth of that of the step before."""

    def loss(self, outputs, batch):
        """Squared distances from 1, by step."""
        weights = 10.0 ** (3 - jnp.arange(len(outputs)))
        return jnp.sum(weights * jnp.sum(jnp.square(outputs - 1), axis=(1, 2)))


def steep(model, key):
    """(adjoint norms by lag and sample of that loss, those by reverse mode through zero changes of the state)."""
    batch = batch_of(key, length=6)
    found = compiled(lambda b: gradient(model, key, b, Steep()).arrays["adjoint_log10"])(batch)
    start, kernel = model.net.initial_state((2,)), model.net.kernel()
    leaves, form = jax.tree.flatten(start)
    alias = output_leaf(model.net, batch.inputs[0], start)

    def loss(bumps):
        state, outputs = start, []
        for t, x in enumerate(batch.inputs):
            state, out = model.net.step(kernel, state, model.net.project(x))
            state = jax.tree.unflatten(form, [s + b[t] for s, b in zip(jax.tree.leaves(state), bumps, strict=True)])
            outputs.append(out if alias is None else jax.tree.leaves(state)[alias])
        return Steep().loss(model.readout(jnp.stack(outputs)), batch)

    by_part = compiled(jax.grad(loss))([jnp.zeros((6, *leaf.shape)) for leaf in leaves])
    return found, np.sqrt(sum(np.sum(np.square(g.reshape(6, 2, -1)), axis=-1) for g in map(np.asarray, by_part)))[::-1]


@pytest.mark.parametrize("name", NAMES)
def test_the_adjoint_of_a_loss_at_every_step_is_that_of_reverse_mode(name, key):
    """Also where the output is no part of the state: there the last state, which nothing reads, has none."""
    with precision("float64"), np.errstate(divide="ignore"):
        found, norms = steep(network(name, key), key)
        np.testing.assert_allclose(found, np.log10(norms), atol=1e-9)


LSTM_4 = Choice("lstm", {"hidden": 4})


@pytest.mark.parametrize(
    ("cell", "net"), [(LSTM_4, Choice("stacked", {"residual": True})), (None, Choice("window", {"past": 3}))]
)
def test_the_adjoint_of_such_a_loss_in_nets_whose_output_is_no_state(cell, net, key):
    with precision("float64"), np.errstate(divide="ignore"):
        run = Run(cell=cell, net=net)
        found, norms = steep(make_model(run, measure._NoTask(2))(key, None, None), key)
        np.testing.assert_allclose(found, np.log10(norms), atol=1e-9)


def test_probes_see_the_whole_derivative_of_a_cell_that_is_trained_with_a_truncated_one(key):
    with precision("float64"):
        whole, cut = (network("lstm1997", key, hidden=4, truncate=t) for t in (False, True))
        batch = batch_of(key, length=8)
        for probe in (jacobian, gradient, lambda *a: PROBES["lyapunov"](*a, warmup=2)):
            found, wanted = (probe(model, key, batch).arrays for model in (cut, whole))
            for name, array in wanted.items():
                np.testing.assert_array_equal(found[name], array)


def test_units_that_do_not_act_on_each_other_are_all_seen_by_the_iteration(key, monkeypatch):
    """A unit that decays slowest only at long lags is found there."""
    with precision("float64"):
        model, batch = network("min_gru", key, hidden=6), batch_of(key, length=80)
        whole = jacobian(model, key, batch)["jacobian_log10"]
        monkeypatch.setattr(sys.modules["ltd.probes.jacobian"], "LARGE", 1)
        iterated = jax.jit(lambda b: jacobian(model, key, b).arrays["jacobian_log10"])(batch)
    np.testing.assert_allclose(iterated, whole, atol=1e-3)


@pytest.mark.parametrize("probe", ["gradient", "jacobian"])
@pytest.mark.parametrize("task", ["reber/embedded_hochreiter1997", "two_time_scales/ltd", "parity/beck2024"])
def test_tasks_with_padding_or_an_unscored_end_have_a_summary(probe, task, tmp_path):
    """Sequences that end early leave no number at long lags, a last step without a score none at lag 0."""
    fields = {"probe": probe, "task.type": task, "cell.type": "lstm", "cell.hidden": 3, "batch": 2}
    launch.probe([launch.configure(Measure, fields)], tmp_path)
    (row,) = json.loads((tmp_path / "summary.json").read_text())["lanes"]
    assert np.isfinite([row["start_log10"], row["end_log10"], row["decay_slope"]]).all()


def test_large_states_by_iteration_agree_with_the_factorisation(key, monkeypatch):
    module = sys.modules["ltd.probes.jacobian"]
    with precision("float64"):
        model, batch = network("lstm", key, hidden=4), batch_of(key, length=15)
        whole = jacobian(model, key, batch)
        monkeypatch.setattr(module, "LARGE", 7)
        iterated = jax.jit(lambda b: dict(jacobian(model, key, b).arrays))(batch)
    np.testing.assert_allclose(iterated["jacobian_log10"], whole["jacobian_log10"], atol=1e-4)
    assert "singular_log10" not in iterated


def test_rho_of_the_mean_jacobian(key):
    with precision("float64"):
        model, batch = network("gru_after", key, hidden=3), batch_of(key, length=6, samples=1)
        found = float(jacobian(model, key, batch)["mean_jacobian_rho"])
        cell = model.net
        flat, steps = np.zeros(3), []
        for x in np.asarray(batch.inputs[:, 0]):

            def step(h, x=x):
                state = type(cell.initial_state(()))(jnp.asarray(h)[None])
                return np.asarray(cell.step(cell.kernel(), state, cell.project(jnp.asarray(x)[None]))[0].h[0])

            steps.append(jacobians.differences(step, flat))
            flat = step(flat)
        assert found == pytest.approx(np.max(np.abs(np.linalg.eigvals(np.mean(steps, axis=0)))), rel=1e-6)


def test_a_dead_network_is_minus_infinity_not_nan(key):
    model = network("elman", key, activation="relu")
    model.net.b[...] = jnp.full(5, -100.0)
    batch = batch_of(key)
    for name, measured in measure.MEASURED.items():
        curve = np.asarray(PROBES[name](model, key, batch)[measured])
        assert np.all(curve[1:] == -np.inf), name
        assert np.all(np.isfinite(curve[0])), name


UNITS = {u: ("saturated", "zero") if u in "cg" else ("left", "right", "zero") for u in "cfgio"}
DECAY = "lag,adjoint_log10,jacobian_log10,bound_log10"
COLUMNS = {  # of `curves.csv`, and rows of one network
    "gradient": (DECAY, 6),
    "jacobian": (DECAY, 6),
    "lyapunov": ("rank,lyapunov,stderr", 6),
    "memory": ("lag,memory,chance", 1),
    "saturation": ("step," + ",".join(f"{unit}/{end}" for unit, ends in UNITS.items() for end in ends), 7),
    "spectrum": ("block,real,imaginary", 12),
}


@pytest.mark.parametrize("probe", sorted(PROBES))
def test_every_registered_probe_writes_output(probe, tmp_path):
    one = launch.configure(Measure, {"probe": probe, "cell": {"type": "lstm", "hidden": 3}, "length": 7, "batch": 2})
    lanes = launch.lanes_of(one, [0.5, 1.5], 3)
    curves = launch.probe(lanes, tmp_path)
    assert len(curves) == 6 and all(isinstance(c, Curves) for c in curves)
    names, *rows = (line.split(",") for line in (tmp_path / "curves.csv").read_text().splitlines())
    columns, each = COLUMNS[probe]
    assert ",".join(names) == "cell,rho,seed," + columns and len(rows) == 6 * each
    if probe in measure.MEASURED:
        assert {row[3] for row in rows} == {"1", "2", "3", "4", "5", "6"}
        column = {"gradient": 4, "jacobian": 5}[probe]
        assert all(float(row[column]) < 5 and row[9 - column] == "" for row in rows)
    else:
        assert np.ptp(
            [float(row[names.index({"saturation": "f/right", "spectrum": "real"}.get(probe, probe))]) for row in rows]
        )
        told = json.loads((tmp_path / "summary.json").read_text())["lanes"]
        assert all(len(lane) > 5 for lane in told), "numbers of its own"


def test_a_lane_equals_the_same_measurement_alone():
    one = launch.configure(Measure, {"cell": {"type": "elman", "hidden": 4, "init": "gaussian"}, "length": 12})
    lanes = launch.lanes_of(one, [0.5, 1.0, 1.5], 3)
    together = launch.probe(lanes)
    for index in (0, 4, 8):
        (alone,) = launch.probe([lanes[index]])
        np.testing.assert_allclose(alone["jacobian_log10"], together[index]["jacobian_log10"], atol=1e-9)
    assert together[0]["rho"] == pytest.approx(0.5) and together[8]["rho"] == pytest.approx(1.5)


def test_rho_is_refused_where_there_is_no_block():
    one = launch.configure(Measure, {"cell": "flax.nnx:LSTMCell"})
    with pytest.raises(ConfigError, match="LSTMCell names no recurrent block"):
        launch.lanes_of(one, [1.0], 1)


def test_many_factorisations_on_two_devices_do_not_wait_for_each_other():
    """Batched SVD and QR beside each other on two host devices once stood still for ever."""
    one = launch.configure(Measure, {"cell": {"type": "elman", "hidden": 16}, "length": 50, "batch": 4})
    assert len(launch.probe(launch.lanes_of(one, [0.5, 0.9], 4))) == 8
