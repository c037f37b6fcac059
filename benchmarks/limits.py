"""What bounds a gradient step on this machine: the parts that no arrangement can do without, timed alone.

    products     the input and the recurrent product forward, the recurrent one backward, and one weight gradient of
                 each, at the shapes in which they occur, on one device or each on its share of the batch
    elementwise  the logistics and hyperbolic tangents of the forward pass
    states       every state written once and read once, from and to main memory

Their sum takes no time for anything else: the products of gates, the derivatives, the loop itself. It is an estimate,
not a proof: weight gradients are timed over up to 16,384 rows, and those of a chunk in the cache can be faster.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

GATES = {"lstm": 4, "gru": 3, "elman": 1}  # widths of H in the recurrent product
FUNCTIONS = {"lstm": (3, 2), "gru": (2, 1), "elman": (0, 1)}  # logistics and tangents for each unit and step
STATES = {"lstm": 2, "gru": 1, "elman": 1}
REPEATS, ENOUGH = 5, 0.03  # and seconds that one timing should take
CACHED, STREAMED = 1 << 14, 1 << 25  # numbers for each device


def limit(case: tuple[str, int, int, int], inputs: int) -> dict[str, float]:
    """Milliseconds of the parts of one gradient step, without the gradient of the inputs."""
    kind, T, B, H = case
    G = GATES[kind] * H
    loop = product(B, H, G) + product(B, G, H)
    whole = product(T * B, inputs, G) + gradient(T * B, inputs, G) + gradient(T * B, H, G)
    logistics, tangents = FUNCTIONS[kind]
    units = T * B * H
    each = logistics * elementwise("logistic") + tangents * elementwise("tanh")
    moved = 2 * STATES[kind] * units * 4
    found = {"products": T * loop + whole, "elementwise": units * each, "states": moved * per_byte()}
    return {name: round(1e3 * seconds, 3) for name, seconds in found.items()}


def product(rows: int, inner: int, columns: int) -> float:
    """Seconds of (rows, inner) @ (inner, columns), on one device or the rows shared among all: the less of the two."""
    return _products(rows, lambda x, w: x @ w, ("rows", inner), (inner, columns))


def gradient(rows: int, inner: int, columns: int) -> float:
    """Seconds of (rows, inner)' @ (rows, columns) likewise, without the sum over the devices."""
    return _products(rows, lambda x, y: x.T @ y, ("rows", inner), ("rows", columns))


def _products(rows: int, multiply: Callable, one: Any, other: Any) -> float:
    import jax

    return min(_product(rows, multiply, one, other, count) for count in {1, len(jax.devices())})


def _product(rows: int, multiply: Callable, one: Any, other: Any, devices: int) -> float:
    """Seconds over so many devices."""
    import jax
    import jax.numpy as jnp

    own = max(1, min(-(-rows // devices), 1 << 14))  # as many rows as matter to the rate
    shapes = [tuple(own if n == "rows" else n for n in shape) for shape in (one, other)]
    count = max(1, min(64, (1 << 22) // max(sum(a * b for a, b in shapes), 1)))  # operands that differ, in the cache

    def alone(xs, y):
        return jax.lax.map(lambda x: multiply(x, y), xs)

    xs = jnp.ones((devices, count, *shapes[0]))
    ys = jnp.ones((devices, *shapes[1]))
    return _seconds(alone, xs, ys) / count * (-(-rows // devices) / own)


def elementwise(name: str) -> float:
    """Seconds for one number, in the cache, all devices at work."""
    import jax
    import jax.numpy as jnp

    function = {"logistic": jax.nn.sigmoid, "tanh": jnp.tanh}[name]
    times = 100

    def alone(x):
        return jax.lax.fori_loop(0, times, lambda _, x: function(x), x)

    devices = len(jax.devices())
    return _seconds(alone, jnp.ones((devices, CACHED))) / (times * CACHED * devices)


def per_byte() -> float:
    """Seconds to read or write one byte of main memory, all devices at work."""
    import jax
    import jax.numpy as jnp

    devices = len(jax.devices())
    return _seconds(lambda x: x + 1, jnp.ones((devices, STREAMED))) / (2 * 4 * STREAMED * devices)


def _seconds(function: Callable, *arguments: Any) -> float:
    """Median seconds of one call on as many devices at once as the arguments have rows, each with its own."""
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    devices = jax.devices()[: len(arguments[0])]
    mesh = jax.make_mesh((len(devices),), ("device",), devices=devices)
    split = PartitionSpec("device")

    def own(*rows):
        return jax.tree.map(lambda a: a[None], function(*(row[0] for row in rows)))

    spread = jax.jit(jax.shard_map(own, mesh=mesh, in_specs=split, out_specs=split, check_vma=False))
    placed = [jax.device_put(a, NamedSharding(mesh, split)) for a in arguments]
    program = spread.lower(*placed).compile()

    def timed(calls: int) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            jax.block_until_ready(program(*placed))
        return (time.perf_counter() - began) / calls

    timed(1)
    calls = max(1, int(ENOUGH / timed(1)))
    return statistics.median(timed(calls) for _ in range(REPEATS))
