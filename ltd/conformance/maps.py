"""Weight maps, from the names of other frameworks to ours.

`join` says what two biases become: their sum for weights (`np.add`), the first for gradients (`first`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ltd.conformance.problem import HIDDEN, INPUTS, Arrays

GATED = 2 * HIDDEN  # the gates r, z of a GRU


def first(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What the gradients of two biases that act as a sum have in common."""
    return a


def blocks(a: np.ndarray, order: str, wanted: str) -> np.ndarray:
    """The blocks of gates along the last axis in another order, one letter a gate."""
    named = dict(zip(order, np.split(a, len(order), axis=-1), strict=True))
    return np.concatenate([named[gate] for gate in wanted], axis=-1)


def negate_z(a: np.ndarray) -> np.ndarray:
    """1 - logistic(a) = logistic(-a): the old state stays at z there, at 1 - z here."""
    r, z, n = np.split(a, 3, axis=-1)
    return np.concatenate([r, -z, n], axis=-1)


# ------------------------------------------------------------------------------------------------ torch


def torch_elman(p: Arrays, join: Callable) -> Arrays:
    """Transposed; the biases add up."""
    return {"W": p["weight_ih_l0"].T, "U": p["weight_hh_l0"].T, "b": join(p["bias_ih_l0"], p["bias_hh_l0"])}


def torch_lstm(p: Arrays, join: Callable) -> Arrays:
    """Gates i, f, g, o to i, f, o, g."""
    return {name: blocks(a, "ifgo", "ifog") for name, a in torch_elman(p, join).items()}


def torch_gru(p: Arrays, join: Callable) -> Arrays:
    """z negated; the candidate's hidden bias is b_u, the other biases add up."""
    plain = torch_elman(p, join)
    b = np.concatenate([plain["b"][:GATED], p["bias_ih_l0"][GATED:]])
    return {name: negate_z(a) for name, a in {**plain, "b": b}.items()} | {"b_u": p["bias_hh_l0"][GATED:]}


def torch_gru_for_nnx(p: Arrays) -> Arrays:
    """torch's GRU for `nnx.GRUCell`, which has no place for b_hn: the nearest thing to a map, and not one."""
    ours, names = torch_gru(p, np.add), {"W": "dense_i.kernel", "U": "dense_h.kernel", "b": "dense_i.bias"}
    return {theirs: negate_z(ours[name]) for name, theirs in names.items()}


def torch_gru_for_before(p: Arrays) -> Arrays:
    """torch's GRU for our GRUResetBefore, all biases added up: the nearest thing to a map, and not one."""
    plain = {name: negate_z(a) for name, a in torch_elman(p, np.add).items()}
    return {**plain, "U": plain["U"][:, :GATED], "U_n": plain["U"][:, GATED:]}


def torch_gru_for_haiku(p: Arrays) -> Arrays:
    """torch's GRU for Haiku's, all biases added up: the nearest thing to a map, and not one."""
    plain = {name: negate_z(a) for name, a in torch_elman(p, np.add).items()}
    return {theirs: blocks(plain[name], "rzn", "zrn") for name, theirs in {"W": "w_i", "U": "w_h", "b": "b"}.items()}


def torch_exponential(p: Arrays, join: Callable) -> Arrays:
    """weight = exp(X - X'), X lower triangular; a layer applies its transpose to rows, so that a is X transposed."""
    return {"W": p["W"], "b": p["b"], "a": p["X"].T[np.triu_indices(HIDDEN, 1)]}


def torch_cayley(p: Arrays, join: Callable) -> Arrays:
    """weight = (I - A/2)^-1 (I + A/2), A = X - X': ours is A/2 with the entries above the diagonal, hence the sign."""
    factor = -0.5 if join is np.add else -2.0  # of a weight, and of its gradient
    return {"W": p["W"], "b": p["b"], "a": factor * p["X"].T[np.triu_indices(HIDDEN, 1)]}


# ------------------------------------------------------------------------------------------------ Flax


def nnx_elman(p: Arrays, join: Callable) -> Arrays:
    """As it is."""
    return {"W": p["dense_i.kernel"], "U": p["dense_h.kernel"], "b": p["dense_i.bias"]}


