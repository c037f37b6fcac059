"""The survey's activation functions, each with the bound gamma of its derivative.

    gamma = sup over a of |f'(a)|

The gradient through one step of h_t = f(W x_t + U h_{t-1} + b) shrinks at least by gamma sigma(U) (A1.23).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array


@dataclass(frozen=True)
class Activation:
    """A function of the pre-activation, its derivative bound, and its key in the catalogue of systems.

    `parameters` are the initial values of learned scalars per unit; `function` then takes them after `a`, and
    `gamma` is a function of them.
    """

    key: str
    function: Callable[..., Array]
    gamma: float | Callable[..., Array]
    parameters: tuple[float, ...] = ()


@jax.custom_jvp
def _threshold(a: Array) -> Array:
    return jnp.where(a >= 0, 1.0, -1.0).astype(a.dtype)


@_threshold.defjvp
def _straight_through(primals, tangents):
    (a,), (da,) = primals, tangents
    return _threshold(a), jnp.where(jnp.abs(a) <= 1, da, 0)


def linear(a: Array) -> Array:
    """a"""
    return a


def hard_tanh(a: Array) -> Array:
    """clip(a, -1, 1): exactly zero gradient when saturated."""
    return jnp.clip(a, -1, 1)


def threshold(a: Array) -> Array:
    """sign(a), with 1 at 0. Its gradient is straight-through: passed on where |a| <= 1.

    Source: Bengio, Leonard & Courville (2013), arXiv 1308.3432. gamma belongs to this surrogate; the true derivative
    is 0.
    """
    return _threshold(a)


def sine(a: Array) -> Array:
    """sin(a) on [-pi/2, pi/2], else +1 or -1."""
    return jnp.sin(jnp.clip(a, -jnp.pi / 2, jnp.pi / 2))


def logistic(a: Array) -> Array:
    """1 / (1 + exp(-a)), in float64, as probes use it, to the last digits however small it is.

    In float32 and below it is (tanh(a/2) + 1) / 2, which is faster and has the digits of a number near 1: what lies
    under 1e-7, below a = -16, is 0.
    """
    return jax.nn.sigmoid(a) if a.dtype == jnp.float64 else 0.5 * jnp.tanh(0.5 * a) + 0.5


def relu(a: Array) -> Array:
    """max(a, 0); derivative 0 at 0."""
    return jax.nn.relu(a)


def srelu(a: Array, right: Array, right_slope: Array, left: Array, left_slope: Array) -> Array:
    """S-shaped ReLU: linear between two thresholds, with learned slopes outside them.

        t_r + a_r (a - t_r)  for a >= t_r;    a  between;    t_l + a_l (a - t_l)  for a <= t_l

    Source: Jin et al. (2015), arXiv 1512.07030; recalled, not checked. Four learned scalars per unit.
    """
    above = right + right_slope * (a - right)
    below = left + left_slope * (a - left)
    return jnp.where(a >= right, above, jnp.where(a <= left, below, a))


def _srelu_gamma(right, right_slope, left, left_slope) -> Array:
    return jnp.maximum(1.0, jnp.maximum(jnp.max(jnp.abs(right_slope)), jnp.max(jnp.abs(left_slope))))


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation("A1.6", linear, 1.0),
    "hard_tanh": Activation("A1.7", hard_tanh, 1.0),
    "tanh": Activation("A1.8", jnp.tanh, 1.0),
    "threshold": Activation("A1.9", threshold, 1.0),
    "sine": Activation("A1.10", sine, 1.0),
    "logistic": Activation("A1.11", logistic, 0.25),
    "relu": Activation("A1.12", relu, 1.0),
    "srelu": Activation("A1.13", srelu, _srelu_gamma, (1.0, 0.2, -1.0, 0.2)),
}


def activation(name: str) -> Activation:
    """The activation of that name."""
    if name not in ACTIVATIONS:
        raise KeyError(f"no activation {name!r}; known activations: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def plain(name: str) -> Callable[..., Array]:
    """The function of that name, of the pre-activation alone."""
    found = activation(name)
    if found.parameters:
        raise ValueError(f"activation = {name!r} learns numbers of its own, which elman alone keeps: take another.")
    return found.function
