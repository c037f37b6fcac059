"""`memory`: how well a linear read-out of the state gives back the input of k steps ago."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from ltd.config import ConfigError
from ltd.linalg import inverse, qr
from ltd.probes.chain import Vector, chain_of
from ltd.streams import stream
from ltd.types import Batch, Curves, Network, Task

SURROGATES = 40  # targets of pure noise that show what chance gives


def memory(
    model: Network,
    key: Array,
    batch: Batch,
    task: Task | None = None,
    lags: int | None = None,
    warmup: int | None = None,
    held: float = 0.25,
    ridge: float = 1e-6,
) -> Curves:
    """R^2 of the input k steps ago, read linearly from the state: the memory function, and its sum, the capacity.

        x_{t-k} ~ s_t w_k + b_k,       w = (S'S + ridge (tr S'S / P) 1)^-1 S'X on centred training sequences
        memory(k) = 1 - |x - x^|^2 / |x - mean x|^2 on the sequences held out
        capacity  = sum of memory(k) over the lags and inputs where it is above chance

    The state is that after the step (so lag 0 is the input just read) and all of it but its clocks, P numbers. For
    inputs that are independent in time the capacity is at most P, and P for a linear network that forgets nothing
    before it must. On sequences that were not seen in fitting, R^2 is not flattered by many numbers of state: a
    read-out of noise gives 0 or less. `chance` is the highest R^2 that 40 targets of pure noise reach. With few samples
    for each number of the state (`samples_per_number`; 10 are good) memory comes out too small, never too large.

    With a task the inputs are the task's: where they are not independent in time, what is guessed from later inputs
    counts as memory. Padding does not count, and stands at the end.

    lags    how many; a quarter of the steps if absent
    warmup  steps at the start that do not count; as many as there are lags if absent
    held    share of the sequences that is held out, one at least
    ridge   penalty, relative to the mean square of the state's numbers

    Shapes
        memory               [lag, input]   R^2 at lags 0..lags-1
        chance               []             R^2
        capacity             []             numbers remembered
        samples_per_number   []             steps of training sequences for each number of the state

    Raises
        ConfigError  where the network has no state between steps of time, or too few steps or sequences.

    Source
        Jaeger (2001), Short term memory in echo state networks, GMD Report 152; there in-sample, with correlations.
    """
    found = chain_of(model, batch, "memory")
    inputs = model.embed(batch.inputs)
    if found.depth:
        raise ConfigError("probe 'memory' needs a state between steps of time, and this net has one between layers.")
    vector = Vector(getattr(model.net, "clock", ()))
    states = jax.vmap(vector.of)(found.before)[1:]  # after steps 0..T-2
    length, samples, size = states.shape
    lags = max(1, length // 4) if lags is None else lags
    warmup = lags if warmup is None else warmup
    first = max(warmup, lags - 1)
    if lags < 1 or warmup < 0 or length - first < 2:
        raise ConfigError(f"probe.lags = {lags}, probe.warmup = {warmup}: {length + 1} steps are too few, take more.")
    out = max(1, round(held * samples))
    if not 0 < held < 1 or out >= samples:
        raise ConfigError(
            f"probe.held = {held} of batch = {samples} sequences: at least one must train, one be held out."
        )
    if ridge < 0:
        raise ConfigError(f"probe.ridge = {ridge} must not be below 0.")

    at = jnp.arange(first, length)[:, None] - jnp.arange(lags)
    shifted = jnp.swapaxes(inputs[at], 1, 2)  # [N, B, lags, D]
    noise = jax.random.normal(stream(key, "noise of the probe"), (length - first, samples, SURROGATES), states.dtype)
    targets = jnp.concatenate([shifted.reshape(length - first, samples, -1), noise], axis=-1)
    real = jnp.ones((length, samples), bool) if found.valid is None else found.valid[:-1]
    scores = read_out(states[first:], targets, real[first:], out, ridge)
    given = scores[:-SURROGATES].reshape(lags, -1)
    chance = jnp.maximum(jnp.max(scores[-SURROGATES:]), 0)
    used = jnp.sum(real[first:, : samples - out])
    arrays = {
        "memory": given,
        "chance": chance,
        "capacity": jnp.sum(jnp.where(given > chance, given, 0)),
        "samples_per_number": used / size,
    }
    return Curves(arrays, {"memory": ("lag", "input"), "chance": (), "capacity": (), "samples_per_number": ()})


def read_out(
    states: Float[Array, "N B P"], targets: Float[Array, "N B M"], real: Array, out: int, ridge: float
) -> Float[Array, " M"]:
    """R^2 of each target on the last `out` sequences, of the read-out fitted on the others; 0 for a constant target."""
    samples, size = states.shape[1:]
    weight = real.astype(states.dtype)

    def rows(a, chosen):
        return a[:, chosen].reshape(-1, a.shape[-1])

    train, test = slice(0, samples - out), slice(samples - out, samples)
    w, v = weight[:, train].reshape(-1, 1), weight[:, test].reshape(-1, 1)

    def centred(a):
        middle = jnp.sum(rows(a, train) * w, axis=0) / jnp.sum(w)
        return (rows(a, train) - middle) * w, (rows(a, test) - middle) * v

    (S, S_test), (X, X_test) = centred(states), centred(targets)
    limits = jnp.finfo(S.dtype)
    penalty = jnp.maximum(ridge, limits.eps**2) * jnp.sum(S**2) / size + limits.tiny
    # by the triangle of [S; sqrt(penalty) 1], whose condition is the root of that of S'S
    floor = jnp.sqrt(penalty) * jnp.eye(size, dtype=S.dtype)
    Q, R = qr(jnp.concatenate([S, floor]))
    predicted = S_test @ (inverse(R) @ (Q[: len(S)].T @ X))
    spread = jnp.sum(((X_test - jnp.sum(X_test, axis=0) / jnp.sum(v)) * v) ** 2, axis=0)
    left = jnp.sum((X_test - predicted) ** 2, axis=0)
    varies = spread > jnp.finfo(S.dtype).eps * jnp.sum(rows(targets, test) ** 2, axis=0)
    return jnp.where(varies, 1 - left / jnp.where(varies, spread, 1), 0)


def summary(curves: Curves) -> dict[str, float]:
    """Capacity, the level of chance, and samples for each number of the state."""
    return {name: float(curves[name]) for name in ("capacity", "chance", "samples_per_number")}


def table(curves: Curves) -> dict[str, np.ndarray]:
    """A row per lag: the mean over inputs."""
    mean = np.mean(curves["memory"], axis=-1)
    return {"lag": np.arange(len(mean)), "memory": mean, "chance": np.full(len(mean), float(curves["chance"]))}
