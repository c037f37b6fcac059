"""Intervals and slopes against closed forms written here."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm, t

from ltd import stats

Z95 = 1.959963984540054


def wilson_by_hand(k, n, z):
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (7, 12), (10, 10), (480, 500)])
def test_wilson_is_the_score_interval(k, n):
    assert stats.wilson(k, n) == pytest.approx(wilson_by_hand(k, n, Z95), abs=1e-12)


def test_wilson_takes_its_level():
    assert stats.wilson(7, 12, level=0.6826894921370859) == pytest.approx(wilson_by_hand(7, 12, 1.0), abs=1e-12)


def test_median_interval_of_three_values_is_their_range():
    # A resample of 3 has median 1 with probability 7/27 > 2.5 %: the 95 % interval is the whole range.
    assert stats.median_interval([5.0, 1.0, 2.0]) == (2.0, 1.0, 5.0)


def test_median_interval_against_order_statistics():
    # The bootstrap median of n odd is x_(j) with a binomial probability; its 2.5 % point for n = 101 is x_(41) or so.
    median, low, high = stats.median_interval(np.arange(101.0), draws=4000)
    half = Z95 * np.sqrt(101) / 2
    assert median == 50
    assert (low, high) == pytest.approx((50 - half, 50 + half), abs=1.5)
    _, low, high = stats.median_interval(np.arange(101.0), level=0.5, draws=4000)
    assert (low, high) == pytest.approx((50 - 0.674 * half / Z95, 50 + 0.674 * half / Z95), abs=1)


def test_median_interval_repeats_with_its_seed():
    values = np.random.default_rng(1).normal(size=20)
    assert stats.median_interval(values, seed=3) == stats.median_interval(values, seed=3)
    assert stats.median_interval(values, seed=3) != stats.median_interval(values, seed=4)


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [np.inf, 2.0]])
def test_median_interval_refuses_what_is_not_finite(values):
    with pytest.raises(ValueError, match="finite"):
        stats.median_interval(values)


def test_ratio_interval_draws_both_samples():
    """Constants have one ratio; of three values against a constant the interval is that of their median."""
    assert stats.ratio_interval([6.0] * 4, [2.0] * 3) == (3.0, 3.0, 3.0)
    assert stats.ratio_interval([5.0, 1.0, 2.0], [2.0, 2.0]) == (1.0, 0.5, 2.5)
    ratio, low, high = stats.ratio_interval([2.0, 2.0], [5.0, 1.0, 2.0])
    assert (ratio, low, high) == (1.0, 0.4, 2.0)


def test_ratio_interval_covers_the_ratio_of_medians():
    """Of 200 pairs of samples from log-normal laws of medians 3 and 1, about 95 intervals in 100 hold 3."""
    random = np.random.default_rng(0)
    held = 0
    for draw in range(200):
        a, b = (np.exp(0.5 * random.standard_normal(15)) * scale for scale in (3.0, 1.0))
        _, low, high = stats.ratio_interval(a, b, draws=400, seed=draw)
        held += low <= 3 <= high
    assert 180 <= held <= 200


def test_ratio_interval_refuses_what_cannot_divide():
    with pytest.raises(ValueError, match=r"must hold numbers above 0, got 0\.0"):
        stats.ratio_interval([1.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="1 of 2 are not finite"):
        stats.ratio_interval([1.0, np.inf], [1.0])


def test_mean_interval_is_students():
    # n = 4: the 97.5 % point of t with 3 degrees of freedom is 3.1824
    mean, low, high = stats.mean_interval([1.0, 2.0, 3.0, 6.0])
    assert mean == 3
    assert (low, high) == pytest.approx((3 - 3.182446 * np.sqrt(14 / 3) / 2, 3 + 3.182446 * np.sqrt(14 / 3) / 2))
    assert stats.mean_interval([2.0]) == (2, 2, 2)


def test_slope_solves_the_normal_equations():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=30), rng.normal(size=30)
    by_hand = np.linalg.solve([[x @ x, x.sum()], [x.sum(), 30]], [x @ y, y.sum()])[0]
    assert stats.slope(x, y) == pytest.approx(by_hand, rel=1e-10)
    assert stats.slope([1, 2, 4], [3, 5, 9]) == pytest.approx(2)


@pytest.mark.parametrize(("x", "y"), [([1, 1], [0, 1]), ([1, 2], [1]), ([1], [1])])
def test_slope_refuses_what_has_none(x, y):
    with pytest.raises(ValueError, match="two different x"):
        stats.slope(x, y)


def test_decay_slope_reads_the_second_half_only():
    lags = np.arange(200)
    norms = np.where(lags < 100, 7 * np.sin(lags), lags * np.log10(0.9))
    assert stats.decay_slope(lags, norms) == pytest.approx(np.log10(0.9))


def test_decay_slope_of_tiny_numbers_and_of_zero():
    lags = np.arange(1001)
    assert stats.decay_slope(lags, -0.33 * lags - 2) == pytest.approx(-0.33)
    assert stats.decay_slope(lags, np.where(lags < 900, 0.0, -np.inf)) == -np.inf


def test_effective_memory_is_the_first_lag_below_the_share_of_the_start():
    lags = np.array([1, 2, 5, 10, 20])
    norms = np.log10([50, 10, 0.06, 0.04, 50])  # 0.05 is a thousandth of 50
    assert stats.effective_memory(lags, norms) == 10
    assert stats.effective_memory(lags, norms, share=0.5) == 2
    assert stats.effective_memory(lags, norms, share=1e-4) is None


def test_effective_memory_lasts_while_the_share_is_met():
    assert stats.effective_memory([0, 1, 2], [0.0, -3.0, -3.1]) == 2


def test_effective_memory_counts_an_exact_zero_and_refuses_nan():
    assert stats.effective_memory([0, 1, 2], [0.0, -1.0, -np.inf]) == 2
    with pytest.raises(ValueError, match="NaN"):
        stats.effective_memory([0, 1], [0.0, np.nan])


# ------------------------------------------------------------------------------------------------ comparisons


@pytest.mark.parametrize(
    ("a", "b", "sides", "p"),
    [
        # the three pairs of rates by which runs are planned
        ((5, 5), (0, 5), "two-sided", 2 / 252),
        ((4, 4), (0, 4), "two-sided", 2 / 70),
        ((10, 10), (0, 10), "two-sided", 2 / 184756),
        ((3, 4), (1, 4), "greater", 17 / 70),  # the lady tasting tea
    ],
)
def test_fisher_is_a_share_of_all_tables(a, b, sides, p):
    assert stats.fisher(a, b, sides) == pytest.approx(p, rel=1e-9)


def test_fisher_refuses_what_is_no_rate():
    with pytest.raises(ValueError, match="6 successes of 5"):
        stats.fisher((6, 5), (0, 5), "two-sided")


def test_mann_whitney_counts_orders():
    a, b = [1.0, 2.0, 4.0], [3.0, 5.0, 6.0, 7.0]
    ranks = range(7)
    sums = [sum(chosen) for chosen in itertools.combinations(ranks, 3)]
    observed = 0 + 1 + 3
    assert stats.mann_whitney(a, b, "less") == pytest.approx(np.mean(np.array(sums) <= observed))
    assert stats.mann_whitney(b, a, "greater") == pytest.approx(np.mean(np.array(sums) <= observed))


def test_mann_whitney_knows_that_never_is_late():
    p = stats.mann_whitney([1, 2, 3, 4, 5], [6, np.inf, np.inf, np.inf, np.inf], "less")
    assert p < 0.01
    with pytest.raises(ValueError, match="NaN"):
        stats.mann_whitney([1, np.nan], [2], "less")


def test_equivalence_by_hand():
    a, b = np.array([1.0, 1.2, 0.9, 1.1]), np.array([1.05, 1.0, 1.15, 0.95, 1.1])
    va, vb = a.var(ddof=1) / a.size, b.var(ddof=1) / b.size
    freedom = (va + vb) ** 2 / (va**2 / (a.size - 1) + vb**2 / (b.size - 1))
    difference, error = a.mean() - b.mean(), np.sqrt(va + vb)
    by_hand = max(t.sf((difference + 0.3) / error, freedom), t.cdf((difference - 0.3) / error, freedom))
    assert stats.equivalence(a, b, 0.3) == pytest.approx(by_hand, rel=1e-9)
    assert stats.equivalence(a, b, 0.3) < 0.01 < 0.5 < stats.equivalence(a, b + 1, 0.3)


def test_holm_is_the_step_down_procedure():
    # sorted: 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1 which must not fall below the one before
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.6, 0.7]) == [1, 1]
    assert stats.holm([]) == []
    with pytest.raises(ValueError, match="p-values"):
        stats.holm([1.5])


def test_time_to_success_without_censoring_is_the_closed_form():
    times = np.array([3800.0, 5200, 7100, 9000, 12000, 24100])
    logs = np.log(times)
    mu, s2, n = logs.mean(), logs.var(), times.size
    mean, half = mu + s2 / 2, Z95 * np.sqrt(s2 / n + s2**2 / (2 * n))
    assert stats.time_to_success(times) == pytest.approx(np.exp([mean, mean - half, mean + half]), rel=1e-4)


def test_time_to_success_with_censoring_is_the_maximum_of_the_likelihood():
    done, late = np.log([3.0, 5.0, 6.0, 9.0]), np.log([10.0, 10.0])
    mu, s = np.meshgrid(np.linspace(1.5, 3, 601), np.linspace(0.2, 1.5, 521), indexing="ij")
    likelihood = norm.logpdf(done[:, None, None], mu, s).sum(0) + norm.logsf(late[:, None, None], mu, s).sum(0)
    at = np.unravel_index(np.argmax(likelihood), likelihood.shape)
    mean, low, high = stats.time_to_success(np.exp(done), np.exp(late))
    assert np.log(mean) == pytest.approx((mu + s**2 / 2)[at], abs=0.01)
    assert low < mean < high and mean > stats.time_to_success(np.exp(done))[0]


def test_time_to_success_covers_what_made_the_times():
    rng, inside = np.random.default_rng(0), 0
    for _ in range(200):
        drawn = np.exp(rng.normal(2, 0.5, size=30))
        _, low, high = stats.time_to_success(drawn[drawn < 12], np.full(np.sum(drawn >= 12), 12.0))
        inside += low < np.exp(2 + 0.125) < high
    assert 178 <= inside <= 199  # 95 % of 200 is 190, a standard deviation 3.1


@pytest.mark.parametrize("times", [[], [3.0], [3.0, 3.0], [0.0, 1.0], [1.0, np.inf]])
def test_time_to_success_refuses_what_has_no_mean(times):
    with pytest.raises(ValueError, match="two solved runs"):
        stats.time_to_success(times)


def test_slope_interval_covers_the_line():
    rng = np.random.default_rng(2)
    x = np.linspace(0, 10, 40)
    found, low, high = stats.slope_interval(x, 3 * x + rng.normal(size=40))
    deviation = 1 / np.sqrt(np.sum((x - x.mean()) ** 2))
    assert found == pytest.approx(stats.slope(x, 3 * x + np.random.default_rng(2).normal(size=40)))
    assert low < 3 < high
    assert high - low == pytest.approx(2 * Z95 * deviation, rel=0.4)
    assert stats.slope_interval([1, 2, 4], [3, 5, 9]) == pytest.approx((2, 2, 2))
