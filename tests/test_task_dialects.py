"""What is true of single dialects beside the table's tests."""

import math

import jax
import numpy as np
import pytest
from test_tasks import KEY, build, compiled, draw, judge, noisy_answers, parts, perfect_answers

from tables import TASK_ROWS
from tasks import TASKS

ADDING = [row for row in TASK_ROWS if row.name.startswith("adding/")]


@pytest.mark.parametrize("row", [row for row in ADDING if row.success], ids=str)
def test_rule_baseline(row):
    """No other constant leaves fewer sequences wrong than the one behind the blind metric, or has a smaller error."""
    task, _ = build(row)
    batch = draw(task, batch=4000)
    constants = np.arange(0.2, 0.81, 0.02, dtype=np.float32)
    outputs = constants[:, None, None, None] * np.ones((*batch.scored.shape, 1), np.float32)
    losses, shares = compiled(jax.vmap(lambda o: (task.loss(o, batch), task.metric(o, batch))))(outputs)
    blind = task.levels().blind
    assert np.max(shares) <= blind.metric + 3 * math.sqrt(0.25 / 4000)
    assert constants[np.argmin(losses)] == pytest.approx(0.5, abs=0.021)
    assert shares[0] < blind.metric - 0.02


@pytest.mark.parametrize("row", ADDING, ids=str)
def test_scores_of_adding_hold_share_and_error(row):
    task, oracle = build(row)
    batch = draw(task)
    outputs = noisy_answers(task, oracle, batch)
    loss, _, wrong, scores = judge(task, outputs, batch)
    assert float(scores["within"]) == pytest.approx(1 - np.mean(wrong))
    assert float(scores["mse"]) == pytest.approx(float(loss))
    error = np.abs(outputs - batch.targets)[batch.scored]
    assert float(scores["within"]) == pytest.approx(np.mean(error < (0.2 if "pascanu" in row.name else 0.04)))


@pytest.mark.parametrize("name", ["copy/arjovsky2016", "copy/bai2018", "copy/lezcano2019"])
def test_copy_reports_recall_only(name):
    """Silence is right on 99 % of the steps at gap = 1000, and recalls nothing."""
    task = TASKS[name](gap=1000)
    batch = jax.tree.map(np.asarray, task.sample(KEY, 4))
    silence = np.zeros((task.steps, 4, task.outputs), np.float32)
    silence[..., 0] = 1.0
    _, metric, _, scores = judge(task, silence, batch)
    assert 0.99 * 1010 / 1020 < float(metric) < task.levels().blind.metric
    assert scores == {"recall_accuracy": 0.0, "sequence_accuracy": 0.0}
    outputs = 60 * np.eye(task.outputs, dtype=np.float32)[batch.targets]
    outputs[-3, 0] = silence[-3, 0]  # one symbol of the first sequence is not recalled
    outputs[:500, 1] = np.eye(task.outputs)[5]  # the second talks where it should be silent
    scores = judge(task, outputs, batch)[-1]
    assert float(scores["recall_accuracy"]) == pytest.approx(39 / 40)
    assert float(scores["sequence_accuracy"]) == pytest.approx(3 / 4)


def test_parity_scores_whole_sequences():
    row = next(row for row in TASK_ROWS if row.name == "parity/arora2024_cumulative")
    task, oracle = build(row)
    batch = draw(task, batch=20)
    outputs = np.array(perfect_answers(task, oracle, batch))
    outputs[2, 0] = outputs[2, 0, ::-1]
    _, metric, _, scores = judge(task, outputs, batch)
    assert float(scores["sequence_accuracy"]) == pytest.approx(19 / 20)
    assert float(metric) == pytest.approx(119 / 120)


def test_one_length_per_batch_where_the_source_says_so():
    for name, length, most in [("hochreiter1997", 30, 4), ("pascanu2013", 20, 1)]:
        lengths = parts(TASKS[f"adding/{name}"](length=length)).valid.sum(axis=1)
        assert max(len(set(part)) for part in lengths) == most


@pytest.mark.parametrize(("name", "length"), [("hochreiter1997", 100), ("pascanu2013", 100), ("pascanu2013", 97)])
def test_longer_lags(name, length):
    """Published minimal lags; the extremes over all lengths and places, by loops."""
    task, ends = TASKS[f"adding/{name}"](length=length), []
    for n in range(length, length + length // 10 + (name == "hochreiter1997")):
        tenth, late = n // 10, 4 * n // 10
        places = range(1, length // 2) if name == "hochreiter1997" else range(tenth + late)
        ends += [n - 1 - p for p in places]
    assert task.lag == (min(ends), max(ends))
