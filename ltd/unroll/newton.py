"""`newton`: all steps of a nonlinear cell in parallel, by Newton's method on the whole trajectory (DEER).

The states of all steps are the root of

    r_t(s) = s_t - F_t(s_{t-1}),        t = 1..T

One iteration linearises every F_t at the present guess and solves the linear recurrence that results,

    s_t <- J_t s_{t-1}(new) + F_t(s_{t-1}) - J_t s_{t-1},         J_t = dF_t / ds_{t-1}

by an associative scan: log T combinations in place of T steps. `jacobian=diagonal` keeps only the diagonal of J_t
(quasi-DEER): cheaper combinations, more iterations. `damping` multiplies every J_t by 1 - damping, which keeps the scan
bounded where products of J_t explode; at 1 it would be a fixed-point iteration. The fixed point is the same for all.
After k iterations the first k states are exact, so that T iterations always suffice.

Where the iteration has not come to rest after `iterations`, or where it lies still on what is no trajectory, the states
are computed one after the other instead: the numbers of `chunked`, and the report says so. Gradients follow from the
implicit function theorem at the states, not through the iteration: they solve dx_t = J_t dx_{t-1} + dy_t, by an
associative scan where its products stay finite, else in turn.

Source: Lim, Zhu, Selfridge & Kasim (2024), arXiv 2309.12252; the diagonal form as in Gonzalez et al. (2024), arXiv
2407.19115.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from ltd import linalg
from ltd.unroll.stepwise import masked

NEAR = 1e2  # a residual this many tolerances wide may be left by a change of one
TOLERANCE = {"bfloat16": 3e-2, "float32": 1e-5, "float64": 1e-11}  # relative to the largest state


class Report(NamedTuple):
    """How one unroll by `newton` went: numbers, under a transformation still tracers."""

    iterations: Array  # used
    residual: Array  # largest |s_t - F_t(s_{t-1})| when the iteration ended
    converged: Array  # 1, or 0 where the states were computed in sequence instead


_REPORTS: ContextVar[list[Report] | None] = ContextVar("reports", default=None)


@contextlib.contextmanager
def reports() -> Iterator[list[Report]]:
    """The reports of all unrolls by `newton` inside this block, in order. Enter and leave it in one function traced."""
    found: list[Report] = []
    token = _REPORTS.set(found)
    try:
        yield found
    finally:
        _REPORTS.reset(token)


def newton(cell, inputs, state, plan, valid=None):
    """Final state and outputs; see the head of this file."""
    kernel, drive = cell.kernel(), cell.project(inputs)
    form = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], state))[1]
    flat = jax.vmap(lambda s: ravel_pytree(s)[0])
    start = flat(state)

    def whole(before: Float[Array, "B S"], d, v):
        new, out = masked(lambda s: cell.step(kernel, s, d), v)(jax.vmap(form)(before))
        return flat(new), out

    def after(before: Float[Array, "T B S"]) -> Float[Array, "T B S"]:
        return jax.vmap(lambda s, d, v: whole(s, d, v)[0])(before, drive, valid)

    def shifted(states):
        return jnp.concatenate([start[None], states[:-1]])

    def jacobians(before):
        return _columns(lambda line: jax.jvp(after, (before,), (line,))[1], before)

    def in_sequence():
        return jax.lax.scan(lambda s, dv: (whole(s, *dv)[0],) * 2, start, (drive, valid))[1]

    diagonal = plan.jacobian == "diagonal"
    tolerance = plan.tolerance or TOLERANCE[start.dtype.name]

    def solve(_, guess):
        def better(carry):
            states, _, i = carry
            before = shifted(states)
            J = (1 - plan.damping) * jacobians(before)
            error = after(before) - states
            # the new trajectory differs from the old one by d: d_t = J_t d_{t-1} + F_t(s_{t-1}) - s_t
            moved = states + (linalg.recurrence(_diagonal(J), error) if diagonal else _solve_full(J, error))
            moved = jnp.where(jnp.isfinite(moved), moved, 0)
            return moved, jnp.max(jnp.abs(moved - states)), i + 1

        def moving(carry):
            states, change, i = carry
            return (i < plan.iterations) & (change > tolerance * jnp.max(jnp.abs(states)))

        states, change, used = jax.lax.while_loop(moving, better, (guess, jnp.full((), jnp.inf, guess.dtype), 0))
        residual = jnp.max(jnp.abs(after(shifted(states)) - states))
        # a trajectory that has left the numbers may lie still: what counts is that every step leads to the next state
        bound = tolerance * jnp.max(jnp.abs(states))
        rests = (change <= bound) & (residual <= NEAR * bound)  # false where one is not a number
        states = _unless(rests, states, in_sequence)
        number = states.dtype
        return states, (jnp.asarray(used, number), residual, rests.astype(number))

    def tangent(g, y):
        # g(x)_t = x_t - J_t x_{t-1}: a line that is the same at all steps gives one column of every J_t but the first,
        # which has nothing to multiply
        J = _columns(lambda line: line - g(line), y)
        J = J.at[0].set(0)
        back = jnp.flip(jnp.roll(jnp.swapaxes(J, -1, -2), -1, axis=0), axis=0)
        return jax.lax.custom_linear_solve(
            lambda x: x - _times(J, jnp.roll(x, 1, axis=0)),
            y,
            solve=lambda _, y: _solve_linear(J, y),
            transpose_solve=lambda _, y: jnp.flip(_solve_linear(back, jnp.flip(y, axis=0)), axis=0),
        )

    guess = jax.lax.stop_gradient(jnp.broadcast_to(start, (len(inputs), *start.shape)))
    states, facts = jax.lax.custom_root(lambda s: s - after(shifted(s)), guess, solve, tangent, has_aux=True)
    found = _REPORTS.get()
    if found is not None:
        found.append(Report(*facts))
    outputs = jax.vmap(lambda s, d, v: whole(s, d, v)[1])(shifted(states), drive, valid)
    return jax.vmap(form)(states[-1]), outputs


def _unless(good: Array, found: Array, otherwise: Callable[[], Array]) -> Array:
    """`found` where it is good, else what `otherwise` gives.

    A loop of at most one round, not a branch: among vmapped lanes a branch would always be computed, this only where a
    lane needs it.
    """
    first = (found, good)
    return jax.lax.while_loop(lambda c: ~c[1], lambda c: (otherwise(), jnp.ones_like(c[1])), first)[0]


def _columns(along, like: Float[Array, "T B S"]) -> Float[Array, "T B S S"]:
    """The matrices of a linear map that acts on each step and sample: [..., i, j] is entry i of what unit j gives."""
    size = like.shape[-1]
    lines = jnp.broadcast_to(jnp.eye(size, dtype=like.dtype)[:, None, None], (size, *like.shape))
    return jnp.moveaxis(jax.vmap(along)(lines), 0, -1)


def _diagonal(J: Float[Array, "T B S S"]) -> Float[Array, "T B S"]:
    return jnp.diagonal(J, axis1=-2, axis2=-1)


def _times(J, x):
    return jnp.einsum("...ij,...j->...i", J, x)


def _solve_full(J: Float[Array, "T B S S"], y: Float[Array, "T B S"]) -> Float[Array, "T B S"]:
    """x_t = J_t x_{t-1} + y_t with x_0 = 0, all steps at once."""

    def combine(early, late):
        return late[0] @ early[0], _times(late[0], early[1]) + late[1]

    return jax.lax.associative_scan(combine, (J, y))[1]


def _solve_linear(J: Float[Array, "T B S S"], y: Float[Array, "T B S"]) -> Float[Array, "T B S"]:
    """The same all at once or, where the products of J overflow, one step after the other."""
    found = _solve_full(J, y)
    bounded = jnp.all(jnp.isfinite(_solve_full(J, jnp.ones_like(y)))) & jnp.all(jnp.isfinite(found))

    def one(x, now):
        x = _times(now[0], x) + now[1]
        return x, x

    return _unless(bounded, found, lambda: jax.lax.scan(one, jnp.zeros_like(y[0]), (J, y))[1])
