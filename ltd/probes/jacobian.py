"""`jacobian`: the product of step Jacobians, its norms and singular values, against the bound."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from ltd.cells import recurrent_blocks
from ltd.linalg import qr, rho, sigma, singular_values
from ltd.probes.chain import Chain, chain
from ltd.probes.gradient import LOG10, by_real_lag, last_output
from ltd.types import Batch, Curves, Network, Task

LARGE = 512  # states of more numbers: the 2-norm alone, by iteration
ITERATIONS = 200  # at most, for one lag
TOLERANCE = 1e-7  # relative change of the norm at which the iteration rests


def jacobian(model: Network, key: Array, batch: Batch, task: Task | None = None) -> Curves:
    """2-norm, Frobenius norm and singular values of d state_T / d state_{T-k} at every lag k, per sample (A1.18).

        M_0 = 1,   M_{k+1} = M_k J_{T-k},     M_k^T = Q_k R_k,   Q_k orthogonal, R_k triangular

    The state is all of it: for an LSTM h and c side by side. Q is renewed by a QR step at every lag, R carried with a
    logarithm beside it: a norm of 1e-300 is a number. The norms and the larger singular values are those of R. A
    singular value below the resolution (the size of the state times the rounding unit, relative to the largest) is
    given as the diagonal entry of R of the same rank, which keeps its logarithm at any depth but may be off by a
    factor.

    In a deep net (`highway`, `plain`) the chain runs along depth: lag k is k layers below the top, a sample one step of
    a sequence. A net that sees the future has no state at a step: there the matrix is d y_T / d x_{T-k}, the last
    output by an earlier input, without renormalisation (in float64 zero below 1e-308).

    For `elman` there is the bound of the survey's equations 13-15 in their correct form, (gamma sigma)^k, and the
    asymptote rho^k; for every cell the spectral radius of the step Jacobian averaged over steps and samples.

    Shapes
        jacobian_log10     [lag, sample]      2-norm, lags 0..T-1
        frobenius_log10    [lag, sample]      not for states of more than 512 numbers
        singular_log10     [lag, sample, rank]   largest first; not for states of more than 512 numbers
        bound_log10        [lag]              elman only
        asymptote_log10    [lag]              elman only
        mean_jacobian_rho  []                 not for states of more than 512 numbers

    Source
        Pascanu, Mikolov & Bengio (2013), arXiv 1211.5063, for the bound.
    Survey
        Prints the bound as "<= 1" without the hypothesis sigma < 1/gamma that it needs to vanish.
    Departures
        States of more than 512 numbers: the 2-norm alone, by power iteration with products J v and J^T v.
    """
    found = chain(model, batch)
    if found is None:
        return _by_inputs(model, batch)
    sizes = sum(leaf[0, 0].size for leaf in jax.tree.leaves(found.before))
    arrays, axes = (_norm_by_iteration if sizes > LARGE else _by_qr)(found)
    lags = jnp.arange(len(found.outputs))
    if hasattr(model.net, "derivative_bound"):
        (U,) = recurrent_blocks(model.net).values()
        arrays["bound_log10"] = lags * jnp.log10(model.net.derivative_bound() * sigma(U))
        arrays["asymptote_log10"] = lags * jnp.log10(rho(U))
        axes |= {"bound_log10": ("lag",), "asymptote_log10": ("lag",)}
    return Curves(arrays, axes)


def _by_inputs(model: Network, batch: Batch) -> Curves:
    output, inputs = last_output(model, batch)
    out, pull = jax.vjp(output, inputs)
    width = out.shape[-1]
    units = jnp.broadcast_to(jnp.eye(width, dtype=out.dtype)[:, None], (width, *out.shape))
    J = jnp.moveaxis(jax.vmap(lambda unit: pull(unit)[0])(units), 0, 2)  # [T, B, W, D]
    values = singular_values(J)
    logs = {
        "jacobian_log10": values[..., 0],
        "frobenius_log10": jnp.linalg.norm(J, axis=(-2, -1)),
        "singular_log10": values,
    }
    arrays = {name: by_real_lag(jnp.log10(value), batch.valid) for name, value in logs.items()}
    axes = {name: ("lag", "sample", "rank")[: array.ndim] for name, array in arrays.items()}
    return Curves(arrays, axes)


def flat_step(chain: Chain, form):
    """(flat states [B, S], item) -> flat states: one step of the whole state as a vector."""

    def step(flat: Float[Array, "B S"], item) -> Float[Array, "B S"]:
        return flatten(chain.step(jax.vmap(form)(flat), item)[0])

    return step


def flatten(state) -> Float[Array, "B S"]:
    """The parts of a state side by side, one row per sample."""
    return jax.vmap(lambda s: ravel_pytree(s)[0])(state)


def _form(before):
    return ravel_pytree(jax.tree.map(lambda leaf: leaf[0, 0], before))[1]


def _by_qr(chain: Chain):
    step, valid = flat_step(chain, _form(chain.before)), chain.valid
    states = jax.vmap(flatten)(chain.before)  # [T, B, S]
    _, batch, size = states.shape
    eye = jnp.eye(size, dtype=states.dtype)

    def back(carry, now):
        Q, R, scale, diagonal, mean = carry
        s, item = now
        record = _norms(R, scale, diagonal)
        _, pull = jax.vjp(lambda s: step(s, item), s)
        rows = jnp.broadcast_to(eye[:, None], (size, batch, size))
        J = jnp.swapaxes(jax.vmap(lambda row: pull(row)[0])(rows), 0, 1)  # [B, S, S]: d new / d old
        Q, r = qr(jnp.swapaxes(J, -1, -2) @ Q)
        R = r @ R
        largest = jnp.max(jnp.abs(R), axis=(-2, -1))
        safe = jnp.where(largest > 0, largest, 1)
        scale = jnp.where(largest > 0, scale + jnp.log(safe), -jnp.inf)
        diagonal = diagonal + jnp.log(jnp.abs(jnp.diagonal(r, axis1=-2, axis2=-1)))
        return (Q, R / safe[:, None, None], scale, diagonal, mean + jnp.mean(J, axis=0) / len(states)), record

    wide = jnp.broadcast_to(eye, (batch, size, size))
    zero = jnp.zeros((batch,), states.dtype)
    start = (wide, wide, zero, jnp.zeros((batch, size), states.dtype), jnp.zeros_like(eye))
    (*_, mean), (norm, frobenius, singular) = jax.lax.scan(back, start, (states, chain.items), reverse=True)
    arrays = {
        "jacobian_log10": by_real_lag(norm, valid) / LOG10,
        "frobenius_log10": by_real_lag(frobenius, valid) / LOG10,
        "singular_log10": by_real_lag(singular, valid) / LOG10,
        "mean_jacobian_rho": rho(mean),
    }
    axes = {
        "jacobian_log10": (chain.lag, "sample"),
        "frobenius_log10": (chain.lag, "sample"),
        "singular_log10": (chain.lag, "sample", "rank"),
        "mean_jacobian_rho": (),
    }
    return arrays, axes


def _norms(R: Float[Array, "B S S"], scale: Float[Array, " B"], diagonal: Float[Array, "B S"]):
    """Logarithms of 2-norm, Frobenius norm and singular values."""
    values = singular_values(R)
    resolved = values > values[:, :1] * (R.shape[-1] * jnp.finfo(R.dtype).eps)
    logs = jnp.log(jnp.where(resolved, values, 1)) + scale[:, None]
    smallest = jnp.min(jnp.where(resolved, logs, jnp.inf), axis=-1, keepdims=True)
    ranked = jnp.minimum(-jnp.sort(-diagonal, axis=-1), smallest)
    frobenius = scale + jnp.log(jnp.linalg.norm(R, axis=(-2, -1)))
    return logs[:, 0], frobenius, jnp.where(resolved, logs, ranked)


def _norm_by_iteration(chain: Chain):
    """Power iteration on M_k M_k^T for each lag, all products renormalised.

    It starts between the last lag's left vector, which is near, and a random one: units that do not act on each other
    would else never be left for one that has become the slowest to decay.
    """
    step, valid = flat_step(chain, _form(chain.before)), chain.valid
    states = jax.vmap(flatten)(chain.before)
    length, batch, size = states.shape

    def at(t):
        state, item = jax.tree.map(lambda a: a[t], (states, chain.items))
        return state, lambda s: step(s, item)

    def unit(x, scale):
        norm = jnp.linalg.norm(x, axis=-1)
        live = norm > 0
        safe = jnp.where(live, norm, 1)
        return x / safe[:, None], jnp.where(live, scale + jnp.log(safe), -jnp.inf)

    def transposed(i, carry, lag):  # J^T, from the last step back
        u, scale = carry
        s, f = at(length - 1 - i)
        return unit(jax.vjp(f, s)[1](u)[0], scale)

    def forward(i, carry, lag):  # J, from step T - k on
        w, scale = carry
        s, f = at(length - lag + i)
        return unit(jax.jvp(f, (s,), (w,))[1], scale)

    zero = jnp.zeros((batch,), states.dtype)

    def norm_at(u, lag):
        def better(carry):
            u, _, now, i = carry
            w, down = jax.lax.fori_loop(0, lag, lambda i, c: transposed(i, c, lag), (u, zero))
            u, up = jax.lax.fori_loop(0, lag, lambda i, c: forward(i, c, lag), (w, zero))
            return u, now, jnp.where(jnp.isfinite(up) & jnp.isfinite(down), (up + down) / 2, -jnp.inf), i + 1

        def moving(carry):
            _, past, now, i = carry
            change = jnp.where(jnp.isfinite(now), jnp.abs(now - past), 0)
            return (i < 2) | ((i < ITERATIONS) & (jnp.max(change) > TOLERANCE))

        u, _, log, used = jax.lax.while_loop(moving, better, (u, zero + jnp.inf, zero, 0))
        # a vector that has died restarts from noise alone at the next lag
        alive = jnp.isfinite(log)[:, None]
        return unit(start + jnp.where(alive, u, 0), zero)[0], (log, used)

    start, _ = unit(jax.random.normal(jax.random.key(0), (batch, size), states.dtype), zero)
    _, (logs, used) = jax.lax.scan(norm_at, start, jnp.arange(length))
    arrays = {"jacobian_log10": by_real_lag(logs[::-1], valid) / LOG10, "iterations": used}
    return arrays, {"jacobian_log10": (chain.lag, "sample"), "iterations": (chain.lag,)}
