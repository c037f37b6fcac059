"""A cell between an embedding and a read-out, from every kind of initial state."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from ltd.cells import CELLS, constructor, recurrent_blocks
from ltd.cells.base import named
from ltd.config import Choice, ConfigError
from ltd.model import Model, make_model, make_task
from ltd.settings import Initial, Plan, Run
from ltd.trees import disassemble, flat
from ltd.types import Network
from ltd.unroll import unroll

T, B, D, H, O = 5, 2, 3, 4, 2


def build(initial, cell="lstm", tokens=False):
    return Model(jax.random.key(1), constructor(cell)(jax.random.key(0), D, hidden=H), O, tokens, initial)


@pytest.fixture
def inputs():
    return jax.random.normal(jax.random.key(2), (T, B, D))


def same(leaf, value):
    np.testing.assert_array_equal(leaf, np.broadcast_to(value, leaf.shape))


@pytest.mark.parametrize("cell", [*CELLS, "flax.nnx:LSTMCell"])
@pytest.mark.parametrize(
    ("initial", "value"), [(Initial(), 0), (Initial("constant", 0.25), 0.25), (Initial("learned"), 0)]
)
def test_where_the_state_starts(cell, initial, value):
    model = build(initial, cell)
    state, zero = model.initial_state(B, jax.random.key(3)), model.net.initial_state((B,))
    assert jax.tree.structure(state) == jax.tree.structure(zero)
    for (path, leaf), start in zip(jax.tree.leaves_with_path(state), jax.tree.leaves(zero), strict=True):
        held = named(path, getattr(model.net, "clock", ()) + getattr(model.net, "fixed", ()))
        assert leaf.shape == start.shape
        same(leaf, start + (0 if held else value))


def test_only_a_learned_start_has_parameters():
    counts = {kind: len(flat(disassemble(build(Initial(kind, value)))[1])) for kind, value in
              [("zero", 0.0), ("constant", 0.5), ("noise", 0.5), ("learned", 0.0)]}  # fmt: skip
    assert counts == {"zero": 5, "constant": 5, "noise": 5, "learned": 7}  # W, U, b, V, b_y, and one each for h and c


def test_a_learned_start_gets_a_gradient_and_is_used(inputs):
    graphdef, params, rest = disassemble(build(Initial("learned")))

    def loss(params, plan):
        return jnp.sum(nnx.merge(graphdef, params, rest)(inputs, plan) ** 2)

    found = [flat(jax.grad(loss)(params, Plan(name))) for name in ("stepwise", "chunked")]
    starts = [name for name in found[0] if name.startswith("start")]
    assert len(starts) == 2
    for name in starts:
        assert found[0][name].shape == (H,)
        assert np.all(found[0][name] != 0)
        np.testing.assert_allclose(found[1][name], found[0][name], 1e-4, 1e-6)
    model = build(Initial("learned"))
    before = model(inputs)
    model.start[0][...] = jnp.full(H, 0.75)
    same(model.initial_state(B).h, 0.75)
    same(model.initial_state(B).c, 0.0)
    assert not np.allclose(model(inputs), before)


def test_noise_needs_a_key(inputs):
    model = build(Initial("noise", 0.5))
    for leaf in model.initial_state(B):
        same(leaf, 0)
    np.testing.assert_array_equal(model(inputs), build(Initial())(inputs))
    assert not np.allclose(model(inputs, key=jax.random.key(5)), model(inputs))


def test_noise_has_its_standard_deviation_and_no_two_parts_share_it():
    state = build(Initial("noise", 0.5)).initial_state(5000, jax.random.key(5))
    both = np.stack([state.h, state.c]).reshape(2, -1)
    np.testing.assert_allclose(np.std(both, axis=1), 0.5, rtol=0.03)
    assert abs(np.corrcoef(both)[0, 1]) < 0.03
    again = build(Initial("noise", 0.5)).initial_state(5000, jax.random.key(5))
    np.testing.assert_array_equal(state.h, again.h)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("zero", 0.5, "value = 0.5 has no meaning for a zero state"),
        ("learned", 0.5, "value = 0.5 has no meaning for a learned state"),
        ("noise", 0.0, "value = 0.0 must be above 0"),
        ("noise", -1.0, "value = -1.0 must be above 0"),
        ("constant", float("nan"), "value = nan must be finite"),
    ],
)
def test_impossible_starts_are_refused(kind, value, words):
    with pytest.raises(ValueError, match=words):
        Initial(kind, value)


def test_a_model_is_embedding_cell_and_readout(inputs):
    model = build(Initial())
    assert isinstance(model, Network)
    hidden = unroll(model.net, inputs, model.net.initial_state((B,)))[1]
    np.testing.assert_allclose(model(inputs), hidden @ model.V[...] + model.b_y[...], 1e-6)
    model.b_y[...] = jnp.array([1.0, -1.0])
    np.testing.assert_allclose(model(inputs) - hidden @ model.V[...], np.broadcast_to([1, -1], (T, B, O)), 1e-4)


def test_tokens_become_one_hot():
    model = build(Initial(), tokens=True)
    tokens = jnp.array([[0, 2], [1, 1]])
    np.testing.assert_array_equal(model.embed(tokens), np.eye(D)[np.asarray(tokens)])
    assert model(tokens).shape == (2, 2, O)


def test_valid_reaches_the_cell(inputs):
    model = build(Initial())
    valid = jnp.ones((T, B), bool).at[2].set(False)
    shorter = model(jnp.delete(inputs, 2, axis=0))
    np.testing.assert_allclose(jnp.delete(model(inputs, valid=valid), 2, axis=0), shorter, 0, 1e-6)


@pytest.mark.parametrize("rho", [0.5, 1.25])
def test_make_model_builds_what_the_settings_say(rho):
    task = make_task(Choice("adding/arjovsky2016", {"length": 6}))
    run = Run(cell=Choice("gru_after", {"hidden": H}), rho=rho)
    keys = jax.random.split(jax.random.key(0), 2)
    make = make_model(run, task)
    lanes = jax.jit(jax.vmap(lambda key, rho: disassemble(make(key, rho))[1]))(keys, jnp.array([rho, 2 * rho]))
    graphdef, _, rest = disassemble(make(keys[0]))
    for i, wanted in enumerate((rho, 2 * rho)):
        model = nnx.merge(graphdef, jax.tree.map(lambda leaf, i=i: leaf[i], lanes), rest)
        assert model.V.shape == (H, task.outputs)
        for block in recurrent_blocks(model.net).values():
            assert np.max(np.abs(np.linalg.eigvals(block))) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (Run(cell=Choice("lsmt")), "no cell 'lsmt'; known: elman, .*lstm"),
        (Run(cell=Choice("lstm", {"hiden": 4})), r"no field 'cell\.hiden'; known: .*cell\.hidden.*Did you mean"),
        (Run(cell=Choice("lstm", {"hidden": 0})), "cell: hidden = 0 must be at least 1"),
        (Run(cell=Choice("lstm", {"init": "eye"})), "cell: no initializer 'eye'; known initializers"),
        (Run(plan=Plan("forward")), "no plan 'forward'; known: stepwise, chunked"),
        (Run(cell=Choice("flax.nnx:LSTMCell"), rho=1.0), "LSTMCell names no recurrent block"),
    ],
)
def test_impossible_models_are_refused(run, words):
    with pytest.raises(ConfigError, match=words):
        make_model(run, make_task(Choice("adding/arjovsky2016")))


def test_flat_names_are_dotted():
    names = set(flat(disassemble(build(Initial("learned"), "gru_before"))[1]))
    assert {"net.W", "net.U", "net.U_n", "net.b", "V", "b_y", "start.0"} == names
