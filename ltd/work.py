"""The runs of one group through the ledger: admitted, checkpointed after every chunk, resumed, finished.

Killed at any moment, a group loses at most its last chunk. It comes back as its checkpoint has it, every run in its
old place, so that it ends with the same numbers bit for bit on the same machine.
"""

from __future__ import annotations

import math
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from ltd import config, results, runtime, tracking
from ltd.attached import Watch
from ltd.block import AtLengths, Block, OutOfMemory, ended, lane_of
from ltd.model import make_task
from ltd.runtime import precision
from ltd.settings import Run, body_of
from ltd.sweep import places, shares, vectorised
from ltd.train import DIVERGED, RUNNING, State, Trainer, mesh_over, summarise, unspread
from ltd.trees import flat
from ltd.types import Tracker

POLL = 0.5  # seconds between looks at runs that another process trains
IN_SEQUENCE, TOGETHER, ACCELERATED = 4, 32, 256  # lanes for each device: see `width_for`


@runtime_checkable
class Tell(Protocol):
    """Told what is going on, in updates done of how many."""

    def __call__(self, what: str, done: int, total: int, /) -> None:
        """Say it."""


@dataclass(frozen=True)
class Early:
    """Early termination within a sweep: its rule, what is compared, and all runs of the sweep in config order."""

    rule: Any  # ltd.sweep.Hyperband
    metric: str
    goal: str
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """Runs of one static config; plain data, so that it can travel to another process."""

    runs: tuple[Run, ...]
    out: str
    lanes: int | None = None  # places of a block; chosen by the device if absent
    mesh: int | None = None  # devices that every batch is spread over; chosen by `spread` if absent
    early: Early | None = None
    device: str = "auto"  # for another process: what it computes on,
    devices: int | None = None  # as how many host devices on a CPU,
    mirror: str = "off"  # and whether it sends to W&B (see ltd.tracking)
    group: str = ""  # the sweep, for W&B

    @property
    def name(self) -> str:
        """What its checkpoint is called."""
        return config.digest({"runs": [config.digest(one) for one in self.runs]})

    @property
    def title(self) -> str:
        """Task and network, in words."""
        return f"{self.runs[0].task.type} {body_of(config.plain(self.runs[0]))}"


def trainer_of(job: Job) -> Trainer:
    """The trainer of a job's runs, on as many devices as they are worth."""
    one = job.runs[0]
    trainer = Trainer(one, make_task(one.task), job.mesh or 1)
    if job.mesh is None:
        trainer.mesh = mesh_over(one, spread(trainer, len(job.runs)))
    return trainer


def spread(trainer: Trainer, runs: int) -> int:
    """Devices that every batch is spread over where nobody has said: those of a CPU for a run that is alone.

    Lanes keep the cores busy by themselves. A run stays on one core where it would not gain (`ltd.sweep.shares`), where
    the plan or the gradient refuses, and where training draws numbers of its own (a noisy start, dropout in a net),
    which devices would draw anew.
    """
    one = trainer.settings
    random = one.net is not None or one.initial.type == "noise"
    if runs > 1 or jax.local_devices()[0].platform != "cpu" or random or unspread(one):
        return 1
    return shares(one.train.batch, trainer.task.steps * one.train.batch * trainer.size, trainer.bytes)


def width_for(trainer: Trainer, runs: int, lanes: int | None = None) -> int:
    """Places of a block: set by the number of runs and the device, so that it is the same when a sweep is resumed."""
    if trainer.mesh is not None:
        return min(runs, lanes or IN_SEQUENCE)
    device = jax.local_devices()[0].platform
    each = ACCELERATED if device != "cpu" else TOGETHER if vectorised(trainer.size) else IN_SEQUENCE
    return places(min(runs, lanes or each * len(jax.local_devices())))


def train(job: Job, tell: Tell, tracker: Tracker, warn: Callable[[str], None]) -> None:
    """Train what the ledger has not finished.

    Raises
        ConfigError  where not even one lane fits into memory.
    """
    with precision(job.runs[0].precision):
        training = _Training(job, tell, tracker, warn)
        if training.queue:
            training.run()
        training.sweep_up()


def attempt(job: Job, tell: Tell, tracker: Tracker, warn: Callable[[str], None]) -> None:
    """Train; runs that cannot be computed are noted as failed in the ledger, and said, and no other run suffers."""
    try:
        train(job, tell, tracker, warn)
    except OSError:
        raise  # of the ledger
    except Exception as error:  # whatever a cell or task of the user's own does
        line = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        number = _fail(job, line, "".join(traceback.format_exception(error)))
        warn(f"{job.title}: {number} runs failed ({line}). Where: error.txt in their folders.")


