"""Selective copying: where the symbols stand, beyond what each step shows by itself."""

from itertools import combinations

import jax
import numpy as np
import pytest
from test_tasks import KEY, compiled

from tasks import TASKS


def places(task, batch):
    """Where the data symbols of each sequence stand, [M, B]."""
    inputs = np.asarray(compiled(lambda k: task.sample(k, batch))(KEY).inputs)
    high = task.vocabulary - (1 if task.variant == "gu2022" else 2 if task.variant == "poli2024" else 0)
    low = 0 if task.variant == "poli2024" else 1
    return np.stack([np.flatnonzero((low <= line) & (line < high)) for line in inputs.T], axis=1)


@pytest.mark.parametrize("variant", ["gu2022", "gu2023"])
def test_every_subset_of_places_is_equally_likely(variant):
    task = TASKS[f"selective_copy/{variant}"](length=7, vocabulary=8, pattern=2)
    found = [tuple(pair) for pair in places(task, 10_000).T.tolist()]
    counts = np.array([found.count(pair) for pair in combinations(range(5), 2)])
    assert counts.sum() == 10_000
    assert np.all(np.abs(counts - 1000) < 4 * np.sqrt(900))


def test_poli2024_deals_blanks_to_symbols():
    """Each of 223 blanks goes before one of 16 symbols: the counts are binomial, the first one's mean lag is 226."""
    task = TASKS["selective_copy/poli2024"]()
    found = places(task, 4000)
    blanks = np.diff(found, axis=0, prepend=-1) - 1
    assert np.all(found[-1] == 238)
    assert np.all(blanks.sum(axis=0) == 223)
    np.testing.assert_allclose(blanks.mean(axis=1), 223 / 16, atol=4 * np.sqrt(13.07 / 4000))
    np.testing.assert_allclose(blanks.var(axis=1), 223 / 16 * 15 / 16, rtol=4 * np.sqrt(2.1 / 4000))
    assert 240 - found[0].mean() == pytest.approx(226.06, abs=0.25)


def test_long_sequences_are_drawn_whole():
    """At the source's length: 16 symbols, each recalled."""
    task = TASKS["selective_copy/gu2023"]()
    batch = jax.tree.map(np.asarray, task.sample(KEY, 8))
    for line, targets in zip(batch.inputs.T, batch.targets.T, strict=True):
        np.testing.assert_array_equal(line[(line > 0) & (line < 16)], targets[-16:])
