"""Every cell against its twin, every plan against the loop, every gradient against differences."""

import functools
import importlib
import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness import (
    BY_PLAN,
    FORMS,
    KINDS,
    LANES,
    LOOP,
    OWN,
    B,
    D,
    H,
    T,
    assert_close,
    assert_same_gradients,
    build,
    builder,
    by_plan,
    case,
    compiled,
    directions,
    gradients,
    inner,
    moved,
    plan_of,
    sketch,
)
from ltd.activations import ACTIVATIONS
from ltd.cells import CELLS, FlaxCell, constructor, width_of
from ltd.config import ConfigError
from ltd.settings import Plan
from ltd.types import Cell, LinearCell, MixCell
from ltd.unroll import PLANS, chunk_length, output_leaf, plans_of, trajectory, unroll
from oracles.cells import SLOPE
from tables import CELL_ROWS

by_chunks = importlib.import_module("ltd.unroll.chunked")  # the package has a function of that name


@pytest.fixture(params=CELL_ROWS, ids=str)
def row(request):
    return request.param


# ------------------------------------------------------------------------------------------- what is registered


def test_every_cell_has_a_row():
    assert set(CELLS) <= {row.name for row in KINDS}
    assert {row.options["activation"] for row in CELL_ROWS if row.name == "elman"} == set(ACTIVATIONS)


def test_a_cell_offers_its_parts(row):
    cell = sketch(row)
    assert isinstance(cell, Cell)
    assert isinstance(cell, MixCell) == row.mixes
    assert isinstance(cell, LinearCell) == ("associative" in plans_of(cell))
    assert set(plans_of(cell)) <= set(PLANS)
    assert width_of(cell) == row.width(H)


@pytest.mark.parametrize("row", OWN, ids=str)
def test_state_fields_are_named(row):
    state = sketch(row).initial_state((B,))
    shapes = row.shapes(H) if row.shapes else ((H,),) * len(row.fields)
    assert state._fields == row.fields
    assert [leaf.shape for leaf in state] == [(B, *shape) for shape in shapes]
    assert row.from_zero == (not any(np.any(leaf) for leaf in state))
    assert [leaf.shape for leaf in sketch(row).initial_state((5, B))] == [(5, B, *shape) for shape in shapes]
    assert sketch(row).clock == row.clock


def test_number_of_parameters(row):
    for inputs, hidden in row.sizes:
        params = nnx.state(sketch(row, inputs, hidden), nnx.Param)
        assert sum(leaf.size for leaf in jax.tree.leaves(params)) == row.parameters(inputs, hidden)


@pytest.mark.parametrize("row", OWN, ids=str)
def test_docstring_names_every_parameter_and_its_source(row):
    cell = sketch(row)
    text = inspect.getdoc(type(cell))
    shapes = text.split("Shapes")[1].split("Raises")[0].replace(",", " ").split()
    assert set(nnx.to_pure_dict(nnx.state(cell, nnx.Param))) <= set(shapes)
    for part in ("Source\n", "Raises\n", "Departures\n"):
        assert part in text


@pytest.mark.parametrize("name", list(CELLS))
def test_impossible_sizes_are_refused(name, key):
    with pytest.raises(ValueError, match="hidden = 0 must be at least 1"):
        CELLS[name](key, D, hidden=0)
    if "init" in inspect.signature(CELLS[name]).parameters:
        with pytest.raises(KeyError, match=r"no initializer 'xavier'; known initializers: \w"):
            CELLS[name](key, D, init="xavier")


def test_unknown_names_are_refused(key):
    with pytest.raises(ConfigError, match=r"no cell 'lstn'; known: .*Did you mean 'lstm'.*package\.module:Class"):
        constructor("lstn")
    with pytest.raises(ConfigError, match="cell 'builtins:dict' has no method initial_state: a cell offers"):
        constructor("builtins:dict")
    with pytest.raises(KeyError, match="no activation 'gelu'; known activations: linear"):
        CELLS["elman"](key, D, activation="gelu")
    with pytest.raises(ConfigError, match=r"no plan 'chunkd'; known: stepwise, chunked, .*Did you mean 'chunked'"):
        unroll(CELLS["elman"](key, D), jnp.zeros((T, B, D)), None, Plan("chunkd"))
    with pytest.raises(ConfigError, match=r"plan 'associative' does not fit the form of Elman; its plans: stepwise"):
        unroll(CELLS["elman"](key, D), jnp.zeros((T, B, D)), None, Plan("associative"))


# ------------------------------------------------------------------------------------------------------- values


