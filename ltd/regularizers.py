"""Terms that training adds to the loss: L1 and L2 of the recurrent weights, and Omega of Pascanu et al. (2013)."""

from __future__ import annotations

import typing
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from ltd.cells import cells_of, recurrent_blocks
from ltd.cells.base import named
from ltd.config import ConfigError
from ltd.settings import Run
from ltd.trees import disassemble
from ltd.types import Batch, MixCell, Network, State, Task
from ltd.unroll import masked, output_leaf, trajectory

BOUND = 1e-20  # squared norm of a costate below which the code of Pascanu et al. leaves a step out


def penalty(model: Network, weights: Any, batch: Batch, task: Task, key: Array | None = None) -> Float[Array, ""]:
    """What is added to the loss: every term that is on (`ltd.settings.Regularizer`), times its weight."""
    total = jnp.zeros((), jnp.result_type(float))
    blocks = list(recurrent_blocks(model.net).values())
    if weights.l1 is not None:
        total += weights.l1 * sum(jnp.sum(jnp.abs(U)) for U in blocks)
    if weights.l2 is not None:
        total += weights.l2 * sum(jnp.sum(U**2) for U in blocks)
    if weights.omega is not None:
        total += weights.omega * omega(model, batch, task, weights.variant, key)
    return total


def omega(
    model: Network, batch: Batch, task: Task, variant: str = "code", key: Array | None = None
) -> Float[Array, ""]:
    """The vanishing-gradient regulariser (A1.28): it is 0 where a step keeps the norm of the gradient.

        q_k     = norm(d_{k+1} J_{k+1})^2 / norm(d_{k+1})^2          d_k = dL/d(state k), J_k = d(state k)/d(state k-1)
        paper   sum over steps of (sqrt(q_k) - 1)^2, mean over sequences          equation 9
        code    mean of (q_k - 1)^2 over the steps of all sequences where norm(d_{k+1})^2 is at least 1e-20

    The two differ in three things: the code takes no square roots, averages over steps where the paper sums, and leaves
    out steps whose gradient has already vanished. Both train the recurrent weights alone, by the immediate derivative
    (equation 10): d, the states and the slopes at them are constants, and the matrix in J is what is moved.

    Source
        Pascanu, Mikolov & Bengio (2013), arXiv 1211.5063, and its code.
    Departures
        The state is the whole one, of an LSTM h and c. Steps of padding, and those whose gradient is exactly 0, are
        left out of the paper's sum. Where no step is left the code divides 0 by 0; here Omega is 0.
    """
    graphdef, params, rest = disassemble(typing.cast(nnx.Module, model))
    frozen = nnx.merge(graphdef, jax.lax.stop_gradient(params), rest)
    inputs = frozen.embed(batch.inputs)
    start = frozen.initial_state(inputs.shape[1], key)
    _, before, drive, outputs = trajectory(frozen.net, inputs, start, batch.valid)
    after = costates(frozen, batch, task, before, drive, outputs)
    back = pulled(model.net, frozen.net, before, drive, after)
    clock = getattr(model.net, "clock", ())
    scale = _largest(after, clock)
    safe = jnp.where(scale > 0, scale, 1)
    norm, through = _squares(after, clock, safe), _squares(back, clock, safe)
    counted = scale > 0
    if batch.valid is not None:
        counted &= batch.valid
    q = through / jnp.where(norm > 0, norm, 1)
    if variant == "paper":
        root = jnp.where(q > 0, jnp.sqrt(jnp.where(q > 0, q, 1)), 0)
        return jnp.sum(jnp.where(counted, (root - 1) ** 2, 0)) / counted.shape[1]
    counted &= norm * scale**2 >= BOUND
    return jnp.sum(jnp.where(counted, (q - 1) ** 2, 0)) / jnp.maximum(jnp.sum(counted), 1)


