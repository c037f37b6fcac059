"""One row per registered thing, and what must be true of it: what a cell or a task costs to add."""

from tables import basic, linear
from tables.rows import CellRow
from tables.tasks import TASK_ROWS, TaskRow

CELL_ROWS: list[CellRow] = [*basic.ROWS, *linear.ROWS]

__all__ = ["CELL_ROWS", "TASK_ROWS", "CellRow", "TaskRow"]