@pytest.mark.usefixtures("x64")
def test_against_oracle(row, key):
    c = case(row, key)
    cell = nnx.merge(c.graphdef, c.params, c.rest)

    @compiled
    def both(params, inputs, state):
        return c.run(LOOP, params, inputs, state), trajectory(nnx.merge(c.graphdef, params, c.rest), inputs, state)

    (final, outputs), (last, before, _, again) = both(*c.arguments)

    start = [np.asarray(jax.tree.leaves(c.state)[i]) for i in row.order]
    states, wanted = row.oracle(row.numpy_weights(cell), np.asarray(c.inputs), start)
    assert outputs.dtype == np.float64
    np.testing.assert_allclose(outputs, wanted, 1e-10, 1e-10)
    np.testing.assert_allclose(again, wanted, 1e-10, 1e-10)
    for place, first, part in zip(row.order, start, states, strict=True):
        for end in (final, last):
            np.testing.assert_allclose(jax.tree.leaves(end)[place], part[-1], 1e-10, 1e-10)
        held = np.concatenate([first[None], part[:-1]])
        np.testing.assert_allclose(jax.tree.leaves(before)[place], held, 1e-10, 1e-10)


@pytest.mark.parametrize(("row", "plan"), BY_PLAN)
def test_every_plan_has_the_same_gradients(row, plan):
    assert_same_gradients(row, True, plan_of(plan, 5), True, 1e-9)  # 5 does not divide the 12 steps


@pytest.mark.parametrize(("row", "plan"), by_plan(FORMS, "newton"))
def test_every_plan_has_the_same_gradients_without_padding(row, plan):
    assert_same_gradients(row, True, plan_of(plan, 4), False, 1e-9)


@pytest.mark.parametrize(("row", "plan"), LANES)
def test_every_plan_has_the_same_gradients_for_lanes_in_single_precision(row, plan):
    assert_same_gradients(row, False, plan_of(plan, 5), True, 1e-4)


@pytest.mark.parametrize("name", ["lstm", "gru_before"])
@pytest.mark.parametrize("chunk", [1, T, T + 1, None])
def test_any_chunk_length_will_do(name, chunk):
    row = next(row for row in CELL_ROWS if row.name == name)
    assert_same_gradients(row, True, Plan("chunked", chunk), True, 1e-9)


@pytest.mark.parametrize("plan", [Plan("chunked", 4, unroll=3), Plan("stepwise", unroll=3)], ids=lambda p: p.type)
@pytest.mark.parametrize("name", ["lstm", "clockwork"])
def test_steps_that_are_written_out_give_the_same(name, plan):
    row = next(row for row in CELL_ROWS if row.name == name)
    assert_same_gradients(row, True, plan, True, 1e-9)


@pytest.mark.parametrize(("kind", "trips"), [("chunked", 4), ("stepwise", 8)])
def test_steps_are_written_out(kind, trips):
    """The loop over eight steps, or over two chunks of four, makes half as many trips."""

    def lengths(unroll_by):
        cell, x = CELLS["lstm"](jax.random.key(0), D), jnp.zeros((8, B, D))
        plan = Plan(kind, 4 if kind == "chunked" else None, unroll=unroll_by)
        text = str(jax.make_jaxpr(lambda x: unroll(cell, x, cell.initial_state((B,)), plan)[1])(x))
        return re.findall(r"length=(\d+)", text), re.findall(r"unroll=(\d+)", text)

    assert str(trips) in lengths(1)[0] and "2" not in lengths(1)[1]
    assert "2" in lengths(2)[1]


def chosen(batch, length, hidden):
    """The chunk length that the program chooses for an Elman network, from shapes alone."""
    found = []

    def choose(key, inputs):
        found.append(chunk_length(CELLS["elman"](key, 1, hidden=hidden), inputs))

    jax.eval_shape(choose, jax.random.key(0), jax.ShapeDtypeStruct((length, batch, 1), jnp.float32))
    return found[0]


def test_the_program_chooses_equal_chunks_that_fit_the_cache():
    assert chosen(2, 129, 4) == 65  # at most 128
    assert chosen(2, 1000, 4) == 125
    assert chosen(16, 997, 512) == 16  # 16 steps of 16 x 512 numbers of 4 bytes are 512 KiB; 997 / 63 pieces
    assert chosen(16, 1000, 512) == 10  # no remainder
    assert chosen(10_000, 80, 512) == 5  # never shorter, if there are so many


@pytest.mark.parametrize(
    "row", [row for row in CELL_ROWS if row.name in ("lstm", "elman", "gru_after", "clockwork")], ids=str
)
def test_products_that_are_kept_and_products_that_are_made_again_give_the_same(row, monkeypatch):
    monkeypatch.setattr(by_chunks, "KEEP_BYTES", 0)
    assert_same_gradients(row, True, Plan("chunked", 4), True, 1e-9)


