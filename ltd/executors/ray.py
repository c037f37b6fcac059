"""Jobs on a Ray cluster."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ltd.config import ConfigError
from ltd.executors.base import ATTEMPTS, LOOK, Function, Warn, line, perform, title
from ltd.executors.pool import FRACTIONS, SHARE

ANSWER = 10.0  # seconds that an address has to answer
PASSED_ON = ("LTD_", "JAX_", "XLA_", "TF_CPP_", "WANDB_")  # variables that go to the workers
SECRET = "WANDB_API_KEY"  # but not this one: the nodes have their own, or read it from their netrc
TOKEN = (
    "A cluster with token authentication wants RAY_AUTH_MODE=token here too, and its token in RAY_AUTH_TOKEN or "
    "~/.ray/auth_token."
)


@dataclass
class Ray:
    """Jobs as tasks of a Ray cluster, whose nodes all see the folder of the ledger under one path and have `ltd`.

    `address` as `ray.init` takes it; without one RAY_ADDRESS counts, else a cluster of this machine is made for this
    sweep. A task holds `cpus` cores and `gpus` GPUs, of which a part will do: it then takes as much of the memory. A
    task whose node or worker dies is started again by Ray. Jobs travel to the workers pickled, as all of Ray does.
    """

    address: str | None = None
    cpus: float = 1
    gpus: float = 0
    _mine: bool = field(default=False, init=False, repr=False)  # the connection, which then ends with the jobs

    def room(self) -> int:
        """How many jobs run at a time on the nodes that are there now; at least 1."""
        nodes = [node["Resources"] for node in self._connect().nodes() if node["Alive"]]
        return max(1, sum(self._fit(node) for node in nodes))

    def _fit(self, node: dict[str, float]) -> int:
        needs = {"CPU": self.cpus, "GPU": self.gpus}
        return min((int(node.get(name, 0) / need) for name, need in needs.items() if need), default=1)

    def _connect(self) -> Any:
        """The module `ray`, connected."""
        where = self.address or os.environ.get("RAY_ADDRESS") or "local"
        about: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if where == "local":
            about |= {"include_dashboard": False, "object_store_memory": 100 * 2**20}
        else:
            os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")  # or an unanswered call takes minutes
        try:
            import ray
        except ImportError:
            raise ConfigError("executor = ray: Ray is not installed here: pip install 'ltd[ray]'.") from None
        if ray.is_initialized():
            return ray
        said: list[str] = []
        try:
            _reach(where)
            with _hushed(said):
                ray.init(where, **about)
            self._mine = True
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            why = said[-1] if said else line(error)
            raise ConfigError(f"ray-address = {where!r}: no cluster answers there ({why}). {TOKEN}") from None
        return ray

    def __call__(self, function: Function, jobs: Sequence[Any], watch: Callable[[], None], warn: Warn) -> None:
        """Run all jobs."""
        ray = self._connect()
        if not any(self._fit(node["Resources"]) for node in ray.nodes() if node["Alive"]):
            warn(
                f"no node of the cluster has {self.cpus:g} CPU and {self.gpus:g} GPU: the sweep waits for one to join."
            )
        env = {n: v for n, v in os.environ.items() if n.startswith(PASSED_ON) and n != SECRET}
        if 0 < self.gpus < 1 and not any(name in env for name in FRACTIONS):
            env[FRACTIONS[0]] = f"{SHARE * self.gpus:.3f}"
        # a fresh process for each job, as in a pool: it gives the memory back, and that of a GPU
        about = {"num_cpus": self.cpus, "num_gpus": self.gpus, "max_retries": ATTEMPTS - 1, "max_calls": 1}
        task = ray.remote(**about)(_task())
        home, here = str(Path(__file__).resolve().parents[2]), os.getcwd()
        left = {task.remote(home, here, env, pickle.dumps((perform, function, job))): job for job in jobs}
        try:
            while left:
                done, _ = ray.wait(list(left), num_returns=1, timeout=LOOK)
                for each in done:
                    job = left.pop(each)
                    try:
                        said, refused = ray.get(each)
                    except ray.exceptions.RayError as error:
                        warn(f"{title(job)}: given up by Ray ({line(error)})")
                        continue
                    for sentence in said:
                        warn(sentence)
                    if refused:
                        raise ConfigError(refused)
                watch()
        finally:
            for each in left:
                ray.cancel(each, force=True)
            if self._mine:
                self._mine = False
                ray.shutdown()


def _task() -> Callable[[str, str, dict[str, str], bytes], tuple[list[str], str]]:
    """What a worker does. It travels whole, since it is local: it needs nothing of ours before it has set the paths."""

    def ltd_job(home: str, here: str, env: dict[str, str], packed: bytes) -> tuple[list[str], str]:
        import os
        import pickle
        import sys

        os.environ.update(env)
        if os.path.isdir(here):
            os.chdir(here)
        # as the command line has it: ours before the user's, so that nothing of ours is shadowed
        sys.path[:] = [home, *(path for path in sys.path if path not in (home, here, "")), here]
        perform, function, job = pickle.loads(packed)
        said: list[str] = []
        return said, perform(function, job, said.append)

    return ltd_job


def _reach(where: str) -> None:
    """Whether the host of an address takes connections; Ray would try for minutes.

    Raises
        OSError  where it does not.
    """
    host, _, port = where.rpartition("//")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()


@contextlib.contextmanager
def _hushed(said: list[str]) -> Iterator[None]:
    """Catches what is written to stderr, by libraries too."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            rows = file.read().decode(errors="replace").splitlines()
            said += [row.rpartition("] ")[2] for row in rows if "] " in row]  # of Ray's log
