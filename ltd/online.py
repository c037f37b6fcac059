"""Training online: the weights move within a sequence, while the state goes on.

A batch is then a stream, or some beside each other, of one move after another: after every step (`rtrl`, `hs97`), or
after every pass of a truncated gradient (`truncated`, `elman`). The state is not reset between moves, and keeps what
earlier weights have left in it. So a network is trained on a stream that is longer than any gradient through it.

The loss of a move is the task's on the new steps alone: where the task takes a mean over steps, the mean over these.
Steps at which nothing is scored move nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from ltd.config import ConfigError
from ltd.gradients import Forward, cut
from ltd.settings import Gradient, Run
from ltd.types import Batch, Task
from ltd.unroll import trajectory

# (parameters, moments, gradient, loss) -> parameters and moments after a move, and what is told of it
Move = Callable[[Any, Any, Any, Array], tuple[Any, Any, dict[str, Array]]]
Learnt = tuple[Float[Array, "T B O"], Any, Any, dict[str, Array]]  # outputs, parameters, moments, told of each move


def learn(
    gradient: Gradient,
    build: Callable[[Any], Any],
    params: Any,
    moments: Any,
    batch: Batch,
    task: Task,
    move: Move,
    key: Array | None = None,
) -> Learnt:
    """All moves of a batch. The output of a step is that of the weights before the move that its errors make."""
    roads: dict[str, Callable[..., Learnt]] = {
        "truncated": functools.partial(by_passes, gradient.k1 or 1, gradient.k2 or 1),
        "elman": functools.partial(by_passes, 1, 1),
        "rtrl": by_steps,
        "hs97": lambda build, *rest: by_steps(lambda p: _cut(build(p)), *rest),
    }
    return roads[gradient.type](build, params, moments, batch, task, _where_scored(move), key)


def _cut(model: Any) -> Any:
    model.net = cut(model.net)
    return model


def _where_scored(move: Move) -> Callable[[Any, Any, Any, Array, Batch], tuple[Any, Any, dict[str, Array]]]:
    def moved(params: Any, moments: Any, grads: Any, loss: Array, piece: Batch) -> tuple[Any, Any, dict[str, Array]]:
        new = move(params, moments, grads, loss)
        old = params, moments, jax.tree.map(jnp.zeros_like, new[2])
        return jax.tree.map(lambda a, b: jnp.where(jnp.any(piece.scored), a, b), new, old)

    return moved


def by_steps(
    build: Callable[[Any], Any], params: Any, moments: Any, batch: Batch, task: Task, move: Callable, key: Array | None
) -> Learnt:
    """A move after every step, by the derivatives of the state that are carried forward (`ltd.gradients.Forward`).

        S_t = J_t S_{t-1} + d s_t / d w,    w <- w - rate (dL_t / ds_t) S_t

    J_t and d s_t / d w are those at the weights of step t, S_{t-1} was gathered under the weights before. That is
    exact as the rate goes to 0, and the rule of the source.

    Source
        Williams & Zipser (1989), Neural Computation 1(2), 270-280; with the derivatives that pass through carousels
        alone (`hs97`) Hochreiter & Schmidhuber (1997), Neural Computation 9(8), 1735-1780, appendix A.1.
    """
    forward = Forward(build, params, batch, key)

    def one(carry, now: Batch):
        params, moments, s, S = carry
        s, S, y, gradient = forward.step(params, s, S, now.inputs, now.valid)
        piece = jax.tree.map(lambda leaf: leaf[None], now)
        loss, error = jax.value_and_grad(lambda y: task.loss(y[None], piece))(y)
        params, moments, told = move(params, moments, gradient(error), loss, piece)
        return (params, moments, s, S), (y, told)

    start = (params, moments, *forward.begin(params))
    (params, moments, _, _), (outputs, told) = jax.lax.scan(one, start, batch)
    return outputs, params, moments, told


def by_passes(
    k1: int,
    k2: int,
    build: Callable[[Any], Any],
    params: Any,
    moments: Any,
    batch: Batch,
    task: Task,
    move: Callable,
    key: Array | None,
) -> Learnt:
    """A move after every k1 steps, by a pass k2 steps back, from the state that was there (see `gradients.truncated`).

    Source
        Williams & Peng (1990), Neural Computation 2(4), 490-501; with (1, 1) Elman (1990), Cognitive Science 14,
        179-211.
    Departures
        The steps of a pass are computed anew, from the state before them, with the weights as they stand; the source
        keeps the activations that earlier weights have left.
    """
    length, size = batch.scored.shape
    k2 = min(k2, length)

    def one(fresh: int, carry, done: Int[Array, ""]):
        params, moments, states = carry  # states: before each of the last k2 steps, and now
        steps = done + fresh - k2 + jnp.arange(k2)
        there = jnp.maximum(steps, 0)
        piece = jax.tree.map(lambda leaf: leaf[there[k2 - fresh :]], batch)
        real = jnp.broadcast_to((steps >= 0)[:, None], (k2, size))
        if batch.valid is not None:
            real &= batch.valid[there]

        def loss_of(params: Any):
            model = build(params)
            first = jax.tree.map(
                lambda given, left: jnp.where(steps[0] <= 0, given, left[fresh]), model.initial_state(size, key), states
            )
            last, before, _, out = trajectory(model.net, model.embed(batch.inputs[there]), first, real)
            outputs = model.readout(out[k2 - fresh :])
            left = jax.tree.map(lambda some, end: jnp.concatenate([some, end[None]]), before, last)
            return task.loss(outputs, piece), (outputs, left)

        (loss, (outputs, left)), grads = jax.value_and_grad(loss_of, has_aux=True)(params)
        params, moments, told = move(params, moments, grads, loss, piece)
        return (params, moments, left), (outputs, told)

    start = build(params).initial_state(size, key)
    carry = (params, moments, jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (k2 + 1, *leaf.shape)), start))
    k1 = min(k1, length)
    whole = length - length % k1
    carry, (outputs, told) = jax.lax.scan(functools.partial(one, k1), carry, jnp.arange(0, whole, k1))
    outputs = outputs.reshape(whole, *outputs.shape[2:])
    if whole < length:
        carry, (last, more) = one(length - whole, carry, jnp.int32(whole))
        outputs = jnp.concatenate([outputs, last])
        told = jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), told, more)
    return outputs, carry[0], carry[1], told


def check(settings: Run, task: Task) -> None:
    """Refuse to train online what cannot be.

    Raises
        ConfigError  with terms that are added to the gradient of a batch; in bfloat16; for a task whose loss is not a
                     sum over steps, since then no step has a loss of its own.
    """
    if not settings.gradient.online:
        return
    if settings.regularizer.on:
        raise ConfigError("gradient.online with a regularizer, which is a term of a whole batch: leave one out.")
    if settings.precision == "bfloat16":
        raise ConfigError("gradient.online makes many small moves, which bfloat16 is too coarse for: use float32.")
    if not _sums_over_steps(task):
        raise ConfigError(
            f"gradient.online: the loss of {task.name} is not one of single steps, so that none can move the weights."
        )


def _sums_over_steps(task: Task) -> bool:
    """Whether a step alone gives its outputs a gradient in the direction that the whole sequence gives them."""

    def alone(y: Array, now: Batch) -> Array:
        return jax.grad(lambda y: task.loss(y[None], jax.tree.map(lambda leaf: leaf[None], now)))(y)

    def agree(key: Array) -> Array:
        batch = task.sample(key, 2)
        outputs = jax.random.normal(key, (*batch.scored.shape, task.outputs))
        whole, each = jax.grad(task.loss)(outputs, batch), jax.vmap(alone)(outputs, batch)
        norms = [jnp.linalg.norm(a, axis=-1, keepdims=True) for a in (whole, each)]
        whole, each = (a / jnp.where(norm > 0, norm, 1) for a, norm in zip((whole, each), norms, strict=True))
        return jnp.all((norms[0] > 0) == (norms[1] > 0)) & (jnp.max(jnp.abs(whole - each)) < 1e-3)

    try:
        return bool(jax.jit(agree)(jax.random.key(0)))
    except ConfigError:
        raise
    except (TypeError, ValueError, IndexError):  # a loss that cannot be taken of one step
        return False
