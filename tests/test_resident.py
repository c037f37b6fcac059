"""The plan `resident` is `chunked` by another loop: interpreted here, and lowered for a GPU that need not be there."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness import B, D, T, assert_close, assert_same_gradients, build, compiled, first_of_each, sketch
from ltd.cells import CELLS
from ltd.config import ConfigError
from ltd.settings import Plan
from ltd.trees import disassemble
from ltd.types import MixCell
from ltd.unroll import plans_of, unroll
from tables import CELL_ROWS

loop = importlib.import_module("ltd.unroll.resident")  # the package has a function of that name
ROWS = [row for row in CELL_ROWS if "resident" in plans_of(sketch(row))]
WIDE = 32  # half of it, as some cells have parts, is the narrowest that Triton takes
TRITON = "__gpu$xla.gpu.triton"


def test_cells_that_mix_and_advance_offer_it():
    others = {row.name for row in CELL_ROWS if isinstance(sketch(row), MixCell)} - {row.name for row in ROWS}
    assert others == {"clockwork", "lstm1997", "lt_rnn"}
    assert all(isinstance(sketch(row), MixCell) for row in ROWS)


@pytest.mark.parametrize("row", first_of_each(ROWS), ids=str)
def test_equals_the_reference(row):
    """Final state, outputs, gradients by every parameter, input and the first state; with steps that do not count."""
    assert_same_gradients(row, True, Plan("resident", 5), True, 1e-9)


@pytest.mark.usefixtures("x64")
def test_more_sequences_than_one_kernel_takes_and_lanes(key):
    row = next(row for row in ROWS if row.name == "lstm")
    cell = build(row)
    graphdef, params, rest = disassemble(cell)
    inputs = jax.random.normal(key, (3, T, 2 * loop.ROWS + 1, D))
    lanes = jax.tree.map(lambda w: jnp.stack([w, 2 * w, -w]), params)

    def last(plan, params, inputs):
        own = nnx.merge(graphdef, params, rest)
        return jnp.sum(jnp.sin(unroll(own, inputs, own.initial_state(inputs.shape[1:2]), plan)[1][-1]))

    found, wanted = (
        compiled(jax.vmap(jax.value_and_grad(functools.partial(last, plan))))(lanes, inputs)
        for plan in (Plan("resident", 5), Plan("stepwise"))
    )
    assert_close(found, wanted, 1e-10)


def exported(cell, plan):
    """The program of a gradient, for a GPU."""
    graphdef, params, rest = disassemble(cell)

    def loss(params, inputs):
        own = nnx.merge(graphdef, params, rest)
        outputs = unroll(own, inputs, own.initial_state((B,)), plan, inputs[..., 0] > 0)[1]
        return jnp.sum(outputs)

    kept = [jax.export.DisabledSafetyCheck.custom_call(TRITON)]
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), params)
    run = jax.jit(jax.grad(loss, argnums=(0, 1)))
    inputs = jax.ShapeDtypeStruct((T, B, D), jnp.result_type(float))
    return jax.export.export(run, platforms=["cuda"], disabled_checks=kept)(shapes, inputs).mlir_module()


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(loop, "interpreted", lambda: False)


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("row", [row for row in ROWS if row.name != "scrn"], ids=str)  # whose context is narrow here
def test_is_written_for_triton(row, key):
    """A kernel for the way there and one for the way back; what Triton lacks would be named here."""
    assert exported(row.build(key, D, WIDE), Plan("resident", T)).count(TRITON) == 2


@pytest.mark.usefixtures("gpu")
def test_a_context_as_wide_as_the_units_is_written_for_triton(key):
    cell = CELLS["scrn"](key, D, hidden=WIDE, context=WIDE)
    assert exported(cell, Plan("resident", T)).count(TRITON) == 2


@pytest.mark.usefixtures("gpu")
def test_what_triton_cannot_take_goes_by_chunked_and_says_so(key):
    row = ROWS[0]
    with pytest.warns(UserWarning, match="plan resident: 5 units are not a power of two from 16 to 256; this goes by"):
        assert TRITON not in exported(row.build(key, D, 5), Plan("resident", T))
    with jax.enable_x64(True), pytest.warns(UserWarning, match="plan resident: float64 is not float32; this goes by"):
        assert TRITON not in exported(row.build(key, D, WIDE), Plan("resident", T))


def test_a_primitive_that_does_not_go_by_pieces_is_named():
    def body(weights, state, now):
        return jnp.cumsum(jnp.concatenate([state, state], axis=-1), axis=-1)[:, :2], now

    with pytest.raises(ConfigError, match=r"plan resident: cumsum of .* by pieces: take the plan chunked"):
        loop.scan(body, jnp.ones((2, 2)), jnp.ones((B, 2)), jnp.ones((T, B, 2)))


def test_the_loop_backward_and_forward():
    def body(weights, state, now):
        new = jnp.tanh(state @ weights + now)
        return new, new * now

    given = np.random.default_rng(0)
    weights, state, now = (jnp.asarray(given.normal(size=s), jnp.float32) for s in ((3, 3), (B, 3), (T, B, 3)))
    for reverse in (False, True):
        found = loop.scan(body, weights, state, now, reverse)
        assert_close(found, jax.lax.scan(functools.partial(body, weights), state, now, reverse=reverse), 1e-6)