def alone(job: Job, warn: Callable[[str], None]) -> None:
    """The same in a process of its own."""
    runtime.start(job.device, job.devices)
    with tracking.mirror(job.mirror, job.group, warn) as tracker:
        attempt(job, lambda *_: None, tracker, warn)


def _fail(job: Job, line: str, trace: str) -> int:
    locks, number = results.Locks(Path(job.out)), 0
    for one in job.runs:
        digest = config.digest(one)
        if results.finished(Path(job.out), one, ("stopped",)) is None and locks.take(digest):
            results.RunFolder(Path(job.out), one).fail(line, trace)
            locks.free(digest)
            number += 1
    return number


def counts(statuses: Sequence[str]) -> str:
    """How many runs ended in which way, in words."""
    told = f"{sum(s != 'unfinished' for s in statuses)}/{len(statuses)} ended"
    for status in ("solved", "diverged", "stopped", "failed"):
        if number := sum(s == status for s in statuses):
            told += f", {number} {status}"
    return told


def status_of(folder: Path) -> str:
    """How the run of this folder ended, or `unfinished`."""
    try:
        return results.read_run(folder).status
    except config.ConfigError:
        return "unfinished"


class _Training:
    """One job under way."""

    def __init__(self, job: Job, tell: Tell, tracker: Tracker, warn: Callable[[str], None]):
        self.job, self.tell, self.tracker, self.warn = job, tell, tracker, warn
        self.out = Path(job.out)
        self.runs = {config.digest(one): one for one in job.runs}
        self.also = ("stopped",) if job.early else ()
        self.locks = results.Locks(self.out)
        self.queue = deque(digest for digest, one in self.runs.items() if not self._done(one))
        self.folders: dict[str, results.RunFolder] = {}
        self.rows: dict[str, list[dict[str, float]]] = {}
        self.began: dict[str, float] = {}
        self.left: dict[str, State] = {}  # runs that were left in the middle, as they stood
        self.status: dict[str, str] = {}  # of the runs that ended here
        self.others: dict[str, tuple[int, list[dict[str, Any]]]] = {}  # records of runs elsewhere, and their size
        self.said: set[str] = set()  # of what is said once
        self.block: Block = None  # type: ignore[assignment]
        self.name = ""
        self._check_own([digest for digest in self.runs if digest not in self.queue])

    def _check_own(self, digests: Sequence[str]) -> None:
        """Say what these runs, which are in the ledger, were trained with and is no longer as it was."""
        old = {digest: names for digest in digests if (names := results.edited(self.out / digest))}
        if old:
            told = ", ".join(sorted({name for each in old.values() for name in each}))
            self.warn(
                f"{len(old)} of {len(self.runs)} runs of {self.out} began with another source of {told}: their "
                "numbers are not of the present one. Choose another --out, or remove their folders, to train them anew."
            )

    def _done(self, one: Run) -> bool:
        return results.finished(self.out, one, self.also) is not None

    def run(self) -> None:
        """Until every run of the job has ended, here or elsewhere."""
        self.trainer = trainer_of(self.job)
        self.test = AtLengths(self.trainer)
        self.watch = Watch(self.trainer) if self.trainer.settings.probe else None
        self.total = self.job.runs[0].train.steps  # updates of a run
        self.name = self._own_name()
        try:
            self._restore()
            while True:
                runtime.stop_if_asked()
                elsewhere = self._admit()
                self.queue.extend(elsewhere)
                if any(self.block.runs):
                    self._advance()
                elif not elsewhere:
                    break
                else:
                    self._say(f"waiting for {len(elsewhere)} runs of another process")
                    time.sleep(POLL)
                    self.queue = deque(d for d in elsewhere if not self._done(self.runs[d]))
                    self._find_left(self.queue)
        finally:
            for name in [self.name, *self.rows, *self.left]:
                self.locks.free(name)

    # -------------------------------------------------------------------------------------------- coming back

    def _own_name(self) -> str:
        """The job's name, or another one while a second process works on the same job."""
        names = [self.job.name, *(config.digest({"job": self.job.name, "beside": i}) for i in range(1000))]
        return next(name for name in names if self.locks.take(name))

    def _restore(self) -> None:
        """The block as the checkpoint has it; without one a new block. What other checkpoints hold goes on too."""
        path = self.out / results.FOLDER / f"{self.name}.npz"
        saved = results.load(path, self.warn)
        width = len(saved.places) if saved else width_for(self.trainer, len(self.runs), self.job.lanes)
        self.block = Block(self.trainer, width)
        if saved is not None and self.block.width != width:
            saved = None  # another number of devices: the runs go on, in other places
        if saved is not None:
            self._check_origin(saved)
            for where, digest in enumerate(saved.places):
                if digest in self.runs and self.locks.take(digest) and (state := self._state(saved, digest)):
                    self._place(digest, state, where)
        self._find_left([d for d in self.queue if d not in self.rows])

    def _find_left(self, wanted: Sequence[str] | deque[str]) -> None:
        """Runs that stand in any checkpoint of the folder: those that go furthest."""
        reached: dict[str, int] = {}
        for path in results.checkpoints(self.out):
            head = results.load(path, lambda _: None, whole=False)
            if head is None or not {*wanted} & head.updates.keys():
                continue
            saved = results.load(path, self.warn)
            if saved is None:
                continue
            for digest in wanted:
                if saved.updates.get(digest, -1) > reached.get(digest, -1) and (state := self._state(saved, digest)):
                    self._check_origin(saved)
                    self.left[digest], reached[digest] = state, saved.updates[digest]

    def _state(self, saved: results.Checkpoint, digest: str) -> State | None:
        """The run's state in a checkpoint; None where it does not fit the network."""
        sketch = jax.eval_shape(self.trainer.start, lane_of(config.split(self.runs[digest])[1]))
        row = saved.row(digest)
        found = named(sketch)
        if {n: (a.shape, a.dtype) for n, a in found.items()} != {n: (a.shape, a.dtype) for n, a in row.items()}:
            return None
        return jax.tree.unflatten(jax.tree.structure(sketch), [row[name] for name in found])

    def _check_origin(self, saved: results.Checkpoint) -> None:
        here, there = results.provenance(), saved.origin
        pairs = {"commit": (there.get("commit"), here["commit"])}
        pairs |= {n: (there.get("versions", {}).get(n), here["versions"][n]) for n in ("jax", "jaxlib", "flax")}
        changed = [f"{name} {old}, now {new}" for name, (old, new) in pairs.items() if old != new]
        said = f"resumed under other code: {'; '.join(changed)}. Its numbers may differ from an unbroken run."
        if changed and said not in self.said:
            self.said.add(said)
            self.warn(said)

    # -------------------------------------------------------------------------------------------- going on

    def _admit(self) -> list[str]:
        """Fill free places in config order; the runs that another process trains."""
        elsewhere = []
        while self.queue and None in self.block.runs:
            digest = self.queue.popleft()
            if digest in self.block.runs:
                continue
            if not self.locks.take(digest):
                elsewhere.append(digest)
            elif self._done(self.runs[digest]):
                self.locks.free(digest)
            else:
                self._place(digest, self.left.pop(digest, None))
        return elsewhere

    def _place(self, digest: str, state: State | None, where: int | None = None) -> None:
        """A run into the block, from its beginning or as it was left, with its records up to there."""
        one = self.runs[digest]
        if digest in self.folders:
            pass  # it was parked
        elif self._done(one):
            # it ended in the chunk that is repeated now: it stays for that chunk, and is not written
            try:
                self.rows[digest] = results.read_rows(self.out / digest, int(state.update) if state else 0)
            except (OSError, ValueError):
                return self.locks.free(digest)
        else:
            try:
                folder = results.RunFolder(self.out, one, None if state is None else int(state.update))
            except (OSError, ValueError, KeyError, TypeError) as error:
                self.warn(f"{self.out / digest} cannot go on ({error}): it starts over.")
                folder, state = results.RunFolder(self.out, one), None
            if state is not None:
                self._check_own([digest])
            self.folders[digest], self.rows[digest] = folder, folder.rows
            self.tracker.start(digest, config.plain(one), folder.started)
        self.block.place(digest, config.split(one)[1], state, where)
        self.began[digest] = time.perf_counter()
        return None

    def _advance(self) -> None:
        """One chunk of the whole block, into the ledger."""
        self._say()
        self._look()  # at new runs, before their first update
        try:
            new = self.block.advance()
        except OutOfMemory as error:
            return self._halve(error)
        for digest, rows in new.items():
            for row in rows:
                if digest in self.folders:
                    self.folders[digest].append(row)
                    self.tracker.log(digest, row)
                else:
                    self.rows[digest].append(row)
        self._look()
        stopped = self._stopped()
        for where, digest in self.block.standing():
            state = self.block.state(where)
            if ended(self.trainer, state) or digest in stopped:
                self._finish(digest, state, "" if ended(self.trainer, state) else "stopped")
                self.block.clear(where)
        self._save()
        self._say()
        return None

    def _look(self) -> None:
        """The attached probe looks at the runs whose turn it is, before the checkpoint knows of this chunk."""
        if self.watch is None:
            return
        for where, digest in self.block.standing():
            state, folder = self.block.state(where), self.folders.get(digest)
            update = int(state.update)
            looks = folder.looks if folder else None
            if looks and self.watch.due(update) and looks.reached < update:
                looks.add(update, *self.watch(state.params))

    def _finish(self, digest: str, state: State, status: str) -> None:
        share = (time.perf_counter() - self.began[digest]) / max(1, sum(r is not None for r in self.block.runs))
        summary = summarise(self.trainer, self.rows[digest], share) | self.test(state.params)
        if status == "stopped":
            summary |= {"status": status, "stopped_at": int(state.update)}
        self.status[digest] = summary["status"]
        if (folder := self.folders.pop(digest, None)) is not None:
            folder.finish(summary, flat(state.params))
            self.tracker.finish(digest, summary, folder.path)
        self.locks.free(digest)

    def _halve(self, error: OutOfMemory) -> None:
        """Half as many places; the runs that lose theirs wait with what they have."""
        half = max(1, self.block.width // 2)
        width = places(half) if self.trainer.mesh is None else half
        if width == self.block.width:
            raise config.ConfigError(
                f"{self.job.title}: not even {width} lanes fit into memory ({str(error)[:200]}). Take a smaller batch, "
                "length or network."
            ) from None
        self.warn(f"{self.job.title}: out of memory with {self.block.width} lanes; going on with {width}.")
        standing = [(digest, self.block.state(where)) for where, digest in self.block.standing()]
        self.block = Block(self.trainer, width)
        for digest, state in standing[:width]:
            self.block.place(digest, config.split(self.runs[digest])[1], state)
        for digest, state in reversed(standing[width:]):
            self.left[digest] = state
            self.queue.appendleft(digest)

    def _save(self) -> None:
        if not any(self.block.runs) and not self.left:
            return results.discard(self.out, self.name)
        parked = [d for d in self.left if d in self.rows]
        rows = [self.block.states, *(jax.tree.map(lambda leaf: leaf[None], self.left[d]) for d in parked)]
        whole = jax.tree.map(lambda *leaves: np.concatenate(leaves), *rows)
        updates = {d: int(self.block.states.update[s]) for s, d in self.block.standing()}
        updates |= {d: int(self.left[d].update) for d in parked}
        return results.save(self.out, self.name, self.block.runs, parked, updates, named(whole))

    def _stopped(self) -> set[str]:
        """The runs in the block that end early: decided from all histories of the sweep, in config order."""
        early = self.job.early
        if early is None:
            return set()
        histories, over = [], []
        for digest in early.runs:
            rows = self.rows[digest] if digest in self.rows else self._rows_elsewhere(digest)
            history = [row[early.metric] for row in rows if early.metric in row]
            if rows and rows[-1].get("status", RUNNING) != RUNNING:
                # solved or diverged: it stands for what it reached, or for the worst, at all later checks
                rest = math.nan if rows[-1]["status"] == DIVERGED else history[-1]
                history += [rest] * (self.trainer.chunks + 1 - len(history))
            histories.append(history)
            over.append(digest not in self.block.runs)
        found = early.rule.stops(early.goal, histories, over)
        return {d for d, stop in zip(early.runs, found, strict=True) if stop and d in self.block.runs}

    def _rows_elsewhere(self, digest: str) -> list[dict[str, Any]]:
        """The records of a run that is not of this job, as far as they have come."""
        try:
            size = (self.out / digest / "metrics.jsonl").stat().st_size
        except OSError:
            return []
        if self.others.get(digest, (-1,))[0] != size:
            try:
                self.others[digest] = (size, results.rows_of(self.out / digest))
            except (OSError, ValueError):  # damaged: whoever trains it starts it over
                return []
        return self.others[digest][1]

    def _say(self, instead: str = "") -> None:
        standing = {d: int(self.block.states.update[s]) for s, d in self.block.standing()}
        waiting = {*self.queue, *self.left} - standing.keys()
        left = sum(self.total - done for done in standing.values()) + self.total * len(waiting)
        ends = [
            *self.status.values(),
            *["finished"] * (len(self.runs) - len(standing) - len(waiting) - len(self.status)),
        ]
        told = instead or counts([*ends, *["unfinished"] * (len(standing) + len(waiting))])
        whole = self.total * len(self.runs)
        self.tell(f"{self.job.title}: {told}", whole - left, whole)

    def sweep_up(self) -> None:
        """Remove checkpoints of this folder whose runs have all ended, and halves of files that a kill left behind."""
        for path in results.checkpoints(self.out):
            head = results.load(path, lambda _: None, whole=False)
            runs = head.updates if head else {}
            if all(status_of(self.out / digest) in (*results.DONE, "stopped") for digest in runs):
                self._remove(path, path.stem)
        for path in (self.out / results.FOLDER).glob(".*.npz.*"):
            self._remove(path, path.name.split(".")[1])

    def _remove(self, path: Path, name: str) -> None:
        if self.locks.take(name):
            path.unlink(missing_ok=True)
            self.locks.free(name)


def named(tree: Any) -> dict[str, Any]:
    """The leaves by name."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
