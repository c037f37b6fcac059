"""`saturation` and `spectrum` against counts and against matrices whose answer is known."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probing import around, batch_of, network, padded, walked

from ltd.activations import logistic
from ltd.cells import constructor
from ltd.config import Choice, ConfigError
from ltd.linalg import schur
from ltd.model import make_body
from ltd.probes import PROBES
from ltd.runtime import precision
from oracles import probes as oracle

# ------------------------------------------------------------------------------------------------ saturation


def measured(probe, model, key, batch, **options):
    return jax.device_get(jax.jit(lambda b: dict(PROBES[probe](model, key, b, **options).arrays))(batch))


def test_gates_of_an_lstm_are_counted_by_hand(key):
    """Against its equations in numpy, with thresholds of our own."""
    with precision("float64"):
        model, batch = network("lstm", key, 4), batch_of(key, 12)
        model.net.U[...], model.net.W[...] = 4 * model.net.U[...], 4 * model.net.W[...]
        found = measured("saturation", model, key, batch, low=0.2, high=0.8)
        W, U, b = (np.asarray(getattr(model.net, n)[...]) for n in "WUb")
        ends = {n: np.zeros((4, 2)) for n in "ifogc"}
        for sample in range(2):
            h, c = np.zeros(4), np.zeros(4)
            for t in range(12):
                a = np.asarray(batch.inputs)[t, sample] @ W + h @ U + b
                gates = dict(zip("ifo", 1 / (1 + np.exp(-a[:12])).reshape(3, 4), strict=True))
                g = np.tanh(a[12:])
                c = gates["f"] * c + gates["i"] * g
                h = gates["o"] * np.tanh(c)
                for name, values in gates.items():
                    left, right = oracle.shares(values, 0.2, 0.8)
                    assert found[f"{name}/left"][t, sample] == pytest.approx(left)
                    assert found[f"{name}/right"][t, sample] == pytest.approx(right)
                    ends[name] += np.array([values < 0.2, values > 0.8]).T / 24
                for name, values in (("g", g), ("c", np.tanh(c))):
                    assert found[f"{name}/saturated"][t, sample] == pytest.approx(sum(oracle.shares(values, -0.8, 0.8)))
                    ends[name] += np.array([values < -0.8, values > 0.8]).T / 24
        for name, counted in ends.items():
            np.testing.assert_allclose(found[f"{name}/by_unit"], counted, atol=1e-12)
            assert np.all(found[f"{name}/zero"] == 0)
        assert 0.05 < found["f/right"].mean() < 0.95 and found["f/left"].max() > 0


UNITS = {
    "elman": {},
    "elman before": {"form": "before"},
    "elman srelu": {"activation": "srelu"},
    "gru_before": {},
    "gru_after": {},
    "lstm": {},
    "lstm peepholes": {"peepholes": "diagonal"},
    "lstm full": {"peepholes": "full"},
    "lstm NOG": {"variant": "NOG"},
    "lstm FGR": {"variant": "FGR"},
    "lstm CIFG": {"variant": "CIFG"},
}


@pytest.mark.parametrize("name", UNITS)
def test_the_units_of_a_cell_make_its_step(name, key):
    """The new state from the units alone, by the equations that the cells share."""
    with precision("float64"):
        kind = name.split()[0]
        cell = constructor(kind)(key, 2, 3, **UNITS[name])
        for part in ("p", "Q"):
            if getattr(cell, part, None) is not None:
                weights = getattr(cell, part)
                weights[...] = weights[...] + 0.3
        state = jax.tree.map(lambda leaf: leaf + 0.4, cell.initial_state((2,)))
        drive, kernel = cell.project(jnp.array([[1.0, -2.0], [0.3, 0.7]])), cell.kernel()
        new, out = cell.step(kernel, state, drive)
        unit = {n: f(a) for n, (a, f) in cell.units(kernel, state, drive).items()}
        if kind == "elman":
            want = unit["h"]
        elif kind == "lstm":
            i = unit.get("i", 1 - unit["f"])
            np.testing.assert_allclose(unit["f"] * state.c + i * unit["g"], new.c, atol=1e-12)
            want = unit.get("o", 1.0) * unit["c"]
        else:
            want = (1 - unit["z"]) * state.h + unit["z"] * unit["n"]
        np.testing.assert_allclose(out, want, atol=1e-12)


def test_a_dead_relu_has_a_gradient_of_zero_and_no_end(key):
    model = network("elman", key, 6, activation="relu")
    model.net.b[...] = jnp.array([-100.0, -100, 0, 0, 0, 100])
    found = measured("saturation", model, key, batch_of(key, 40))
    assert set(found) == {"h/zero"}
    assert np.all(found["h/zero"] >= 2 / 6) and np.all(found["h/zero"] <= 5 / 6)
    assert found["h/zero"].min() < found["h/zero"].max()


@pytest.mark.parametrize(("activation", "ends"), [("tanh", "saturated"), ("logistic", "right")])
def test_a_unit_that_is_rounded_to_its_end_has_a_gradient_of_zero(activation, ends, key):
    model = network("elman", key, 2, activation=activation)
    model.net.b[...] = jnp.array([100.0, 0.0])
    found = measured("saturation", model, key, batch_of(key, 10))
    assert np.all(found["h/zero"] == 0.5) and np.all(found[f"h/{ends}"] >= 0.5)


def test_other_cells_offer_their_states_alone(key):
    """By the Jacobian: a unit that is held at a constant depends on nothing."""
    with precision("float64"):
        model = network("mut1", key, 3)
        found = measured("saturation", model, key, batch_of(key, 8))
        assert set(found) == {"state.h/saturated", "state.h/zero", "state.h/by_unit"}
        states, _ = walked(model, batch_of(key, 8), 1)
        counted = [sum(oracle.shares(h, -0.9, 0.9)) for h in states]
        np.testing.assert_allclose(found["state.h/saturated"][:, 1], counted)
        assert np.all(found["state.h/zero"] == 0)
        leaky = network("irnn", key, 3)
        leaky.net.b[...] = jnp.array([-100.0, 100.0, 100.0])
        found = measured("saturation", leaky, key, batch_of(key, 8))
        assert np.all(found["state.h/zero"] == 1 / 3)


def test_a_stack_names_the_units_of_its_layers_and_a_deep_net_its_activities(key):
    body = make_body(Choice("gru_after", {"hidden": 3}), Choice("stacked"))(key, 2)
    found = measured("saturation", around(body, key), key, batch_of(key, 5))
    assert {name.split("/")[0] for name in found} == {f"{layer}.{unit}" for layer in "01" for unit in "rzn"}
    silent = make_body(Choice("lru", {"hidden": 3}), Choice("stacked"))(key, 2)  # of cells that name none
    found = measured("saturation", around(silent, key), key, batch_of(key, 5))
    assert {name.split("/")[0] for name in found} == {
        f"state.{layer}.{part}" for layer in "01" for part in ("re", "im")
    }
    deep = make_body(None, Choice("highway"))(key, 2)
    found = measured("saturation", around(deep, key), key, batch_of(key, 5))
    assert {name.split("/")[1] for name in found} == {"saturated", "zero", "by_unit"}


def test_padding_is_left_out(key):
    found = measured("saturation", network("lstm", key), key, padded(batch_of(key, 9), 6))
    lost = np.isnan(found["f/right"])
    assert lost[6:, 0].all() and lost.sum() == 3
    mean = np.nanmean(found["f/right"])
    assert found["f/by_unit"][:, 1].mean() == pytest.approx(mean, rel=1e-5)


def test_thresholds_out_of_order_are_refused(key):
    with pytest.raises(ConfigError, match=r"low = 0.9, probe.high = 0.1"):
        jax.eval_shape(partial(PROBES["saturation"], network("lstm", key), key, low=0.9, high=0.1), batch_of(key))


def test_the_logistic_of_a_unit_is_known_as_a_gate(key):
    cell = constructor("gru_after")(key, 2, 3)
    units = cell.units(cell.kernel(), cell.initial_state((1,)), cell.project(jnp.ones((1, 2))))
    assert [function is logistic for _, function in units.values()] == [True, True, False]


# ------------------------------------------------------------------------------------------------ spectrum


def spectrum(model, key):
    return measured("spectrum", model, key, batch_of(key, 2))


def test_an_orthogonal_block_has_no_defect_and_no_departure(key):
    with precision("float64"):
        found = spectrum(network("elman", key, 8), key)
        for name, value in (("rho", 1), ("sigma", 1), ("defect", 0), ("departure", 0)):
            assert found[f"U/{name}"] == pytest.approx(value, abs=1e-13), name
        np.testing.assert_allclose(np.linalg.norm(found["U/eigenvalues"], axis=-1), 1, atol=1e-13)


def test_a_jordan_block_departs_by_its_corner(key):
    with precision("float64"):
        model = network("elman", key, 2)
        model.net.U[...] = jnp.array([[0.5, 10.0], [0.0, 0.5]])
        found = spectrum(model, key)
        assert found["U/departure"] == pytest.approx(10) and found["U/rho"] == pytest.approx(0.5)
        assert found["U/sigma"] == pytest.approx(np.linalg.norm([[0.5, 10], [0, 0.5]], 2))


def test_every_block_of_an_lstm_against_numpy(key):
    with precision("float64"):
        model = network("lstm", key, 5, init="gaussian")
        found = spectrum(model, key)
        U = np.asarray(model.net.U[...])
        for number, name in enumerate("ifog"):
            block = U[:, 5 * number : 5 * number + 5]
            values = found[f"{name}/eigenvalues"]
            want = np.linalg.eigvals(block)
            found_, want_ = (sorted(v, key=lambda z: (round(z.real, 6), z.imag)) for v in (values @ [1, 1j], want))
            np.testing.assert_allclose(found_, want_, atol=1e-9)
            assert found[f"{name}/departure"] == pytest.approx(oracle.departure(block), abs=1e-7)
            assert found[f"{name}/departure"] > 0.1
            assert found[f"{name}/defect"] == pytest.approx(oracle.defect(block))
            assert found[f"{name}/sigma"] == pytest.approx(np.linalg.norm(block, 2))
            assert found[f"{name}/rho"] == pytest.approx(max(abs(want)))


def test_a_block_that_is_not_finite_is_nan_and_not_an_error():
    values, departure = jax.jit(schur)(jnp.eye(3).at[0, 0].set(jnp.nan))
    assert np.isnan(values).all() and math.isnan(departure)


def test_on_an_accelerator_the_host_finds_the_same(monkeypatch):
    """Of several matrices at once, as lanes have them."""
    with precision("float64"):
        U = jax.random.normal(jax.random.key(3), (4, 5, 5))
        values, departure = jax.vmap(schur)(U)
        monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
        theirs, again = jax.jit(jax.vmap(schur))(U)
        np.testing.assert_allclose(again, departure, rtol=1e-9)
        both = [np.sort_complex(v[..., 0] + 1j * v[..., 1]) for v in (np.asarray(values), np.asarray(theirs))]
        np.testing.assert_allclose(*both, atol=1e-9)


def test_a_cell_without_blocks_is_refused(key):
    with pytest.raises(ConfigError, match="LRU names no recurrent block"):
        jax.eval_shape(partial(PROBES["spectrum"], network("lru", key), key), batch_of(key))
