"""What constants leave wrong in multiplication: one that has the least error is not one that is right most often."""

import numpy as np
import pytest
from test_tasks import build, draw

from tables import TASK_ROWS
from tasks import TASKS

ROWS = [row for row in TASK_ROWS if row.name.startswith("multiplication/")]


@pytest.mark.parametrize(
    ("name", "length", "mean", "wrong"),
    [
        ("pascanu2013", 100, 0.25, 0.390458),
        ("hochreiter1997", 100, 0.279592, 0.900403),
        ("hochreiter1997", 500, 0.275904, 0.899116),
        ("hochreiter1997", 1000, 0.275451, 0.898955),
    ],
)
def test_share_wrong_with_the_mean(name, length, mean, wrong):
    task = TASKS[f"multiplication/{name}"](length=length)
    assert task.mean == pytest.approx(mean, abs=6e-7)
    assert 1 - task.share_right_of(task.mean) == pytest.approx(wrong, abs=6e-7)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_rule_baseline(row):
    """Of all constants, by their closed form, held against counting, none leaves fewer wrong than the blind level."""
    task, _ = build(row)
    batch, level = draw(task, batch=4000), task.levels().blind.metric
    targets, tolerance = batch.targets[batch.scored][:, 0], 0.2 if "pascanu" in row.name else 0.04
    for constant in np.linspace(0.0, 1.0, 51):
        share = task.share_right_of(constant)
        assert share <= level + 1e-12
        counted = np.mean(np.abs(targets - constant) <= tolerance)
        assert abs(counted - share) <= 4 * np.sqrt(share * (1 - share) / 4000) + 1e-3
