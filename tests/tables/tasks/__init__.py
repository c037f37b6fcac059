"""One row per dialect, and a second where a size changes a rule; a file per family."""

from importlib import import_module

from tables.tasks.rows import TaskRow

FILES = """
adding chars copying counting digits_add formal images induction latch long_lag memorisation multiplication
parity permutation reber recall selective_copying streams symbol_memory temporal_order timing two_sequence
variable_copy warp
"""
TASK_ROWS: list[TaskRow] = [row for file in FILES.split() for row in import_module(f"tables.tasks.{file}").ROWS]

__all__ = ["TASK_ROWS", "TaskRow"]
