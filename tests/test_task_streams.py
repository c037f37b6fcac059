"""What is true of single dialects beside the table's tests: spikes, waves, brackets, two time scales."""

import collections
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_tasks import KEY, compiled

from tasks import TASKS


def drawn(task, batch):
    return jax.tree.map(np.asarray, compiled(lambda key: task.sample(key, batch))(KEY))


def test_every_balanced_word_is_equally_likely():
    """42 words of five pairs."""
    task = TASKS["dyck/ltd"](pairs=5, types=2)
    opens = (drawn(task, 20_000).inputs.argmax(axis=-1) < 2).T
    counts = collections.Counter(map(bytes, opens))
    assert len(counts) == 42
    expected = 20_000 / 42
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 41 + 4 * np.sqrt(2 * 41)


def test_strict_predictor_knows_nothing_of_distant_pairs():
    task = TASKS["dyck/ltd"](pairs=8, types=4)
    batch = drawn(task, 2000)
    shown = 60.0 * batch.inputs[..., :4]  # names an opening bracket, and kind 0 after a closing one
    scores = task.scores(shown, batch)
    assert float(scores["distant_accuracy"]) == pytest.approx(0.25, abs=0.02)
    assert float(task.metric(shown, batch)) == pytest.approx(task.levels().strict.metric, abs=0.02)
    perfect = 60.0 * jax.nn.one_hot(batch.targets, 4)
    assert float(task.scores(perfect, batch)["distant_accuracy"]) == 1.0


def test_stream_is_counted_up_to_its_first_error():
    task = TASKS["spike_delay/gers2002"](interval=3, spikes=4)
    batch = drawn(task, 3)
    outputs = np.array(batch.targets)
    for sequence, spike in ((1, 2), (2, 0)):  # wrong at the third spike, and at the first
        outputs[np.flatnonzero(batch.scored[:, sequence])[spike], sequence] += 0.5
    scores = task.scores(outputs, batch)
    assert float(scores["steps_before_error"]) == pytest.approx((4 + 2 + 0) / 3)
    assert float(scores["sequence_accuracy"]) == pytest.approx(1 / 3)
    assert float(task.metric(outputs, batch)) == pytest.approx(10 / 12)
    assert float(scores["rmse"]) == pytest.approx(np.sqrt(0.25 * 2 / 12))


@pytest.mark.parametrize(
    ("sizes", "strict"),
    [
        ({"interval": 10, "spikes": 1}, 0.0),
        # the first of two spikes is told by its step; the second is at 20, 21 or 22, and at 21 its delay is open
        ({"interval": 10, "spikes": 2}, 0.25 / 2 / 2),
    ],
)
def test_clock_tells_a_single_delay_and_part_of_the_second(sizes, strict):
    assert TASKS["spike_delay/gers2002"](**sizes).levels().strict.loss == pytest.approx(strict)


@pytest.mark.parametrize("shape", ["cosine", "triangle", "square"])
@pytest.mark.parametrize("period", [10, 25])
def test_constant_of_a_wave_is_near_the_most_steps(shape, period):
    task = TASKS["periodic/gers2002"](period=period, shape=shape, periods=1)
    batch = task.sample(KEY, 1)
    wave = np.asarray(batch.targets).ravel()
    middles = np.unique((wave[:, None] + wave) / 2)[:, None, None, None]
    shares = jax.vmap(lambda c: task.metric(c * jnp.ones_like(batch.targets), batch))(middles)
    assert float(np.max(shares)) == pytest.approx(task.levels().blind.metric)


def test_levels_of_the_two_time_scales():
    task = TASKS["two_time_scales/ltd"]()
    slow, fast = task.parts()["slow"], task.parts()["fast"]
    assert slow.blind[:2] == pytest.approx((1.386294, 0.25), abs=1e-6)
    assert fast.optimum[:2] == pytest.approx((0.500288, 0.91), abs=1e-6)
    batch = drawn(task, 400)
    queries = task.judged(batch)
    found = queries.sum() / batch.scored.sum()
    blind = task.levels().blind
    share = (blind.loss - fast.blind.loss) / (slow.blind.loss - fast.blind.loss)
    assert found == pytest.approx(share, abs=0.003)
    tokens = batch.inputs.argmax(axis=-1)
    for t, sequence in itertools.islice(zip(*np.nonzero(queries), strict=True), 50):
        assert batch.targets[t, sequence] - 11 == tokens[t - t % 100, sequence] - 15  # answers, then marks
    scores = task.scores(60 * np.eye(19, dtype=np.float32)[batch.targets] * queries[..., None], batch)
    assert float(scores["slow_accuracy"]) == float(scores["sequence_accuracy"]) == 1.0
    assert float(scores["fast_accuracy"]) == pytest.approx(0.1, abs=0.01)
    assert float(scores["fast_loss"]) == pytest.approx(np.log(19), abs=1e-3)


def test_half_of_the_points_turn():
    task = TASKS["motion_change/ltd"]()
    batch = drawn(task, 4000)
    assert float(batch.targets[-1].mean()) == pytest.approx(0.5, abs=0.03)
