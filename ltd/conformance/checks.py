"""The pairs that must agree, those that must not, and the table of both."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from ltd.cells import CELLS
from ltd.config import ConfigError
from ltd.conformance import maps, sides
from ltd.conformance.problem import (
    APART,
    FRAMEWORKS,
    HIDDEN,
    INPUTS,
    QUANTITIES,
    TOLERANCE,
    WAYS,
    Problem,
    Result,
    framework,
    problem,
)

Row = dict[str, Any]  # pair, quantity, difference, tolerance, ok, must_fail


def row(pair: str, quantity: str, difference: float, bound: float, must_fail: bool = False) -> Row:
    """A difference and whether it is on its side of the bound; NaN never is."""
    ok = bool(difference > bound if must_fail else difference <= bound)
    return dict(pair=pair, quantity=quantity, difference=float(difference), tolerance=bound, ok=ok, must_fail=must_fail)


def compare(pair: str, ours: Result, theirs: Result, must_fail: bool = False) -> Iterator[Row]:
    """One row per quantity; without a map there are no weight gradients to compare."""
    differences = [np.abs(a - b).max() for a, b in zip(ours[:2], theirs[:2], strict=True)]
    if not must_fail:
        differences.append(np.max([np.abs(a - ours.grads[n]).max() / np.abs(a).max() for n, a in theirs.grads.items()]))
    bound = APART if must_fail else TOLERANCE[ours.outputs.dtype.name]
    for quantity, difference in zip(QUANTITIES, differences, strict=False):
        yield row(pair, quantity, difference, bound, must_fail)


class Pair(NamedTuple):
    """A cell of ours, the other side with drawn weights, and the map of its weights."""

    cell: str
    other: Callable[[Problem], sides.Side | Result]
    to_ours: Callable
    options: Mapping[str, Any] = {}
    must_fail: bool = False


def _torch(kind: str, **options: Any) -> Callable[[Problem], Result]:
    return lambda given: sides.run_torch(kind, given, **options)


def _side(make: Callable, kind: str) -> Callable[[Problem], sides.Side]:
    return lambda given: make(kind, given)


def _rotation(kind: str, negative: int) -> Callable[[Problem], Result]:
    signs = np.where(np.arange(HIDDEN) < HIDDEN - negative, 1, -1)
    return lambda given: sides.run_torch_orthogonal(kind, given, signs)


NEGATIVE = 3  # of the units of ScoRNN
SCORNN = {"rho": NEGATIVE / HIDDEN}
TANH, RELU = {"activation": "tanh"}, {"activation": "relu"}
nnx, linen, haiku, equinox = (
    partial(_side, make) for make in (sides.side_nnx, sides.side_linen, sides.side_haiku, sides.side_equinox)
)

PAIRS: dict[str, Pair] = {
    "torch LSTM": Pair("lstm", _torch("LSTM"), maps.torch_lstm),
    "torch GRU": Pair("gru_after", _torch("GRU"), maps.torch_gru),
    "torch RNN tanh": Pair("elman", _torch("RNN", nonlinearity="tanh"), maps.torch_elman, TANH),
    "torch RNN relu": Pair("elman", _torch("RNN", nonlinearity="relu"), maps.torch_elman, RELU),
    "torch orthogonal exp": Pair("exprnn", _rotation("matrix_exp", 0), maps.torch_exponential),
    "torch orthogonal Cayley": Pair("scornn", _rotation("cayley", NEGATIVE), maps.torch_cayley, SCORNN),
    "nnx LSTMCell": Pair("lstm", nnx("LSTMCell"), maps.nnx_lstm),
    "nnx OptimizedLSTMCell": Pair("lstm", nnx("OptimizedLSTMCell"), maps.nnx_optimized_lstm),
    "nnx GRUCell": Pair("gru_after", nnx("GRUCell"), maps.nnx_gru),
    "nnx SimpleCell": Pair("elman", nnx("SimpleCell"), maps.nnx_elman),
    "linen LSTMCell": Pair("lstm", linen("LSTMCell"), maps.linen_lstm),
    "linen OptimizedLSTMCell": Pair("lstm", linen("OptimizedLSTMCell"), maps.linen_lstm),
    "linen GRUCell": Pair("gru_after", linen("GRUCell"), maps.linen_gru),
    "linen SimpleCell": Pair("elman", linen("SimpleCell"), maps.linen_elman),
    "equinox LSTMCell": Pair("lstm", equinox("LSTMCell"), maps.equinox_lstm),
    "equinox GRUCell": Pair("gru_after", equinox("GRUCell"), maps.equinox_gru),
    "haiku LSTM": Pair("lstm", haiku("LSTM"), maps.haiku_lstm),
    "haiku LSTM, bias as it is": Pair("lstm", haiku("LSTM"), maps.haiku_lstm_as_it_is, must_fail=True),
    "haiku GRU": Pair("gru_before", haiku("GRU"), maps.haiku_gru),
    "haiku VanillaRNN": Pair("elman", haiku("VanillaRNN"), maps.haiku_elman, RELU),
    "haiku VanillaRNN, tanh": Pair("elman", haiku("VanillaRNN"), maps.haiku_elman, TANH, must_fail=True),
}


def same(name: str, precision: str, seed: int = 0) -> Iterator[Row]:
    """Our cell against the other side of a pair, by every plan inside one compiled function, and step by step."""
    pair = PAIRS[name]
    with jax.enable_x64(precision == "float64"):
        given = problem(seed, precision)
        other = pair.other(given)
        theirs = other if isinstance(other, Result) else sides.whole(other, given)
        weights = pair.to_ours(theirs.weights, np.add)
        for label, plan in WAYS.items():
            if plan is None and isinstance(other, sides.Side):
                theirs = sides.by_steps(other, given)
            ours = sides.run_ltd(pair.cell, given, weights, plan, **pair.options)
            mapped = theirs._replace(grads=pair.to_ours(theirs.grads, maps.first))
            yield from compare(f"{pair.cell} = {name}, {label}, {precision}", ours, mapped, pair.must_fail)


def adapter(precision: str, seed: int = 0) -> Iterator[Row]:
    """Our LSTM against `nnx.LSTMCell` through `FlaxCell`."""
    with jax.enable_x64(precision == "float64"):
        given = problem(seed, precision)
        drawn = dict(sides.side_nnx("LSTMCell", given).weights)
        for label, plan in WAYS.items():
            theirs = sides.run_adapted("LSTMCell", given, drawn, plan)
            ours = sides.run_ltd("lstm", given, maps.nnx_lstm(drawn, np.add), plan)
            theirs = theirs._replace(grads=maps.nnx_lstm(theirs.grads, maps.first))
            yield from compare(f"lstm = FlaxCell(nnx LSTMCell), {label}, {precision}", ours, theirs)


def apart(precision: str, seed: int = 0) -> Iterator[Row]:
    """torch's GRU against those for which it has no map: `nnx.GRUCell`, Haiku's, and ours with the reset before U."""
    with jax.enable_x64(precision == "float64"):
        given = problem(seed, precision)
        theirs = sides.run_torch("GRU", given)
        for name, make, to_other in (
            ("nnx GRUCell", partial(sides.side_nnx, "GRUCell"), maps.torch_gru_for_nnx),
            ("haiku GRU", partial(sides.side_haiku, "GRU"), maps.torch_gru_for_haiku),
        ):
            nearest = sides.whole(make(given, to_other(theirs.weights)), given)
            yield from compare(f"{name} = torch GRU, {precision}", nearest, theirs, must_fail=True)
        for label, plan in WAYS.items():
            ours = sides.run_ltd("gru_before", given, maps.torch_gru_for_before(theirs.weights), plan)
            yield from compare(f"gru_before = torch GRU, {label}, {precision}", ours, theirs, must_fail=True)


def kernels(precision: str, seed: int = 0) -> Iterator[Row]:
    """The matrices themselves: the same as torch's, and orthogonal."""
    with jax.enable_x64(precision == "float64"):
        given = problem(seed, precision)
        for name, kind, to_ours, options, signs in (
            ("exprnn", "matrix_exp", maps.torch_exponential, {}, 1),
            ("scornn", "cayley", maps.torch_cayley, SCORNN, np.where(np.arange(HIDDEN) < HIDDEN - NEGATIVE, 1, -1)),
        ):
            layer, X = sides.torch_rotation(kind, given)
            cell = CELLS[name](jax.random.key(0), INPUTS, HIDDEN, **options)
            none = np.zeros(0)  # of W and b
            cell.a[...] = jax.numpy.asarray(to_ours({"W": none, "b": none, "X": X.detach().numpy()}, np.add)["a"])
            U, wanted = np.asarray(cell.kernel()[0]), layer.weight.detach().numpy().T * signs
            pair = f"{name} kernel = torch orthogonal {kind}, {precision}"
            yield row(pair, "matrix", np.abs(U - wanted).max(), TOLERANCE[precision])
            yield row(pair, "U' U - I", np.abs(U.T @ U - np.eye(HIDDEN)).max(), TOLERANCE[precision])


def rows(seed: int = 0) -> list[Row]:
    """All comparisons in both precisions.

    Raises
        ConfigError  if a framework is not installed.
    """
    for name in FRAMEWORKS:
        framework(name)
    found: list[Row] = []
    for precision in TOLERANCE:
        for name in PAIRS:
            found += same(name, precision, seed)
        found += [*adapter(precision, seed), *apart(precision, seed), *kernels(precision, seed)]
    return found


def main() -> int:
    """Print all comparisons; 1 if one is not as it must be, 2 without one of the frameworks."""
    try:
        found = rows()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    table = Table("pair", "quantity", "difference", "must be", "ok")
    for each in found:
        must = f"{'>' if each['must_fail'] else '<='} {each['tolerance']:g}"
        table.add_row(each["pair"], each["quantity"], f"{each['difference']:.1e}", must, "yes" if each["ok"] else "NO")
    Console(width=120).print(table)
    return 0 if all(each["ok"] for each in found) else 1
