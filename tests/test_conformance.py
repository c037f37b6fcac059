"""Our cells give the numbers of other frameworks; where no map of weights exists, they do not."""

import importlib.util
import os
import runpy
import sys
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest

from ltd import conformance
from ltd.config import ConfigError
from ltd.conformance import checks, maps, sides
from ltd.settings import Plan

REQUIRED = os.environ.get("LTD_CONFORMANCE") == "required"
MISSING = {name for name in conformance.FRAMEWORKS if importlib.util.find_spec(name) is None}
precisions = pytest.mark.parametrize("precision", ["float32", "float64"])


def needs(*names):
    """Left out where a framework is missing, unless all are required."""
    missing = sorted(MISSING & {name.split()[0] for name in names})
    return pytest.mark.skipif(bool(missing) and not REQUIRED, reason=f"not installed: {', '.join(missing)}")


def assert_same(found):
    rows = list(found)
    assert len(rows) == len(conformance.WAYS) * len(conformance.QUANTITIES)
    assert not any(row["must_fail"] for row in rows)
    assert all(row["ok"] and row["difference"] <= row["tolerance"] for row in rows), rows


def assert_apart(found, count):
    rows = list(found)
    assert [row["quantity"] for row in rows] == ["outputs", "input gradient"] * count
    assert all(row["must_fail"] and row["ok"] and row["difference"] > 0.1 for row in rows), rows


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def same(*names):
    """One test per pair, which must agree by every plan and step by step."""
    return pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in names])


@precisions
@same("torch LSTM")
def test_lstm_torch(name, precision):
    assert_same(conformance.same(name, precision))


@precisions
@same("torch RNN tanh", "torch RNN relu")
def test_elman_torch(name, precision):
    assert_same(conformance.same(name, precision))


@precisions
@same("torch GRU")
def test_gru_torch(name, precision):
    assert_same(conformance.same(name, precision))


@precisions
@same("torch orthogonal exp", "torch orthogonal Cayley")
def test_orthogonal_torch(name, precision):
    assert_same(conformance.same(name, precision))


@precisions
@same("nnx LSTMCell", "nnx OptimizedLSTMCell")
def test_lstm_nnx(name, precision):
    assert_same(conformance.same(name, precision))


@precisions
@same("nnx GRUCell", "nnx SimpleCell")
def test_other_cells_of_nnx(name, precision):
    assert_same(conformance.same(name, precision))


@precisions
@same("linen LSTMCell", "linen OptimizedLSTMCell", "linen GRUCell", "linen SimpleCell")
def test_linen(name, precision):
    assert_same(conformance.same(name, precision))


@precisions
@same("equinox LSTMCell", "equinox GRUCell")
def test_equinox(name, precision):
    assert_same(conformance.same(name, precision))


@needs("haiku")
@precisions
def test_lstm_haiku(precision):
    assert_same(conformance.same("haiku LSTM", precision))
    if precision == "float32":  # the 1 that it adds to its forget gate is not left out with impunity
        assert_apart(conformance.same("haiku LSTM, bias as it is", precision), len(conformance.WAYS))


@needs("haiku")
@precisions
def test_gru_haiku(precision):
    assert_same(conformance.same("haiku GRU", precision))


@needs("haiku")
@precisions
def test_elman_haiku(precision):
    assert_same(conformance.same("haiku VanillaRNN", precision))
    if precision == "float32":
        assert_apart(conformance.same("haiku VanillaRNN, tanh", precision), len(conformance.WAYS))


@precisions
def test_lstm_nnx_through_the_adapter(precision):
    assert_same(conformance.adapter(precision))


@needs("torch", "haiku")
def test_the_gru_of_torch_has_no_map_to_three_others():
    found = list(conformance.apart("float32"))
    for start, ways in (("nnx GRUCell", 1), ("haiku GRU", 1), ("gru_before", len(conformance.WAYS))):
        assert_apart([row for row in found if row["pair"].startswith(start)], ways)


@needs("torch")
@precisions
def test_orthogonal_kernels_are_those_of_torch(precision):
    rows = list(conformance.kernels(precision))
    assert len(rows) == 4 and all(row["ok"] for row in rows), rows


def test_every_framework_of_the_extra_is_compared_and_every_pair_tested():
    source = Path(__file__).read_text()
    assert all(f'"{name}"' in source for name in conformance.PAIRS)
    known = {*conformance.FRAMEWORKS, "nnx", "linen"}
    assert {name.split()[0] for name in conformance.PAIRS} == known
    assert {pair.cell for pair in conformance.PAIRS.values()} == {
        "elman", "lstm", "gru_before", "gru_after", "exprnn", "scornn",
    }  # fmt: skip


