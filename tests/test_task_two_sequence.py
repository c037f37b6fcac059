"""What is true of the two-sequence problems beside the table's tests."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_tasks import KEY, compiled, judge

from tasks import TASKS


@pytest.mark.parametrize("informative", [1, 3])
def test_optimum_of_3b_is_that_of_the_posterior(informative):
    """On 200,000 sequences: the loss to 4 standard errors, the share of errors too."""
    task = TASKS["two_sequence/hochreiter1997_3b"](length=4, informative=informative)

    def run(key):
        batch = task.sample(key, 200_000)
        outputs = jax.nn.sigmoid(10 * jnp.sum(batch.inputs[:informative], axis=0))
        error = (outputs - batch.targets[-1])[:, 0] ** 2
        return error, (outputs > 0.5)[:, 0] == (batch.targets[-1, :, 0] > 0.5)

    error, right = map(np.asarray, compiled(run)(KEY))
    optimum = task.levels().optimum
    assert error.mean() == pytest.approx(optimum.loss, abs=4 * error.std() / np.sqrt(error.size))
    assert right.mean() == pytest.approx(optimum.metric, abs=4 * right.std() / np.sqrt(right.size) + 1e-6)


@pytest.mark.parametrize(
    ("name", "allowed", "bound"),
    [
        ("bengio1994", 0, 0.01),
        ("hochreiter1997_3a", 0, 0.01),
        ("hochreiter1997_3b", 5, 0.04),
        ("hochreiter1997_3c", 0, 0.015),
    ],
)
def test_both_stops(name, allowed, bound):
    first, second = (TASKS[f"two_sequence/{name}"](stop=stop).success for stop in ("ST1", "ST2"))
    assert (first.sequences, first.allowed, first.below) == (256, allowed, None)
    assert (second.sequences, second.allowed, second.below) == (256, allowed, ("mean_error", bound))


def test_3c_is_judged_without_its_noise():
    task = TASKS["two_sequence/hochreiter1997_3c"](length=5)
    batch = jax.tree.map(np.asarray, task.sample(KEY, 400))
    clean = np.where(batch.inputs[:1] > 0, 0.2, 0.8) + np.zeros((task.steps, 1, 1))
    for shift, wrong in [(0.0, False), (0.09, False), (0.11, True)]:
        loss, metric, found, scores = judge(task, np.float32(clean + shift), batch)
        assert np.all(found == wrong)
        assert float(scores["mean_error"]) == pytest.approx(shift, abs=1e-6)
        assert float(metric) == 1.0
        assert float(loss) == pytest.approx(0.1 + shift**2, abs=0.04)
    blind = judge(task, np.full_like(clean, 0.5, dtype=np.float32), batch)
    assert float(blind[-1]["mean_error"]) == pytest.approx(0.3, abs=1e-6)
