"""What must be true of a cell: the columns of the tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from flax import nnx

from ltd.cells import constructor
from ltd.unroll import plans_of


@dataclass(frozen=True, eq=False)
class CellRow:
    """A cell, and its twin in numpy."""

    name: str  # in CELLS, or package.module:Class
    oracle: Callable  # (weights, inputs, state) -> states, outputs; see oracles/cells.py
    parameters: Callable[[int, int], int]  # how many numbers a cell of D inputs and H units learns
    fields: tuple[str, ...] | None  # of the state; None where the state is that of another library
    options: dict[str, Any] = field(default_factory=dict)
    weights: Callable[[Any], dict[str, np.ndarray]] | None = None  # as the oracle names them; None: as the cell does
    order: tuple[int, ...] = (0,)  # which part of the cell's state is the oracle's first, second, ...
    differentiable: bool = True  # false: the gradient is a surrogate
    mixes: bool = True  # its step is one matrix product of the state, then gates without weights
    shapes: Callable[[int], tuple[tuple[int, ...], ...]] | None = None  # of the parts of the state; None: (H,) each
    width: Callable[[int], int] = lambda hidden: hidden  # of the output
    output: str | None = "h"  # the part of the state that is the output, if one is
    from_zero: bool = True  # the state starts at zero
    clock: tuple[str, ...] = ()  # parts of the state that count steps: no gradient reaches them
    flat: bool = False  # some of its gradients are exactly zero
    seeded: bool = True  # its parameters are drawn from the key
    cut: tuple[str, ...] = ()  # parts of the state that a surrogate gradient holds constant
    sizes: tuple[tuple[int, int], ...] = ((3, 4), (1, 6))  # (D, H) at which parameters are counted
    start: Callable[[Any], Any] = lambda state: state  # what the tests' random state becomes before they start from it

    def __str__(self):
        return "-".join([self.name, *map(str, self.options.values())])

    def build(self, key, inputs, hidden):
        return constructor(self.name)(key, inputs, hidden=hidden, **self.options)

    def numpy_weights(self, cell):
        if self.weights is not None:
            return self.weights(cell)
        params = nnx.to_pure_dict(nnx.state(cell, nnx.Param))
        return {name: np.asarray(value) for name, value in params.items()}

    def moving(self, state):
        """The parts of a state that are memory, as a list."""
        constant = self.clock + self.cut
        if not constant:
            return jax.tree.leaves(state)
        return [part for name, part in state._asdict().items() if name not in constant]

    @property
    def own(self):
        return self.fields is not None

    @property
    def plans(self):
        """The plans of its form besides the reference; of `resident`, which is `chunked` by another loop, see
        test_resident.py."""
        cell = nnx.eval_shape(lambda: self.build(jax.random.key(0), 3, 4))
        return [plan for plan in plans_of(cell) if plan not in ("stepwise", "resident")]


def affine(blocks, D, H):
    """`blocks` times W, U and b."""
    return blocks * (D * H + H * H + H)
