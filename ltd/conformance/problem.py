"""What is compared: sizes, tolerances, the numbers both sides are given, and what a side returns."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ltd.config import ConfigError
from ltd.settings import Plan

LENGTH, BATCH, INPUTS, HIDDEN = 300, 4, 5, 7
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
APART = 0.1  # a pair that must fail differs by more
STEP_BY_STEP = "step by step"
WAYS = {
    "stepwise": Plan("stepwise"),
    "chunked": Plan("chunked", 64),
    STEP_BY_STEP: None,
}  # 64 leaves a shorter last one
QUANTITIES = ("outputs", "input gradient", "weight gradients")
FRAMEWORKS = {"torch": "torch", "haiku": "dm-haiku", "equinox": "equinox"}  # module -> package; Flax is ours already

Arrays = Mapping[str, np.ndarray]


class Result(NamedTuple):
    """One side of a comparison; gradients are named as the weights."""

    outputs: np.ndarray
    d_inputs: np.ndarray
    grads: Arrays
    weights: Arrays


class Problem(NamedTuple):
    """Inputs, the cotangent q of the outputs, and where weights come from."""

    inputs: np.ndarray
    q: np.ndarray
    rng: np.random.Generator

    def draw(self, shape: tuple[int, ...]) -> np.ndarray:
        """Weights N(0, 0.3^2), so that a relu network of this width does not grow."""
        return self.rng.normal(0.0, 0.3, shape).astype(self.inputs.dtype)


def problem(seed: int, precision: str) -> Problem:
    """The same numbers in both precisions, up to rounding."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(LENGTH, BATCH, INPUTS + HIDDEN)).astype(precision)
    return Problem(numbers[..., :INPUTS].copy(), numbers[..., INPUTS:].copy(), rng)


def framework(name: str) -> Any:
    """The module of another framework.

    Raises
        ConfigError  if it is not installed.
    """
    try:
        with warnings.catch_warnings():  # what they say of jax while they are imported is theirs to mend
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module(name)
    except ImportError:
        raise ConfigError(
            f"{FRAMEWORKS[name]} is not installed, and the comparison needs it: pip install 'ltd[conformance]'."
        ) from None
