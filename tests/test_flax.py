"""Ours inside `flax.nnx.RNN`, and a cell of Flax inside ours."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness import FORMS, KINDS, B, D, H, T, assert_close, build, case, compiled
from ltd.cells import CELLS, FlaxCell
from ltd.settings import Plan
from ltd.unroll import unroll
from tables import CELL_ROWS


@pytest.mark.parametrize("row", KINDS, ids=str)
def test_flax_rnn_gives_the_same(row, key):
    """Ours inside `nnx.RNN`, and a Flax cell inside `unroll`."""
    c = case(row, key)
    cell = nnx.merge(c.graphdef, c.params, c.rest)
    theirs = nnx.RNN(cell.cell if isinstance(cell, FlaxCell) else cell, time_major=True, return_carry=True)
    final, outputs = theirs(c.inputs, initial_carry=c.state)
    assert_close(compiled(functools.partial(c.run, Plan()))(*c.arguments), (final, outputs), 1e-5)


@pytest.mark.parametrize("row", [row for row in FORMS if row.own], ids=str)
def test_flax_rnn_starts_ours_from_zero(row, key):
    cell = build(row)
    inputs = jax.random.normal(key, (B, T, D))
    outputs = nnx.RNN(cell)(inputs)
    wanted = unroll(cell, jnp.swapaxes(inputs, 0, 1), cell.initial_state((B,)))[1]
    np.testing.assert_allclose(jnp.swapaxes(outputs, 0, 1), wanted, 0, 1e-5)


def test_our_lstm_is_that_of_flax(key):
    rows = {row.name: row for row in CELL_ROWS}
    theirs = case(rows["flax.nnx:LSTMCell"], key)
    ours = CELLS["lstm"](key, D, hidden=H)
    adapter = nnx.merge(theirs.graphdef, theirs.params, theirs.rest)
    for name, value in rows["flax.nnx:LSTMCell"].numpy_weights(adapter).items():
        getattr(ours, name)[...] = jnp.asarray(value)
    c, h = theirs.state
    (c, h), wanted = theirs.run(Plan(), *theirs.arguments)
    start = type(ours.initial_state((B,)))(h=theirs.state[1], c=theirs.state[0])
    final, found = unroll(ours, theirs.inputs, start)
    np.testing.assert_allclose(found, wanted, 0, 1e-5)
    np.testing.assert_allclose(final.h, h, 0, 1e-5)
    np.testing.assert_allclose(final.c, c, 0, 1e-5)
