"""Losses and metrics over scored steps, and the units they come in.

All take `outputs [T, B, O]`, targets and `scored [T, B]`, and average over the scored steps of the whole batch. Logits
go in where a distribution is meant. A batch without a scored step has loss 0 and accuracy 1.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

LOG_2PI = 1.8378770664093453


def scored_mean(values: Float[Array, "T B"], scored: Bool[Array, "T B"]) -> Float[Array, ""]:
    """Mean over scored steps. Steps that are not scored may hold anything, NaN included."""
    total = jnp.sum(jnp.where(scored, values, 0.0))
    return total / jnp.maximum(jnp.sum(scored), 1)


def only_scored(scored: Bool[Array, "T B"], *arrays: Array) -> tuple[Array, ...]:
    """Zeros where a step is not scored, so that whatever stands there reaches neither the loss nor its gradient."""
    return tuple(jnp.where(scored if a.ndim == scored.ndim else scored[..., None], a, 0) for a in arrays)


def softmax_cross_entropy(logits: Float[Array, "T B O"], targets: Int[Array, "T B"], scored: Bool[Array, "T B"]):
    """Categorical cross-entropy in nats per scored step; ln O at uniform output (A1.14)."""
    logits, targets = only_scored(scored, logits, targets)
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], axis=-1)[..., 0]
    return scored_mean(-chosen, scored)


def euclidean(outputs: Float[Array, "T B O"], targets: Float[Array, "T B O"], scored: Bool[Array, "T B"]):
    """Squared Euclidean distance, summed over outputs, mean per scored step (A1.15). One output: plain MSE."""
    outputs, targets = only_scored(scored, outputs, targets)
    return scored_mean(jnp.sum((outputs - targets) ** 2, axis=-1), scored)


def hamming(logits: Float[Array, "T B O"], targets: Int[Array, "T B"], scored: Bool[Array, "T B"]):
    """Share of scored steps whose most likely class is wrong, in [0, 1] (A1.16). Not differentiable.

    Logits that are not finite are wrong: their argmax would be class 0.
    """
    wrong = (jnp.argmax(logits, axis=-1) != targets) | ~jnp.all(jnp.isfinite(logits), axis=-1)
    return scored_mean(wrong.astype(logits.dtype), scored)


def expected_hamming(logits: Float[Array, "T B O"], targets: Int[Array, "T B"], scored: Bool[Array, "T B"]):
    """Expected Hamming distance: sum over classes of |p - z| per scored step, in [0, 2] (A1.16, for training).

    Departure: none from sum |p - z|; for a one-hot z it equals 2 (1 - p_target).
    """
    logits, targets = only_scored(scored, logits, targets)
    z = jax.nn.one_hot(targets, logits.shape[-1], dtype=logits.dtype)
    return scored_mean(jnp.sum(jnp.abs(jax.nn.softmax(logits) - z), axis=-1), scored)


def gaussian_nll(outputs: Float[Array, "T B 2O"], targets: Float[Array, "T B O"], scored: Bool[Array, "T B"]):
    """Gaussian negative log-likelihood in nats per scored step, summed over outputs (A1.17).

    The first half of `outputs` is the mean, the second half the logarithm of the variance.
    """
    outputs, targets = only_scored(scored, outputs, targets)
    mean, log_var = jnp.split(outputs, 2, axis=-1)
    nll = 0.5 * (LOG_2PI + log_var + (targets - mean) ** 2 * jnp.exp(-log_var))
    return scored_mean(jnp.sum(nll, axis=-1), scored)


def bernoulli_nll(logits: Float[Array, "T B O"], targets: Float[Array, "T B O"], scored: Bool[Array, "T B"]):
    """Bernoulli negative log-likelihood in nats per scored step, summed over outputs (A1.17)."""
    logits, targets = only_scored(scored, logits, targets)
    nll = jnp.maximum(logits, 0) - logits * targets + jnp.log1p(jnp.exp(-jnp.abs(logits)))
    return scored_mean(jnp.sum(nll, axis=-1), scored)


def accuracy(logits: Float[Array, "T B O"], targets: Int[Array, "T B"], scored: Bool[Array, "T B"]):
    """Share of scored steps whose most likely class is right, in [0, 1]."""
    return 1.0 - hamming(logits, targets, scored)


def wrong_sequences(wrong_steps: Bool[Array, "T B"], scored: Bool[Array, "T B"]) -> Bool[Array, " B"]:
    """Sequences with at least one wrong scored step."""
    return jnp.any(wrong_steps & scored, axis=0)


def safe_norm(x: Array, axis=None, floor: float = 1e-20) -> Array:
    """Euclidean norm whose gradient at zero is zero, not NaN. Squared norms below `floor` count as zero."""
    square = jnp.sum(x * x, axis=axis)
    live = square > floor
    return jnp.where(live, jnp.sqrt(jnp.where(live, square, 1.0)), 0.0)


LOSSES = {
    "softmax_cross_entropy": softmax_cross_entropy,
    "euclidean": euclidean,
    "hamming": hamming,
    "expected_hamming": expected_hamming,
    "gaussian_nll": gaussian_nll,
    "bernoulli_nll": bernoulli_nll,
}
