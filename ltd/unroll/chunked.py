"""Time in chunks: products leave the loop, little more than the states is kept.

The input product of a chunk is one GEMM. The forward pass keeps the states and, up to `KEEP_BYTES`, the recurrent
products; where these are not kept the reverse pass recomputes a chunk's with one GEMM. It forms each weight gradient
with one GEMM per chunk, so that its loop holds a single product (the adjoint times U transposed). A cell whose step is
not `mix` and `advance` keeps its step whole: a chunk is then recomputed by the loop itself.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd.trees import disassemble, nbytes
from ltd.types import Cell, MixCell
from ltd.unroll.stepwise import masked, output_leaf

CACHE_BYTES = 1 << 19  # a chunk's drive should stay in the second cache of one core
KEEP_BYTES = 1 << 27  # recurrent products are kept up to this size, and else computed once more
SHORTEST, LONGEST = 5, 128  # a GEMM wants rows, and a weight gradient is added up once per chunk


def plain_scan(body, kernel, carry, sequences, reverse: bool = False, unroll: int = 1):
    """`jax.lax.scan` of a body that is handed the kernel."""
    return jax.lax.scan(functools.partial(body, kernel), carry, sequences, reverse=reverse, unroll=unroll)


def chunked(cell, inputs, state, plan, valid=None, scan=None):
    """Time in chunks; see the head of this file. `scan` is the loop over the steps of a chunk, else `plain_scan`."""
    graphdef, params, rest = disassemble(cell)
    chunk = plan.chunk or chunk_length(cell, inputs)
    if isinstance(cell, MixCell):
        scan = scan or functools.partial(plain_scan, unroll=plan.unroll)
        return _mix_unroll(graphdef, chunk, scan, params, rest, inputs, state, valid)

    @jax.checkpoint
    def run(params, state, x, v):
        own = nnx.merge(graphdef, params, rest)
        kernel, drive = own.kernel(), own.project(x)

        def one(s, dv):
            d, v = dv
            return masked(lambda s: own.step(kernel, s, d), v)(s)

        return jax.lax.scan(one, state, (drive, v), unroll=plan.unroll)

    return _over_chunks(lambda s, xv: run(params, s, *xv), state, (inputs, valid), chunk)


def chunk_length(cell: Cell, inputs: Array) -> int:
    """Steps per chunk: so many that a chunk's drive fits the cache, and without a remainder if that is to be had."""
    bytes_a_step = nbytes(jax.eval_shape(cell.project, inputs[0]))
    longest = max(SHORTEST, min(LONGEST, CACHE_BYTES // max(bytes_a_step, 1)))
    # a shorter last chunk is a second program, and joining its results to the others copies everything
    whole = (n for n in range(longest, longest // 2, -1) if len(inputs) % n == 0)
    return next(whole, math.ceil(len(inputs) / math.ceil(len(inputs) / longest)))


def _over_chunks(body, carry, sequences, chunk: int, reverse: bool = False, first=None):
    """Scan `body(carry, piece)` over pieces of `chunk` steps; the shorter last piece is done on its own.

    With `first`, an entry for each piece, `body(carry, piece, entry)`.
    """
    length = jax.tree.leaves(sequences)[0].shape[0]
    count, rest = divmod(length, chunk)
    whole = length - rest
    pieces = jax.tree.map(lambda a: a[:whole].reshape(count, chunk, *a.shape[1:]), sequences)
    rest_of = jax.tree.map(lambda a: a[whole:], sequences)
    rows, tail = [pieces], [rest_of]
    if first is not None:
        rows.append(jax.tree.map(lambda a: a[:count], first))
        tail.append(jax.tree.map(lambda a: a[-1], first))

    def scanned(carry):
        carry, stacked = jax.lax.scan(lambda c, row: body(c, *row), carry, rows, reverse=reverse)
        return carry, jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), stacked)

    if not rest:
        return scanned(carry)
    if reverse:
        carry, last = body(carry, *tail)
        carry, stacked = scanned(carry)
    else:
        carry, stacked = scanned(carry)
        carry, last = body(carry, *tail)
    return carry, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), stacked, last)


def _rows(function):
    """The function on all steps and sequences as rows: the product that is a weight's gradient then copies nothing."""

    def run(tree):
        shape = jax.tree.leaves(tree)[0].shape[:2]
        found = function(jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), tree))
        return jax.tree.map(lambda a: a.reshape(*shape, *a.shape[1:]), found)

    return run


def _mixed_of(cell: MixCell, state):
    """The shapes of the recurrent product."""
    return jax.eval_shape(lambda s: cell.mix(cell.kernel(), cell.read(s)), state)


