"""A network laid open along the axis that a gradient travels: time for what recurs, depth for a deep net."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from ltd.types import Batch, Network
from ltd.unroll import masked, output_leaf, trajectory


class Chain(NamedTuple):
    """States before every step of the chain, and the step.

    Along time a sample is a sequence. Along depth the steps are layers, the state is the activity, and a sample is one
    step of one sequence.
    """

    before: Any  # [S, B, ...]
    items: Any  # what each step is handed, [S, ...]
    step: Callable[[Any, Any], tuple[Any, Array]]  # (state, item) -> (new state, output)
    outputs: Float[Array, "S B W"]
    valid: Array | None  # [S, B]
    alias: int | None  # which part of the new state is the output
    depth: bool

    @property
    def lag(self) -> str:
        """What a lag counts: `lag` steps of time, or `layer`s."""
        return "layer" if self.depth else "lag"

    def direct(self, gradient: Float[Array, "T B W"]) -> Float[Array, "S B W"]:
        """The gradient by the net's outputs as one by the outputs of the chain: along depth it enters at the top."""
        if not self.depth:
            return gradient
        top = gradient.reshape(-1, gradient.shape[-1])
        return jnp.zeros_like(self.outputs).at[-1].set(top)


def chain(model: Network, batch: Batch) -> Chain | None:
    """The chain of a network, or None where there is no state between steps: it sees the future, or nothing but now."""
    net, inputs = model.net, model.embed(batch.inputs)
    if hasattr(net, "layer"):
        first = net.first(inputs)
        flat = first.reshape(-1, first.shape[-1])
        weights = net.layers()

        def up(y, w):
            new = net.layer(w, y)
            return new, new

        _, (before, outputs) = jax.lax.scan(lambda y, w: (up(y, w)[0], (y, up(y, w)[1])), flat, weights)
        return Chain(before, weights, up, outputs, None, 0, True)
    if not (getattr(net, "causal", True) and hasattr(net, "step")):
        return None
    start = model.initial_state(inputs.shape[1])
    if not jax.tree.leaves(start):
        return None
    before, drive, outputs = trajectory(net, inputs, start, batch.valid)
    kernel = net.kernel()

    def step(state, item):
        d, v = item
        return masked(lambda s: net.step(kernel, s, d), v)(state)

    alias = output_leaf(net, inputs[0], start)
    return Chain(before, (drive, batch.valid), step, outputs, batch.valid, alias, False)
