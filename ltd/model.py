"""embed -> cell -> read-out, and the one line where objects become (graphdef, parameters)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Bool, Float, Num

from ltd import config, initializers, results
from ltd.cells import constructor, rescale, width_of
from ltd.settings import Initial, Plan, Run
from ltd.streams import stream
from ltd.trees import disassemble, flat
from ltd.types import Sizes, State, Task
from ltd.unroll import check, unroll
from tasks import TASKS


class Model(nnx.Module):
    """A cell between an embedding and a linear read-out.

        y_t = h_t V + b_y

    Shapes
        inputs  [T, B, D] float, or [T, B] tokens, which become one-hot
        y       [T, B, O]
        V, b_y  read-out of the cell's outputs, `width` of them   (H, O), (O,)
        start   learned initial state, one vector per part of the state, only where `initial.type` is learned
    """

    def __init__(self, key: Array, cell: Any, outputs: int, tokens: bool, initial: Initial):
        self.cell, self.tokens, self.initial = cell, tokens, initial
        self.V = nnx.Param(initializers.uniform_fan_in(key, (width_of(cell), outputs)))
        self.b_y = nnx.Param(jnp.zeros(outputs, jnp.result_type(float)))
        learned = jax.tree.leaves(cell.initial_state(())) if initial.type == "learned" else []
        self.start = nnx.List([nnx.Param(leaf) for leaf in learned])

    def embed(self, inputs: Num[Array, "T B *D"]) -> Float[Array, "T B D"]:
        """Tokens as one-hot vectors, numbers as they are."""
        if self.tokens:
            return jax.nn.one_hot(inputs, self.cell.inputs, dtype=jnp.result_type(float))
        return inputs.astype(jnp.result_type(float))

    def initial_state(self, batch: int, key: Array | None = None) -> State:
        """The state before the first step. Noise needs a key; without one it is left out, as in evaluation."""
        state = self.cell.initial_state((batch,))
        if self.initial.type == "constant":
            return jax.tree.map(lambda leaf: leaf + jnp.asarray(self.initial.value, leaf.dtype), state)
        leaves, form = jax.tree.flatten(state)
        if self.initial.type == "learned":
            leaves = [leaf + learned[...] for leaf, learned in zip(leaves, self.start, strict=True)]
        elif self.initial.type == "noise" and key is not None:
            keys = jax.random.split(key, len(leaves))
            leaves = [
                leaf + self.initial.value * jax.random.normal(k, leaf.shape, leaf.dtype)
                for leaf, k in zip(leaves, keys, strict=True)
            ]
        return jax.tree.unflatten(form, leaves)

    def readout(self, hidden: Float[Array, "T B H"]) -> Float[Array, "T B O"]:
        """y = h V + b_y."""
        return hidden @ self.V[...] + self.b_y[...]

    def __call__(
        self,
        inputs: Num[Array, "T B *D"],
        plan: Plan = Plan(),
        valid: Bool[Array, "T B"] | None = None,
        key: Array | None = None,
    ) -> Float[Array, "T B O"]:
        """Outputs at every step."""
        state = self.initial_state(inputs.shape[1], key)
        return self.readout(unroll(self.cell, self.embed(inputs), state, plan, valid)[1])


def cell_options(choice: config.Choice) -> dict[str, Any]:
    """All options of a cell, defaults filled in."""
    return config.call(constructor(choice.type), choice, "cell", given=("key", "inputs"))


def make_cell(choice: config.Choice, inputs: int) -> Callable[[Array], Any]:
    """key -> cell, its options checked now."""
    build, options = constructor(choice.type), cell_options(choice)
    with config.explained("cell"):
        jax.eval_shape(lambda key: disassemble(build(key, inputs, **options))[1], jax.random.key(0))
    return lambda key: build(key, inputs, **options)


def make_model(settings: Run, task: Sizes) -> Callable[..., Model]:
    """(key, rho, sigma) -> model; checked now, jit- and vmap-able later."""
    check(settings.plan)
    cell = make_cell(settings.cell, task.inputs)

    def build(key: Array, rho=None, sigma=None) -> Model:
        body = cell(stream(key, "cell"))
        rescale(body, rho, sigma)
        return Model(stream(key, "readout"), body, task.outputs, task.tokens, settings.initial)

    with config.explained():
        jax.eval_shape(lambda key: disassemble(build(key, settings.rho, settings.sigma))[1], jax.random.key(0))
    return build


def task_options(choice: config.Choice) -> dict[str, Any]:
    """All options of a task, defaults filled in."""
    return config.call(config.resolve(choice.type, TASKS, "task"), choice, "task")


def make_task(choice: config.Choice) -> Task:
    """The task of that name with its options, checked."""
    build = config.resolve(choice.type, TASKS, "task")
    with config.explained("task"):
        return build(**task_options(choice))


def load(folder: Path | str) -> tuple[Model, Run, Task]:
    """The trained network of a run folder, its settings, its task.

    Raises
        ConfigError  where the folder is missing, unfinished or corrupt.
    """
    record = results.read_run(Path(folder))
    run = config.decode(Run, record.config)
    task = make_task(run.task)
    sketch = jax.eval_shape(lambda key: make_model(run, task)(key, run.rho, run.sigma), jax.random.key(0))
    graphdef, params, rest = disassemble(sketch)
    stored = results.read_params(Path(folder))
    wanted = flat(params)
    if set(wanted) != set(stored) or any(stored[n].shape != leaf.shape for n, leaf in wanted.items()):
        raise config.ConfigError(f"{folder}/params.npz does not hold the parameters of its config: run it again.")
    leaves = [jnp.asarray(stored[name], leaf.dtype) for name, leaf in wanted.items()]
    return nnx.merge(graphdef, jax.tree.unflatten(jax.tree.structure(params), leaves), rest), run, task
