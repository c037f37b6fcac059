"""`chunked` whose loops are Pallas kernels: the recurrent weights stay on the chip while time goes by.

A scan launches several kernels a step, each of which fetches the weights anew. Here one kernel holds `ROWS` sequences
and the weights, and walks through a chunk alone: for cells of up to 256 units, above all for many lanes, whose blocks
fill the chip. On a GPU it is written for Triton, whose arrays have powers of two as sizes and cannot be joined; so
every array goes in pieces of one width along its last axis, a gate to a piece (`in_pieces`). On a CPU the same kernel
is interpreted: slow, and there for tests. Sizes that Triton cannot take go by the loop of `chunked`, with a warning.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend import core

from ltd.config import ConfigError
from ltd.unroll.chunked import chunked, plain_scan

ROWS = 16  # sequences of one kernel: the fewest that Triton's product takes
WIDTHS = (16, 256)  # of a piece: smaller products do not exist, larger weights leave the chip
WARPS = 8
ELEMENTWISE = (  # of the primitives that Triton has
    "abs add add_any and clamp convert_element_type copy div eq exp expm1 ge gt integer_pow is_finite le log log1p"
    " logistic lt max min mul ne neg not or pow rsqrt select_n sign sqrt square stop_gradient sub tanh"
)

Pieces = list[Any]  # an array cut along its last axis; of a weight matrix each piece is cut along the first, too


def resident(cell, inputs, state, plan, valid=None):
    """`chunked` with `scan` below as its loop."""
    return chunked(cell, inputs, state, plan, valid, scan)


def scan(body: Callable, kernel: Any, carry: Any, sequences: Any, reverse: bool = False) -> tuple[Any, Any]:
    """What `jax.lax.scan(partial(body, kernel), carry, sequences, reverse=reverse)` gives, by one kernel.

        body(kernel, carry, one of sequences) -> (carry, output)

    Shapes
        kernel     arrays (K, N) or (N,), the same at every step; a matrix only multiplies
        carry      arrays (B, N)
        sequences  arrays (T, B, N) or (T, B)
    """
    interpret = interpreted()
    batch = jax.tree.leaves(carry)[0].shape[0]
    first = jax.tree.map(lambda a: a[0], sequences)
    made = jax.eval_shape(body, kernel, carry, first)
    width = math.gcd(*(a.shape[-1] for a in jax.tree.leaves((carry, first, made)) if a.ndim > 1))
    if not interpret and (reason := unfit(width, (kernel, carry, sequences))):
        warnings.warn(f"plan resident: {reason}; this goes by the loop of chunked.", stacklevel=2)
        return plain_scan(body, kernel, carry, sequences, reverse)
    state = jax.tree.map(functools.partial(_filled, axis=0), carry)
    steps = jax.tree.map(functools.partial(_filled, axis=1), sequences)
    last, outputs = _call(body, width, kernel, state, steps, reverse, interpret)
    return jax.tree.map(lambda a: a[:batch], last), jax.tree.map(lambda a: a[:, :batch], outputs)


def interpreted() -> bool:
    """Whether kernels are interpreted here."""
    return jax.default_backend() == "cpu"


def unfit(width: int, trees: Any) -> str | None:
    """Why a loop over these arrays in pieces of this width is no kernel here, or None."""
    if jax.default_backend() == "tpu":
        return "its kernel is written for GPUs"
    low, high = WIDTHS
    if not low <= width <= high or width & (width - 1):
        return f"{width} units are not a power of two from {low} to {high}"
    kinds = {str(a.dtype) for a in jax.tree.leaves(trees)} - {"float32", "bool"}
    return f"{', '.join(sorted(kinds))} is not float32" if kinds else None


def _filled(a: Array, axis: int) -> Array:
    """Whole blocks of sequences; and what is true or false as a number, since Triton loads no bits."""
    a = a.astype(jnp.int32) if a.dtype == bool else a
    return jnp.pad(a, [(0, -n % ROWS if i == axis else 0) for i, n in enumerate(a.shape)])


def _call(body: Callable, width: int, kernel: Any, state: Any, steps: Any, reverse: bool, interpret: bool) -> Any:
    from jax.experimental import pallas as pl  # here, for it takes half a second
    from jax.experimental.pallas import triton

    length, batch = jax.tree.leaves(steps)[0].shape[:2]
    block = jax.tree.map(lambda a: jax.ShapeDtypeStruct((ROWS, *a.shape[1:]), a.dtype), state)
    row = jax.tree.map(lambda a: jax.ShapeDtypeStruct((ROWS, *a.shape[2:]), a.dtype), steps)
    closed, (_, made) = jax.make_jaxpr(body, return_shape=True)(kernel, block, row)
    weights = jax.tree.leaves((closed.consts, kernel))
    start, of_steps = jax.tree.leaves(state), jax.tree.leaves(steps)
    form, made_form = jax.tree.structure(state), jax.tree.structure(made)

    def run(*refs):
        taken, begun, given, ended, put = _parted(refs, len(weights), len(start), len(of_steps), len(start))
        held = [_matrix(ref, width) if ref.ndim == 2 else _load(ref, width) for ref in taken]

        def at(i, state):
            t = length - 1 - i if reverse else i
            now = [_load(ref, width, t) for ref in given]
            found = in_pieces(closed.jaxpr, width, *held, *state, *now)
            for ref, pieces in zip(put, found[len(start) :], strict=True):
                _store(ref, width, pieces, t)
            return found[: len(start)]

        state = jax.lax.fori_loop(0, length, at, [_load(ref, width) for ref in begun])
        for ref, pieces in zip(ended, state, strict=True):
            _store(ref, width, pieces)

    shapes = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in start]
    shapes += [jax.ShapeDtypeStruct((length, batch, *a.shape[1:]), a.dtype) for a in jax.tree.leaves(made)]
    whole = [pl.BlockSpec(a.shape, lambda i, n=a.ndim: (0,) * n) for a in weights]
    by_axis = [pl.BlockSpec(*_block(a, 0)) for a in start], [pl.BlockSpec(*_block(a, 1)) for a in of_steps]
    found = pl.pallas_call(
        run,
        out_shape=shapes,
        grid=(batch // ROWS,),
        in_specs=whole + by_axis[0] + by_axis[1],
        out_specs=by_axis[0] + [pl.BlockSpec(*_block(a, 1)) for a in shapes[len(start) :]],
        interpret=interpret,
        compiler_params=None if interpret else triton.CompilerParams(num_warps=WARPS, num_stages=1),
    )(*weights, *start, *of_steps)
    return jax.tree.unflatten(form, found[: len(start)]), jax.tree.unflatten(made_form, found[len(start) :])


def _block(a: Any, axis: int) -> tuple[tuple[int, ...], Callable]:
    """`ROWS` sequences along their axis, all of the others; and where block i begins."""
    shape = tuple(ROWS if k == axis else n for k, n in enumerate(a.shape))
    return shape, lambda i: tuple(i if k == axis else 0 for k in range(len(shape)))


def _parted(items, *counts: int):
    for count in counts:
        yield items[:count]
        items = items[count:]
    yield items


def _cuts(size: int, width: int) -> list[slice]:
    return [slice(at, at + width) for at in range(0, size // width * width, width)]


def _load(ref, width: int, *step) -> Pieces:
    rows = (slice(None),) * (ref.ndim - 1 - len(step))
    if ref.shape[-1] % width or (not rows and step):
        return [ref[(*step, ...)]]
    return [ref[(*step, *rows, cut)] for cut in _cuts(ref.shape[-1], width)]


def _matrix(ref, width: int) -> Pieces:
    down, across = (_cuts(size, width) for size in ref.shape)
    return [[ref[i, j] for i in down] for j in across]


def _store(ref, width: int, pieces: Pieces, *step) -> None:
    rows = (slice(None),) * (ref.ndim - 1 - len(step))
    for cut, piece in zip(_cuts(ref.shape[-1], width), pieces, strict=True):
        ref[(*step, *rows, cut)] = piece


def in_pieces(jaxpr: core.Jaxpr, width: int, *inputs: Pieces) -> list[Pieces]:
    """The outputs of a program whose arrays are pieces of this width, cut along the last axis.

    Raises
        ConfigError  for a primitive that does not go by pieces, as a cell of a user may have.
    """
    at = dict(zip((*jaxpr.constvars, *jaxpr.invars), inputs, strict=True))

    def read(v) -> Pieces:
        return [v.val] if isinstance(v, core.Literal) else at[v]

    for eqn in jaxpr.eqns:
        given = [read(v) for v in eqn.invars]
        inner = eqn.params.get("jaxpr") or eqn.params.get("call_jaxpr")
        if inner is not None:
            found = in_pieces(inner.jaxpr, width, *[[c] for c in inner.consts], *given)
        else:
            found = _apply(eqn, width, given)
        at.update(zip(eqn.outvars, found, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _apply(eqn, width: int, given: list[Pieces]) -> list[Pieces]:
    name, params, shape = eqn.primitive.name, eqn.params, eqn.outvars[0].aval.shape
    last = len(shape) - 1
    if name in ("reshard", "pvary"):  # of lanes over devices, of which a kernel sees one
        return given
    if name == "dot_general" and isinstance(given[1][0], list) and params["dimension_numbers"][0][0] == (1,):
        return [_dot(params, *given)]
    if name == "concatenate" and params["dimension"] == last:
        return [[piece for pieces in given for piece in pieces]]
    if name == "split" and params["axis"] == last and not any(size % width for size in params["sizes"]):
        return list(_parted(given[0], *(size // width for size in params["sizes"][:-1])))
    if name in ("slice", "pad") and (cut := _cut(eqn, width, given)) is not None:
        return [cut]
    if name == "broadcast_in_dim":
        return [_broadcast(eqn, width, given[0])]
    many = max(len(pieces) for pieces in given)
    alike = all(v.aval.shape[-1:] in ((), shape[-1:]) for v in eqn.invars)
    matrix = any(isinstance(piece, list) for pieces in given for piece in pieces)
    if not matrix and (many == 1 or (name in ELEMENTWISE.split() and alike)):
        rows = [pieces * many if len(pieces) == 1 else pieces for pieces in given]
        return [[eqn.primitive.bind(*row, **params) for row in zip(*rows, strict=True)]]
    shapes = ", ".join(str(v.aval.shape) for v in eqn.invars)
    raise ConfigError(f"plan resident: {name} of {shapes} does not go by pieces: take the plan chunked.")


def _dot(params: dict[str, Any], rows: Pieces, matrix: Pieces) -> Pieces:
    """(B, K) by a matrix (K, N), or by the transpose of one (N, K)."""
    (_, (side,)), _ = params["dimension_numbers"]
    product = functools.partial(jax.lax.dot_general, **params | {"out_sharding": None})
    down = matrix if side == 0 else list(zip(*matrix, strict=True))
    return [functools.reduce(jnp.add, map(product, rows, column)) for column in down]


def _cut(eqn, width: int, given: list[Pieces]) -> Pieces | None:
    """Whole pieces taken out, or pieces of a constant put before and behind; None if it is something else."""
    params, (rows, size) = eqn.params, eqn.invars[0].aval.shape
    if eqn.primitive.name == "slice":
        (top, start), (bottom, stop), strides = params["start_indices"], params["limit_indices"], params["strides"]
        whole = (top, bottom) == (0, rows) and strides in (None, (1, 1)) and not (start % width or stop % width)
        return given[0][start // width : stop // width] if whole else None
    down, (before, behind, between) = params["padding_config"]
    if down != (0, 0, 0) or between or min(before, behind) < 0 or any(n % width for n in (size, before, behind)):
        return None
    constant = jnp.broadcast_to(given[1][0], (rows, width))
    return [constant] * (before // width) + given[0] + [constant] * (behind // width)


def _broadcast(eqn, width: int, pieces: Pieces) -> Pieces:
    shape, dims = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    if shape[-1] % width:
        return [jax.lax.broadcast_in_dim(pieces[0], shape, dims)]
    pieces = pieces if len(pieces) > 1 else pieces * (shape[-1] // width)
    return [jax.lax.broadcast_in_dim(piece, (*shape[:-1], width), dims) for piece in pieces]
