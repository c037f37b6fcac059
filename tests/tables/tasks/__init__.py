"""One row per dialect, and a second where a size changes a rule; a file per family."""

from importlib import import_module

from tables.tasks.rows import TaskRow

FILES = """
adding chars copying counting formal images latch long_lag multiplication parity permutation reber streams temporal_order timing
two_sequence
"""
TASK_ROWS: list[TaskRow] = [row for file in FILES.split() for row in import_module(f"tables.tasks.{file}").ROWS]

__all__ = ["TASK_ROWS", "TaskRow"]
