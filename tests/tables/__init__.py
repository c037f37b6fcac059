"""One row per registered thing, and what must be true of it: what a cell or a task costs to add."""

from tables import basic, linear, lstms, simple
from tables.rows import CellRow
from tables.tasks import TASK_ROWS, TaskRow

CELL_ROWS: list[CellRow] = [*basic.ROWS, *linear.ROWS, *lstms.ROWS, *simple.ROWS]

__all__ = ["CELL_ROWS", "TASK_ROWS", "CellRow", "TaskRow"]
