"""A block: as many lanes of one compiled program as fit, through whose places the runs of a group pass.

A place holds a run in training, or nothing. A run that has ended leaves, and the next one takes its place; what a run
computes depends on its own settings and, in the last bits alone, on its place and on the number of places. Between
chunks the whole state lies on the host, so that it can be kept and brought back bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ltd.lengths import padded
from ltd.runtime import stop_if_asked
from ltd.settings import Run
from ltd.streams import stream
from ltd.sweep import SMALL, over_lanes, places
from ltd.train import EVAL_SEED, IDLE, RUNNING, State, Trainer, summarise
from ltd.types import Task

FIRST = ("eval/", "plan/", "rho", "update")  # what a record says of update 0


class OutOfMemory(RuntimeError):
    """The device has no room for so many lanes."""


class Block:
    """Places for runs of one static config.

    width      places; rounded up so that every device has as many
    runs       name of the run in each place, or None
    seconds    of compilation
    bytes      that the program needs on each device, beside its parameters
    """

    def __init__(self, trainer: Trainer, width: int):
        self.trainer, self.width = trainer, places(width) if trainer.mesh is None else width
        self.runs: list[str | None] = [None] * self.width
        self.fresh: set[int] = set()
        self.seconds, self.bytes = 0.0, 0
        # vectorised lanes would draw every length of a curriculum at every update and keep one
        self.size = trainer.size if not trainer.curriculum.varied else max(trainer.size, SMALL + 1)
        self._program: Any = None
        self._start = jax.jit(trainer.start)
        self.states: Any = None
        self.traced: dict[str, np.ndarray] = {}

    def place(self, name: str, traced: Mapping[str, Any], state: Any = None, where: int | None = None) -> int:
        """Give the run the first free place, or that one: from its beginning, or as it was left (`state`)."""
        where = self.runs.index(None) if where is None else where
        values = lane_of(traced)
        if state is None:
            state = jax.device_get(self._start(values))
        if self.states is None:
            rows = jax.tree.map(lambda leaf: np.zeros((self.width, *np.shape(leaf)), leaf.dtype), state)
            self.states = rows._replace(status=np.full(self.width, IDLE, rows.status.dtype))
            # an idle place computes with the settings of the first run, and what it computes is thrown away
            self.traced = {n: np.repeat(np.asarray(v)[None], self.width) for n, v in values.items()}
        for rows, leaf in zip(jax.tree.leaves(self.states), jax.tree.leaves(state), strict=True):
            rows[where] = leaf
        for label, value in values.items():
            self.traced[label][where] = value
        self.runs[where] = name
        if int(state.update) == 0:
            self.fresh.add(where)
        return where

    def clear(self, where: int) -> None:
        """Free a place."""
        self.runs[where] = None
        self.fresh.discard(where)
        self.states.status[where] = IDLE

    def standing(self) -> list[tuple[int, str]]:
        """The places that hold a run, and the runs."""
        return [(where, name) for where, name in enumerate(self.runs) if name is not None]

    def state(self, where: int) -> State:
        """The run in this place, as numpy leaves."""
        return jax.tree.map(lambda rows: rows[where], self.states)

    def advance(self, updates: int | None = None) -> dict[str, list[dict[str, float]]]:
        """Every run a chunk further: its new records, by name. A new run has one of update 0 too.

        Raises
            OutOfMemory  where the device has no room; nothing has moved.
        """
        before = [name is not None and s in self.fresh for s, name in enumerate(self.runs)]
        rows: dict[str, list[dict[str, float]]] = {name: [] for name in self.runs if name is not None}
        if any(before):
            for name, record in self._call(before, 0).items():
                rows[name].append({n: v for n, v in record.items() if n.startswith(FIRST)})
            self.fresh.clear()
        asked = {where: self._next(where) if updates is None else updates for where, _ in self.standing()}
        for count in sorted(set(asked.values()), reverse=True):  # the last chunk of a run may be shorter
            for name, record in self._call([asked.get(s) == count for s in range(self.width)], count).items():
                rows[name].append(record)
        return rows

    def _next(self, where: int) -> int:
        """How many updates the run in this place goes further by."""
        train = self.trainer.settings.train
        return max(0, min(train.eval_every, train.steps - int(self.states.update[where])))

    def _call(self, active: Sequence[bool], updates: int) -> dict[str, dict[str, float]]:
        wanted = np.array(active)
        states = self.states._replace(status=np.where(wanted, self.states.status, IDLE).astype(np.int32))
        count = np.int32(updates)
        try:
            if self._program is None:
                self.compile()
            found = self._program(self.traced, states, count)
            wait(found)
            new, record = jax.device_get(found)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" in str(error) or "out of memory" in str(error).lower():
                raise OutOfMemory(str(error)) from None
            raise
        status = np.where(wanted, new.status, self.states.status)
        self.states = jax.tree.map(np.array, new._replace(status=status))  # copies: device buffers are read-only
        return {
            str(self.runs[s]): {name: float(values[s]) for name, values in record.items()}
            for s in range(self.width)
            if wanted[s]
        }

    def compile(self) -> None:
        """Compile the program now; `seconds` and `bytes` are known afterwards."""
        began = time.perf_counter()
        mapped = over_lanes(self.trainer.advance, self.size, self.width, 1, self.trainer.mesh is None)
        self._program = mapped.lower(self.traced, self.states, np.int32(0)).compile()  # type: ignore[attr-defined]
        self.seconds = time.perf_counter() - began
        needs = self._program.memory_analysis()
        self.bytes = 0 if needs is None else int(needs.temp_size_in_bytes + needs.output_size_in_bytes)


def lane_of(traced: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Traced fields as arrays: a seed is a uint32, the others are floats."""
    return {
        name: np.asarray(value, np.uint32 if name.rpartition(".")[2] == "seed" else jnp.result_type(float))
        for name, value in traced.items()
    }


