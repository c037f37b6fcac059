"""Lanes: one compiled program runs many seeds and settings, spread over the devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

SHARE, WORTH, HEAVY = 4, 1 << 14, 3 << 19  # see `shares`: sequences, numbers of state, bytes of weights
SMALL = 64  # states up to this size gain from vmap on a CPU; larger ones run in sequence on each core


def vectorised(size: int) -> bool:
    """Whether the lanes of a device go through one program together: on an accelerator, or where states are small."""
    return jax.local_devices()[0].platform != "cpu" or size <= SMALL


def shares(batch: int, numbers: int, weights: int, there: int | None = None) -> int:
    """Over how many cores the batch of a run that is alone is worth being spread: the most that divide it.

    By the numbers of state over all its steps, of which each core should have enough to be worth the handing over, and
    by the bytes of its weights: each core reads all of them, for products that are thinner then. Measured on 2 cores.
    """
    there = len(jax.local_devices()) if there is None else there
    most = min(there, batch // SHARE, numbers // WORTH) if weights <= HEAVY else 1
    return next((count for count in range(most, 1, -1) if batch % count == 0), 1)


def places(lanes: int) -> int:
    """The number of lanes, rounded up so that every device that has one has as many."""
    count = min(len(jax.local_devices()), lanes)
    return -(-lanes // count) * count


def over_lanes(function: Callable, size: int, lanes: int, shared: int = 0, split: bool = True) -> Callable:
    """The function mapped over the leading axis of its arguments; every lane gets the last `shared` of them whole.

    Lanes are split over the local devices. Inside each device they are vectorised (`vmap`) on an accelerator or
    for states of up to 64 numbers, else run one after the other: chosen by `size`, the numbers in one state.
    Where the devices get as many lanes each (see `places`), what comes back is a jitted function, with its `lower`.
    Without `split` they run one after the other: for a function that spreads over the devices by itself.
    """
    if not split:
        return jax.jit(lambda *a: jax.lax.map(lambda own: function(*own, *a[len(a) - shared :]), a[: len(a) - shared]))
    count = min(len(jax.local_devices()), lanes)
    mesh = Mesh(np.array(jax.local_devices()[:count]), ("lane",))

    def inside(own, common):
        if vectorised(size):
            return jax.vmap(lambda a: function(*a, *common))(own)
        return jax.lax.map(lambda a: function(*a, *common), own)

    def mapped(*arguments):
        cut = len(arguments) - shared
        whole = jax.shard_map(inside, mesh=mesh, in_specs=(P("lane"), P()), out_specs=P("lane"), check_vma=False)
        return whole(arguments[:cut], arguments[cut:])

    spread, short = jax.jit(mapped), -lanes % count
    if not short:
        return spread

    def padded(*arguments):
        cut = len(arguments) - shared
        own = jax.tree.map(lambda a: jnp.concatenate([a, jnp.repeat(a[-1:], short, axis=0)]), arguments[:cut])
        return jax.tree.map(lambda a: a[:lanes], spread(*own, *arguments[cut:]))

    return padded


def stack(rows: Sequence[dict[str, Any]]) -> dict[str, jax.Array]:
    """Lanes as arrays: name -> one value per lane. Whole numbers become uint32, the others the default float."""
    out = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        whole = all(isinstance(v, int) for v in values) and name.rpartition(".")[2] == "seed"
        out[name] = jnp.array(values, jnp.uint32 if whole else jnp.result_type(float))
    return out
