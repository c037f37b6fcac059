"""`lyapunov`: how fast states that lie close together part or meet, in every direction."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from ltd.config import ConfigError
from ltd.linalg import qr
from ltd.probes.chain import Vector, chain_of
from ltd.streams import stream
from ltd.types import Batch, Curves, Network, Task


def lyapunov(
    model: Network,
    key: Array,
    batch: Batch,
    task: Task | None = None,
    leading: int | None = None,
    warmup: int | None = None,
    blocks: int = 10,
    driven: bool = True,
) -> Curves:
    """Lyapunov exponents of the state map along the batch's inputs, in nats per step, largest first (A1.18).

        J_t Q_{t-1} = Q_t R_t,    lambda_i = mean over t of ln |(R_t)_ii|,      J_t = d state_t / d state_{t-1}

    J acts on columns. The state is all of it but its clocks: for an LSTM h and c side by side. The frame Q_0 is random,
    orthonormal, and made orthonormal again at every step, those of the warm-up among them. An exponent above 0 says
    that neighbouring states part: the network is chaotic under these inputs. ln 2 nats are one bit.

    A step that leaves nothing of a direction but rounding makes its exponent -inf: the map has lost a dimension, or
    contracts it by more than the precision can tell.

    leading   how many exponents, the largest; all if absent
    warmup    steps at the start that do not count; a fifth of them if absent
    blocks    blocks of steps whose means give the standard error
    driven    whether the network sees the batch's inputs; else they are zero and the state begins at N(0, 1) numbers

    In a deep net (`highway`, `plain`) the steps are layers, and a sample is one step of one sequence.

    Shapes
        lyapunov          [sample, rank]   nats per step
        lyapunov_stderr   [sample, rank]   of the means over the steps that count; NaN of what is -inf

    Raises
        ConfigError  where the network has no state between steps, or there are fewer than two steps that count.

    Source
        Benettin, Galgani, Giorgilli & Strelcyn (1980), Meccanica 15, 9-20; Engelken, Wolf & Abbott (2020), arXiv
        2006.02427.
    """
    found = chain_of(model, batch, "lyapunov", None if driven else stream(key, "start of the probe"))
    vector = Vector(getattr(model.net, "clock", ()))
    states = jax.vmap(vector.of)(found.before)  # [T, B, S]
    length, samples, size = states.shape
    warmup = length // 5 if warmup is None else warmup
    count = size if leading is None else leading
    if warmup < 0 or length - warmup < 2:
        raise ConfigError(f"probe.warmup = {warmup} must leave at least two of the {length} steps: take more of them.")
    if not 1 <= count <= size or blocks < 2:
        raise ConfigError(
            f"probe.leading = {leading} must be 1 to {size}, the numbers of the state, and probe.blocks = {blocks} at "
            "least 2."
        )
    resolution = size * jnp.finfo(states.dtype).eps

    def forward(frame, now):
        s, before, item = now
        step = lambda s: vector.of(found.step(vector.into(s, before), item)[0])  # noqa: E731
        moved = jax.vmap(lambda q: jax.jvp(step, (s,), (q,))[1], in_axes=-1, out_axes=-1)(frame)
        lengths = jnp.linalg.norm(moved, axis=-2)
        frame, R = qr(moved)
        kept = jnp.abs(jnp.diagonal(R, axis1=-2, axis2=-1))
        lost = kept <= resolution * lengths
        return frame, jnp.where(lost, -jnp.inf, jnp.log(jnp.where(lost, 1, kept)))

    frame, _ = qr(jax.random.normal(stream(key, "frame of the probe"), (samples, size, count), states.dtype))
    _, logs = jax.lax.scan(forward, frame, (states, found.before, found.items))
    real = jnp.ones((length, samples), bool) if found.valid is None else found.valid
    means, errors = averaged(logs, real & (jnp.cumsum(real, axis=0) > warmup), blocks)
    order = jnp.argsort(-means, axis=-1)
    arrays = {"lyapunov": means, "lyapunov_stderr": errors}
    arrays = {name: jnp.take_along_axis(values, order, axis=-1) for name, values in arrays.items()}
    return Curves(arrays, dict.fromkeys(arrays, ("sample", "rank")))


def averaged(logs: Float[Array, "T B K"], counts: Bool[Array, "T B"], blocks: int):
    """The mean over the steps that count, and its standard error from the means of that many blocks of them."""
    number = jnp.cumsum(counts, axis=0) - 1
    total = jnp.sum(counts, axis=0)
    block = jnp.minimum(number * blocks // jnp.maximum(total, 1), blocks - 1)

    def mean(chosen):
        return jnp.sum(jnp.where(chosen[..., None], logs, 0), axis=0) / jnp.sum(chosen, axis=0)[:, None]

    each = jax.lax.map(lambda i: mean(counts & (block == i)), jnp.arange(blocks))
    filled = jax.lax.map(lambda i: jnp.any(counts & (block == i), axis=0), jnp.arange(blocks))[..., None]
    whole, many = mean(counts), jnp.sum(filled, axis=0)
    middle = jnp.sum(jnp.where(filled, each, 0), axis=0) / many
    spread = jnp.sum(jnp.where(filled, (each - middle) ** 2, 0), axis=0)
    error = jnp.sqrt(spread / (many * (many - 1)))
    return whole, jnp.where(jnp.isfinite(whole), error, jnp.nan)


def summary(curves: Curves) -> dict[str, float]:
    """The largest exponent with its standard error, and how many are above 0: means over samples."""
    first, error = curves["lyapunov"][:, 0], curves["lyapunov_stderr"][:, 0]
    found = {"lyapunov_1": float(np.mean(first)), "lyapunov_1_stderr": float(np.sqrt(np.sum(error**2)) / len(error))}
    return found | {"expanding": float(np.mean(np.sum(curves["lyapunov"] > 0, axis=-1)))}


def table(curves: Curves) -> dict[str, np.ndarray]:
    """A row per exponent: means over samples."""
    values, errors = curves["lyapunov"], curves["lyapunov_stderr"]
    mean, error = np.mean(values, axis=0), np.sqrt(np.sum(errors**2, axis=0)) / len(errors)
    return {"rank": np.arange(1, len(mean) + 1), "lyapunov": mean, "stderr": error}