def wait(arrays: Any) -> None:
    """Until the arrays are there. The main thread sleeps in between, so that a signal is answered at once."""
    pause = 0.001
    for leaf in jax.tree.leaves(arrays):
        while not leaf.is_ready():
            stop_if_asked()
            time.sleep(pause)
            pause = min(1.5 * pause, 0.05)


class Lane(NamedTuple):
    """What training leaves of one lane."""

    params: Any
    records: list[dict[str, float]]  # one per check, update 0 first
    summary: dict[str, Any]


def ended(trainer: Trainer, state: State) -> bool:
    """Whether a run is over: solved, diverged, or through with its updates."""
    return int(state.status) != RUNNING or int(state.update) >= trainer.settings.train.steps


def fit(
    settings: Run,
    task: Task,
    lanes: Sequence[Mapping[str, Any]],
    progress: Callable[[dict[str, list[dict[str, float]]]], None] | None = None,
) -> list[Lane]:
    """Train all lanes in one block, in memory; `progress` is told the new records of each chunk, by number of the lane.

    `lanes` holds the traced fields of each lane (`config.split`).
    """
    trainer, began = Trainer(settings, task), time.perf_counter()
    block, test = Block(trainer, len(lanes)), AtLengths(trainer)
    records: list[list[dict[str, float]]] = [[] for _ in lanes]
    params: dict[int, Any] = {}
    for number, lane in enumerate(lanes):
        block.place(str(number), lane)
    while len(params) < len(lanes):
        rows = block.advance()
        for name, new in rows.items():
            records[int(name)] += new
        if progress:
            progress(rows)
        for where, name in block.standing():
            if ended(trainer, block.state(where)):
                params[int(name)] = jax.tree.map(np.array, block.state(where).params)
                block.clear(where)
    seconds = (time.perf_counter() - began) / len(lanes)
    return [
        Lane(params[i], records[i], summarise(trainer, records[i], seconds) | test(params[i]))
        for i in range(len(lanes))
    ]


class AtLengths:
    """What a final network scores at the lengths that were asked for, with the levels there; one network at a time.

    `lengths` holds a row per length; `test/loss` and `test/metric` are their means. One program runs the network at all
    lengths, padded to the longest.
    """

    def __init__(self, trainer: Trainer):
        self.trainer = trainer
        self._run = jax.jit(trainer.outputs)
        self._scores = {length: jax.jit(self._score_at(task)) for length, task in trainer.tests.items()}

    def _score_at(self, task: Task) -> Callable:
        def score(outputs, batch):
            scores = {"loss": task.loss(outputs, batch), "metric": task.metric(outputs, batch)}
            return scores | (task.scores(outputs, batch) if hasattr(task, "scores") else {})

        return score

    def __call__(self, params: Any) -> dict[str, Any]:
        """The scores of these parameters; nothing where no lengths were asked for."""
        trainer, rows = self.trainer, []
        if not trainer.tests:
            return {}
        steps = max(task.steps for task in trainer.tests.values())
        for length, task in trainer.tests.items():
            batch = task.sample(stream(jax.random.key(EVAL_SEED), f"test at {length}"), trainer.settings.test.batch)
            outputs = self._run(params, padded(batch, steps))[: task.steps]
            scores = {name: float(value) for name, value in self._scores[length](outputs, batch).items()}
            levels = trainer.test_levels[length]._asdict()
            losses = {name: level.loss for name, level in levels.items()}
            metrics = {f"{name}/metric": level.metric for name, level in levels.items()}
            rows.append({"length": length, **scores, **losses, **metrics})
        means = {f"test/{name}": math.fsum(r[name] for r in rows) / len(rows) for name in ("loss", "metric")}
        return {"lengths": rows, **means}
