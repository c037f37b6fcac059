"""Jobs in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from ltd.config import ConfigError
from ltd.executors.base import ATTEMPTS, LOOK, Function, Warn, perform, title

ALONE = 0.2  # seconds between looks at the parent
SHARE = 0.9  # of a GPU's memory, for all processes on it
FRACTIONS = ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION")  # the second is the old name


@dataclass(frozen=True)
class Pool:
    """Each job in a fresh process of its own, `workers` at a time. Processes are spawned: jax does not survive a fork.

    The processes end when this one does, in whatever way. GPUs are dealt out to them, and their memory is shared.
    """

    workers: int

    def room(self) -> int:
        """How many jobs run at a time."""
        return self.workers

    def __call__(self, function: Function, jobs: Sequence[Any], watch: Callable[[], None], warn: Warn) -> None:
        """Run all jobs."""
        found = gpus()
        places = [environment(i, self.workers, found, os.environ) for i in range(self.workers)]
        waiting, running = [(job, 1) for job in jobs], dict[int, _Worker]()
        try:
            while waiting or running:
                for place in range(self.workers):
                    if waiting and place not in running:
                        running[place] = _Worker(function, *waiting.pop(0), places[place])
                wait([end for worker in running.values() for end in worker.ends], LOOK)
                for place, worker in list(running.items()):
                    alive = worker.process.is_alive()  # before its last words are read
                    worker.listen(warn)
                    if not alive:
                        del running[place]
                        waiting += worker.again(warn)
                watch()
        finally:
            for worker in running.values():
                worker.process.kill()
            for worker in running.values():
                worker.process.join()


class _Worker:
    """A process with its job."""

    def __init__(self, function: Function, job: Any, attempt: int, env: Mapping[str, str]):
        spawn = multiprocessing.get_context("spawn")
        self.job, self.attempt = job, attempt
        self.pipe, theirs = spawn.Pipe(duplex=False)
        self.process = spawn.Process(target=_alone, args=(function, job, theirs, os.getpid(), dict(env)), daemon=True)
        self.process.start()
        theirs.close()  # so that the pipe ends when the process does
        self.ends: list[Any] = [self.process.sentinel, self.pipe]

    def listen(self, warn: Warn) -> None:
        """Pass on what it said."""
        while self.pipe in self.ends and self.pipe.poll():
            try:
                kind, text = self.pipe.recv()
            except (EOFError, OSError):
                self.ends.remove(self.pipe)
                self.pipe.close()
            else:
                if kind == "refused":
                    raise ConfigError(text)
                warn(text)

    def again(self, warn: Warn) -> list[tuple[Any, int]]:
        """After its end: the job once more, if it did not come to its own end."""
        self.process.join()
        code = self.process.exitcode
        if not code:
            return []
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if self.attempt < ATTEMPTS:
            warn(f"{title(self.job)}: its process {how}; it is started again.")
            return [(self.job, self.attempt + 1)]
        warn(f"{title(self.job)}: given up, its process {how} at the last of {ATTEMPTS} attempts.")
        return []


def _alone(function: Function, job: Any, pipe: Connection, parent: int, env: dict[str, str]) -> None:
    """In a process of a pool: the job, unless the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and ends us
    os.environ.update(env)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(ALONE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    if refused := perform(function, job, lambda sentence: pipe.send(("said", sentence))):
        pipe.send(("refused", refused))


def environment(worker: int, workers: int, gpus: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """What to add to the environment of one of the workers, so that they share the GPUs and their memory.

    Processes are dealt out to the GPUs in turn; where there are more GPUs than workers, a worker has several. A share
    of memory that the user has `given` stands.
    """
    if not gpus:
        return {}
    mine = gpus[worker % len(gpus) :: workers]
    together = -(-workers // len(gpus))  # processes on the fullest GPU
    share = {} if any(name in given for name in FRACTIONS) else {FRACTIONS[0]: f"{SHARE / together:.3f}"}
    return {"CUDA_VISIBLE_DEVICES": ",".join(mine), **share}


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; found without taking one."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    try:
        told = subprocess.run(("nvidia-smi", "-L"), capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return re.findall(r"UUID: (MIG-[^)]+)", told) or re.findall(r"UUID: (GPU-[^)]+)", told)
