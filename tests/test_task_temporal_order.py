"""What is true of single dialects of temporal order and of the long lags beside the table's tests."""

import jax
import numpy as np
import pytest
from test_tasks import KEY, compiled, judge, parts

from tasks import TASKS


@pytest.mark.parametrize(
    ("name", "late", "early", "square"),
    [("hochreiter1997_6a", 40, 100, 0.75), ("hochreiter1997_6b", 24, 100, 0.875)],
)
def test_published_lags_and_squared_error_at_the_source_sizes(name, late, early, square):
    task = TASKS[f"temporal_order/{name}"]()
    assert task.steps == 110
    assert task.lag == (late, early)
    batch = task.sample(KEY, 3)
    _, _, wrong, scores = judge(task, np.zeros((110, 3, task.outputs), np.float32), batch)
    assert float(scores["squared_error"]) == pytest.approx(square)
    assert np.all(wrong)


def test_a_stream_counts_what_is_right_before_its_first_error():
    task = TASKS["temporal_order/gers2000_continual"](length=20, sequences=5)
    batch = jax.tree.map(np.asarray, task.sample(KEY, 3))
    outputs = 60 * np.eye(8, dtype=np.float32)[batch.targets]
    ends = [np.flatnonzero(batch.scored[:, b]) for b in range(3)]
    outputs[ends[0][2], 0] *= -1  # the third sequence of the first stream
    outputs[ends[1][0], 1] = np.nan
    _, metric, wrong, scores = judge(task, outputs, batch)
    assert float(scores["before_error"]) == pytest.approx((2 + 0 + 5) / 3)
    assert wrong.tolist() == [True, True, False]
    assert float(metric) == pytest.approx(13 / 15)


def test_one_model_for_all_lengths_draws_one_per_batch():
    lengths = parts(TASKS["temporal_order/pascanu2013"](length=10, longest=12)).valid.sum(axis=1)
    assert max(len(set(part)) for part in lengths) == 1


def test_mean_length_of_2c_is_13_more_than_q():
    """Symbols of the whole sequence: its inputs, and the last one that is asked for."""
    task = TASKS["long_lag/hochreiter1997_2c"](length=2, symbols=1, tail=200)
    valid = compiled(lambda key: task.sample(key, 20_000).valid)(KEY)
    lengths = np.asarray(valid).sum(axis=0) + 1 - task.length
    assert lengths.mean() == pytest.approx(13.0, abs=4 * lengths.std() / np.sqrt(20_000))


@pytest.mark.parametrize(("name", "judged"), [("hochreiter1997_2a", True), ("hochreiter1997_2b", False)])
def test_2b_is_judged_by_its_last_step_and_2a_by_all(name, judged):
    task = TASKS[f"long_lag/{name}"](length=6)
    batch = jax.tree.map(np.asarray, task.sample(KEY, 2))
    outputs = 60 * np.eye(task.outputs, dtype=np.float32)[batch.targets]
    outputs[2] = 0.0
    outputs[-1, 1] = 0.5 * (outputs[-1, 1] > 0)  # the most likely class is right, its probability is not
    _, _, wrong, scores = judge(task, outputs, batch)
    assert wrong.tolist() == [judged, True]
    assert float(scores["recall_accuracy"]) == 1.0
