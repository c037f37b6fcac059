"""Random weights instead of training: a task that guessing solves says nothing about memory.

Every number that training would move is drawn from U[-scale, scale], again and again, and each network is held against
the task's success rule, twice on fresh data as in training. A bound on the training loss is left out, since there is no
training: guessing has it easier.

Source
    Hochreiter & Schmidhuber (1996), Bridging long time lags by weight guessing and "Long Short-Term Memory"; their
    range of weights, [-100, 100], is recalled, not checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ltd.settings import Guess
from ltd.stats import wilson
from ltd.streams import stream
from ltd.sweep import over_lanes

AT_ONCE = 64  # networks per call of the compiled program


def draw(sketch: Any, key: Array, scale: float) -> Any:
    """Parameters shaped like the sketch, every number uniform on [-scale, scale]."""
    leaves, form = jax.tree.flatten(sketch)
    keys = jax.random.split(key, len(leaves))
    return jax.tree.unflatten(
        form,
        [jax.random.uniform(k, s.shape, s.dtype, -scale, scale) for k, s in zip(keys, leaves, strict=True)],
    )


def guess(
    settings: Guess,
    sketch: Any,
    holds: Callable[[Any, Array], Array],
    size: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """How many of `settings.guesses` random networks pass `holds(params, key)` twice.

    `sketch` has the shapes of the parameters, `size` is that of a state (see `over_lanes`). Guess i is the same
    whatever the number of guesses.
    """

    def one(number: Array) -> Array:
        key = jax.random.fold_in(jax.random.key(settings.seed), number)
        params = draw(sketch, stream(key, "weights"), settings.scale)
        first = holds(params, stream(key, "first check"))
        return first & jax.lax.cond(first, lambda: holds(params, stream(key, "second check")), lambda: jnp.bool_(False))

    total = settings.guesses
    count = min(AT_ONCE, total)
    program = over_lanes(one, size, count)
    solved: list[int] = []
    for start in range(0, total, count):
        numbers = np.arange(start, start + count)
        right = np.asarray(program(jnp.asarray(numbers, jnp.uint32)))
        solved += [int(n) for n in numbers[right & (numbers < total)]]
        if progress:
            progress(min(start + count, total), total)
    low, high = wilson(len(solved), total)
    return {
        "guesses": total,
        "solved": len(solved),
        "first": solved[0] + 1 if solved else None,
        "share": len(solved) / total,
        "low": low,
        "high": high,
    }


def sentence(found: dict[str, Any]) -> str:
    """The result in words."""
    total = found["guesses"]
    if not found["solved"]:
        return f"none of {total} random networks solves the task (at most {found['high']:.2g} of them do, 95 %)"
    solved, first = found["solved"], found["first"]
    return (
        f"{solved} of {total} random networks solve the task: one in {total / solved:.3g}, the first is number {first}"
    )
