"""Intervals, slopes and tests: the few numbers that a claim rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import scipy  # its parts are imported where they are used: scipy.stats takes longer than jax
from numpy.typing import ArrayLike


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval (low, high) for a success rate: every p that a score test of k/n does not reject.

        (p - k/n)^2 = z^2 p (1 - p) / n,      z the normal quantile of (1 + level) / 2

    Source
        Wilson (1927), Journal of the American Statistical Association 22(158), 209-212; no continuity correction.
    """
    interval = scipy.stats.binomtest(successes, n).proportion_ci(confidence_level=level, method="wilson")
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


def ratio_interval(
    a: ArrayLike, b: ArrayLike, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Median of a over that of b, and its bootstrap percentile interval (ratio, low, high); both are drawn anew.

    Raises
        ValueError  if a value is not finite, or one of b is not above 0.
    """
    x, y = _finite(a, "a"), _finite(b, "b")
    if np.any(y <= 0):
        raise ValueError(f"b must hold numbers above 0, got {y.min()}.")
    random = np.random.default_rng(seed)
    drawn = [np.median(random.choice(sample, size=(draws, sample.size)), axis=1) for sample in (x, y)]
    low, high = np.quantile(drawn[0] / drawn[1], [(1 - level) / 2, (1 + level) / 2])
    return float(np.median(x) / np.median(y)), float(low), float(high)


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Mean and its interval by Student's t (mean, low, high), in the unit of the values; of one value, that alone."""
    sample = _finite(values, "values")
    mean = float(sample.mean())
    if sample.size == 1:
        return mean, mean, mean
    reach = float(scipy.stats.t.ppf((1 + level) / 2, sample.size - 1) * sample.std(ddof=1) / np.sqrt(sample.size))
    return mean, mean - reach, mean + reach


def slope(x: ArrayLike, y: ArrayLike) -> float:
    """Least-squares slope of y against x, in units of y per unit of x."""
    x, y = _finite(x, "x"), _finite(y, "y")
    if x.size != y.size or np.ptp(x) == 0:
        raise ValueError(f"a slope needs two different x, and one y for each: {x.size} x, {y.size} y.")
    centred = x - x.mean()
    return float(centred @ (y - y.mean()) / (centred @ centred))


def slope_interval(
    x: ArrayLike, y: ArrayLike, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Least-squares slope of y against x and its bootstrap percentile interval: pairs (x, y) are drawn anew.

    (slope, low, high) in units of y per unit of x. A draw in which all x are equal has no slope and is left out.
    """
    x, y = _finite(x, "x"), _finite(y, "y")
    found = slope(x, y)
    rows = np.random.default_rng(seed).integers(x.size, size=(draws, x.size))
    drawn = [slope(x[row], y[row]) for row in rows if np.ptp(x[row]) > 0]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return found, float(low), float(high)


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


# ------------------------------------------------------------------------------------------------ comparisons


def fisher(a: tuple[int, int], b: tuple[int, int], alternative: Literal["two-sided", "less", "greater"]) -> float:
    """p-value of Fisher's exact test that a's rate equals b's; each is (successes, n), `greater`: a's is the higher.

    Source
        Fisher (1935), The design of experiments: the lady tasting tea.
    """
    for successes, n in (a, b):
        if not 0 <= successes <= n or n < 1:
            raise ValueError(f"{successes} successes of {n}: must be between 0 and n, and n at least 1.")
    table = [[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]]
    return float(scipy.stats.fisher_exact(table, alternative=alternative).pvalue)


def mann_whitney(a: ArrayLike, b: ArrayLike, alternative: Literal["two-sided", "less", "greater"]) -> float:
    """p-value of the Mann-Whitney U test; `greater`: the values of a tend to lie above those of b.

    Exact where no two values are equal and a sample is small, else by the normal approximation. Values may be
    infinite: a run that was never solved has the longest time of all.

    Source
        Mann & Whitney (1947), Annals of Mathematical Statistics 18(1), 50-60.
    """
    x, y = (np.asarray(sample, dtype=float).ravel() for sample in (a, b))
    if not x.size or not y.size or np.isnan(x).any() or np.isnan(y).any():
        raise ValueError("both samples must hold numbers, at least one each, and no NaN: leave diverged runs out.")
    return float(scipy.stats.mannwhitneyu(x, y, alternative=alternative).pvalue)


def equivalence(a: ArrayLike, b: ArrayLike, margin: float) -> float:
    """p-value of two one-sided Welch t-tests (TOST): small where the means differ by less than `margin` for sure.

    Source
        Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15(6), 657-680.
    """
    x, y = _finite(a, "a"), _finite(b, "b")
    if margin <= 0 or x.size < 2 or y.size < 2:
        raise ValueError(f"margin = {margin} must be above 0, and each sample needs two values: {x.size} and {y.size}.")
    above = scipy.stats.ttest_ind(x + margin, y, equal_var=False, alternative="greater").pvalue
    below = scipy.stats.ttest_ind(x - margin, y, equal_var=False, alternative="less").pvalue
    return float(max(above, below))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number, in the order given: reject what stays below the level, as if it were one.

    Source
        Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.
    """
    p = np.asarray(p_values, dtype=float)
    if p.size and not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p-values must lie in [0, 1]: {list(p_values)}")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted.tolist()


def time_to_success(times: ArrayLike, censored: ArrayLike = (), level: float = 0.95) -> tuple[float, float, float]:
    """Mean of a log-normal time to success and its interval (mean, low, high), from solved and from censored runs.

        log t ~ N(mu, s^2),      mean = exp(mu + s^2 / 2)

    `times` are those of solved runs; `censored` those at which the others were given up unsolved. Maximum likelihood;
    the interval is Wald's for the logarithm of the mean, from the observed information. Where nothing is censored that
    is Cox's method with 1/n: variance s^2 / n + s^4 / (2 n).

    Raises
        ValueError  with fewer than two solved runs, times that are not above 0, or solved runs all of one time.

    Source
        Zhou & Gao (1997), Statistics in Medicine 16(7), 783-790, quote Cox's method; recalled, not checked.
    """
    solved, given_up = np.asarray(times, dtype=float).ravel(), np.asarray(censored, dtype=float).ravel()
    everything = np.concatenate([solved, given_up])
    if solved.size < 2 or not np.all(np.isfinite(everything) & (everything > 0)) or np.ptp(solved) == 0:
        raise ValueError(f"a mean time needs two solved runs of different times above 0: {solved.tolist()}")
    done, late = np.log(solved), np.log(given_up)

    def surprise(theta: np.ndarray) -> float:
        mu, log_s = theta
        return -float(
            scipy.stats.norm.logpdf(done, mu, np.exp(log_s)).sum()
            + scipy.stats.norm.logsf(late, mu, np.exp(log_s)).sum()
        )

    start = np.array([np.log(everything).mean(), np.log(np.log(everything).std())])
    best = scipy.optimize.minimize(surprise, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11}).x
    mean = best[0] + np.exp(2 * best[1]) / 2
    slopes = np.array([1.0, np.exp(2 * best[1])])  # of log mean in (mu, log s)
    deviation = float(np.sqrt(slopes @ np.linalg.solve(_hessian(surprise, best), slopes)))
    reach = float(scipy.stats.norm.ppf((1 + level) / 2)) * deviation
    return float(np.exp(mean)), float(np.exp(mean - reach)), float(np.exp(mean + reach))


def _hessian(function: Callable[[np.ndarray], float], at: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Second derivatives by central differences."""
    units = step * np.eye(at.size)
    rows = [
        [function(at + u + v) - function(at + u - v) - function(at - u + v) + function(at - u - v) for v in units]
        for u in units
    ]
    return np.array(rows) / (4 * step**2)


def _finite(values: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(values, dtype=float).ravel()
    if array.size == 0 or not np.all(np.isfinite(array)):
        bad = int(np.sum(~np.isfinite(array)))
        raise ValueError(f"{name} must hold finite numbers, at least one: {bad} of {array.size} are not finite.")
    return array
