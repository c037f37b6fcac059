"""Where the jobs of a sweep run: in this process, in processes of their own, or on a Ray cluster.

An executor calls `function(job)` for every job and waits. What a job computes lies in the ledger, so nothing is sent
back; a job whose process dies is started again, and goes on from its checkpoint.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ltd.config import ConfigError

Function = Callable[[Any], Any]  # of a module, so that another process finds it by name
ATTEMPTS = 4  # of a job whose process dies
LOOK = 0.2  # seconds between looks at running jobs


class Executor(Protocol):
    """One way to run jobs."""

    def __call__(self, function: Function, jobs: Sequence[Any], watch: Callable[[], None]) -> list[str]:
        """Run all jobs; `watch` is called now and then meanwhile. A sentence for each job that was given up."""


@dataclass(frozen=True)
class InProcess:
    """One job after the other, here."""

    def __call__(self, function: Function, jobs: Sequence[Any], watch: Callable[[], None]) -> list[str]:
        """Run all jobs."""
        for job in jobs:
            function(job)
        return []


@dataclass(frozen=True)
class Pool:
    """Each job in a fresh process of its own, `workers` at a time. Processes are spawned: jax does not survive a fork.

    The processes end when this one does, in whatever way.
    """

    workers: int

    def __call__(self, function: Function, jobs: Sequence[Any], watch: Callable[[], None]) -> list[str]:
        """Run all jobs."""
        spawn = multiprocessing.get_context("spawn")
        waiting = [(job, 1) for job in jobs]
        running: list[tuple[Any, int, Any]] = []
        given_up: list[str] = []
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    job, attempt = waiting.pop(0)
                    process = spawn.Process(target=_alone, args=(function, job, os.getpid()), daemon=True)
                    process.start()
                    running.append((job, attempt, process))
                time.sleep(LOOK)
                for entry in [e for e in running if not e[2].is_alive()]:
                    running.remove(entry)
                    job, attempt, process = entry
                    process.join()
                    if process.exitcode and attempt < ATTEMPTS:
                        waiting.append((job, attempt + 1))
                    elif process.exitcode:
                        given_up.append(f"a job's process died {attempt} times (exit code {process.exitcode})")
                watch()
        finally:
            for _, _, process in running:
                process.kill()
        return given_up


def _alone(function: Function, job: Any, parent: int) -> None:
    """In a process of a pool: the job, unless the parent is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    function(job)


@dataclass(frozen=True)
class Ray:
    """Jobs as tasks of a Ray cluster, whose nodes all see the folder of the ledger. `address` as `ray.init` takes it.

    A task holds `cpus` cores (and `gpus`). One whose node or worker dies is started again by Ray.
    """

    address: str | None = None  # None: a cluster of this machine, for this sweep
    cpus: float = 1
    gpus: float = 0

    def __call__(self, function: Function, jobs: Sequence[Any], watch: Callable[[], None]) -> list[str]:
        """Run all jobs."""
        try:
            import ray
        except ImportError:
            raise ConfigError("executor = ray: Ray is not installed here. pip install 'ltd[ray]'.") from None
        mine = not ray.is_initialized()
        if mine:
            paths = os.pathsep.join(path for path in sys.path if path)
            env = {"env_vars": {"PYTHONPATH": paths}}
            try:
                ray.init(self.address, runtime_env=env, log_to_driver=False, logging_level="error")
            except (ConnectionError, ValueError, RuntimeError) as error:
                line = " ".join(str(error).split())[:200]
                raise ConfigError(f"ray-address = {self.address!r}: no cluster answers there ({line}).") from None
        options = {"num_cpus": self.cpus, "num_gpus": self.gpus, "max_retries": ATTEMPTS - 1}
        task = ray.remote(**options)(function)
        try:
            left = [task.remote(job) for job in jobs]
            given_up = []
            while left:
                done, left = ray.wait(left, num_returns=1, timeout=LOOK)
                for each in done:
                    try:
                        ray.get(each)
                    except ray.exceptions.RayError as error:
                        given_up.append(f"a job was given up by Ray ({type(error).__name__})")
                watch()
            return given_up
        finally:
            if mine:
                ray.shutdown()
