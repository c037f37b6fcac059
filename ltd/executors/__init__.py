"""Where the jobs of a sweep run if not in this process: in processes of their own, or on a Ray cluster.

An executor calls `function(job, warn)` for every job and waits. What a job computes lies in the ledger, so only
sentences come back; a job whose process dies is started again, and goes on from its checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from ltd.executors.base import ATTEMPTS, Function, Warn
from ltd.executors.pool import Pool, environment
from ltd.executors.ray import Ray

__all__ = ["ATTEMPTS", "Executor", "Pool", "Ray", "environment"]


@runtime_checkable
class Executor(Protocol):
    """One way to run jobs."""

    def room(self) -> int:
        """How many jobs run at a time."""

    def __call__(self, function: Function, jobs: Sequence[Any], watch: Callable[[], None], warn: Warn) -> None:
        """Run all jobs. `watch` is called now and then meanwhile; `warn` is told what the jobs say, and what died.

        Raises
            ConfigError  where a job cannot even start, as without its device.
        """