@pytest.mark.parametrize(("name", "alone"), [("elman", True), ("lstm", True), ("gru_after", False), ("scrn", False)])
def test_it_is_seen_where_only_the_sum_of_both_products_counts(name, alone, key):
    cell = CELLS[name](key, 2, hidden=3)
    assert by_chunks._adds(cell, jnp.ones((4, 2)), cell.initial_state((4,))) is alone


class Shows(CELLS["elman"]):
    """An Elman network whose output is its drive: that counts beside the sum of both products."""

    def advance(self, state, drive, mixed):
        new, _ = super().advance(state, drive, mixed)
        return new, drive


def test_a_drive_that_is_handed_on_counts_too(key):
    cell, x = Shows(key, 2, hidden=3), jax.random.normal(key, (6, 4, 2))
    assert not by_chunks._adds(cell, x[0], cell.initial_state((4,)))
    graphdef, params = nnx.split(cell)

    def loss(params, plan):
        final, outputs = unroll(nnx.merge(graphdef, params), x, cell.initial_state((4,)), plan)
        return jnp.sum(outputs**2) + jnp.sum(final.h**2)

    chunks, loop = (jax.grad(loss)(params, Plan(name)) for name in ("chunked", "stepwise"))
    for a, b in zip(jax.tree.leaves(chunks), jax.tree.leaves(loop), strict=True):
        np.testing.assert_allclose(a, b, 1e-5, 1e-6)


@pytest.mark.parametrize("length", [1, 7, 8, 9, 100, 129, 1000])
@pytest.mark.parametrize("batch", [1, 100, 100_000])
def test_chosen_chunks_lie_within_the_sequence(length, batch):
    assert min(length, 3) <= chosen(batch, length, 64) <= min(length, 128)


# ------------------------------------------------------------------------------------------------- derivatives


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("row", [row for row in KINDS if row.differentiable], ids=str)
def test_gradients_against_finite_differences_and_forward_mode(row, key):
    c = case(row, key)
    gradient = gradients(row, True, LOOP, True)[-1][1]
    lines = directions(c.arguments, jax.random.key(7))

    @compiled
    @functools.partial(jax.vmap, in_axes=(None, 0))
    def along(arguments, line):
        def loss(step):
            shifted = jax.tree.map(lambda a, d: a + step * d, arguments, line)
            return c.loss(LOOP, *shifted, c.valid)

        step = 1e-5
        difference = (loss(step) - loss(-step)) / (2 * step)
        forward = jax.jvp(loss, (0.0,), (1.0,))[1]
        return difference, forward

    difference, forward = along(c.arguments, lines)
    reverse = jax.vmap(functools.partial(inner, gradient))(lines)
    clock = np.abs(reverse) <= 1e-6  # moved, it would count on from elsewhere: by decision no gradient
    assert np.sum(clock) == len(row.clock)
    np.testing.assert_allclose(forward, reverse, 1e-9, 1e-9)
    np.testing.assert_allclose(difference[~clock], reverse[~clock], 1e-6, 1e-7)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_the_gradient_of_elman_is_its_adjoint_recursion(name, key):
    """d_{t-1} = U' (f'(a_t) d_t), with the slopes written by hand: for a threshold the straight-through one."""
    (row,) = [row for row in CELL_ROWS if row.name == "elman" and row.options == {"activation": name}]
    c = case(row, key)
    weights = row.numpy_weights(nnx.merge(c.graphdef, c.params, c.rest))
    learned = weights.get("s", np.zeros((0, H)))
    (states,), _ = row.oracle(weights, np.asarray(c.inputs), (np.asarray(c.state.h),))
    before = np.concatenate([np.asarray(c.state.h)[None], states[:-1]])
    a = np.asarray(c.inputs) @ weights["W"] + before @ weights["U"] + weights["b"]
    slope = np.array(
        [[[SLOPE[name](a[t, n, i], *learned[:, i]) for i in range(H)] for n in range(B)] for t in range(T)]
    )

    adjoint = -np.sin(states[-1] + 1)
    d_inputs, d_U = np.zeros((T, B, D)), np.zeros((H, H))
    for t in reversed(range(T)):
        adjoint = adjoint + np.asarray(c.weigh)[t] * np.cos(states[t])
        through = slope[t] * adjoint
        d_inputs[t] = through @ weights["W"].T
        d_U += before[t].T @ through
        adjoint = through @ weights["U"].T

    d_params, found_inputs, found_state = gradients(row, True, Plan("chunked", 4), False)[-1][1]
    np.testing.assert_allclose(found_inputs, d_inputs, 1e-9, 1e-9)
    np.testing.assert_allclose(found_state.h, adjoint, 1e-9, 1e-9)
    np.testing.assert_allclose(d_params["U"][...], d_U, 1e-9, 1e-9)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("row", FORMS, ids=str)
