"""What the tests of cells and nets share: a cell moved off its initial values, its gradients by every plan."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from ltd.cells.base import named
from ltd.lengths import padded
from ltd.model import make_model, make_task
from ltd.settings import Plan
from ltd.trees import disassemble
from ltd.unroll import unroll
from tables import CELL_ROWS

T, B, D, H = 12, 2, 3, 4
LOOP = Plan("stepwise")
OWN = [row for row in CELL_ROWS if row.own]


def first_of_each(rows):
    """The first row of every name: what stands in further rows differs from it in options, and the slowest tests leave
    them out."""
    return list({row.name: row for row in reversed(rows)}.values())[::-1]


KINDS = first_of_each(CELL_ROWS)
# one of each way in which a step is put together: one product, two, linear, in chunks, a cell of Flax
FORMS = [row for row in KINDS if row.name in ("elman", "lstm", "gru_before", "lru", "mlstm", "flax.nnx:LSTMCell")]


def by_plan(rows, *without):
    """Every row under the plans of its form besides the reference; newton, which knows no cell, for one of a kind."""
    kinds = first_of_each(rows)
    pairs = [(row, plan) for row in rows for plan in row.plans if plan != "newton" or row in kinds]
    return [pytest.param(row, plan, id=f"{row}-{plan}") for row, plan in pairs if plan not in without]


BY_PLAN = by_plan(CELL_ROWS)
LANES = by_plan(FORMS)
compiled = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # compiling is most of it


class Case(NamedTuple):
    """A cell with every parameter moved off its initial value, inputs, a state and what outputs are weighed with."""

    graphdef: object
    rest: object
    params: object
    inputs: jax.Array  # [T, B, D]
    state: object
    valid: jax.Array  # [T, B]: holes, and one sequence that ends early
    weigh: jax.Array  # [T, B, width]

    @property
    def arguments(self):
        return self.params, self.inputs, self.state

    def run(self, plan, params, inputs, state, valid=None):
        return unroll(nnx.merge(self.graphdef, params, self.rest), inputs, state, plan, valid)

    def loss(self, plan, params, inputs, state, valid=None):
        """A number that depends on every output with a meaning and on the final state, and not linearly."""
        final, outputs = self.run(plan, params, inputs, state, valid)
        live = 1 if valid is None else valid[..., None]
        weighed = jnp.sum(self.weigh[: len(inputs)] * jnp.sin(outputs) * live)
        return weighed + sum(jnp.sum(jnp.cos(leaf + 1)) for leaf in jax.tree.leaves(final))


@functools.cache
def builder(row, double):
    """key -> (graphdef, parameters, rest), compiled."""
    graphdef, _, rest = nnx.split(sketch(row), nnx.Param, ...)
    params = compiled(lambda key: nnx.state(row.build(key, D, H), nnx.Param))
    return lambda key: (graphdef, params(key), rest)


def build(row, seed=0):
    return nnx.merge(*builder(row, jax.config.jax_enable_x64)(jax.random.key(seed)))


def sketch(row, inputs=D, hidden=H):
    """Shapes without numbers."""
    return _sketch(row, inputs, hidden, jax.config.jax_enable_x64)


@functools.cache
def _sketch(row, inputs, hidden, double):
    return nnx.eval_shape(lambda: row.build(jax.random.key(0), inputs, hidden))


def moved(tree, key, scale):
    leaves, form = jax.tree.flatten(tree)
    keys = jax.random.split(key, len(leaves))
    noise = [scale * jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(form, [leaf + n for leaf, n in zip(leaves, noise, strict=True)])


def network_of(one, batch, scale, extra=2):
    """A run's network in parts, moved off its initial values; a batch of its task, padded by some steps; the task."""
    task = make_task(one.task)
    graphdef, params, rest = disassemble(make_model(one, task)(jax.random.key(0)))
    shift = lambda p: p + scale * jax.random.normal(jax.random.key(p.size), p.shape, p.dtype)  # noqa: E731
    drawn = task.sample(jax.random.key(1), batch)
    drawn = padded(drawn, len(drawn.scored) + extra) if extra else drawn._replace(valid=None)
    return (graphdef, jax.tree.map(shift, params), rest), drawn, task


