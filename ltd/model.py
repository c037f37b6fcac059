"""embed -> net -> read-out, and the one line where objects become (graphdef, parameters)."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Bool, Float, Num

from ltd import config, initializers, nets, results
from ltd.cells import CELLS, check_cell, constructor, rescale, width_of
from ltd.cells.base import cast, named
from ltd.settings import Initial, Plan, Run
from ltd.streams import stream
from ltd.trees import disassemble, flat
from ltd.types import Sizes, State, Task
from ltd.unroll import check, check_chunk, masked, unroll
from ltd.yours import check_task
from tasks import TASKS


class Model(nnx.Module):
    """A cell or net between an embedding and a linear read-out.

        y_t = h_t V + b_y

    With `feedback` the net also sees the output of the step before, as in the network of Jordan: its inputs are
    [x_t; y_{t-1}], with y_0 = 0. Where targets are given they stand for these outputs (teacher forcing: Williams &
    Zipser 1989, Neural Computation 1(2), 270-280; A1.31), all steps are known at once, and no gradient goes through
    what is fed back.

    Shapes
        inputs  [T, B, D] float, or [T, B] tokens, which become one-hot
        y       [T, B, O]
        V, b_y  read-out of the net's outputs, `width` of them   (width, O), (O,)
        start   learned initial state, one vector per part of the state, only where `initial.type` is learned
    """

    def __init__(self, key: Array, net: Any, outputs: int, tokens: bool, initial: Initial, feedback: str = "none"):
        self.net, self.tokens, self.initial = net, tokens, initial
        self.fed = outputs if feedback != "none" else 0  # numbers that are fed back
        self.V = nnx.Param(initializers.uniform_fan_in(key, (width_of(net), outputs)))
        self.b_y = nnx.Param(jnp.zeros(outputs, jnp.result_type(float)))
        learned = self._memory(net.initial_state(())) if initial.type == "learned" else []
        self.start = nnx.List([nnx.Param(leaf) for leaf in learned])

    def embed(self, inputs: Num[Array, "T B *D"]) -> Float[Array, "T B D"]:
        """Tokens as one-hot vectors, numbers as they are."""
        if self.tokens:
            return jax.nn.one_hot(inputs, self.net.inputs - self.fed, dtype=jnp.result_type(float))
        return inputs.astype(jnp.result_type(float))

    def initial_state(self, batch: int, key: Array | None = None) -> State:
        """The state before the first step. Noise needs a key; without one it is left out, as in evaluation."""
        state = self.net.initial_state((batch,))
        leaves = self._memory(state)
        if self.initial.type == "constant":
            leaves = [leaf + jnp.asarray(self.initial.value, leaf.dtype) for leaf in leaves]
        elif self.initial.type == "learned":
            leaves = [leaf + learned[...] for leaf, learned in zip(leaves, self.start, strict=True)]
        elif self.initial.type == "noise" and key is not None:
            keys = jax.random.split(key, len(leaves))
            leaves = [
                leaf + self.initial.value * jax.random.normal(k, leaf.shape, leaf.dtype)
                for leaf, k in zip(leaves, keys, strict=True)
            ]
        new = iter(leaves)
        return jax.tree_util.tree_map_with_path(lambda p, old: old if self._fixed(p) else next(new), state)

    def _memory(self, state: State) -> list[Array]:
        """The parts of a state whose start is free: neither a clock nor a normaliser."""
        return [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state) if not self._fixed(path)]

    def _fixed(self, path: Any) -> bool:
        return named(path, getattr(self.net, "clock", ()) + getattr(self.net, "fixed", ()))

    def readout(self, hidden: Float[Array, "T B H"]) -> Float[Array, "T B O"]:
        """y = h V + b_y."""
        return hidden @ self.V[...] + self.b_y[...]

    def __call__(
        self,
        inputs: Num[Array, "T B *D"],
        plan: Plan = Plan(),
        valid: Bool[Array, "T B"] | None = None,
        key: Array | None = None,
        half: bool = False,
        over: Callable = unroll,
        targets: Float[Array, "T B O"] | None = None,
    ) -> Float[Array, "T B O"]:
        """Outputs at every step. The key is for what is random in training: a noisy start, dropout between layers.

        With `half` the net runs in bfloat16: its weights, inputs, states and outputs are rounded to 8 bits, the
        read-out is not. A net with a cell that is `exact` (it needs LAPACK, or complex numbers) stays in float32.
        `over` stands in for `unroll` where training truncates the gradient (`ltd.gradients`). With `feedback`, and
        without `targets`, every step is made in turn, whatever the plan.
        """
        state, net, seen = self.initial_state(inputs.shape[1], key), self.net, self.embed(inputs)
        if half and not getattr(net, "exact", False):
            graphdef, params, rest = disassemble(net)
            params, seen = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), (params, seen))
            state = cast(state, jnp.bfloat16, getattr(net, "clock", ()))
            net = nnx.merge(graphdef, params, rest)
        if self.fed and targets is None:
            return self._feed(net, seen, state, valid)
        if self.fed:
            before = jnp.concatenate([jnp.zeros_like(targets[:1]), targets[:-1]])  # type: ignore[index]
            seen = jnp.concatenate([seen, before.astype(seen.dtype)], axis=-1)
        inside = None if key is None else stream(key, "net")
        outputs = over(net, seen, state, plan, valid, inside)[1]
        return self.readout(outputs.astype(self.V[...].dtype))

    def _feed(self, net: Any, seen: Array, state: State, valid: Array | None) -> Float[Array, "T B O"]:
        """Outputs of a net that sees its own of the step before."""
        kernel = net.kernel()

        def one(carry, now):
            (s, y), (x, v) = carry, now

            def step(carry):
                s, y = carry
                s, h = net.step(kernel, s, net.project(jnp.concatenate([x, y.astype(x.dtype)], axis=-1)))
                y = self.readout(h.astype(y.dtype))
                return (s, y), y

            return masked(step, v)((s, y))

        nothing = jnp.zeros((seen.shape[1], self.fed), self.V[...].dtype)
        return jax.lax.scan(one, (state, nothing), (seen, valid))[1]


def fill(one: Any) -> Any:
    """A run or measurement with all options of its cell, net and task filled in, and without a cell if none is used."""
    filled: dict[str, Any] = {}
    if one.net is not None:
        filled["net"] = _filled_net(one.net)
    if not takes_cell(one.net):
        filled["cell"] = None
    elif one.cell is None:
        raise config.ConfigError(f"net {one.net.type!r} is made of cells: name one, --cell.type=NAME.")
    else:
        filled["cell"] = config.Choice(one.cell.type, cell_options(one.cell))
    if one.task is not None:
        filled["task"] = config.Choice(one.task.type, task_options(one.task))
    return dataclasses.replace(one, **filled)


def takes_cell(net: config.Choice | None) -> bool:
    """Whether there is a cell in this net; without a net there is."""
    if net is None:
        return True
    if not getattr(nets.constructor(net.type), "takes", False):
        return False
    return takes_cell(net_options(net).get("inner"))


def cell_options(choice: config.Choice) -> dict[str, Any]:
    """All options of a cell, defaults filled in."""
    return config.call(constructor(choice.type), choice, "cell", given=("key", "inputs"))


def net_options(choice: config.Choice) -> dict[str, Any]:
    """All options of a net, defaults filled in; `inner` of one that takes others is a choice, or None for the cell."""
    return config.call(nets.constructor(choice.type), choice, "net", given=("key", "inputs", "make"))


def _filled_net(choice: config.Choice) -> config.Choice:
    options = net_options(choice)
    inner = {name: _filled_net(v) for name, v in options.items() if isinstance(v, config.Choice)}
    return config.Choice(choice.type, options | inner)


def make_cell(choice: config.Choice) -> Callable[[Array, int], Any]:
    """(key, inputs) -> cell."""
    build, options = constructor(choice.type), cell_options(choice)

    def make(key: Array, inputs: int) -> Any:
        cell = build(key, inputs, **options)
        if choice.type not in CELLS:
            check_cell(cell, choice.type)
        return cell

    return make


def make_body(cell: config.Choice | None, net: config.Choice | None) -> Callable[[Array, int], Any]:
    """(key, inputs) -> the cell, or the net with it inside."""
    if net is None:
        if cell is None:
            raise config.ConfigError("neither a cell nor a net is named: --cell.type=NAME or --net.type=NAME.")
        return make_cell(cell)
    build, options = nets.constructor(net.type), net_options(net)
    inside = (make_body(cell, options.get("inner")),) if getattr(build, "takes", False) else ()

    def make(key: Array, inputs: int) -> Any:
        made = build(key, inputs, *inside, **options)
        if net.type not in nets.NETS:
            nets.check_net(made, net.type)
        return made

    return make


def make_model(settings: Run, task: Sizes) -> Callable[..., Model]:
    """(key, rho, sigma) -> model; checked now, jit- and vmap-able later."""
    check(settings.plan)
    make = make_body(settings.cell, settings.net)
    inputs = task.inputs + (task.outputs if settings.feedback != "none" else 0)

    def build(key: Array, rho=None, sigma=None) -> Model:
        body = make(stream(key, "cell"), inputs)
        rescale(body, rho, sigma)
        return Model(stream(key, "readout"), body, task.outputs, task.tokens, settings.initial, settings.feedback)

    with config.explained("net" if settings.net else "cell"):
        sketch = jax.eval_shape(lambda key: make(key, inputs), jax.random.key(0))
        check(settings.plan, sketch)
        check_chunk(settings.plan, sketch)
        check_initial(settings.initial, sketch)
    with config.explained():
        jax.eval_shape(lambda key: disassemble(build(key, settings.rho, settings.sigma))[1], jax.random.key(0))
    return build


def check_initial(initial: Initial, body: Any) -> None:
    """Refuse a start for the state of a body that has none."""
    if initial.type != "zero" and not jax.tree.leaves(jax.eval_shape(lambda: body.initial_state((1,)))):
        raise config.ConfigError(
            f"initial = {initial.type!r} has no meaning for {type(body).__name__}, which has no state: leave it out."
        )


def task_options(choice: config.Choice) -> dict[str, Any]:
    """All options of a task, defaults filled in."""
    return config.call(config.resolve(choice.type, TASKS, "task"), choice, "task")


def make_task(choice: config.Choice) -> Task:
    """The task of that name with its options, checked."""
    build = config.resolve(choice.type, TASKS, "task")
    options = task_options(choice)

    def made() -> Task:
        with config.explained("task"):
            return build(**options)

    return made() if choice.type in TASKS else check_task(made, choice.type)


def load(folder: Path | str) -> tuple[Model, Run, Task]:
    """The trained network of a run folder, its settings, its task.

    Raises
        ConfigError  where the folder is missing, unfinished or corrupt.
    """
    record = results.read_run(Path(folder))
    if names := results.edited(Path(folder)):
        warnings.warn(f"{folder} was trained with another source of {', '.join(names)}.", stacklevel=2)
    run = fill(config.decode(Run, record.config))
    task = make_task(run.task)
    sketch = jax.eval_shape(lambda key: make_model(run, task)(key, run.rho, run.sigma), jax.random.key(0))
    graphdef, params, rest = disassemble(sketch)
    stored = results.read_params(Path(folder))
    wanted = flat(params)
    if set(wanted) != set(stored) or any(stored[n].shape != leaf.shape for n, leaf in wanted.items()):
        raise config.ConfigError(f"{folder}/params.npz does not hold the parameters of its config: run it again.")
    leaves = [jnp.asarray(stored[name], leaf.dtype) for name, leaf in wanted.items()]
    return nnx.merge(graphdef, jax.tree.unflatten(jax.tree.structure(params), leaves), rest), run, task