def test_the_gradient_of_a_gradient(row, key):
    """The product of the Hessian with a vector: reverse over reverse by every plan, and forward over reverse."""
    c = case(row, key)
    arguments = (c.params, c.inputs[:4], c.state)
    line = moved(jax.tree.map(jnp.zeros_like, arguments), jax.random.key(3), 1.0)

    def gradient(plan, *arguments):
        return jax.grad(functools.partial(c.loss, plan), (0, 1, 2))(*arguments)

    def reverse(plan):
        return jax.grad(lambda *a: inner(gradient(plan, *a), line), (0, 1, 2))(*arguments)

    def forward(plan):
        return jax.jvp(functools.partial(gradient, plan), arguments, line)[1]

    @compiled
    def all_ways():
        others = [plan_of(name, 2) for name in row.plans if name != "newton" or row.name in ("elman", "lstm")]
        return forward(LOOP), [reverse(plan) for plan in others], [forward(plan) for plan in others]

    wanted, *found = all_ways()
    assert np.any([np.any(leaf) for leaf in jax.tree.leaves(wanted)])
    for each in jax.tree.leaves(found, is_leaf=lambda x: isinstance(x, tuple) and len(x) == 3):
        assert_close(each, wanted, 1e-9)


@pytest.mark.parametrize("row", KINDS, ids=str)
def test_steps_that_are_not_valid_do_nothing(row):
    """What stands there does not matter: not to the state, not to the gradient."""
    with jax.enable_x64(True):
        c = case(row, jax.random.key(0))
        padding = ~np.asarray(c.valid)
        alone, run = [], compiled(functools.partial(c.run, LOOP))
        for n in range(B):  # the same sequence without its padding
            short = np.asarray(c.inputs)[~padding[:, n], n : n + 1]
            state = jax.tree.map(lambda leaf, n=n: leaf[n : n + 1], c.state)
            alone.append(jax.device_get(run(c.params, jnp.asarray(short), state)))
    for plan in [LOOP, *(plan_of(name, 5) for name in row.plans)]:
        final, outputs, (_, (_, d_inputs, _)) = gradients(row, True, plan, True)
        assert not np.any(d_inputs[padding])
        assert np.all(np.any(d_inputs[~padding], axis=-1)) or row.flat
        for n, (wanted, out) in enumerate(alone):
            assert_close(jax.tree.map(lambda leaf, n=n: leaf[n : n + 1], final), wanted, 1e-12)
            np.testing.assert_allclose(outputs[~padding[:, n], n], out[:, 0], 1e-12, 1e-12)


# ------------------------------------------------------------------------------------------------ construction


@pytest.mark.parametrize("row", KINDS, ids=str)
def test_vmap_over_seeds_builds_the_same_cells(row, key):
    keys = jax.random.split(key, 3)
    together = compiled(jax.vmap(lambda k: nnx.state(row.build(k, D, H), nnx.Param)))(keys)
    for i, k in enumerate(keys):
        alone = builder(row, False)(k)[1]
        assert_close(jax.tree.map(lambda leaf, i=i: leaf[i], together), alone, 1e-6)
    assert row.seeded == any(not np.allclose(leaf[0], leaf[1]) for leaf in jax.tree.leaves(together))


@pytest.mark.parametrize("row", KINDS, ids=str)
def test_one_program_per_shape(row):
    traces = []

    def run(cell, inputs):
        traces.append(inputs.shape)
        return unroll(cell, inputs, cell.initial_state((inputs.shape[1],)))[1]

    run = nnx.jit(run)
    for seed in range(3):
        run(build(row, seed), jnp.full((T, B, D), float(seed)))
    assert len(traces) == 1
    run.lower(build(row), jnp.zeros((T + 1, B, D)))
    assert len(traces) == 2


@pytest.mark.parametrize("row", OWN, ids=str)
def test_output_leaf_finds_h(row):
    cell = build(row)
    wanted = row.fields.index(row.output) if row.output else None
    assert output_leaf(cell, jnp.zeros((B, D)), cell.initial_state((B,))) == wanted


class Doubled(FlaxCell):
    """A cell whose output is no part of its state."""

    def step(self, kernel, state, drive):
        state, out = super().step(kernel, state, drive)
        return state, 2 * out


def test_output_leaf_knows_when_there_is_none(key):
    cell = Doubled(nnx.LSTMCell(D, H, rngs=nnx.Rngs(0)), D, H)
    assert output_leaf(cell, jnp.zeros((B, D)), cell.initial_state((B,))) is None
