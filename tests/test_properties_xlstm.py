"""What defines both cells of xLSTM: chunks, stabilisers, an empty memory."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lstm_tools import LOOP, B, D, H, T, compiled, inputs_of, moved, run, unrolled
from ltd.activations import logistic
from ltd.cells import CELLS
from ltd.settings import Plan
from ltd.trees import disassemble

VALID = jnp.ones((T, B), bool).at[jnp.array([0, 3, 4]), 0].set(False).at[T - 2 :, 1].set(False)


def held(cell, key):
    """A state with something in it."""
    state = cell.initial_state((B,))
    keys = jax.random.split(key, len(state))
    state = type(state)(*(jax.random.normal(k, s.shape, s.dtype) for k, s in zip(keys, state, strict=True)))
    return state._replace(n=1 + jnp.abs(state.n))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("valid", [None, VALID], ids=["all", "holes"])
def test_the_chunks_of_an_mlstm_are_its_recurrence(heads, valid, key):
    cell = moved(CELLS["mlstm"](key, D, H, heads=heads), key)
    inputs, start = inputs_of(key), held(cell, key)
    wanted = run(cell, inputs, start, LOOP, valid)
    live = 1 if valid is None else valid[..., None]
    graphdef, params, rest = disassemble(cell)
    plans = [Plan("associative", chunk) for chunk in (1, 3, T, T + 1, None)]
    every = compiled(lambda *given: [unrolled(graphdef, plan, *given) for plan in plans])
    for final, outputs in every(params, rest, inputs, start, valid):
        np.testing.assert_allclose(outputs * live, wanted[1] * live, 1e-10, 1e-12)
        for found, want in zip(final, wanted[0], strict=True):
            np.testing.assert_allclose(found, want, 1e-10, 1e-12)


def sizes(jaxpr):
    """Of every array that a program makes."""
    for equation in jaxpr.eqns:
        yield from (variable.aval.size for variable in equation.outvars)
        for inner in jax.core.jaxprs_in_params(equation.params):
            yield from sizes(inner)


def test_the_memories_of_an_mlstm_are_kept_between_chunks_alone(key):
    """The gradient by the recurrence keeps a matrix for every step, that by chunks of 8 steps one for every chunk."""
    length, hidden = 64, 32

    def largest(plan):
        graphdef, params, rest = disassemble(CELLS["mlstm"](key, D, hidden))
        loss = lambda p, x: jnp.sum(unrolled(graphdef, plan, p, rest, x, None, None)[1])  # noqa: E731
        return max(sizes(jax.make_jaxpr(jax.grad(loss))(params, inputs_of(key, length, 1)).jaxpr))

    assert largest(LOOP) >= length * hidden**2
    assert largest(Plan("associative", 8)) <= length * hidden**2 / 4


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["slstm", "mlstm"])
def test_the_stabiliser_has_no_effect_on_outputs(name, key):
    """What is kept is memory times exp(-m): another m for the same memory gives the same outputs."""
    cell = moved(CELLS[name](key, D, H), key)
    inputs, state = inputs_of(key), held(cell, key)
    shift = 1.7
    parts = {part: getattr(state, part) * math.exp(-shift) for part in ("c", "C", "n") if part in state._fields}
    other = state._replace(m=state.m + shift, **parts)
    np.testing.assert_allclose(run(cell, inputs, other)[1], run(cell, inputs, state)[1], 1e-11)
    wrong = state._replace(m=state.m + shift)
    assert not np.allclose(run(cell, inputs, wrong)[1], run(cell, inputs, state)[1], 1e-2)


def biased(name, key, bias, **options):
    """A cell whose log input gates are all shifted by `bias`."""
    cell = moved(CELLS[name](key, D, H, **options), key)
    gates = slice(0, H) if name == "slstm" else slice(4 * H, 4 * H + cell.heads)
    cell.b[...] = cell.b[...].at[gates].add(bias)
    return cell


@pytest.mark.parametrize("forget", ["logistic", "exp"])
@pytest.mark.parametrize("bias", [-200.0, 200.0])
def test_only_ratios_of_input_gates_matter_to_an_slstm(forget, bias, key):
    outputs, gradients = value_and_gradient(biased("slstm", key, bias, forget=forget), key, LOOP)
    wanted, d_wanted = value_and_gradient(biased("slstm", key, 0.0, forget=forget), key, LOOP)
    np.testing.assert_allclose(outputs, wanted, 0, 2e-4)  # 200 has a rounding error of 1e-5
    for found, want in zip(jax.tree.leaves(gradients), jax.tree.leaves(d_wanted), strict=True):
        np.testing.assert_allclose(found, want, 0, 1e-3 * np.max(np.abs(want)))


def value_and_gradient(cell, key, plan):
    graphdef, params, rest = disassemble(cell)
    inputs = inputs_of(key)

    @compiled
    def both(params):
        def loss(params):
            outputs = unrolled(graphdef, plan, params, rest, inputs, None, None)[1]
            return jnp.sum(jnp.sin(outputs)), outputs

        gradients, outputs = jax.grad(loss, has_aux=True)(params)
        return outputs, gradients

    return both(params)


@pytest.mark.parametrize("plan", ["stepwise", "associative"])
@pytest.mark.parametrize("bias", [-200.0, 200.0])
def test_an_mlstm_is_finite_at_any_input_gate(bias, plan, key):
    outputs, gradients = value_and_gradient(biased("mlstm", key, bias), key, Plan(plan))
    assert np.all([np.all(np.isfinite(leaf)) for leaf in (outputs, *jax.tree.leaves(gradients))])
    if bias < 0:  # nothing is written: the denominator is 1
        np.testing.assert_allclose(outputs, 0, atol=1e-15)
    else:  # the denominator is |n q|: a larger gate changes nothing
        again, _ = value_and_gradient(biased("mlstm", key, 300.0), key, Plan(plan))
        assert np.max(np.abs(outputs)) > 0.1
        np.testing.assert_allclose(outputs, again, 1e-2, 1e-3)


def test_the_first_output_of_an_slstm_is_its_first_input(key):
    """An empty memory weighs nothing, however small the gate that writes first: h_1 = o z."""
    cell = biased("slstm", key, -200.0)
    inputs = inputs_of(key, 1)
    a = inputs[0] @ cell.W[...] + cell.b[...]
    np.testing.assert_allclose(run(cell, inputs)[1][0], logistic(a[:, 2 * H : 3 * H]) * jnp.tanh(a[:, 3 * H :]), 1e-5)
