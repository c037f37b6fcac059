"""Lanes: one compiled program runs many seeds and settings, spread over the devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

SMALL = 64  # states up to this size gain from vmap on a CPU; larger ones run in sequence on each core


def over_lanes(function: Callable, size: int, lanes: int, shared: int = 0) -> Callable:
    """The function mapped over the leading axis of its arguments; every lane gets the last `shared` of them whole.

    Lanes are split over the local devices. Inside each device they are vectorised (`vmap`) on an accelerator or
    for states of up to 64 numbers, else run one after the other: chosen by `size`, the numbers in one state.
    """
    devices = jax.local_devices()
    count = min(len(devices), lanes)
    vectorised = devices[0].platform != "cpu" or size <= SMALL

    def inside(own, common):
        if vectorised:
            return jax.vmap(lambda a: function(*a, *common))(own)
        return jax.lax.map(lambda a: function(*a, *common), own)

    mesh = Mesh(np.array(devices[:count]), ("lane",))
    specs = (P("lane"), P())
    spread = jax.jit(jax.shard_map(inside, mesh=mesh, in_specs=specs, out_specs=P("lane"), check_vma=False))
    short = -lanes % count

    def padded(*arguments):
        own, common = arguments[: len(arguments) - shared], arguments[len(arguments) - shared :]
        if not short:
            return spread(own, common)
        grown = jax.tree.map(lambda a: jnp.concatenate([a, jnp.repeat(a[-1:], short, axis=0)]), own)
        return jax.tree.map(lambda a: a[:lanes], spread(grown, common))

    return padded


def stack(rows: Sequence[dict[str, Any]]) -> dict[str, jax.Array]:
    """Lanes as arrays: name -> one value per lane. Whole numbers become uint32, the others the default float."""
    out = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        whole = all(isinstance(v, int) for v in values) and name.rpartition(".")[2] == "seed"
        out[name] = jnp.array(values, jnp.uint32 if whole else jnp.result_type(float))
    return out
