"""Both cells of xLSTM: exponential gates with a stabiliser, scalar memory and matrix memory."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import initializers
from ltd.activations import logistic
from ltd.cells.base import MixRecurrentCell, RecurrentCell, at_least_one, zeros
from ltd.trees import spread

NEVER = -1e30  # the logarithm of a gate that is shut, finite so that differences of two have a meaning
Forget = Literal["logistic", "exp"]


def log_forget(a: Array, how: str) -> Array:
    """The logarithm of the forget gate."""
    return -jax.nn.softplus(-a) if how == "logistic" else a


def known_forget(how: str) -> None:
    """Refuse a forget gate that is not offered."""
    if how not in ("logistic", "exp"):
        raise ValueError(f"forget = {how!r} must be logistic or exp.")


class SLSTMState(NamedTuple):
    """h: output (B, H); c: cell, n: normaliser, both times exp(-m); m: stabiliser, all (B, H)."""

    h: Array
    c: Array
    n: Array
    m: Array


class SLSTM(MixRecurrentCell):
    """sLSTM: exponential input gate, a normaliser, and a stabiliser that leaves the output as it is.

        z    = tanh(x_t W_z + h_{t-1} U_z + b_z)
        o    = logistic(x_t W_o + h_{t-1} U_o + b_o)
        i    = exp(a_i),  f = logistic(a_f) or exp(a_f)      a_k = x_t W_k + h_{t-1} U_k + b_k
        m_t  = max(log f + m_{t-1}, log i)                   log i where n_{t-1} = 0: the memory is empty
        c_t  = exp(log f + m_{t-1} - m_t) c_{t-1} + exp(log i - m_t) z
        n_t  = exp(log f + m_{t-1} - m_t) n_{t-1} + exp(log i - m_t)
        h_t  = o c_t / n_t

    Shapes
        x_t            input                               (B, D)
        h_t            output, a part of the state         (B, H)
        c_t, n_t, m_t  cell, normaliser, stabiliser, the rest of the state   (B, H)
        W, U           weights of i, f, o, z side by side  (D, 4H), (H, 4H)
        b              bias; `forget_bias` in the forget gate, else 0 at first   (4H,)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, or `forget` is not known.

    Source
        Beck et al. (2024), xLSTM: Extended Long Short-Term Memory, arXiv 2405.04517; the empty memory as in the
        authors' code.
    Departures
        One head: U is not block-diagonal. The cell alone, without the convolution, the norm and the block around it.
        Only h can start elsewhere than at zero. Probes see c, n and m as they are kept, c and n times exp(-m).
        The forget bias is a constant where the authors spread it.
    """

    key = "A3.14"
    recurrent = {"U": ("i", "f", "o", "z")}  # noqa: RUF012
    exact = True  # differences of large logarithms
    fixed = ("c", "n", "m")  # an empty memory holds nothing to start from

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        forget: Forget = "logistic",
        forget_bias: float = 3.0,
        init: str = "orthogonal",
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        known_forget(forget)
        w_key, u_key = jax.random.split(key)
        self.inputs, self.hidden, self.forget = inputs, hidden, forget
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, 4 * hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden, blocks=4))
        bias = initializers.forget_bias(hidden, forget_bias)
        self.b = nnx.Param(jnp.zeros(4 * hidden, jnp.result_type(float)).at[hidden : 2 * hidden].set(bias))

    def initial_state(self, batch: tuple[int, ...]) -> SLSTMState:
        """All zero: an empty memory."""
        return SLSTMState(*(zeros(batch, self.hidden) for _ in range(4)))

    def advance(self, state: SLSTMState, drive, mixed) -> tuple[SLSTMState, Array]:
        """Gates on the stabiliser's scale, cell, output."""
        log_i, a_f, a_o, a_z = jnp.split(drive + mixed, 4, axis=-1)
        carried = log_forget(a_f, self.forget) + jnp.where(state.n == 0, NEVER, state.m)
        m = jnp.maximum(carried, log_i)
        i, f = jnp.exp(log_i - m), jnp.exp(carried - m)
        c = f * state.c + i * jnp.tanh(a_z)
        n = f * state.n + i
        h = logistic(a_o) * c / n
        return SLSTMState(h, c, n, m), h


