"""What defines the LSTM and its relatives: the carousel, gates undone, counts of weights, stabilisers."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from lstm_tools import LOOP, SURE, B, D, H, T, compiled, count, inputs_of, moved, run, set_bias, silent, unrolled
from ltd import config, initializers, launch
from ltd.activations import logistic
from ltd.cells import CELLS
from ltd.cells.lstm import LSTM, FullPeepholeLSTM
from ltd.cells.lstm_variants import GREFF, VARIANTS, Form
from ltd.settings import Plan, Run
from ltd.trees import disassemble
from oracles import lstms as oracles

# ------------------------------------------------------------------------------------------------ the carousel


def carousel(cell, steps, key):
    """d c_T / d c_0, units summed over: ones where it is the identity and units do not meet."""
    inputs = inputs_of(key, steps, 1)
    start = cell.initial_state((1,))
    graphdef, params, rest = disassemble(cell)
    final = functools.partial(unrolled, graphdef, LOOP, params, rest, inputs)
    return compiled(jax.jacfwd(lambda c: final(start._replace(c=c), None)[0].c[0]))(start.c)[:, 0]


def test_the_error_carousel_of_an_lstm_with_saturated_gates_is_constant(key):
    cell = set_bias(moved(CELLS["lstm"](key, D, H), key, 0.1), i=-SURE, f=SURE, o=-SURE)
    np.testing.assert_array_equal(carousel(cell, 1000, key), np.eye(H))
    leaky = carousel(set_bias(cell, f=3.0), 1000, key)
    assert np.all(np.abs(leaky) < 1e-15)


def test_the_truncated_error_carousel_of_1997_is_constant_whatever_the_weights(key):
    cells = [moved(CELLS["lstm1997"](key, D, H, truncate=truncate), key) for truncate in (True, False)]
    np.testing.assert_array_equal(carousel(cells[0], 1000, key), np.eye(H))
    assert np.max(np.abs(carousel(cells[1], 20, key) - np.eye(H))) > 0.1  # the whole gradient is another one


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("bias", "printed"), [(0, 1.0), (1, 2.2), (2, 5.5), (3, 14.3), (5, 103)])
def test_half_lives_follow_from_the_forget_bias(bias, printed):
    """Retention over T steps is logistic(b)^T."""
    cell = set_bias(silent("lstm"), i=-SURE, f=float(bias))
    start = cell.initial_state((1,))._replace(c=jnp.ones((1, H)))
    kept = float(run(cell, jnp.zeros((50, 1, D)), start)[0].c[0, 0])
    half = 50 * math.log(0.5) / math.log(kept)
    assert half == pytest.approx(math.log(2) / math.log(1 + math.exp(-bias)), rel=1e-9)
    assert half == pytest.approx(printed, rel=0.02)


# ------------------------------------------------------------------------------------------------ gates and variants


@pytest.mark.usefixtures("x64")
def test_coupled_gates_add_up_to_one(key):
    """Where the candidate is 1, a cell at 1 stays, whatever the forget gate does; without the coupling it does not."""
    start = {"h": jnp.zeros((B, H)), "c": jnp.ones((B, H))}
    for coupled in (True, False):
        cell = set_bias(moved(CELLS["lstm"](key, D, H, coupled=coupled), key), g=SURE)
        final, _ = run(cell, inputs_of(key), cell.initial_state((B,))._replace(**start))
        assert bool(np.allclose(final.c, 1, 0, 1e-14)) == coupled


def undone(variant, key):
    """A cell of that variant with the change undone, and the base (diagonal peepholes) of equal weights."""
    cell, base = moved(CELLS["lstm"](key, D, H, variant=variant), key), CELLS["lstm"](key, D, H, peepholes="diagonal")
    names = [*cell.form.gates, "g"]
    if variant == "FGR":
        cell.R[...] = jnp.zeros_like(cell.R[...])
    if variant == "NIAF":  # tanh(a) is a for small a
        for p in (cell.W, cell.U, cell.b):
            p[...] = p[...].at[..., 3 * H :].multiply(1e-5)
    for k, name in enumerate("ifog"):
        for p in ("W", "U", "b"):
            block = (getattr(base, p), (..., slice(k * H, (k + 1) * H)))
            if name in names:
                at = names.index(name) * H
                value = getattr(cell, p)[...][..., at : at + H]
            elif variant == "CIFG":
                value = -getattr(cell, p)[...][..., :H]  # 1 - logistic(a) is logistic(-a)
            else:
                value = SURE if p == "b" else 0.0
            block[0][...] = block[0][...].at[block[1]].set(value)
        if name != "g":
            row = cell.p[...][names.index(name)] if name in names and cell.p is not None else 0.0
            row = -cell.p[...][0] if variant == "CIFG" and name == "i" else row
            base.p[...] = base.p[...].at[k].set(row)
    return cell, base


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("variant", [name for name in GREFF if name != "NOAF"])
def test_a_variant_is_the_base_where_its_change_is_undone(variant, key):
    cell, base = undone(variant, key)
    inputs = inputs_of(key)
    found, wanted = run(cell, inputs)[1], run(base, inputs)[1]
    assert np.max(np.abs(wanted)) > (1e-6 if variant == "NIAF" else 0.1)
    np.testing.assert_allclose(found, wanted, 1e-8, 1e-14)


@pytest.mark.usefixtures("x64")
def test_without_the_output_activation_the_tanh_of_the_output_is_missing(key):
    cell, base = moved(CELLS["lstm"](key, D, H, variant="NOAF"), key), CELLS["lstm"](key, D, H, peepholes="diagonal")
    nnx.update(base, nnx.state(cell, nnx.Param))
    start = base.initial_state((B,))._replace(c=jnp.ones((B, H)))
    linear, squashed = (run(one, inputs_of(key, 1), start)[1] for one in (cell, base))
    c = run(base, inputs_of(key, 1), start)[0].c
    np.testing.assert_allclose(linear * jnp.tanh(c), squashed * c, 1e-12)


def blocks(n, D, H):
    return n * (D * H + H * H + H)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, lambda D, H: blocks(4, D, H)),
        ({"peepholes": "diagonal"}, lambda D, H: blocks(4, D, H) + 3 * H),
        ({"peepholes": "full"}, lambda D, H: 7 * H * H + 4 * H * D + 4 * H),
        ({"variant": "NIG"}, lambda D, H: blocks(3, D, H) + 2 * H),
        ({"variant": "NFG"}, lambda D, H: blocks(3, D, H) + 2 * H),
        ({"variant": "NOG"}, lambda D, H: blocks(3, D, H) + 2 * H),
        ({"variant": "CIFG"}, lambda D, H: blocks(3, D, H) + 2 * H),
        ({"variant": "NIAF"}, lambda D, H: blocks(4, D, H) + 3 * H),
        ({"variant": "NOAF"}, lambda D, H: blocks(4, D, H) + 3 * H),
        ({"variant": "NP"}, lambda D, H: blocks(4, D, H)),
        ({"variant": "FGR"}, lambda D, H: blocks(4, D, H) + 3 * H + 9 * H * H),
        ({"variant": "LSTM-f"}, lambda D, H: blocks(3, D, H)),
        ({"variant": "LSTM-i"}, lambda D, H: blocks(3, D, H)),
        ({"variant": "LSTM-o"}, lambda D, H: blocks(3, D, H)),
        ({"variant": "LSTM-b"}, lambda D, H: blocks(4, D, H)),
        ({"input_gate": False, "forget_gate": False, "output_gate": False}, lambda D, H: blocks(1, D, H)),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_numbers_of_parameters_of_the_variants(options, wanted):
    for inputs, hidden in [(3, 4), (5, 2)]:
        cell = nnx.eval_shape(lambda i=inputs, h=hidden: CELLS["lstm"](jax.random.key(0), i, h, **options))
        assert count(cell) == wanted(inputs, hidden)


def test_a_named_variant_is_its_options(key):
    options = {
        "NIG": {"input_gate": False, "peepholes": "diagonal"},
        "CIFG": {"coupled": True, "peepholes": "diagonal"},
        "NP": {},
        "LSTM-o": {"output_gate": False},
    }
    for name, given in options.items():
        named = CELLS["lstm"](key, D, H, variant=name)
        assert named.form == CELLS["lstm"](key, D, H, **given).form == Form(**given)
        again = CELLS["lstm"](key, D, H, variant=name, **given)  # saying it twice is no contradiction
        assert again.form == named.form
    assert set(VARIANTS) == {*GREFF, "LSTM-f", "LSTM-i", "LSTM-o", "LSTM-b"}


def test_the_default_is_the_plain_lstm_with_its_draws(key):
    cell = CELLS["lstm"](key, D, H)
    w_key, u_key = jax.random.split(key)
    assert isinstance(cell, LSTM) and cell.form == Form()
    np.testing.assert_array_equal(cell.W[...], initializers.uniform_fan_in(w_key, (D, 4 * H)))
    np.testing.assert_array_equal(cell.U[...], initializers.recurrent("orthogonal", u_key, H, 4))
    np.testing.assert_array_equal(cell.b[...], [0] * H + [1] * H + [0] * 2 * H)
    assert isinstance(LSTM(key, D, hidden=H, forget_bias=2.0), LSTM)
    assert isinstance(CELLS["lstm"](key, D, H, peepholes="full"), FullPeepholeLSTM)


@pytest.mark.usefixtures("x64")
def test_a_drnn_of_order_zero_is_the_lstm_with_full_peepholes(key):
    cell, other = moved(CELLS["drnn"](key, D, H, order=0), key), CELLS["lstm"](key, D, H, peepholes="full")
    nnx.update(other, nnx.state(cell, nnx.Param))
    assert cell.initial_state((B,))._fields == ("h", "c")
    np.testing.assert_allclose(run(cell, inputs_of(key))[1], run(other, inputs_of(key))[1], 1e-12)


@pytest.mark.usefixtures("x64")
def test_orders_that_see_no_change_do_nothing(key):
    """Order 2 with no weights above order 0 is order 0; with them it is not."""
    low, high = moved(CELLS["drnn"](key, D, H, order=0), key), moved(CELLS["drnn"](key, D, H, order=2), key)
    inputs = inputs_of(key)
    for name in ("W", "U", "b"):
        getattr(high, name)[...] = getattr(low, name)[...]
    assert not np.allclose(run(high, inputs)[1], run(low, inputs)[1], 1e-3)
    high.Q[...] = jnp.zeros_like(high.Q[...]).at[:, : 3 * H].set(low.Q[...])
    np.testing.assert_allclose(run(high, inputs)[1], run(low, inputs)[1], 1e-12)


# ------------------------------------------------------------------------------------------------ biases of gates


def quantiles(u, longest):
    """Against those of U[1, longest - 1], by four standard errors of an order statistic."""
    u = np.sort(np.asarray(u))
    assert u[0] >= 1 and u[-1] <= longest - 1
    for q in (0.1, 0.5, 0.9):
        error = 4 * (longest - 2) * math.sqrt(q * (1 - q) / len(u))
        assert u[int(q * len(u))] == pytest.approx(1 + q * (longest - 2), abs=error)


def test_chrono_draws_time_constants_uniformly(key):
    quantiles(jnp.exp(initializers.chrono(key, 20_000, 400)), 400)


def test_chrono_sets_the_gates_of_an_lstm(key):
    hidden = 2000
    b = np.asarray(jax.jit(lambda key: CELLS["lstm"](key, 1, hidden, chrono=100.0, init="identity").b[...])(key))
    i, f, o, g = np.split(b, 4)
    quantiles(np.exp(f), 100)
    np.testing.assert_array_equal(i, -f)
    assert not np.any(o) and not np.any(g)
    coupled = CELLS["lstm"](key, 1, 8, chrono=100.0, coupled=True).b[...]
    assert np.all(coupled[:8] > 0) and not np.any(coupled[8:])


@pytest.mark.parametrize("name", ["gru_before", "gru_after"])
def test_chrono_keeps_the_state_of_a_gru(name, key):
    """The old state is kept at 1 - z = logistic(log u) = u / (1 + u)."""
    hidden = 2000
    b = jax.jit(lambda key: CELLS[name](key, 1, hidden, chrono=100.0, init="identity").b[...])(key)
    r, z, n = jnp.split(b, 3)
    keep = 1 - logistic(z.astype(jnp.float32))
    quantiles(np.asarray(keep / (1 - keep)), 100.01)
    assert not np.any(r) and not np.any(n)
    assert not np.any(CELLS[name](key, 1, 8).b[...])


# ------------------------------------------------------------------------------------------------ 1997


TABLE = [  # blocks, cells per block, inputs, outputs, connectivity, bias of the cell, biased read-out, weights
    (4, 1, 7, 7, "F", "gates", False, 264),
    (3, 2, 7, 7, "F", "gates", False, 276),
    (1, 1, 101, 101, "B", "none", False, 10504),
    (2, 1, 54, 2, "F", "none", False, 364),
    (2, 1, 104, 2, "F", "none", False, 664),
    (2, 1, 204, 2, "F", "none", False, 1264),
    (2, 1, 504, 2, "F", "none", False, 3064),
    (2, 1, 1004, 2, "F", "none", False, 6064),
    (3, 1, 1, 1, "F", "hidden", False, 102),
    (2, 2, 2, 1, "F", "hidden", True, 93),
    (2, 2, 8, 4, "F", "hidden", True, 156),
    (3, 2, 8, 8, "F", "hidden", True, 308),
]


@pytest.mark.parametrize(("blocks", "size", "inputs", "outputs", "connectivity", "bias", "biased", "weights"), TABLE)
def test_weights_of_the_experiments_of_1997(blocks, size, inputs, outputs, connectivity, bias, biased, weights):
    options = {"hidden": blocks * size, "block": size, "connectivity": connectivity, "bias": bias}
    cell = nnx.eval_shape(lambda: CELLS["lstm1997"](jax.random.key(0), inputs, **options))
    assert count(cell) + outputs * cell.width + outputs * biased == weights


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("plan", [LOOP, Plan("chunked", 4)], ids=lambda plan: plan.type)
def test_the_truncated_gradient_is_the_forward_trace_of_the_paper(plan, key):
    def gradient(truncate):
        cell = moved(CELLS["lstm1997"](key, D, H, block=2, bias="hidden", truncate=truncate), key)
        graphdef, params, rest = disassemble(cell)

        @compiled
        @jax.grad
        def gradient_of(params):
            return jnp.sum(weigh * unrolled(graphdef, plan, params, rest, inputs, None, None)[1])

        return cell, gradient_of(params)

    inputs, weigh = inputs_of(key, batch=1), jax.random.normal(jax.random.key(5), (T, 1, H))
    cell, found = gradient(True)
    weights = {name: np.asarray(getattr(cell, name)[...]) for name in ("W", "U", "b")}
    wanted = oracles.lstm1997_trace(weights, np.asarray(inputs[:, 0]), np.asarray(weigh[:, 0]), 2)
    whole = gradient(False)[1]
    for name, value in zip(("W", "U", "b"), wanted, strict=True):
        np.testing.assert_allclose(found[name][...], value, 1e-9, 1e-12)
        assert not np.allclose(whole[name][...], value, 1e-2)


def test_the_cells_of_1997_stay_in_their_ranges(key):
    cell = moved(CELLS["lstm1997"](key, D, H, block=2), key, 20.0)
    final, outputs = run(cell, inputs_of(key, 1))
    assert 1.9 < np.max(np.abs(final.c)) <= 2 and np.max(np.abs(outputs)) <= 1
    before = final.c
    after = run(cell, inputs_of(jax.random.key(1), 1), final)[0].c
    assert np.max(np.abs(after - before)) <= 2


def test_gate_biases_of_1997_are_set_block_by_block(key):
    cell = CELLS["lstm1997"](key, D, 6, block=2, input_bias="-3,-6,-9", output_bias="-1,-2,-3", scale=0.2)
    np.testing.assert_array_equal(cell.b[...], [-3, -6, -9, -1, -2, -3])
    assert 0.15 < np.max(np.abs(cell.W[...])) <= 0.2
    cell = CELLS["lstm1997"](key, D, 6, block=3, input_bias="-3,-6", connectivity="B", bias="hidden")
    np.testing.assert_array_equal(cell.b[...][:2], [-3, -6])
    assert cell.b[...].shape == (8,) and np.max(np.abs(cell.b[...][2:])) <= 0.1


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("lstm", {"variant": "NXX"}, KeyError, "no variant 'NXX'; known variants: none, NIG"),
        (
            "lstm",
            {"variant": "NIG", "peepholes": "full"},
            ValueError,
            "NIG says peepholes = diagonal, .* given as full",
        ),
        ("lstm", {"variant": "NIG", "output_gate": False}, ValueError, "NIG says output_gate = True"),
        ("lstm", {"variant": "LSTM-b", "forget_bias": 2.0}, ValueError, "LSTM-b says forget_bias = 1.0"),
        ("lstm", {"variant": "LSTM-b", "chrono": 20.0}, ValueError, "LSTM-b says forget_bias = 1.0, but chrono"),
        ("lstm", {"peepholes": "some"}, ValueError, "peepholes = 'some' must be one of none, diagonal, full"),
        ("lstm", {"input_activation": "relu"}, ValueError, "input_activation = 'relu' must be one of tanh, linear"),
        ("lstm", {"output_activation": "relu"}, ValueError, "output_activation = 'relu' must be one of tanh, linear"),
        ("lstm", {"coupled": True, "input_gate": False}, ValueError, "coupled = True needs the input and the forget"),
        ("lstm", {"coupled": True, "forget_gate": False}, ValueError, "coupled = True needs the input and the forget"),
        ("lstm", {"gate_recurrence": True, "peepholes": "full"}, ValueError, "gate_recurrence = True goes with"),
        ("lstm", {"forget_gate": False, "forget_bias": 2.0}, ValueError, "forget_bias biases the forget gate"),
        ("lstm", {"variant": "NFG", "chrono": 20.0}, ValueError, "chrono biases the forget gate"),
        ("lstm", {"forget_bias": 2.0, "chrono": 20.0}, ValueError, "chrono = 20.0 draws the forget bias"),
        ("lstm", {"chrono": 2.0}, ValueError, "chrono = 2.0 must be a finite number above 2"),
        ("gru_before", {"chrono": 1.0}, ValueError, "chrono = 1.0 must be a finite number above 2"),
        ("gru_after", {"chrono": math.inf}, ValueError, "chrono = inf must be a finite number above 2"),
        ("lstm1997", {"block": 3}, ValueError, "hidden = 4 memory cells must be a multiple of block = 3"),
        ("lstm1997", {"block": 0}, ValueError, "block = 0 must be at least 1"),
        ("lstm1997", {"bias": "all"}, ValueError, "bias = 'all' must be one of none, gates, hidden"),
        ("lstm1997", {"connectivity": "C"}, ValueError, "connectivity = 'C' must be F"),
        ("lstm1997", {"connectivity": "B", "output_gate": True}, ValueError, "connectivity B has no output gates"),
        (
            "lstm1997",
            {"connectivity": "B", "output_bias": "1,1,1,1"},
            ValueError,
            "output_bias = .* needs output gates",
        ),
        ("lstm1997", {"input_bias": "-1,-2"}, ValueError, "holds 2 numbers: it needs one per block, 4 of them"),
        ("lstm1997", {"output_bias": "-1;-2"}, ValueError, "must be numbers separated by commas"),
        ("lstm1997", {"input_bias": "-1,-1,-1,-1", "bias": "none"}, ValueError, "needs gates with a bias"),
        ("lstm1997", {"scale": 0.0}, ValueError, "scale = 0.0 must be a finite number above 0"),
        ("drnn", {"order": -1}, ValueError, "order = -1 must be at least 0"),
        ("slstm", {"forget": "tanh"}, ValueError, "forget = 'tanh' must be logistic or exp"),
        ("mlstm", {"forget": "tanh"}, ValueError, "forget = 'tanh' must be logistic or exp"),
        ("mlstm", {"heads": 3}, ValueError, "hidden = 4 must be a multiple of heads = 3"),
        ("mlstm", {"heads": 0}, ValueError, "heads = 0 must be at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(name, options, error, words, key):
    with pytest.raises(error, match=words):
        CELLS[name](key, D, H, **options)


def test_a_form_can_be_said_on_the_command_line():
    def options(words):
        return launch.configure(Run, config.parse(words.split())).cell.options

    found = options("--cell.type=lstm1997 --cell.hidden=6 --cell.block=2 --cell.bias=none --cell.truncate=true")
    assert (found["block"], found["bias"], found["truncate"]) == (2, "none", True)
    assert options("--cell.type=lstm --cell.peepholes=none --cell.chrono=none")["chrono"] is None
    assert options("--cell.type=lstm1997 --cell.hidden=3 --cell.input_bias=-1,-3,-5")["input_bias"] == "-1,-3,-5"
    assert options("--cell.type=lstm1997 --cell.hidden=1 --cell.input_bias=-3")["input_bias"] == "-3"


def test_nothing_leads_into_gates_that_are_off(key):
    off = {"input_gate": False, "forget_gate": False, "output_gate": False}
    with pytest.raises(ValueError, match="peepholes = diagonal lead into gates, and none is on"):
        CELLS["lstm"](key, D, H, peepholes="diagonal", **off)
    with pytest.raises(ValueError, match="gate_recurrence = True leads from gates to gates"):
        CELLS["lstm"](key, D, H, gate_recurrence=True, **off)
