"""A check that the parts of a user's own net fit together."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ltd.cells.yours import call_part, shapes
from ltd.config import ConfigError
from ltd.settings import Plan
from ltd.unroll import plans_of

METHODS = ("initial_state", "over")


def check_net(net: Any, name: str) -> None:
    """Refuse a user's net whose parts do not fit together, by shapes alone.

    Raises
        ConfigError  that names the part and what it must return.
    """
    for part in (*METHODS, "inputs", "width"):
        if not hasattr(net, part):
            raise ConfigError(f"net {name!r} has no {part}: a net offers {', '.join(METHODS)}, inputs and width.")
    length, batch = 3, 2
    inputs = jax.ShapeDtypeStruct((length, batch, net.inputs), jnp.result_type(float))
    plan = Plan("chunked" if "chunked" in plans_of(net) else plans_of(net)[0])

    def whole(inputs: jax.Array) -> tuple[Any, Any]:
        state = call_part(net, "net", name, "initial_state", (batch,))
        return state, call_part(net, "net", name, "over", inputs, state, plan, None, None)

    state, returned = jax.eval_shape(whole, inputs)
    if not (isinstance(returned, tuple) and len(returned) == 2):
        raise ConfigError(f"net {name!r}: over must return (state, outputs), not {type(returned).__name__}.")
    new, outputs = returned
    if shapes(state) != shapes(new):
        raise ConfigError(
            f"net {name!r}: over returns the state {shapes(new)}, initial_state gave {shapes(state)}: they must agree."
        )
    if getattr(outputs, "shape", None) != (length, batch, net.width):
        raise ConfigError(
            f"net {name!r}: over returns outputs of shape {getattr(outputs, 'shape', None)}, not "
            f"(steps, batch, {net.width}): set `width` to the size of the output."
        )