@pytest.mark.parametrize("plan", conformance.WAYS)
def test_gru_reset_forms(plan):
    """With the reset before the product: equal to a loop in numpy, and apart from the form with the reset after it."""
    with jax.enable_x64(True):
        given = conformance.problem(0, "float64")
        H = conformance.HIDDEN
        weights = {"W": given.draw((5, 3 * H)), "b": given.draw((3 * H,))}
        split = {"U": given.draw((H, 2 * H)), "U_n": given.draw((H, H))}
        whole = {"U": np.concatenate([split["U"], split["U_n"]], -1), "b_u": np.zeros(H)}
        before = sides.run_ltd("gru_before", given, weights | split, conformance.WAYS[plan])
        after = sides.run_ltd("gru_after", given, weights | whole, conformance.WAYS[plan])

    def reference(reset_before):
        h, outputs = np.zeros((conformance.BATCH, H)), []
        for x in given.inputs:
            a_r, a_z, a_n = np.split(x @ weights["W"] + weights["b"], 3, axis=-1)
            r, z = sigmoid(a_r + h @ split["U"][:, :H]), sigmoid(a_z + h @ split["U"][:, H:])
            n = np.tanh(a_n + ((r * h) @ split["U_n"] if reset_before else r * (h @ split["U_n"])))
            h = (1 - z) * h + z * n
            outputs.append(h)
        return np.array(outputs)

    np.testing.assert_allclose(before.outputs, reference(True), rtol=0, atol=1e-12)
    np.testing.assert_allclose(after.outputs, reference(False), rtol=0, atol=1e-12)
    assert np.abs(before.outputs - after.outputs).max() > 0.1


@pytest.mark.parametrize("wrong", ["order of gates", "bias", "sign"])
def test_a_wrong_map_would_be_noticed(wrong):
    given = conformance.problem(0, "float32")
    theirs = sides.whole(sides.side_nnx("LSTMCell", given), given)
    weights = dict(maps.nnx_lstm(theirs.weights, np.add))
    if wrong == "order of gates":
        weights["U"] = np.roll(weights["U"], conformance.HIDDEN, axis=-1)
    else:
        weights["b"] = weights["b"] + (1e-3 if wrong == "bias" else -2 * weights["b"])
    ours = sides.run_ltd("lstm", given, weights, Plan("chunked"))
    mapped = theirs._replace(grads=maps.nnx_lstm(theirs.grads, maps.first))
    assert not any(row["ok"] for row in conformance.compare("wrong", ours, mapped))


def test_a_gradient_that_is_off_or_not_finite_would_be_noticed():
    given = conformance.problem(0, "float32")
    theirs = sides.whole(sides.side_nnx("SimpleCell", given), given)
    for factor in (1 + 1e-4, np.nan):
        off = theirs._replace(grads={name: a * np.float32(factor) for name, a in theirs.grads.items()})
        assert [row["ok"] for row in conformance.compare("off", off, theirs)] == [True, True, False]
    alike = conformance.compare("alike", theirs, theirs, must_fail=True)
    assert [row["ok"] for row in alike] == [False, False]


@pytest.mark.parametrize(("module", "package"), conformance.FRAMEWORKS.items())
def test_a_framework_that_is_missing_is_one_clear_line(module, package, monkeypatch, capsys):
    for name in conformance.FRAMEWORKS:
        monkeypatch.setitem(sys.modules, name, None if name == module else ModuleType(name))
    with pytest.raises(ConfigError, match=f"{package} is not installed"):
        conformance.rows()
    assert conformance.main() == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "pip install 'ltd[conformance]'" in said.err
    assert said.out == ""


@pytest.mark.parametrize("ok", [True, False])
def test_main_prints_every_row_and_fails_if_one_is_over(ok, monkeypatch, capsys):
    row = dict(pair="a = b", quantity="outputs", difference=1e-7, tolerance=1e-5, ok=True, must_fail=False)
    other = dict(row, pair="c = d", must_fail=True, tolerance=0.1, difference=0.2 if ok else 0.0, ok=ok)
    monkeypatch.setattr(checks, "rows", lambda: [row, other])
    assert conformance.main() == (0 if ok else 1)
    said = capsys.readouterr().out
    assert "a = b" in said
    assert "c = d" in said
    assert ("NO" in said) is not ok


def test_all_rows_have_the_same_columns(monkeypatch):
    monkeypatch.setattr(checks, "framework", lambda name: None)
    monkeypatch.setattr(checks, "PAIRS", {"nnx SimpleCell": conformance.PAIRS["nnx SimpleCell"]})
    for other in ("apart", "adapter", "kernels"):
        monkeypatch.setattr(checks, other, lambda precision, seed: iter([]))
    rows = conformance.rows()
    assert len(rows) == len(conformance.TOLERANCE) * len(conformance.WAYS) * len(conformance.QUANTITIES)
    for row in rows:
        assert list(row) == ["pair", "quantity", "difference", "tolerance", "ok", "must_fail"]
    assert len({(row["pair"], row["quantity"]) for row in rows}) == len(rows)


def test_the_module_runs_as_a_program(monkeypatch):
    monkeypatch.setattr(checks, "main", lambda: 3)
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("ltd.conformance", run_name="__main__")
    assert stopped.value.code == 3