def _adds(cell: MixCell, inputs: Array, state) -> bool:
    """Whether `advance` looks at drive + mixed alone, so that both have one cotangent."""
    drive, mixed = jax.eval_shape(cell.project, inputs), _mixed_of(cell, state)
    if not hasattr(drive, "shape") or drive != mixed:
        return False
    jaxpr = jax.make_jaxpr(cell.advance)(state, drive, mixed).jaxpr
    own = jaxpr.invars[-2:]
    users = [eqn for eqn in jaxpr.eqns if any(v is o for v in eqn.invars for o in own)]
    handed_on = any(v is o for v in jaxpr.outvars for o in own)
    alone = len(users) == 1 and users[0].primitive.name == "add" and all(o in users[0].invars for o in own)
    return alone and not handed_on


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _mix_unroll(graphdef, chunk, scan, params, rest, inputs, state, valid):
    final, outputs, _ = _mix_forward(graphdef, chunk, scan, params, rest, inputs, state, valid, keep=False)
    return final, outputs


class Kept(NamedTuple):
    """What the reverse pass is left with.

    after   states after each step; the output is often one of their parts
    given   what `advance` was given beside the state, where there is room for it: the sum of drive and mixed if it
            looks at that alone, else mixed; or None
    """

    after: Any
    given: Any


def _mix_forward(graphdef, chunk, scan, params, rest, inputs, state, valid, keep: bool):
    """Final state, outputs and, with `keep`, what the reverse pass needs."""
    cell = nnx.merge(graphdef, params, rest)
    kernel = cell.kernel()
    alias = output_leaf(cell, inputs[0], state) if keep else None
    joint = _adds(cell, inputs[0], state)
    roomy = keep and nbytes(_mixed_of(cell, state)) * len(inputs) <= KEEP_BYTES

    def run(state, piece):
        x, v = piece

        def one(kernel, s, dv):
            d, v = dv
            m = cell.mix(kernel, cell.read(s))
            new, out = masked(lambda s: cell.advance(s, d, m), v)(s)
            given = (d + m if joint else m) if roomy else None
            return new, ((None if alias is not None else out, Kept(new, given)) if keep else (out, None))

        return scan(one, kernel, state, (cell.project(x), v))

    final, (outputs, kept) = _over_chunks(run, state, (inputs, valid), chunk)
    return final, outputs if alias is None else jax.tree.leaves(kept.after)[alias], kept


def _mix_fwd(graphdef, chunk, scan, params, rest, inputs, state, valid):
    final, outputs, kept = _mix_forward(graphdef, chunk, scan, params, rest, inputs, state, valid, keep=True)
    return (final, outputs), (params, rest, inputs, state, valid, kept)


def _mix_bwd(graphdef, chunk, scan, residuals, cotangents):
    params, rest, inputs, state, valid, kept = residuals
    d_final, d_outputs = cotangents
    cell = nnx.merge(graphdef, params, rest)
    kernel, pull_kernel = jax.vjp(lambda p: nnx.merge(graphdef, p, rest).kernel(), params)
    joint = _adds(cell, inputs[0], state)
    # the state before each chunk: those inside are had by shifting, chunk by chunk
    first = jax.tree.map(lambda s, a: jnp.concatenate([s[None], a[chunk - 1 : -1 : chunk]]), state, kept.after)

    def product(kernel, s):
        return cell.mix(kernel, cell.read(s))

    def run(carry, piece, first):
        d_state, d_params, d_kernel = carry
        x, v, (after, given), d_out = piece
        s = jax.tree.map(lambda f, a: jnp.concatenate([f[None], a[:-1]]), first, after)
        drive, pull_project = jax.vjp(lambda p, x: _rows(nnx.merge(graphdef, p, rest).project)(x), params, x)
        mixed, pull_mix = jax.vjp(lambda k: _rows(functools.partial(product, k))(s), kernel)
        if given is None:
            given = drive + mixed if joint else mixed
        given = (given,) if joint else (drive, given)

        def one(kernel, d_state, now):
            s, given, v, d_out = now
            advance = (lambda s, a: cell.advance(s, a, jnp.zeros_like(a))) if joint else cell.advance
            _, pull = jax.vjp(masked(advance, v), s, *given)
            d_s, *d_given = pull((d_state, d_out))
            _, pull_read = jax.vjp(functools.partial(product, kernel), s)
            (through,) = pull_read(d_given[-1])
            return jax.tree.map(jnp.add, d_s, through), d_given

        d_state, d_given = scan(one, kernel, d_state, (s, given, v, d_out), reverse=True)
        more_params, d_x = pull_project(d_given[0])
        (more_kernel,) = pull_mix(d_given[-1])
        add = functools.partial(jax.tree.map, jnp.add)
        return (d_state, add(d_params, more_params), add(d_kernel, more_kernel)), d_x

    start = (d_final, *jax.tree.map(jnp.zeros_like, (params, kernel)))
    (d_state, d_params, d_kernel), d_inputs = _over_chunks(
        run, start, (inputs, valid, kept, d_outputs), chunk, reverse=True, first=first
    )
    (from_kernel,) = pull_kernel(d_kernel)
    return jax.tree.map(jnp.add, d_params, from_kernel), None, d_inputs, d_state, None


_mix_unroll.defvjp(_mix_fwd, _mix_bwd)