def nnx_lstm(p: Arrays, join: Callable, forget: str = "if_") -> Arrays:
    """One kernel per gate, that of the forget gate's input named `if_`; biases on the hidden side."""
    rows = {"W": f"ii {forget} io ig kernel", "U": "hi hf ho hg kernel", "b": "hi hf ho hg bias"}
    split = {name: row.split() for name, row in rows.items()}
    return {name: np.concatenate([p[f"{gate}.{part}"] for gate in gates], -1) for name, (*gates, part) in split.items()}


def nnx_optimized_lstm(p: Arrays, join: Callable) -> Arrays:
    """Side by side in the order i, f, g, o; biases on the hidden side."""
    plain = {"W": p["dense_i.kernel"], "U": p["dense_h.kernel"], "b": p["dense_h.bias"]}
    return {name: blocks(a, "ifgo", "ifog") for name, a in plain.items()}


def nnx_gru(p: Arrays, join: Callable) -> Arrays:
    """z negated; no hidden bias, so that b_u is zero."""
    return {name: negate_z(a) for name, a in nnx_elman(p, join).items()}


def linen_elman(p: Arrays, join: Callable) -> Arrays:
    """As it is."""
    return {"W": p["i.kernel"], "U": p["h.kernel"], "b": p["i.bias"]}


def linen_lstm(p: Arrays, join: Callable) -> Arrays:
    """As nnx, but the kernel is named `if`."""
    return nnx_lstm(p, join, "if")


def linen_gru(p: Arrays, join: Callable) -> Arrays:
    """One kernel per gate, biases on the input side and b_u on the candidate's hidden side; z negated."""
    rows = {"W": ("ir", "iz", "in", "kernel"), "U": ("hr", "hz", "hn", "kernel"), "b": ("ir", "iz", "in", "bias")}
    plain = {name: np.concatenate([p[f"{gate}.{part}"] for gate in gates], -1) for name, (*gates, part) in rows.items()}
    return {name: negate_z(a) for name, a in plain.items()} | {"b_u": p["hn.bias"]}


# ------------------------------------------------------------------------------------------------ Haiku, Equinox


def haiku_elman(p: Arrays, join: Callable) -> Arrays:
    """Two layers, each with its bias."""
    return {"W": p["linear.w"], "U": p["linear_1.w"], "b": join(p["linear.b"], p["linear_1.b"])}


def haiku_lstm_as_it_is(p: Arrays, join: Callable) -> Arrays:
    """One layer for [x, h], gates i, g, f, o, without the 1 that the cell adds to its forget gate: not a map."""
    plain = {"W": p["linear.w"][:INPUTS], "U": p["linear.w"][INPUTS:], "b": p["linear.b"]}
    return {name: blocks(a, "igfo", "ifog") for name, a in plain.items()}


def haiku_lstm(p: Arrays, join: Callable) -> Arrays:
    """The same, with the 1 as a second bias of the forget gate."""
    hidden = np.zeros_like(p["linear.b"])
    hidden[GATED : 3 * HIDDEN] = 1
    return haiku_lstm_as_it_is({**p, "linear.b": join(p["linear.b"], hidden)}, join)


def haiku_gru(p: Arrays, join: Callable) -> Arrays:
    """Columns z, r, n, the reset before the product, and the old state at 1 - z as here."""
    W, U, b = (blocks(p[name], "zrn", "rzn") for name in ("w_i", "w_h", "b"))
    return {"W": W, "U": U[:, :GATED], "U_n": U[:, GATED:], "b": b}


def equinox_lstm(p: Arrays, join: Callable) -> Arrays:
    """As torch, with one bias."""
    plain = {"W": p["weight_ih"].T, "U": p["weight_hh"].T, "b": p["bias"]}
    return {name: blocks(a, "ifgo", "ifog") for name, a in plain.items()}


def equinox_gru(p: Arrays, join: Callable) -> Arrays:
    """As torch, with the biases of r, z and the candidate's input in one."""
    plain = {"W": p["weight_ih"].T, "U": p["weight_hh"].T, "b": p["bias"]}
    return {name: negate_z(a) for name, a in plain.items()} | {"b_u": p["bias_n"]}
