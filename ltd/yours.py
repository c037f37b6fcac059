"""A check that the parts of a user's own task fit together."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ltd.config import ConfigError
from ltd.types import Batch, Levels, Score, Source, Success, Task


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _lags(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(lag, int) for lag in value)


SAYS: dict[str, tuple[Callable[[Any], bool], str]] = {  # part -> what fits, in words
    "name": (lambda value: isinstance(value, str), "text"),
    "source": (lambda value: isinstance(value, Source), "a Source of ltd.types"),
    "inputs": (_count, "a whole number above 0"),
    "tokens": (_truth, "true or false"),
    "outputs": (_count, "a whole number above 0"),
    "steps": (_count, "a whole number above 0"),
    "padded": (_truth, "true or false"),
    "lag": (_lags, "(shortest, longest) way in steps from an input to the output that needs it"),
    "success": (lambda value: value is None or isinstance(value, Success), "None or a Success of ltd.types"),
    **dict.fromkeys(("sample", "loss", "metric", "wrong", "scores", "levels"), (callable, "a method")),
}
KINDS = {jnp.integer: "whole numbers", jnp.floating: "numbers", jnp.bool_: "truth values", jnp.generic: "anything"}


def check_task(build: Callable[[], Any], name: str) -> Task:
    """A user's task, whose parts fit together: by shapes alone, but for its levels, which are computed.

    Raises
        ConfigError  that names the part that is missing or wrong, and what it must be.
    """
    task = _tried(build, name, "its constructor")
    for part, (fits, words) in SAYS.items():
        try:
            value = getattr(task, part)
        except AttributeError as error:
            raise ConfigError(f"task {name!r} has no {error.name}: a task offers {', '.join(SAYS)}.") from None
        if not fits(value):
            raise ConfigError(f"task {name!r}: {part} = {value!r} must be {words}.")
    _check_shapes(task, name)
    levels = _tried(task.levels, name, "levels")
    if not isinstance(levels, Levels) or not all(isinstance(level, Score) for level in levels):
        raise ConfigError(
            f"task {name!r}: levels must return Levels(blind, strict, optimum), each a Score of ltd.types."
        )
    return task


def _check_shapes(task: Task, name: str) -> None:
    def shaped(part: str, call: Callable, *arguments: Any) -> Any:
        return _tried(lambda: jax.eval_shape(call, *arguments), name, part)

    def holds(what: str, found: Any, shape: tuple[int, ...], kind: Any) -> None:
        has, dtype = getattr(found, "shape", None), getattr(found, "dtype", None)
        if has != shape or dtype is None or not jnp.issubdtype(dtype, kind):
            raise ConfigError(
                f"task {name!r}: {what} has shape {has} and type {dtype}: must be {KINDS[kind]}, {shape}."
            )

    size = 2
    batch = shaped("sample", lambda key: task.sample(key, size), jax.random.key(0))
    if not isinstance(batch, Batch):
        raise ConfigError(f"task {name!r}: sample must return a Batch of ltd.types, not a {type(batch).__name__}.")
    place = (task.steps, size)
    holds(
        "sample: inputs",
        batch.inputs,
        *((place, jnp.integer) if task.tokens else ((*place, task.inputs), jnp.floating)),
    )
    holds(
        "sample: targets", batch.targets, place if np.ndim(batch.targets) == 2 else (*place, task.outputs), jnp.generic
    )
    for field in ("scored", "valid"):
        if field == "scored" or batch.valid is not None:
            holds(f"sample: {field}", getattr(batch, field), place, jnp.bool_)
    outputs = jax.ShapeDtypeStruct((*place, task.outputs), jnp.result_type(float))
    holds("loss", shaped("loss", task.loss, outputs, batch), (), jnp.floating)
    holds("metric", shaped("metric", task.metric, outputs, batch), (), jnp.floating)
    holds("wrong", shaped("wrong", task.wrong, outputs, batch), (size,), jnp.bool_)
    if not isinstance(scores := shaped("scores", task.scores, outputs, batch), dict):
        raise ConfigError(
            f"task {name!r}: scores must return a dict, which may be empty, not a {type(scores).__name__}."
        )


def _tried(call: Callable[[], Any], name: str, part: str) -> Any:
    """What the call gives; what it raises becomes one line, with the place in the user's file."""
    try:
        return call()
    except ConfigError:
        raise
    except Exception as error:
        file = getattr(sys.modules.get(name.partition(":")[0]), "__file__", None)
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        words = " ".join([type(error).__name__ + ":", *(str(error).strip().splitlines() or [""])[0].split()])
        at = f"; line {lines[-1]} of {file}" if lines else ""
        raise ConfigError(f"task {name!r}: {part} fails ({words}{at}).") from None
