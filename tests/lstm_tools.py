"""LSTMs moved off their initial values, and run."""

import jax
import jax.numpy as jnp
from flax import nnx

from harness import compiled
from ltd.cells import CELLS
from ltd.settings import Plan
from ltd.trees import disassemble
from ltd.unroll import unroll

T, B, D, H = 9, 2, 3, 4
SURE = 100.0  # a gate with this pre-activation is exactly 1, with minus this exactly 0
LOOP = Plan("stepwise")


def moved(cell, key, scale=0.4):
    """The cell with every parameter moved off its initial value."""
    graphdef, params, rest = disassemble(cell)
    leaves, form = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    new = [leaf + scale * jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)]
    return nnx.merge(graphdef, jax.tree.unflatten(form, new), rest)


def inputs_of(key, length=T, batch=B):
    return jax.random.normal(key, (length, batch, D), jnp.result_type(float))


def unrolled(graphdef, plan, params, rest, inputs, state, valid):
    cell = nnx.merge(graphdef, params, rest)
    return unroll(cell, inputs, cell.initial_state((inputs.shape[1],)) if state is None else state, plan, valid)


program = compiled(unrolled, static_argnums=(0, 1))


def run(cell, inputs, state=None, plan=LOOP, valid=None):
    graphdef, params, rest = disassemble(cell)
    return program(graphdef, plan, params, rest, inputs, state, valid)


def silent(name, **options):
    """A cell without input and recurrent weights, its biases set by name of the gate."""
    cell = CELLS[name](jax.random.key(0), D, H, **options)
    cell.W[...], cell.U[...], cell.b[...] = (jnp.zeros_like(p[...]) for p in (cell.W, cell.U, cell.b))
    return cell


def set_bias(cell, **biases):
    names = [*cell.form.gates, "g"]
    for name, value in biases.items():
        k = names.index(name)
        cell.b[...] = cell.b[...].at[k * H : (k + 1) * H].set(value)
    return cell


def count(cell):
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(cell, nnx.Param)))
