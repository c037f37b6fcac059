"""Recurrent blocks by name, rescaled each on its own; initial values that papers fix."""

import numpy as np
import pytest

from harness import KINDS, D, H, build, sketch
from ltd.cells import CELLS, constructor, recurrent_blocks, rescale


@pytest.mark.parametrize(
    ("name", "blocks"), [("elman", "U"), ("lstm", "ifog"), ("gru_before", "rzn"), ("gru_after", "rzn")]
)
def test_recurrent_blocks_are_those_of_the_gates(name, blocks, key):
    cell = CELLS[name](key, D, hidden=H)
    found = recurrent_blocks(cell)
    assert list(found) == list(blocks)
    first, last = found[blocks[0]], found[blocks[-1]]
    np.testing.assert_array_equal(first, cell.U[...][:, :H])
    np.testing.assert_array_equal(last, (cell.U_n if name == "gru_before" else cell.U)[...][:, -H:])


@pytest.mark.parametrize("row", [row for row in KINDS if row.own and sketch(row).recurrent], ids=str)
def test_rescaling_sets_every_block_on_its_own(row, key):
    cell = build(row)
    rescale(cell, rho=1.3)
    for block in recurrent_blocks(cell).values():
        assert np.max(np.abs(np.linalg.eigvals(block))) == pytest.approx(1.3, rel=1e-4)
    rescale(cell, sigma=0.7)
    for block in recurrent_blocks(cell).values():
        assert np.linalg.norm(block, 2) == pytest.approx(0.7, rel=1e-4)


def test_rescaling_needs_recurrent_blocks(key):
    cell = constructor("flax.nnx:LSTMCell")(key, D, hidden=H)
    rescale(cell)
    with pytest.raises(ValueError, match="LSTMCell names no recurrent block, so rho and sigma cannot be set"):
        rescale(cell, rho=1.0)


def test_gamma_of_srelu_follows_its_slopes(key):
    cell = CELLS["elman"](key, D, hidden=H, activation="srelu")
    assert cell.derivative_bound() == 1
    cell.s[...] = cell.s[...].at[3, 2].set(-1.5)
    assert cell.derivative_bound() == 1.5
    assert CELLS["elman"](key, D, hidden=H, activation="logistic").derivative_bound() == 0.25


def test_the_forget_gate_starts_open(key):
    cell = CELLS["lstm"](key, D, hidden=H, forget_bias=2.5)
    np.testing.assert_array_equal(cell.b[...], [0] * H + [2.5] * H + [0] * (2 * H))