def moved_state(row, state, key, scale):
    """Every part of the state moved but its clocks, and then as the row wants it."""
    new = moved(state, key, scale)
    return row.start(jax.tree_util.tree_map_with_path(lambda p, a, b: a if named(p, row.clock) else b, state, new))


def case(row, key):
    keys = jax.random.split(key, 5)
    graphdef, params, rest = builder(row, jax.config.jax_enable_x64)(keys[0])
    cell = nnx.merge(graphdef, params, rest)
    valid = jnp.ones((T, B), bool).at[jnp.array([0, 3, 4]), 0].set(False).at[T - 3 :, 1].set(False)
    return Case(
        graphdef, rest,
        moved(params, keys[1], 0.3),
        1.5 * jax.random.normal(keys[2], (T, B, D), jnp.result_type(float)),
        moved_state(row, cell.initial_state((B,)), keys[3], 0.5),
        valid,
        jax.random.normal(keys[4], (T, B, row.width(H)), jnp.result_type(float)),
    )  # fmt: skip


def plan_of(name, chunk=None):
    """A plan by name, with a chunk length where it has one."""
    return Plan(name, chunk) if name in ("chunked", "associative") else Plan(name)


def assert_close(found, wanted, tolerance):
    """Relative to the largest entry of each array."""
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    named = jax.tree_util.tree_flatten_with_path(wanted)[0]
    for value, (path, want) in zip(jax.tree.leaves(found), named, strict=True):
        value, want = np.asarray(value), np.asarray(want)
        assert value.dtype == want.dtype
        scale = max(1e-3, np.max(np.abs(want), initial=0))
        np.testing.assert_allclose(value / scale, want / scale, 0, tolerance, err_msg=jax.tree_util.keystr(path))


@functools.cache
def gradients(row, double, plan, padded):
    """Final state, outputs with a meaning, loss and all gradients. Single precision: of three seeds under `vmap`."""

    def everything(params, inputs, state):
        valid = c.valid if padded else None
        final, outputs = c.run(plan, params, inputs, state, valid)
        live = 1 if valid is None else valid[..., None]
        loss = functools.partial(c.loss, plan, valid=valid)
        return final, outputs * live, jax.value_and_grad(loss, (0, 1, 2))(params, inputs, state)

    with jax.enable_x64(double):
        c = case(row, jax.random.key(0))
        if double:
            return jax.device_get(compiled(everything)(*c.arguments))
        cases = [case(row, k) for k in jax.random.split(jax.random.key(1), 3)]
        lanes = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[one.arguments for one in cases])
        return jax.device_get(compiled(jax.vmap(everything))(*lanes))


def assert_same_gradients(row, double, plan, padded, tolerance):
    wanted = gradients(row, double, LOOP, padded)
    assert np.all([np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(wanted)])
    *_, (_, (d_params, d_inputs, d_state)) = wanted  # there is something to compare
    assert np.all([np.any(leaf) for leaf in (*jax.tree.leaves(d_params), d_inputs, *row.moving(d_state))])
    assert_close(gradients(row, double, plan, padded), wanted, tolerance)


def directions(tree, key):
    """A random direction for each argument leaf on its own: [leaf, ...] stacked on a new first axis."""
    leaves, form = jax.tree.flatten(tree)
    keys = jax.random.split(key, len(leaves))
    noise = [jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)]
    ones = np.eye(len(leaves))
    return jax.tree.unflatten(form, [jnp.stack([on * n for on in ones[i]]) for i, n in enumerate(noise)])


def inner(one, other):
    return sum(jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))
