"""What the nets share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Bool, Float

from ltd.cells import width_of
from ltd.unroll import plans_of

Make = Callable[[Array, int], Any]  # (key, inputs) -> the cell or net inside


class RecurrentNet(nnx.Module):
    """What stands between embedding and read-out where a cell alone does not do: see `ltd.types.Net`.

    takes         whether it is made of cells or nets inside
    causal        whether an output sees no later input, so that the net also has the four parts of a cell
    chunked_form  of a net made of no cells: whether `plan.chunk` has a meaning for it
    """

    takes: bool = False
    causal: bool = True
    key: str
    inputs: int
    width: int
    plans: tuple[str, ...] = ("stepwise", "chunked", "associative")
    clock: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    exact: bool = False
    chunked_form: bool = False

    def inside(self) -> list[tuple[str, Any]]:
        """The cells and nets that it is made of, by name."""
        return []


def shared_plans(inside: list[Any]) -> tuple[str, ...]:
    """The plans that all of them allow."""
    return tuple(plan for plan in plans_of(inside[0]) if all(plan in plans_of(each) for each in inside))


def inherit(net: RecurrentNet, inside: list[Any]) -> None:
    """What a net has from those inside it."""
    net.plans = shared_plans(inside)
    net.causal = all(getattr(each, "causal", True) for each in inside)
    net.clock = tuple(dict.fromkeys(name for each in inside for name in getattr(each, "clock", ())))
    net.fixed = tuple(dict.fromkeys(name for each in inside for name in getattr(each, "fixed", ())))
    net.exact = any(getattr(each, "exact", False) for each in inside)
    net.width = width_of(inside[-1])


def gathered(valid: Bool[Array, "T B"] | None, length: int, batch: int):
    """The real steps of each sequence moved to the front: (order, rank, count).

    `order[i, b]` is the step that holds sequence b's i-th real step; `rank[t, b]` how many real steps come before t;
    `count[b]` how many there are.
    """
    if valid is None:
        steps = jnp.broadcast_to(jnp.arange(length)[:, None], (length, batch))
        return steps, steps, jnp.full((batch,), length)
    return jnp.argsort(~valid, axis=0, stable=True), jnp.cumsum(valid, axis=0) - valid, jnp.sum(valid, axis=0)


def taken(sequence: Float[Array, "T B *H"], index) -> Float[Array, "N B *H"]:
    """`sequence[index[i, b], b]`."""
    return jnp.take_along_axis(sequence, index.reshape(*index.shape, *(1,) * (sequence.ndim - 2)), axis=0)


def delays(sequence: Float[Array, "T B H"], buffer: Float[Array, "B K H"], valid, ahead: int = 0):
    """What stood 0, 1, .., K real steps back at every step, and the buffer after the last.

    The buffer holds the K steps before the first, the oldest first. With `ahead` the list goes on with what will stand
    1, .., `ahead` real steps later, zero beyond the end.
    """
    length, batch, _ = sequence.shape
    past = buffer.shape[1]
    order, rank, count = gathered(valid, length, batch)
    front = taken(sequence, order)
    live = jnp.arange(length)[:, None] < count
    front = jnp.where(live[..., None], front, 0)
    line = jnp.concatenate([jnp.swapaxes(buffer, 0, 1), front, jnp.zeros((ahead, *front.shape[1:]), front.dtype)])
    found = [taken(line, rank + past - k) for k in [*range(past + 1), *range(-1, -ahead - 1, -1)]]
    last = taken(line, count + jnp.arange(past)[:, None])
    return found, jnp.swapaxes(last, 0, 1)


def pushed(buffer: Float[Array, "B K H"], new: Float[Array, "B H"]) -> Float[Array, "B K H"]:
    """The buffer one step later."""
    return jnp.concatenate([buffer, new[:, None]], axis=1)[:, 1:]
