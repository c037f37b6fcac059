"""What is true of the Reber tasks beside the table's tests."""

import math

import jax
import numpy as np
import pytest
from test_tasks import KEY, compiled, judge

from tasks import TASKS
from tasks.reber import LEGAL


def test_published_level_of_the_current_symbol_alone():
    """It differs from the strict one, which also knows the step; a long stream forgets the step."""
    strings = TASKS["reber/embedded_hochreiter1997"](length=200)
    stream = TASKS["reber/continual_gers2000"](length=10**8)
    assert strings.by_symbol().loss == pytest.approx(1.271753, abs=6e-7)
    assert stream.by_symbol().loss == pytest.approx(1.281298, abs=6e-7)
    assert strings.levels().strict.loss < strings.by_symbol().loss - 0.4
    assert stream.levels().strict.loss == pytest.approx(stream.by_symbol().loss, abs=1e-6)
    assert strings.levels().optimum.loss * 11 == pytest.approx(7 * math.log(2), abs=1e-9)


@pytest.mark.parametrize("length", [9, 12, 20])
def test_strings_are_cut_as_often_as_said(length):
    """Its complement is the chance of a whole string, which ends with E after the second u; the mean length is 12."""
    task = TASKS["reber/embedded_hochreiter1997"](length=length)
    batch = compiled(lambda key: task.sample(key, 20_000))(KEY)
    last = np.asarray(batch.valid).sum(axis=0) - 1
    states = np.asarray(task.states(batch))
    whole = states[last, np.arange(20_000)] == 18  # after the second u
    assert whole.mean() == pytest.approx(1 - task.cut, abs=4 * math.sqrt(task.cut * (1 - task.cut) / 20_000))
    assert (length > 9) or task.cut == 0.75


def test_mean_length_of_strings():
    task = TASKS["reber/embedded_hochreiter1997"](length=150)
    lengths = np.asarray(compiled(lambda key: task.sample(key, 20_000).valid)(KEY)).sum(axis=0) + 1
    assert lengths.mean() == pytest.approx(12.0, abs=4 * lengths.std() / math.sqrt(20_000))


def test_outer_symbol_is_scored_alone():
    """Who knows all but u is right at 21 of 22 steps, at half of the steps that ask for u, in half of the strings."""
    task = TASKS["reber/embedded_hochreiter1997"](length=60)
    batch = jax.tree.map(np.asarray, task.sample(KEY, 4000))
    states = np.asarray(task.states(batch))
    outputs = np.zeros((task.steps, 4000, 7), np.float32)
    letters = "BTPSXVE"
    follow = {0: "B", 1: "TP", 2: "B", 3: "TP", 4: "SX", 5: "TV", 6: "XS", 7: "PV", 8: "E", 9: "T"}
    for t, b in zip(*np.nonzero(batch.valid), strict=True):
        state = states[t, b]
        for letter in "E" if state == 18 else follow[state - 8 if state > 9 else state]:
            outputs[t, b, letters.index(letter)] = 1.0
    _, metric, wrong, scores = judge(task, outputs, batch)
    assert float(scores["outer_accuracy"]) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(4000))
    assert float(scores["sequence_accuracy"]) == pytest.approx(1 - wrong.mean())
    assert float(scores["sequence_accuracy"]) == pytest.approx(float(scores["outer_accuracy"]), abs=1e-6)
    assert float(metric) == pytest.approx(task.levels().blind.metric, abs=0.005)


def test_a_stream_counts_the_steps_before_its_first_error():
    task = TASKS["reber/continual_gers2000"](length=40)
    batch = jax.tree.map(np.asarray, task.sample(KEY, 2))
    legal = np.float32(LEGAL[np.asarray(task.states(batch))])
    legal[17, 1] *= -1
    _, metric, wrong, scores = judge(task, legal, batch)
    assert float(scores["before_error"]) == (40 + 17) / 2
    assert wrong.tolist() == [False, True]
    assert float(metric) == pytest.approx(79 / 80)