class MLSTMState(NamedTuple):
    """C: memory, value by key (B, heads, d, d); n: normaliser (B, heads, d), both times exp(-m); m (B, heads)."""

    C: Array
    n: Array
    m: Array


class MLSTMDrive(NamedTuple):
    """q, k, v [..., heads, d]; log_i, log_f [..., heads]; o [..., H]."""

    q: Array
    k: Array
    v: Array
    log_i: Array
    log_f: Array
    o: Array


class MLSTM(RecurrentCell):
    """mLSTM: a matrix memory of keys and values under exponential gates; linear in its state, parallel in time.

        q, k, v  = x_t W_q + b_q, (x_t W_k + b_k) / sqrt(d), x_t W_v + b_v       per head, d = H / heads
        log i    = x_t w_i + b_i;   f = logistic(x_t w_f + b_f), or its exp      one number per head
        C_t      = f C_{t-1} + i v k^T
        n_t      = f n_{t-1} + i k
        h_t      = logistic(x_t W_o + b_o) C_t q / max(|n_t q|, 1)

    Kept as C exp(-m), n exp(-m) with m_t = max(log f + m_{t-1}, log i), so that 1 becomes exp(-m_t).

    Shapes
        x_t            input                                      (B, D)
        h_t            output                                     (B, H)
        C_t            memory, value by key, a part of the state  (B, heads, d, d)
        n_t, m_t       normaliser, stabiliser, the rest of it     (B, heads, d), (B, heads)
        W              weights of q, k, v, o, i, f side by side   (D, 4H + 2 heads)
        b              bias; `forget_bias` in the forget gate, else 0 at first   (4H + 2 heads,)

    Raises
        ValueError  if a size is below 1, `hidden` no multiple of `heads`, or `forget` is not known.

    Source
        Beck et al. (2024), xLSTM: Extended Long Short-Term Memory, arXiv 2405.04517; exp(-m) as in the authors' code.
    Departures
        The cell alone, without the convolution, the norm and the block around it. The gates see x_t, not q, k and v.
        n and m start at zero. Probes see C, n and m as they are kept, C and n times exp(-m).
        The forget bias is a constant where the authors spread it over heads. Nothing is added to the denominator;
        exp(-m) is held where its square is a number.
    """

    key = "A3.14"
    plans = ("stepwise", "chunked", "associative")
    exact = True  # sums of logarithms over many steps
    fixed = ("n", "m")
    chunked_form = True

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        heads: int = 1,
        forget: Forget = "logistic",
        forget_bias: float = 3.0,
    ):
        at_least_one(inputs=inputs, hidden=hidden, heads=heads)
        if hidden % heads:
            raise ValueError(f"hidden = {hidden} must be a multiple of heads = {heads}.")
        known_forget(forget)
        self.inputs, self.hidden, self.heads, self.forget = inputs, hidden, heads, forget
        units = 4 * hidden + 2 * heads
        self.W = nnx.Param(initializers.uniform_fan_in(key, (inputs, units)))
        self.b = nnx.Param(jnp.zeros(units, jnp.result_type(float)).at[units - heads :].set(forget_bias))

    def initial_state(self, batch: tuple[int, ...]) -> MLSTMState:
        """All zero: an empty memory."""
        size = self.hidden // self.heads
        lead = (*batch, self.heads)
        return MLSTMState(zeros((*lead, size), size), zeros(lead, size), zeros(batch, self.heads))

    def kernel(self):
        """Nothing: the loop has no weights."""
        return ()

    def project(self, inputs: Array) -> MLSTMDrive:
        """Queries, keys, values and gates."""
        H, heads = self.hidden, self.heads
        a = inputs @ self.W[...] + self.b[...]
        q, k, v, o, gates = jnp.split(a, [H, 2 * H, 3 * H, 4 * H], axis=-1)
        q, k, v = (part.reshape(*part.shape[:-1], heads, H // heads) for part in (q, k, v))
        log_f = log_forget(gates[..., heads:], self.forget)
        return MLSTMDrive(q, k / math.sqrt(H // heads), v, gates[..., :heads], log_f, logistic(o))

    def read_out(self, Cq: Array, nq: Array, m: Array, o: Array) -> Array:
        """o C q / max(|n q|, exp(-m)), heads side by side."""
        limit = 0.45 * math.log(float(jnp.finfo(m.dtype).max))
        h = Cq / jnp.maximum(jnp.abs(nq), jnp.exp(jnp.clip(-m, -limit, limit)))[..., None]
        return o * h.reshape(o.shape)

    def step(self, kernel, state: MLSTMState, drive: MLSTMDrive) -> tuple[MLSTMState, Array]:
        """One step of the recurrence."""
        q, k, v, log_i, log_f, o = drive
        m = jnp.maximum(log_f + state.m, log_i)
        f, i = jnp.exp(log_f + state.m - m), jnp.exp(log_i - m)
        C = f[..., None, None] * state.C + (i[..., None] * v)[..., :, None] * k[..., None, :]
        n = f[..., None] * state.n + i[..., None] * k
        Cq = jnp.einsum("...vk,...k->...v", C, q)
        return MLSTMState(C, n, m), self.read_out(Cq, jnp.sum(n * q, axis=-1), m, o)

    def associate(
        self, kernel, state: MLSTMState, drive: MLSTMDrive, valid: Array | None, chunk: int | None
    ) -> tuple[MLSTMState, Array]:
        """Chunks of about sqrt(T) steps: all pairs of steps inside a chunk, the recurrence between chunks.

        A step that is not valid neither forgets nor writes: log f = 0, log i = NEVER. Only the memories between chunks
        are kept; the reverse pass does a chunk again.
        """
        length = len(drive.log_i)
        if valid is not None:
            drive = drive._replace(
                log_i=jnp.where(spread(valid, drive.log_i), drive.log_i, NEVER),
                log_f=jnp.where(spread(valid, drive.log_f), drive.log_f, 0),
            )
        chunk = min(chunk or math.ceil(math.sqrt(length)), length)
        more = -length % chunk

        def cut(leaf: Array, fill: float) -> Array:
            padded = jnp.pad(leaf, ((0, more), *((0, 0),) * (leaf.ndim - 1)), constant_values=fill)
            return padded.reshape(-1, chunk, *leaf.shape[1:])

        pieces = MLSTMDrive(*(cut(leaf, NEVER if name == "log_i" else 0) for name, leaf in drive._asdict().items()))
        state, outputs = jax.lax.scan(jax.checkpoint(self._chunk), state, pieces)
        return state, outputs.reshape(-1, *outputs.shape[2:])[:length]

    def _chunk(self, state: MLSTMState, drive: MLSTMDrive) -> tuple[MLSTMState, Array]:
        """All steps of a chunk from the state before it; s and t are its steps, s <= t."""
        q, k, v, log_i, log_f, o = drive
        at = jnp.arange(len(log_i))
        causal, later = at[:, None] >= at, at[:, None] > at  # [t, s]
        kept = jnp.cumsum(jnp.where(spread(later, log_f[:, None]), log_f[:, None], 0), axis=0)  # log of f from s to t
        weight = jnp.where(spread(causal, kept), kept + log_i, NEVER)  # [t, s, B, heads]
        before = jnp.cumsum(log_f, axis=0) + state.m
        m = jnp.maximum(before, jnp.max(weight, axis=1))
        old, new = jnp.exp(before - m), jnp.exp(weight - m[:, None])
        match = new * jnp.einsum("tbhd,sbhd->tsbh", q, k)
        Cq = old[..., None] * jnp.einsum("bhvk,tbhk->tbhv", state.C, q) + jnp.einsum("tsbh,sbhv->tbhv", match, v)
        nq = old * jnp.einsum("bhk,tbhk->tbh", state.n, q) + jnp.sum(match, axis=1)
        last = new[-1][..., None]
        C = old[-1][..., None, None] * state.C + jnp.einsum("sbhv,sbhk->bhvk", last * v, k)
        n = old[-1][..., None] * state.n + jnp.sum(last * k, axis=0)
        return MLSTMState(C, n, m[-1]), self.read_out(Cq, nq, m, o)


CELLS = {"slstm": SLSTM, "mlstm": MLSTM}
