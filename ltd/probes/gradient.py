"""`gradient`: how the gradient of a loss shrinks or grows on its way back through time."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from ltd.cells.base import named
from ltd.probes.chain import chain, parts
from ltd.settings import Plan
from ltd.streams import stream
from ltd.types import Batch, Curves, Network, Task
from ltd.unroll import unroll

LOG10 = 2.302585092994046


def gradient(model: Network, key: Array, batch: Batch, task: Task | None = None) -> Curves:
    """Log norm of dL/d(state) at every lag: of the whole state and of each part, per sample (A1.18, A1.21).

        l_{T-k-1} = J^T l_{T-k} + (direct gradient of L at that state)

    l is the costate, the gradient by the whole state (for an LSTM of h and c) as a zero perturbation of the state
    would measure it. It is carried as a unit vector and a logarithm, so that a norm of 1e-300 is a number. Without a
    task L is a random linear read-out of the last state (drawn from the key, N(0, 1)); with one, L is the task's loss
    on the batch.

    Lag k belongs to the state k real steps before the last one; padding is not counted. In a deep net (`highway`,
    `plain`) the chain runs along depth: lag k is the activity k layers below the top, a sample one step of a sequence.
    A net that sees the future has no state at a step: there the gradient is that by the input k steps before the last,
    of the loss or of a random linear read-out of the output at the last step.

    Shapes
        adjoint_log10          [lag, sample]   lags 0..T-1, -inf where the gradient is exactly zero
        adjoint_<part>_log10   [lag, sample]   for each part of the state

    Departures
        None; where the output is not itself a part of the state, the direct gradient at a step reaches only the state
        before it. The gradient by inputs is not renormalised: in float64 it is zero below 1e-308.
    """
    found = chain(model, batch)
    if found is None:
        return _by_inputs(model, key, batch, task)
    last = jax.tree.map(lambda leaf: leaf[-1], found.before)
    if task is None:
        direct = jnp.zeros_like(found.outputs)
        keys = jax.random.split(stream(key, "readout of the probe"), len(jax.tree.leaves(last)))
        seed = _map_keys(lambda leaf, k: jax.random.normal(k, leaf.shape, leaf.dtype), last, keys)
        clock = getattr(model.net, "clock", ())  # which is no memory
        seed = jax.tree_util.tree_map_with_path(lambda p, leaf: 0 * leaf if named(p, clock) else leaf, seed)
    else:
        direct = found.direct(output_gradient(model, batch, task))
        seed = jax.tree.map(jnp.zeros_like, last)

    def back(carry, now):
        costate, scale = carry
        s, item, g = now
        costate, scale, g = _join(costate, scale, g)
        if found.alias is not None:
            leaves, form = jax.tree.flatten(costate)
            leaves[found.alias] = leaves[found.alias] + g
            costate, g = jax.tree.unflatten(form, leaves), jnp.zeros_like(g)
        unit, log = _unit(costate, scale)
        record = [log, *(log + jnp.log(_norm(leaf)) for leaf in jax.tree.leaves(unit))]
        _, pull = jax.vjp(lambda s: found.step(s, item), s)
        return _unit(pull((costate, g))[0], scale), jnp.stack(record)

    outputs = found.outputs
    seed, scale = _unit(seed, jnp.zeros(outputs.shape[1], outputs.dtype))
    _, logs = jax.lax.scan(back, (seed, scale), (found.before, found.items, direct), reverse=True)
    names = ["adjoint_log10", *(f"adjoint_{part}_log10" for part in parts(last))]
    arrays = {name: by_real_lag(logs[:, i], found.valid) / LOG10 for i, name in enumerate(names)}
    return Curves(arrays, dict.fromkeys(names, (found.lag, "sample")))


def output_gradient(model: Network, batch: Batch, task: Task) -> Float[Array, "T B W"]:
    """The gradient of the task's loss by the net's outputs."""
    inputs = model.embed(batch.inputs)
    _, outputs = unroll(model.net, inputs, model.initial_state(inputs.shape[1]), Plan(), batch.valid)
    return jax.grad(lambda h: task.loss(model.readout(h), batch))(outputs)


def last_output(model: Network, batch: Batch):
    """(inputs -> output at each sequence's last real step [B, W], the inputs)."""
    inputs = model.embed(batch.inputs)
    length, samples = inputs.shape[:2]
    at = jnp.full(samples, length - 1) if batch.valid is None else jnp.sum(batch.valid, axis=0) - 1

    def output(x):
        _, outputs = unroll(model.net, x, model.initial_state(samples), Plan(), batch.valid)
        return outputs[at, jnp.arange(samples)]

    return output, inputs


def _by_inputs(model: Network, key: Array, batch: Batch, task: Task | None) -> Curves:
    if task is None:
        output, inputs = last_output(model, batch)
        out, pull = jax.vjp(output, inputs)
        (found,) = pull(jax.random.normal(stream(key, "readout of the probe"), out.shape, out.dtype))
    else:
        inputs = model.embed(batch.inputs)

        def loss(x):
            _, outputs = unroll(model.net, x, model.initial_state(x.shape[1]), Plan(), batch.valid)
            return task.loss(model.readout(outputs), batch)

        found = jax.grad(loss)(inputs)
    logs = jnp.log10(jax.vmap(_norm)(found))
    return Curves({"adjoint_log10": by_real_lag(logs, batch.valid)}, {"adjoint_log10": ("lag", "sample")})


def _map_keys(function, tree, keys):
    leaves, form = jax.tree.flatten(tree)
    return jax.tree.unflatten(form, [function(leaf, k) for leaf, k in zip(leaves, keys, strict=True)])


def _norm(leaf: Float[Array, "B H"]) -> Float[Array, " B"]:
    """Euclidean norm per sample, without squaring what would vanish."""
    flat = leaf.reshape(leaf.shape[0], -1)
    largest = jnp.max(jnp.abs(flat), axis=-1)
    safe = jnp.where(largest > 0, largest, 1)
    return largest * jnp.linalg.norm(flat / safe[:, None], axis=-1)


def _scaled(tree: Any, factor: Float[Array, " B"]) -> Any:
    return jax.tree.map(lambda a: a * factor.reshape(-1, *(1,) * (a.ndim - 1)).astype(a.dtype), tree)


def _unit(costate: Any, scale: Float[Array, " B"]) -> tuple[Any, Float[Array, " B"]]:
    """The costate divided by its norm, the logarithm of the norm added to the scale; zero stays zero."""
    norms = jnp.stack([_norm(leaf) for leaf in jax.tree.leaves(costate)])
    largest = jnp.max(norms, axis=0)
    safe = jnp.where(largest > 0, largest, 1)
    norm = safe * jnp.sqrt(jnp.sum((norms / safe) ** 2, axis=0))
    live = largest > 0
    return _scaled(costate, 1 / jnp.where(live, norm, 1)), jnp.where(live, scale + jnp.log(norm), -jnp.inf)


def _join(costate: Any, scale: Float[Array, " B"], g: Float[Array, "B H"]):
    """Costate and direct gradient on one common scale."""
    size = _norm(g)
    mine = jnp.where(size > 0, jnp.log(jnp.where(size > 0, size, 1)), -jnp.inf)
    top = jnp.maximum(scale, mine)
    top = jnp.where(jnp.isfinite(top), top, 0)
    g = _scaled(g, jnp.where(size > 0, jnp.exp(mine - top) / jnp.where(size > 0, size, 1), 0))
    return _scaled(costate, jnp.exp(scale - top)), top, g


def by_real_lag(steps: Float[Array, "T B *rest"], valid: Array | None) -> Float[Array, "T B *rest"]:
    """Steps turned round into lags, counted from the last real step of each sample; NaN beyond the first."""
    flipped = steps[::-1]
    if valid is None:
        return flipped
    length = len(steps)
    padding = length - jnp.sum(valid, axis=0)  # at the end of each sample
    index = (jnp.arange(length)[:, None] + padding).reshape(length, -1, *(1,) * (steps.ndim - 2))
    found = jnp.take_along_axis(flipped, jnp.minimum(index, length - 1), axis=0)
    return jnp.where(index < length, found, jnp.nan)
