"""Every framework as a step `(weights, carry, x) -> (carry, output)`, run compiled or step by step; torch as it is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ltd.cells import CELLS, FlaxCell
from ltd.conformance.problem import BATCH, HIDDEN, INPUTS, Arrays, Problem, Result, framework
from ltd.settings import Plan
from ltd.trees import disassemble, flat
from ltd.unroll import unroll

ONCE = {"xla_backend_optimization_level": 0}  # compiling is nearly all of the time of programs that run once


class Side(NamedTuple):
    """A cell as a step, with its weights by name and the carry it starts with."""

    weights: Mapping[str, Any]
    zero: Any
    step: Callable[[Mapping[str, Any], Any, Any], tuple[Any, Any]]

    def scan(self, weights: Mapping[str, Any], inputs: Any) -> jax.Array:
        """Outputs of all steps by a plain scan, without anything of ours."""
        return jax.lax.scan(lambda carry, x: self.step(weights, carry, x), self.zero, inputs)[1]


def whole(side: Side, given: Problem, outputs_of: Callable | None = None) -> Result:
    """Outputs and gradients in one compiled function."""
    outputs_of = outputs_of or side.scan

    def total(weights, inputs):
        outputs = outputs_of(weights, inputs)
        return jnp.sum(outputs * given.q), outputs

    with jax.default_matmul_precision("highest"):
        run = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True), compiler_options=ONCE)
        (_, outputs), (grads, d_inputs) = run(dict(side.weights), given.inputs)
    return _result(outputs, d_inputs, grads, side.weights)


def by_steps(side: Side, given: Problem) -> Result:
    """A loop in Python over a compiled step, and back through it."""
    weights, carry = dict(side.weights), side.zero
    forward = jax.jit(side.step, compiler_options=ONCE)

    @functools.partial(jax.jit, compiler_options=ONCE)
    def backward(d_weights, weights, carry, x, d_carry, d_output):
        _, pull = jax.vjp(side.step, weights, carry, x)
        more, d_carry, d_x = pull((d_carry, d_output))
        return jax.tree.map(jnp.add, d_weights, more), d_carry, d_x

    before, outputs, d_inputs = [], [], []
    with jax.default_matmul_precision("highest"):
        for x in given.inputs:
            before.append(carry)
            carry, output = forward(weights, carry, x)
            outputs.append(output)
        d_weights, d_carry = jax.tree.map(jnp.zeros_like, (weights, carry))
        for x, carry, q in zip(given.inputs[::-1], before[::-1], given.q[::-1], strict=True):
            d_weights, d_carry, d_x = backward(d_weights, weights, carry, x, d_carry, q)
            d_inputs.append(d_x)
    return _result(np.stack(outputs), np.stack(d_inputs[::-1]), d_weights, side.weights)


def _result(outputs, d_inputs, grads, weights) -> Result:
    named = [{name: np.asarray(a) for name, a in each.items()} for each in (grads, weights)]
    return Result(np.asarray(outputs), np.asarray(d_inputs), *named)


def _by_name(tree: Any, name_of: Callable[[str], str] = str) -> tuple[dict[str, Any], Callable]:
    """The leaves of a tree by name, and a function that puts them together again."""
    leaves, structure = jax.tree.flatten(tree)
    names = [name_of(name) for name in flat(tree)]
    return dict(zip(names, leaves, strict=True)), lambda named: jax.tree.unflatten(structure, [named[n] for n in names])


def _drawn(leaves: Mapping[str, Any], given: Problem, weights: Arrays | None) -> Arrays:
    return weights if weights is not None else {name: given.draw(leaf.shape) for name, leaf in leaves.items()}


def _zero(given: Problem) -> jax.Array:
    return jnp.zeros((BATCH, HIDDEN), given.inputs.dtype)


# ------------------------------------------------------------------------------------------------ ours, and Flax


def make_nnx(kind: str, given: Problem) -> nnx.RNNCellBase:
    """`flax.nnx.<kind>` in the precision of the problem (SimpleCell computes in float32 unless it is told)."""
    dtype = given.inputs.dtype
    return getattr(nnx, kind)(INPUTS, HIDDEN, rngs=nnx.Rngs(0), dtype=dtype, param_dtype=dtype)


def side_nnx(kind: str, given: Problem, weights: Arrays | None = None) -> Side:
    """`flax.nnx.<kind>` with drawn weights; an LSTM carries (c, h)."""
    graphdef, params, _ = disassemble(make_nnx(kind, given))
    leaves, join = _by_name(params)

    def step(weights, carry, x):
        return nnx.merge(graphdef, join(weights))(carry, x)

    zero = (_zero(given), _zero(given)) if "LSTM" in kind else _zero(given)
    return Side(_drawn(leaves, given, weights), zero, step)


def side_linen(kind: str, given: Problem) -> Side:
    """`flax.linen.<kind>` with drawn weights; an LSTM carries (c, h)."""
    dtype = given.inputs.dtype
    cell = getattr(flax.linen, kind)(HIDDEN, dtype=dtype, param_dtype=dtype)
    zero = (_zero(given), _zero(given)) if "LSTM" in kind else _zero(given)
    leaves, join = _by_name(cell.init(jax.random.key(0), zero, given.inputs[0])["params"])
    return Side(
        _drawn(leaves, given, None), zero, lambda weights, carry, x: cell.apply({"params": join(weights)}, carry, x)
    )


def run_ltd(key: str, given: Problem, weights: Arrays, plan: Plan | None, **options: Any) -> Result:
    """A cell of ours with the given weights, by a plan or step by step; a parameter without a weight is zero."""
    return run_cell(CELLS[key](jax.random.key(0), INPUTS, HIDDEN, **options), given, weights, plan)


def run_adapted(kind: str, given: Problem, weights: Arrays, plan: Plan | None) -> Result:
    """`flax.nnx.<kind>` through our adapter."""
    return run_cell(FlaxCell(make_nnx(kind, given), INPUTS, HIDDEN), given, weights, plan)


def run_cell(cell: Any, given: Problem, weights: Arrays, plan: Plan | None) -> Result:
    """A cell in the protocol of ours; the gradients of parameters without a weight are left out."""
    graphdef, params, rest = disassemble(cell)
    leaves, join = _by_name(params, lambda name: name.removeprefix("cell."))
    zeros = {name: np.zeros(leaf.shape, given.inputs.dtype) for name, leaf in leaves.items()}

    def build(weights):
        return nnx.merge(graphdef, join(weights), rest)

    def step(weights, carry, x):
        own = build(weights)
        return own.step(own.kernel(), carry, own.project(x))

    side = Side({**zeros, **weights}, cell.initial_state((BATCH,)), step)
    if plan is None:
        found = by_steps(side, given)
    else:
        found = whole(side, given, lambda weights, inputs: unroll(build(weights), inputs, side.zero, plan)[1])
    return found._replace(grads={name: found.grads[name] for name in weights})


# ------------------------------------------------------------------------------------------------ Haiku, Equinox, torch


def side_haiku(kind: str, given: Problem, weights: Arrays | None = None) -> Side:
    """`haiku.<kind>` with drawn weights; an LSTM carries (hidden, cell)."""
    haiku = framework("haiku")
    cell = haiku.without_apply_rng(haiku.transform(lambda x, carry: getattr(haiku, kind)(HIDDEN)(x, carry)))
    zero = haiku.LSTMState(_zero(given), _zero(given)) if kind == "LSTM" else _zero(given)
    tree = cell.init(jax.random.key(0), given.inputs[0], zero)
    leaves, join = _by_name(tree, lambda name: name.split("/")[-1].removeprefix("gru."))
    return Side(
        _drawn(leaves, given, weights), zero, lambda weights, carry, x: cell.apply(join(weights), x, carry)[::-1]
    )


def side_equinox(kind: str, given: Problem) -> Side:
    """`equinox.nn.<kind>`, one sequence at a time under vmap, with drawn weights; an LSTM carries (h, c)."""
    cell = getattr(framework("equinox").nn, kind)(INPUTS, HIDDEN, dtype=given.inputs.dtype, key=jax.random.key(0))
    leaves, join = _by_name(cell)
    long = kind == "LSTMCell"

    def step(weights, carry, x):
        carry = jax.vmap(join(weights))(x, carry)
        return carry, carry[0] if long else carry

    return Side(_drawn(leaves, given, None), (_zero(given), _zero(given)) if long else _zero(given), step)


def run_torch(kind: str, given: Problem, **options: Any) -> Result:
    """`torch.nn.<kind>` with drawn weights."""
    torch = framework("torch")
    net = getattr(torch.nn, kind)(INPUTS, HIDDEN, dtype=getattr(torch, given.inputs.dtype.name), **options)
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.from_numpy(given.draw(tuple(weight.shape))))
    inputs = torch.from_numpy(given.inputs).clone().requires_grad_()
    outputs, _ = net(inputs)
    return _pull_torch(given, inputs, outputs, dict(net.named_parameters()))


def torch_rotation(kind: str, given: Problem) -> tuple[Any, Any]:
    """A square layer of torch, orthogonal by `kind` (matrix_exp, cayley), and the matrix X that it is made from."""
    torch = framework("torch")
    layer = torch.nn.Linear(HIDDEN, HIDDEN, bias=False, dtype=getattr(torch, given.inputs.dtype.name))
    orthogonal = torch.nn.utils.parametrizations.orthogonal
    layer = orthogonal(layer, orthogonal_map=kind, use_trivialization=False)
    X = layer.parametrizations.weight.original
    with torch.no_grad():
        X.copy_(torch.from_numpy(given.draw((HIDDEN, HIDDEN))))
    return layer, X


def run_torch_orthogonal(kind: str, given: Problem, signs: np.ndarray) -> Result:
    """h_t = modrelu(x_t W + (h_{t-1} U) signs), U torch's orthogonal matrix, modrelu written out.

    The bias is below zero: above it modrelu jumps at zero, and a rounding error with it. W is a fifth of what is drawn:
    nothing is forgotten, and the states of 300 steps would grow beyond those of other cells, and their errors too.
    """
    torch = framework("torch")
    layer, X = torch_rotation(kind, given)
    drawn = 0.2 * given.draw((INPUTS, HIDDEN)), -np.abs(given.draw((HIDDEN,)))
    W, b = (torch.from_numpy(a.astype(given.inputs.dtype)).requires_grad_() for a in drawn)
    inputs = torch.from_numpy(given.inputs).clone().requires_grad_()
    signs = torch.from_numpy(signs.astype(given.inputs.dtype))
    h, outputs = torch.zeros((BATCH, HIDDEN), dtype=inputs.dtype), []
    for x in inputs:
        z = x @ W + layer(h) * signs
        h = torch.sign(z) * torch.relu(torch.abs(z) + b)
        outputs.append(h)
    return _pull_torch(given, inputs, torch.stack(outputs), {"W": W, "b": b, "X": X})


def _pull_torch(given: Problem, inputs, outputs, named: Mapping[str, Any]) -> Result:
    (outputs * framework("torch").from_numpy(given.q)).sum().backward()
    weights = {name: w.detach().numpy().copy() for name, w in named.items()}
    return Result(outputs.detach().numpy(), inputs.grad.numpy(), {n: w.grad.numpy() for n, w in named.items()}, weights)
