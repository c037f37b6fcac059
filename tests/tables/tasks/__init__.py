"""One row per dialect, and a second where a size changes a rule; a file per family."""

from tables.tasks import adding, copying, formal, parity, streams, timing
from tables.tasks.rows import TaskRow

TASK_ROWS: list[TaskRow] = [*copying.ROWS, *adding.ROWS, *parity.ROWS, *formal.ROWS, *streams.ROWS, *timing.ROWS]

__all__ = ["TASK_ROWS", "TaskRow"]
