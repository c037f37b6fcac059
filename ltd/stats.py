"""Intervals and slopes: the few numbers that a claim rests on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval (low, high) for a success rate: every p that a score test of k/n does not reject.

        (p - k/n)^2 = z^2 p (1 - p) / n,      z the normal quantile of (1 + level) / 2

    Source
        Wilson (1927), Journal of the American Statistical Association 22(158), 209-212; no continuity correction.
    """
    from scipy.stats import binomtest  # takes longer to import than jax

    interval = binomtest(successes, n).proportion_ci(confidence_level=level, method="wilson")
    return float(interval.low), float(interval.high)


def median_interval(
    values: ArrayLike, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Median and its bootstrap percentile interval (median, low, high), in the unit of the values.

    Raises
        ValueError  if a value is not finite: drop diverged runs yourself and say how many, a median must not hide them.
    """
    sample = _finite(values, "values")
    resampled = np.random.default_rng(seed).choice(sample, size=(draws, sample.size))
    low, high = np.quantile(np.median(resampled, axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(np.median(sample)), float(low), float(high)


def slope(x: ArrayLike, y: ArrayLike) -> float:
    """Least-squares slope of y against x, in units of y per unit of x."""
    x, y = _finite(x, "x"), _finite(y, "y")
    if x.size != y.size or np.ptp(x) == 0:
        raise ValueError(f"a slope needs two different x, and one y for each: {x.size} x, {y.size} y.")
    centred = x - x.mean()
    return float(centred @ (y - y.mean()) / (centred @ centred))


def decay_slope(lags: ArrayLike, log10_norms: ArrayLike) -> float:
    """How fast a gradient norm decays, in log10 per step: the slope over the second half of the lags.

    The first half of the entries is left out: there the read-out's direction still turns into the slowest mode.
    A linear recurrence of spectral radius rho tends to log10(rho); 0 means neither vanishing nor exploding. A norm
    that is exactly zero (log10 = -inf, as ReLU units that all died) gives -inf.
    """
    start = np.size(lags) // 2
    lags, norms = np.asarray(lags)[start:], np.asarray(log10_norms)[start:]
    return float("-inf") if np.any(np.isneginf(norms)) else slope(lags, norms)


def effective_memory(lags: Sequence[int] | np.ndarray, log10_norms: ArrayLike, share: float = 1e-3) -> int | None:
    """First lag, in steps, at which the norm is below `share` of that at the first lag given; None if it never is."""
    norms = np.asarray(log10_norms, dtype=float)
    if not np.isfinite(norms[0]) or np.any(np.isnan(norms)):
        raise ValueError(f"log10 norms must start finite and hold no NaN, got {norms[0]} first: was the run diverged?")
    (below,) = np.nonzero(norms < norms[0] + np.log10(share))
    return int(lags[below[0]]) if below.size else None


def _finite(values: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(values, dtype=float).ravel()
    if array.size == 0 or not np.all(np.isfinite(array)):
        bad = int(np.sum(~np.isfinite(array)))
        raise ValueError(f"{name} must hold finite numbers, at least one: {bad} of {array.size} are not finite.")
    return array
