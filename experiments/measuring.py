"""What claims measure alike: Jacobians of a plain network as its source draws it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ltd.config import Choice
from ltd.model import make_model
from ltd.probes import jacobian
from ltd.runtime import precision
from ltd.settings import Run
from ltd.streams import stream
from ltd.types import Batch


class Symbols:
    """The sizes of a net that reads one-hot symbols."""

    tokens = True

    def __init__(self, inputs: int, outputs: int = 1):
        self.inputs, self.outputs = inputs, outputs


def elman_norms(
    seed: int,
    activation: str,
    init: str,
    rho: float | None = None,
    sigma: float | None = None,
    input_sd: float | None = None,
    hidden: int = 50,
    symbols: int = 6,
    length: int = 50,
    batch: int = 10,
) -> np.ndarray:
    """log10 of the 2-norm of d h_T / d h_{T-k}, [lag 0..length, sample], of a fresh Elman network on random symbols.

    U is rescaled to `rho` or to the largest singular value `sigma` where one is given; input weights are N(0,
    input_sd^2), or the cell's own.
    """
    program = _elman(activation, init, rho is not None, sigma is not None, input_sd, hidden, symbols, length, batch)
    with precision("float64"):
        return np.asarray(program(jnp.uint32(seed), rho or 0.0, sigma or 0.0))


@functools.cache
def _elman(
    activation: str, init: str, by_rho: bool, by_sigma: bool, input_sd: float | None, hidden: int, symbols: int,
    length: int, batch: int,
) -> Callable:  # fmt: skip
    """One program per static setting, for every seed and scale."""
    run = Run(cell=Choice("elman", {"hidden": hidden, "activation": activation, "init": init}))
    build = make_model(run, Symbols(symbols))

    @jax.jit
    def norms(seed, rho, sigma):
        key = jax.random.key(seed)
        model = build(key, rho if by_rho else None, sigma if by_sigma else None)
        if input_sd is not None:
            W = model.net.W
            W[...] = input_sd * jax.random.normal(stream(key, "input weights"), W.shape, W.dtype)
        tokens = jax.random.randint(stream(key, "symbols"), (length + 1, batch), 0, symbols)
        unscored = jnp.zeros(tokens.shape, bool)
        return jacobian(model, key, Batch(tokens, tokens, unscored, None)).arrays["jacobian_log10"]

    return norms
