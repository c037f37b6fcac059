"""A network laid open along the axis that a gradient travels: time for what recurs, depth for a deep net."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from ltd.cells.base import cells_of, named
from ltd.config import ConfigError
from ltd.trees import disassemble
from ltd.types import Batch, Network, State
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


def chain(model: Network, batch: Batch, alone: Array | None = None) -> Chain | None:
    """The chain of a network, or None where there is no state between steps: it sees the future, or nothing but now.

    With a key, `alone`, the network is left to itself: its inputs are zero, and its state begins at N(0, 1) numbers.
    The derivatives are those of the step as it is, where cells are trained with a truncated one, too.
    """
    net, inputs = _untruncated(model.net), model.embed(batch.inputs)
    if alone is not None:
        inputs = jnp.zeros_like(inputs)
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
    if alone is not None:
        start = _drawn(alone, start, getattr(net, "clock", ()) + getattr(net, "fixed", ()))
    _, before, drive, outputs = trajectory(net, inputs, start, batch.valid)
    kernel = net.kernel()

    def step(state, item):
        d, v = item
        return masked(lambda s: net.step(kernel, s, d), v)(state)

    alias = output_leaf(net, inputs[0], start)
    return Chain(before, (drive, batch.valid), step, outputs, batch.valid, alias, False)


def _untruncated(net: Any) -> Any:
    """The net with whole derivatives in all of its cells."""
    if not any(getattr(cell, "truncate", False) for cell in cells_of(net).values()):
        return net
    own = nnx.merge(*disassemble(net))
    for cell in cells_of(own).values():
        cell.truncate = False
    return own


def chain_of(model: Network, batch: Batch, probe: str, alone: Array | None = None) -> Chain:
    """The chain of a network for a probe that cannot do without.

    Raises
        ConfigError  where there is no state between steps.
    """
    found = chain(model, batch, alone)
    if found is None:
        name = type(getattr(model.net, "cell", model.net)).__name__
        raise ConfigError(f"probe {probe!r} needs a state between steps, and {name} has none: take gradient.")
    return found


def _drawn(key: Array, state: State, kept: tuple[str, ...]) -> State:
    """N(0, 1) numbers in place of a state, but for the parts that are `kept`."""
    paths, form = jax.tree_util.tree_flatten_with_path(state)
    keys = jax.random.split(key, len(paths))
    drawn = [
        leaf if named(path, kept) else jax.random.normal(k, leaf.shape, leaf.dtype)
        for (path, leaf), k in zip(paths, keys, strict=True)
    ]
    return jax.tree.unflatten(form, drawn)


def parts(state: Any) -> list[str]:
    """The names of the parts of a state: its fields (`h`, in a stack `1.h`), or numbers where it has none."""
    paths = jax.tree_util.tree_leaves_with_path(state)
    return [".".join(str(getattr(k, "name", getattr(k, "idx", k))) for k in path) or "0" for path, _ in paths]


class Vector(NamedTuple):
    """A state as a vector of the numbers in which it remembers: all but its clocks, which stay as they are."""

    clock: tuple[str, ...]

    def of(self, state: State) -> Float[Array, "B S"]:
        """The parts side by side, one row per sample."""
        return jnp.concatenate(list(self.parts(state).values()), axis=-1)

    def parts(self, state: State) -> dict[str, Float[Array, "B S"]]:
        """The parts by name, each flat."""
        paths = [p for p, _ in jax.tree_util.tree_leaves_with_path(state)]
        each = zip(parts(state), paths, jax.tree.leaves(state), strict=True)
        return {n: leaf.reshape(leaf.shape[0], -1) for n, path, leaf in each if not named(path, self.clock)}

    def into(self, vector: Float[Array, "B S"], state: State) -> State:
        """The state with these numbers in it."""
        paths, form = jax.tree_util.tree_flatten_with_path(state)
        leaves, at = [], 0
        for path, leaf in paths:
            if not named(path, self.clock):
                size = leaf[0].size
                leaf = vector[:, at : at + size].reshape(leaf.shape)
                at += size
            leaves.append(leaf)
        return jax.tree.unflatten(form, leaves)
