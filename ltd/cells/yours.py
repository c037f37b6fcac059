"""A cell of yours: a function as a cell, and a check that the parts of a class fit together."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from ltd.cells.base import RecurrentCell, at_least_one, width_of
from ltd.config import ConfigError
from ltd.types import State

PARTS = ("initial_state", "kernel", "project", "step")
ARGUMENTS = ("params", "state", "x")


class FunctionCell(RecurrentCell):
    """A cell from a function `(params, state, x) -> (state, y)`.

        params, state = function.init(key, inputs, **options)

    Shapes
        params  any nested dict, list or tuple of arrays; {"a": {"b": w}} is named `weights.a.b`
        state   any nested tuple or dict of arrays, without a batch axis: the state before the first step, the same for
                every key
        x       one input                      (B, D)
        y       the output of one step         (B, width)

    In the function the parts of the state carry the batch as their first axis. The whole function stays in the loop.
    """

    key = "-"

    def __init__(self, function: Callable, key: Array, inputs: int, options: dict[str, Any]):
        at_least_one(inputs=inputs)
        params, _ = function.init(key, inputs, **options)  # type: ignore[attr-defined]
        with jax.ensure_compile_time_eval():
            _, start = function.init(jax.random.key(0), inputs, **options)  # type: ignore[attr-defined]
        named, self.form = jax.tree_util.tree_flatten_with_path(params)
        names = [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in named]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"two parameters are named {twice[0]!r}: nested names are joined by dots, rename one.")
        self.function, self.inputs = function, inputs
        dtype = jnp.result_type(float)
        self.weights = nnx.Dict({n: nnx.Param(jnp.asarray(w, dtype)) for n, (_, w) in zip(names, named, strict=True)})
        self.names = tuple(names)
        parts, self.state_form = jax.tree.flatten(start)
        # plain numbers: a module holds no arrays but its parameters
        self.start = tuple((part.shape, tuple(np.ravel(part).tolist())) for part in parts)
        one = jax.eval_shape(lambda: self.step(self.kernel(), self.initial_state((1,)), jnp.zeros((1, inputs), dtype)))
        self.hidden = one[1].shape[-1]

    def initial_state(self, batch: tuple[int, ...]) -> State:
        """What the initialiser gave, once per sequence."""
        dtype = jnp.result_type(float)
        parts = [jnp.array(numbers, dtype).reshape(shape) for shape, numbers in self.start]
        spread = [jnp.broadcast_to(part, (*batch, *part.shape)) for part in parts]
        return jax.tree.unflatten(self.state_form, spread)

    def kernel(self):
        """The parameters as the function wants them."""
        return jax.tree.unflatten(self.form, [self.weights[name][...] for name in self.names])

    def project(self, inputs: Array) -> Array:
        """The input as it is."""
        return inputs

    def step(self, kernel, state: State, drive: Array) -> tuple[State, Array]:
        """One call of the function."""
        return self.function(kernel, state, drive)


def from_function(function: Callable) -> Callable[..., FunctionCell]:
    """A constructor `(key, inputs, **options)`, its options those of `function.init`."""
    name = getattr(function, "__name__", "function")
    init = getattr(function, "init", None)
    if not callable(init):
        raise ConfigError(
            f"function {name!r} has no initialiser: set {name}.init to a function (key, inputs) -> (params, state)."
        )
    takes = list(inspect.signature(init).parameters.values())
    if len(takes) < 2:
        raise ConfigError(f"the initialiser of {name!r} must take (key, inputs, ...) and return (params, state).")

    def build(key: Array, inputs: int, **options: Any) -> FunctionCell:
        return FunctionCell(function, key, inputs, options)

    first = [p for p in inspect.signature(build).parameters.values() if p.kind is not p.VAR_KEYWORD]
    build.__signature__ = inspect.Signature([*first, *(p.replace(kind=p.KEYWORD_ONLY) for p in takes[2:])])  # type: ignore[attr-defined]
    build.__annotations__ |= {p.name: p.annotation for p in takes[2:] if p.annotation is not p.empty}
    build.__name__, build.__doc__ = name, function.__doc__
    return build


def is_step(thing: Any) -> bool:
    """Whether this is a function `(params, state, x)` rather than a constructor `(key, inputs, ...)`."""
    if not inspect.isfunction(thing):
        return False
    return hasattr(thing, "init") or tuple(inspect.signature(thing).parameters)[:3] == ARGUMENTS


def call_part(owner: Any, kind: str, name: str, part: str, *arguments: Any) -> Any:
    """What a method returns; where it does not take these arguments, an error that says so."""
    try:
        return getattr(owner, part)(*arguments)
    except TypeError as error:
        if "positional argument" not in str(error) and "keyword argument" not in str(error):
            raise
        raise ConfigError(f"{kind} {name!r}: {part} has a wrong signature ({error}).") from None


def shapes(state: State) -> Any:
    """The shape and the type of every part of a state."""
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype.name), state)


def check_cell(cell: Any, name: str) -> None:
    """Refuse a user's cell whose parts do not fit together, by shapes alone.

    Raises
        ConfigError  that names the part and what it must return.
    """
    for part in (*PARTS, "inputs", "hidden"):
        if not hasattr(cell, part):
            raise ConfigError(f"cell {name!r} has no {part}: a cell offers {', '.join(PARTS)}, inputs and hidden.")
    batch = 2
    call = functools.partial(call_part, cell, "cell", name)
    state = call("initial_state", (batch,))
    drive = call("project", jnp.zeros((batch, cell.inputs), jnp.result_type(float)))
    returned = call("step", call("kernel"), state, drive)
    if not (isinstance(returned, tuple) and len(returned) == 2):
        raise ConfigError(f"cell {name!r}: step must return (state, output), not {type(returned).__name__}.")
    new, output = returned
    before, after = shapes(state), shapes(new)
    if before != after:
        raise ConfigError(
            f"cell {name!r}: step returns the state {after}, initial_state gave {before}: they must agree."
        )
    if output.shape != (batch, width_of(cell)):
        raise ConfigError(
            f"cell {name!r}: step returns an output of shape {output.shape}, not (batch, {width_of(cell)}): "
            "set `width` to the size of the output."
        )
