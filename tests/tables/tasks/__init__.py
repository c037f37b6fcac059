"""One row per dialect, and a second where a size changes a rule; a file per family."""

from tables.tasks import adding, copying, latch, multiplication, parity, permutation, reber, two_sequence
from tables.tasks.rows import TaskRow

TASK_ROWS: list[TaskRow] = [
    *adding.ROWS,
    *copying.ROWS,
    *latch.ROWS,
    *multiplication.ROWS,
    *parity.ROWS,
    *permutation.ROWS,
    *reber.ROWS,
    *two_sequence.ROWS,
]

__all__ = ["TASK_ROWS", "TaskRow"]
