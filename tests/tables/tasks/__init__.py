"""One row per dialect, and a second where a size changes a rule; a file per family."""

from tables.tasks import (
    adding,
    copying,
    latch,
    long_lag,
    multiplication,
    parity,
    permutation,
    reber,
    temporal_order,
    two_sequence,
)
from tables.tasks.rows import TaskRow

TASK_ROWS: list[TaskRow] = [
    *adding.ROWS,
    *copying.ROWS,
    *latch.ROWS,
    *long_lag.ROWS,
    *multiplication.ROWS,
    *parity.ROWS,
    *permutation.ROWS,
    *reber.ROWS,
    *temporal_order.ROWS,
    *two_sequence.ROWS,
]

__all__ = ["TASK_ROWS", "TaskRow"]