def costates(model: Network, batch: Batch, task: Task, before: State, drive: Any, outputs: Array) -> State:
    """dL/d(state) after every step [T, B, ...], of the task's loss: through this step's output and all later steps."""
    net = model.net
    kernel, alias = net.kernel(), output_leaf(net, model.embed(batch.inputs)[0], _first(before))
    direct = jax.grad(lambda h: task.loss(model.readout(h), batch))(outputs)

    def one(costate, now):
        s, d, v, g = now
        leaves, form = jax.tree.flatten(costate)
        leaves[alias] = leaves[alias] + g  # type: ignore[index]
        costate = jax.tree.unflatten(form, leaves)
        _, pull = jax.vjp(lambda s: masked(lambda s: net.step(kernel, s, d), v)(s)[0], s)
        return pull(costate)[0], costate

    start = jax.tree.map(jnp.zeros_like, _first(before))
    return jax.lax.scan(one, start, (before, drive, batch.valid, direct), reverse=True)[1]


def pulled(net: MixCell, frozen: MixCell, before: State, drive: Any, after: State) -> State:
    """d J at every step [T, B, ...]; a function of the matrix in J, all else held."""
    kernel, held = net.kernel(), frozen.kernel()

    def one(s, d, costate):
        mixed = frozen.mix(held, frozen.read(s))
        _, pull = jax.vjp(lambda s, m: frozen.advance(s, d, m)[0], s, mixed)
        through_gates, d_mixed = jax.lax.stop_gradient(pull(costate))
        _, pull_mix = jax.vjp(lambda s: net.mix(kernel, net.read(s)), s)
        return jax.tree.map(jnp.add, through_gates, pull_mix(d_mixed)[0])

    return jax.vmap(one)(before, drive, after)


def check(settings: Run, net: Any) -> None:
    """Refuse terms that mean nothing for this net.

    Raises
        ConfigError  for L1 or L2 where no recurrent block is named; for Omega of what is not one cell with one product
                     in its loop and an output that is a part of its state, or in bfloat16.
    """
    wanted, name = settings.regularizer, type(getattr(net, "cell", net)).__name__
    for term in ("l1", "l2"):
        if getattr(wanted, term) is not None and not any(getattr(c, "recurrent", {}) for c in cells_of(net).values()):
            raise ConfigError(f"regularizer.{term}: {name} names no recurrent block. Leave it out.")
    if wanted.omega is None:
        return
    if hasattr(net, "over") or not isinstance(net, MixCell):
        raise ConfigError(
            f"regularizer.omega: {name} is not one cell with one matrix product in its loop, such as elman or lstm."
        )
    graphdef, params, rest = disassemble(typing.cast(nnx.Module, net))
    alias: list[int | None] = []

    def look(params: Any) -> None:
        cell = nnx.merge(graphdef, params, rest)
        alias.append(output_leaf(cell, jnp.zeros((1, cell.inputs), jnp.result_type(float)), cell.initial_state((1,))))

    jax.eval_shape(look, params)
    if alias[0] is None:
        raise ConfigError(f"regularizer.omega: the output of {name} is no part of its state. Use another form or cell.")
    if settings.precision == "bfloat16":
        raise ConfigError("regularizer.omega divides squared gradients, which bfloat16 is too coarse for: use float32.")


def _first(before: State) -> State:
    return jax.tree.map(lambda leaf: leaf[0], before)


def _parts(state: State, clock: tuple[str, ...]) -> list[Array]:
    """The parts of [T, B, ...] that are memory, as [T, B, n]."""
    paths = jax.tree_util.tree_leaves_with_path(state)
    return [leaf.reshape(*leaf.shape[:2], -1) for path, leaf in paths if not named(path, clock)]


def _largest(state: State, clock: tuple[str, ...]) -> Float[Array, "T B"]:
    return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf), axis=-1) for leaf in _parts(state, clock)]), axis=0)


def _squares(state: State, clock: tuple[str, ...], scale: Float[Array, "T B"]) -> Float[Array, "T B"]:
    """Squared norm in units of scale^2."""
    leaves = _parts(state, clock)
    return jnp.sum(jnp.stack([jnp.sum((leaf / scale[..., None]) ** 2, axis=-1) for leaf in leaves]), axis=0)
