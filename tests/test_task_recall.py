"""Associative recall: false queries, where the queries stand, and what is trained on against what is judged."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_tasks import KEY, compiled, judge

from tasks import TASKS
from tasks.recall import distinct_keys

MQAR = TASKS["recall/mqar_arora2024"]


@pytest.mark.parametrize("filler", ["clean", "filled", "filled_nokeys"])
def test_mqar_false_query_rate(filler):
    """None by default; with the source's filler in 1 - (1 - K/V)^(L - 3K) of the sequences."""
    task = MQAR(length=64, vocabulary=256, pairs=8, filler=filler)
    inputs, _, scored, _ = jax.tree.map(np.asarray, compiled(lambda k: task.sample(k, 4000))(KEY))
    is_key = (inputs[:, None] == inputs[:16:2]).any(axis=1)
    share = np.mean((is_key & ~scored)[16:].any(axis=0))
    wanted = 1 - (1 - 8 / 256) ** (64 - 24) if filler == "filled" else 0.0
    assert share == pytest.approx(wanted, abs=4 * math.sqrt(wanted * (1 - wanted) / 4000))


@pytest.mark.parametrize("power", [0.01, 1.0])
def test_mqar_slots_follow_the_power_law(power):
    """The first key has the first choice among the slots."""
    task = MQAR(length=28, vocabulary=32, pairs=4, power=power)
    inputs, _, scored, _ = jax.tree.map(np.asarray, compiled(lambda k: task.sample(k, 8000))(KEY))
    slot = np.argmax(((inputs == inputs[0]) & scored)[8::2], axis=0)
    weights = np.arange(1, 11) ** (power - 1)
    wanted = weights / weights.sum()
    found = np.bincount(slot, minlength=10) / 8000
    assert np.all(np.abs(found - wanted) < 4 * np.sqrt(wanted / 8000))


def test_mqar_scores_know_the_values_without_the_pairing():
    task = MQAR(length=32, vocabulary=32, pairs=4)
    batch = jax.tree.map(np.asarray, task.sample(KEY, 2000))
    listed = jnp.log(jax.nn.one_hot(batch.inputs[1:8:2], 32).sum(axis=0) + 1e-9)
    noise = 1e-3 * jax.random.normal(KEY, (32, 2000, 32))  # which of the four is answered is left to chance
    loss, metric, _, scores = judge(task, listed + noise, batch)
    assert float(scores["any_value"]) == 1.0
    assert float(loss) == pytest.approx(math.log(4), abs=1e-3)
    assert float(metric) == pytest.approx(1 / 4, abs=4 * math.sqrt(0.25 / 8000))
    assert float(judge(task, 0.0 * noise, batch)[-1]["any_value"]) == 0.0


def test_recall_poli2024_targets():
    """The same sequences whatever is trained on; the metric and what is wrong are those of the repeated keys."""
    scored, every = (TASKS["recall/poli2024"](length=24, vocabulary=8, train_on=t) for t in ("scored", "all"))
    one, two = (jax.tree.map(np.asarray, task.sample(KEY, 500)) for task in (scored, every))
    np.testing.assert_array_equal(one.inputs, two.inputs)
    np.testing.assert_array_equal(two.targets[:-1], two.inputs[1:])
    assert np.all(two.scored)
    np.testing.assert_array_equal(one.targets[one.scored], two.targets[one.scored])
    outputs = np.random.default_rng(1).normal(size=(23, 500, 8)) + 4 * np.eye(8)[two.targets]
    (_, metric, wrong, _), (_, again, wrong_again, scores) = judge(scored, outputs, one), judge(every, outputs, two)
    assert float(metric) == float(again)
    np.testing.assert_array_equal(wrong, wrong_again)
    assert float(scores["next_token_accuracy"]) == pytest.approx(np.mean(outputs.argmax(-1) == two.targets))


def test_recall_poli2024_counts_distinct_keys():
    """One draw, two draws, and the mean after many."""
    np.testing.assert_allclose(distinct_keys(3, 1), [1, 0, 0])
    np.testing.assert_allclose(distinct_keys(3, 2), [1 / 3, 2 / 3, 0])
    chance = distinct_keys(8, 63)
    assert chance.sum() == pytest.approx(1)
    assert chance @ np.arange(1, 9) == pytest.approx(8 * (1 - (7 / 8) ** 63))
