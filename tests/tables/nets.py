"""Nets, with and without cells inside."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from flax import nnx

from ltd.cells.base import named
from ltd.config import Choice
from ltd.model import make_body
from ltd.trees import flat
from oracles import cells, linear, nets, simple
from tables.rows import affine


@dataclass(frozen=True, eq=False)
class NetRow:
    """A net, and its twin in numpy."""

    name: str  # in NETS, or package.module:Class
    oracle: Callable  # (weights, inputs, parts of the state) -> parts after the last step, outputs; see oracles/nets.py
    parameters: Callable[[int, int], int]  # how many numbers a net of D inputs and H units learns
    fields: tuple[str, ...]  # the parts of the state by name
    options: dict[str, Any] = field(default_factory=dict)
    cell: str | None = None  # what is inside
    width: Callable[[int], int] = lambda hidden: hidden
    plans: tuple[str, ...] = ("chunked",)  # of its form, besides the reference
    reference: str = "stepwise"
    causal: bool = True
    flat: bool = False  # some of its gradients are exactly zero
    clock: tuple[str, ...] = ()
    seeded: bool = True
    differentiable: bool = True
    start: Callable[[Any], Any] = lambda state: state

    def __str__(self):
        values = [v.type if isinstance(v, Choice) else v for v in self.options.values()]
        return "-".join([self.name, *([self.cell] if self.cell else []), *map(str, values)])

    def build(self, key, inputs, hidden):
        inside = Choice(self.cell, {"hidden": hidden}) if self.cell else None
        own = {} if self.cell else {"hidden": hidden}
        return make_body(inside, Choice(self.name, {**own, **self.options}))(key, inputs)

    def numpy_weights(self, net):
        return {name: np.asarray(value) for name, value in flat(nnx.state(net, nnx.Param)).items()}

    def moving(self, state):
        """The parts of a state that are memory, as a list."""
        return [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state) if not named(path, self.clock)]


def lstm(D, H):
    return affine(4, D, H)


def memories(layers, past, ahead):
    """fsmn with one coefficient per unit."""
    return lambda D, H: D * H + H + layers * (2 * H * H + H) + layers * (past + 1 + ahead) * H


def zeros(parts, H=4):
    return lambda batch: [np.zeros((batch, H))] * parts


TWO_WAYS = nets.bidirectional(nets.cell(cells.lstm), 2)
DEEP_TWO_WAYS = {"inner": Choice("bidirectional"), "layers": 2}
STATES = ("forward.h", "forward.c", "backward.h", "backward.c")

CLOCKED = ("forward.h", "forward.t", "backward.h", "backward.t")

NET_ROWS = [
    NetRow(
        "window", nets.window(3, "tanh"), lambda D, H: 4 * D * H + H, ("x",), {"past": 3},
        plans=("chunked", "associative"),
    ),
    NetRow(
        "fsmn", nets.fsmn(2, 3, 0, "tanh"), memories(2, 3, 0), ("0", "1"),
        {"past": 3, "layers": 2, "activation": "tanh"}, plans=("chunked", "associative"),
    ),
    NetRow(
        "fsmn", nets.fsmn(1, 2, 0, "relu"), lambda D, H: D * H + H + 2 * H * H + H + 3, ("0",),
        {"past": 2, "layers": 1, "memory": "scalar"}, plans=("chunked", "associative"), flat=True,
    ),
    NetRow(
        "fsmn", nets.fsmn(2, 2, 3, "tanh"), memories(2, 2, 3), ("0", "1"),
        {"past": 2, "ahead": 3, "layers": 2, "activation": "tanh"}, plans=("associative",), reference="chunked",
        causal=False,
    ),
    NetRow(
        "stacked", nets.stacked(nets.cell(cells.lstm), [2, 2]), lambda D, H: lstm(D, H) + lstm(H, H),
        ("0.h", "0.c", "1.h", "1.c"), {"layers": 2}, "lstm", plans=("chunked", "newton"),
    ),
    NetRow(
        "stacked", nets.stacked(nets.cell(cells.gru_before), [1, 1, 1], norm=True, residual=True),
        lambda D, H: affine(3, D, H) + 2 * affine(3, H, H) + 4 * H, ("0.h", "1.h", "2.h"),
        {"layers": 3, "norm": True, "residual": True}, "gru_before", plans=("chunked", "newton"),
    ),
    NetRow(
        "bidirectional", TWO_WAYS, lambda D, H: 2 * lstm(D, H), STATES, {}, "lstm", lambda H: 2 * H,
        plans=("chunked", "newton"), causal=False,
    ),
    NetRow(
        "stacked", nets.stacked(TWO_WAYS, [4, 4]), lambda D, H: 2 * lstm(D, H) + 2 * lstm(2 * H, H),
        (*(f"0.{name}" for name in STATES), *(f"1.{name}" for name in STATES)), DEEP_TWO_WAYS, "lstm", lambda H: 2 * H,
        plans=("chunked", "newton"), causal=False,
    ),
    NetRow(
        "sliding_window", nets.sliding_window(nets.bidirectional(nets.cell(cells.elman("tanh")), 1), zeros(2), 3, 2),
        lambda D, H: 2 * affine(1, D, H), (), {"past": 3, "ahead": 2}, "elman", lambda H: 2 * H,
        plans=("chunked", "newton"), causal=False,
    ),
    NetRow(
        "fsmn", nets.fsmn(1, 2, 1, "tanh"), lambda D, H: D * H + H + 2 * H * H + H + 4, ("0",),
        {"past": 2, "ahead": 1, "layers": 1, "memory": "scalar", "activation": "tanh"}, plans=("associative",),
        reference="chunked", causal=False,
    ),
    NetRow(
        "stacked", nets.stacked(nets.cell(linear.min_gru), [1, 1]),
        lambda D, H: 2 * (D * H + H) + 2 * (H * H + H), ("0.h", "1.h"), {}, "min_gru",
        plans=("chunked", "associative"),
    ),
    NetRow(
        "bidirectional", nets.bidirectional(nets.cell(simple.clockwork((1, 2, 4, 8))), 2),
        lambda D, H: 2 * affine(1, D, H), CLOCKED, {}, "clockwork", lambda H: 2 * H, causal=False, clock=("t",),
    ),
    NetRow(
        "plain", nets.deep(3, "tanh", False), lambda D, H: D * H + H + 3 * (H * H + H), (),
        {"depth": 3, "activation": "tanh"}, plans=("chunked", "associative"),
    ),
    NetRow(
        "highway", nets.deep(3, "tanh", True), lambda D, H: D * H + H + 6 * (H * H + H), (),
        {"depth": 3, "activation": "tanh"}, plans=("chunked", "associative"),
    ),
]  # fmt: skip
