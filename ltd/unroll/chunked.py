"""Time in chunks: products leave the loop, only the states are kept.

The input product of a chunk is one GEMM. The forward pass keeps only the states; the reverse pass recomputes a chunk's
pre-activations with one GEMM and forms each weight gradient with one GEMM per chunk, so that its loop holds a single
product (the adjoint times U transposed). A cell whose step is not `mix` and `advance` keeps its step whole: a chunk is
then recomputed by the loop itself.
"""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd.trees import disassemble
from ltd.types import Cell, MixCell
from ltd.unroll.stepwise import masked, output_leaf

CACHE_BYTES = 1 << 22  # a chunk's drive should stay in the cache of one core


def chunked(cell, inputs, state, plan, valid=None):
    """Time in chunks; see the head of this file."""
    graphdef, params, rest = disassemble(cell)
    chunk = plan.chunk or chunk_length(cell, inputs)
    if isinstance(cell, MixCell):
        return _mix_unroll(graphdef, chunk, params, rest, inputs, state, valid)

    @jax.checkpoint
    def run(params, state, x, v):
        own = nnx.merge(graphdef, params, rest)
        kernel, drive = own.kernel(), own.project(x)

        def one(s, dv):
            d, v = dv
            return masked(lambda s: own.step(kernel, s, d), v)(s)

        return jax.lax.scan(one, state, (drive, v))

    return _over_chunks(lambda s, xv: run(params, s, *xv), state, (inputs, valid), chunk)


def chunk_length(cell: Cell, inputs: Array) -> int:
    """Steps per chunk: so many that a chunk's drive fits the cache, and without a remainder if that is to be had."""
    drive = jax.eval_shape(cell.project, inputs[0])
    bytes_a_step = sum(math.prod(d.shape) * d.dtype.itemsize for d in jax.tree.leaves(drive))
    longest = max(8, min(128, CACHE_BYTES // max(bytes_a_step, 1)))
    # a shorter last chunk is a second program, and joining its results to the others copies everything
    whole = (n for n in range(longest, longest // 2, -1) if len(inputs) % n == 0)
    return next(whole, math.ceil(len(inputs) / math.ceil(len(inputs) / longest)))


def _over_chunks(body, carry, sequences, chunk: int, reverse: bool = False):
    """Scan `body(carry, piece)` over pieces of `chunk` steps; the shorter last piece is done on its own."""
    length = jax.tree.leaves(sequences)[0].shape[0]
    whole = length - length % chunk
    pieces = jax.tree.map(lambda a: a[:whole].reshape(whole // chunk, chunk, *a.shape[1:]), sequences)
    tail = jax.tree.map(lambda a: a[whole:], sequences)
    join = functools.partial(jax.tree.map, lambda a: a.reshape(whole, *a.shape[2:]))
    if whole == length:
        carry, stacked = jax.lax.scan(body, carry, pieces, reverse=reverse)
        return carry, join(stacked)
    if reverse:
        carry, last = body(carry, tail)
        carry, stacked = jax.lax.scan(body, carry, pieces, reverse=True)
    else:
        carry, stacked = jax.lax.scan(body, carry, pieces)
        carry, last = body(carry, tail)
    return carry, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), join(stacked), last)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _mix_unroll(graphdef, chunk, params, rest, inputs, state, valid):
    final, outputs, _ = _mix_forward(graphdef, chunk, params, rest, inputs, state, valid, keep=False)
    return final, outputs


def _mix_forward(graphdef, chunk, params, rest, inputs, state, valid, keep: bool):
    """Final state, outputs and, with `keep`, the states after each step (the output not twice)."""
    cell = nnx.merge(graphdef, params, rest)
    kernel = cell.kernel()
    alias = output_leaf(cell, inputs[0], state) if keep else None

    def run(state, piece):
        x, v = piece

        def one(s, dv):
            d, v = dv
            new, out = masked(lambda s: cell.step(kernel, s, d), v)(s)
            return new, ((out, new) if keep and alias is None else new if keep else out)

        return jax.lax.scan(one, state, (cell.project(x), v))

    final, kept = _over_chunks(run, state, (inputs, valid), chunk)
    if not keep:
        return final, kept, None
    if alias is None:
        outputs, after = kept
        return final, outputs, after
    return final, jax.tree.leaves(kept)[alias], kept


def _mix_fwd(graphdef, chunk, params, rest, inputs, state, valid):
    final, outputs, after = _mix_forward(graphdef, chunk, params, rest, inputs, state, valid, keep=True)
    return (final, outputs), (params, rest, inputs, state, valid, after)


def _mix_bwd(graphdef, chunk, kept, cotangents):
    params, rest, inputs, state, valid, after = kept
    d_final, d_outputs = cotangents
    cell = nnx.merge(graphdef, params, rest)
    kernel, pull_kernel = jax.vjp(lambda p: nnx.merge(graphdef, p, rest).kernel(), params)
    before = jax.tree.map(lambda s, a: jnp.concatenate([s[None], a[:-1]]), state, after)

    def product(kernel, s):
        return cell.mix(kernel, cell.read(s))

    def run(carry, piece):
        d_state, d_params, d_kernel = carry
        x, v, s, d_out = piece
        drive, pull_project = jax.vjp(lambda p, x: nnx.merge(graphdef, p, rest).project(x), params, x)
        mixed, pull_mix = jax.vjp(lambda k: product(k, s), kernel)

        def one(d_state, now):
            s, d, m, v, d_out = now
            _, pull = jax.vjp(masked(cell.advance, v), s, d, m)
            d_s, d_drive, d_mixed = pull((d_state, d_out))
            _, pull_read = jax.vjp(functools.partial(product, kernel), s)
            (through,) = pull_read(d_mixed)
            return jax.tree.map(jnp.add, d_s, through), (d_drive, d_mixed)

        d_state, (d_drive, d_mixed) = jax.lax.scan(one, d_state, (s, drive, mixed, v, d_out), reverse=True)
        more_params, d_x = pull_project(d_drive)
        (more_kernel,) = pull_mix(d_mixed)
        add = functools.partial(jax.tree.map, jnp.add)
        return (d_state, add(d_params, more_params), add(d_kernel, more_kernel)), d_x

    start = (d_final, *jax.tree.map(jnp.zeros_like, (params, kernel)))
    (d_state, d_params, d_kernel), d_inputs = _over_chunks(
        run, start, (inputs, valid, before, d_outputs), chunk, reverse=True
    )
    (from_kernel,) = pull_kernel(d_kernel)
    return jax.tree.map(jnp.add, d_params, from_kernel), None, d_inputs, d_state, None


_mix_unroll.defvjp(_mix_fwd, _mix_bwd)
