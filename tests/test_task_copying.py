"""What is true of single dialects of copying, memorisation, warping, counting and long addition."""

import jax
import numpy as np
import pytest
from test_tasks import KEY, compiled, judge

from tasks import TASKS


def drawn(task, batch=64):
    return jax.tree.map(np.asarray, compiled(lambda k: task.sample(k, batch))(KEY))


def certain(task, batch):
    return 60 * np.eye(task.outputs, dtype=np.float32)[batch.targets]


@pytest.mark.parametrize("separate", [False, True])
def test_codes_are_disjoint(separate):
    """In the published form of martens2011 silence and cue look like data; `separate_symbols` keeps them apart."""
    batch = drawn(TASKS["memorisation/martens2011"](length=30, separate_symbols=separate))
    line = batch.inputs.argmax(axis=-1)
    assert set(line[:10].flat).isdisjoint(line[10:].flat) == separate
    assert set(batch.targets[:-10].flat).isdisjoint(batch.targets[-10:].flat) == separate


def test_latest_marker_makes_it_the_plain_task():
    task, plain = TASKS["variable_copy/tallec2018"](gap=9), TASKS["copy/arjovsky2016"](gap=9)
    batch = drawn(plain)
    np.testing.assert_array_equal(task.targets_of(batch.inputs, batch.scored), batch.targets)
    assert task.lag[1] == plain.lag[1]


def test_following_the_marker_is_not_memory_of_symbols():
    """Below the strict level without a single symbol recalled."""
    task = TASKS["variable_copy/tallec2018"](gap=100)
    batch = drawn(task)
    outputs = np.where((batch.targets > 0)[..., None], np.float32(60), 0) * np.arange(9, dtype=np.float32).clip(0, 1)
    outputs[..., 0] = 60 * (batch.targets == 0)
    loss, _, _, scores = judge(task, outputs, batch)
    assert float(loss) == pytest.approx(task.levels().blind.loss, rel=1e-5)
    assert float(loss) < 0.4 * task.levels().strict.loss
    assert float(scores["recall_accuracy"]) < 0.25


@pytest.mark.parametrize("mode", ["uniform", "variable"])
def test_padding_shows_what_warping_holds(mode):
    warped, padded = (drawn(TASKS[f"{name}/tallec2018"](length=60, warp=7, mode=mode)) for name in ("warp", "pad"))
    np.testing.assert_array_equal(padded.inputs[padded.scored], warped.inputs[padded.scored])
    np.testing.assert_array_equal(padded.targets[padded.scored], warped.targets[padded.scored])
    held = ~padded.scored
    np.testing.assert_array_equal(warped.inputs[1:][held[1:]], warped.inputs[:-1][held[1:]])
    assert np.all(padded.inputs[held].argmax(axis=-1) == 0)


def test_long_sums_do_not_overflow():
    """Numbers of fifteen digits do not fit 32 bits."""
    task = TASKS["digits_add/kalchbrenner2015"]()
    batch = drawn(task)
    for line, answer in zip(batch.inputs.argmax(axis=-1).T, batch.targets[32:].T, strict=True):
        one, other = (int("".join(map(str, line[a : a + 15]))) for a in (1, 17))
        assert "".join("0123456789-"[c] for c in answer) == str(one + other).ljust(17, "-")
    outputs = certain(task, batch)
    outputs[:32] = outputs[:32, :, ::-1]  # wrong wherever no answer is asked for
    _, metric, wrong, _ = judge(task, outputs, batch)
    assert float(metric) == 1.0
    assert not wrong.any()


@pytest.mark.parametrize("name", ["counting/anbn_gers2001", "counting/anbncn_gers2001"])
def test_counting_says_how_far_it_counts(name):
    task = TASKS[name](largest=6)
    batch = drawn(task)
    n = batch.inputs[..., 1].sum(axis=0)
    outputs = np.float32(60 * (2 * batch.targets - 1))
    assert float(judge(task, outputs, batch)[3]["accepted_to"]) == 6
    outputs[2, n == 4] *= -1
    outputs[3, n == 6] = np.nan
    _, metric, _, scores = judge(task, outputs, batch)
    assert float(scores["accepted_to"]) == 3
    assert float(metric) == pytest.approx(1 - np.isin(n, (4, 6)).mean())


def test_memorisation_may_score_recall_alone():
    task = TASKS["memorisation/martens2011"](length=30, recall_only=True)
    batch = drawn(task)
    outputs = certain(task, batch)
    outputs[:20] = np.nan
    loss, _, wrong, scores = judge(task, outputs, batch)
    assert float(loss) == pytest.approx(0, abs=1e-6)
    assert not wrong.any()
    assert float(scores["recall_accuracy"]) == 1.0
