"""What a sweep will cost, from a short measurement of every program it compiles."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax

from ltd import config, results
from ltd.attached import Watch
from ltd.block import Block
from ltd.runtime import precision
from ltd.sweep import vectorised
from ltd.train import Trainer
from ltd.work import Job, named, trainer_of, width_for

ENOUGH = 0.5  # seconds of updates that a measurement wants to see
ROW = 400  # bytes of a record in metrics.jsonl


@dataclass(frozen=True)
class Cost:
    """Of one group. Times are upper bounds where runs may end early: solved, diverged or stopped."""

    title: str
    runs: int
    places: int  # of a block
    compile: float  # seconds
    update: float  # seconds for an update of all places
    check: float  # seconds for a check of all places, before training: a network near success is tested longer
    seconds: float  # of the whole group
    memory: int  # bytes of the program, all devices
    disk: int  # bytes that stay


def cost(job: Job) -> Cost:
    """Compile the job's program, run it for a moment, and extrapolate."""
    with precision(job.runs[0].precision):
        trainer = trainer_of(job)
        block = Block(trainer, width_for(trainer, len(job.runs), job.lanes))
        began = time.perf_counter()
        for one in job.runs[: block.width]:
            block.place(config.digest(one), config.split(one)[1])
        start = (time.perf_counter() - began) / min(block.width, len(job.runs))
        block.compile()
        block.advance(0)  # what is done once is done now
        check, _ = _timed(block, 0)
        count, found = 1, 0.0
        while found < ENOUGH and count <= 4096:
            found = _timed(block, count)[0] - check
            count *= 4
        update = max(found, 1e-9) / (count // 4)
        looks, look, seen = _looks(trainer, block)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            (Path(folder) / results.FOLDER).mkdir()
            results.save(Path(folder), "0" * 12, block.runs, [], {}, named(block.states))
            saving = time.perf_counter() - began
    every, chunks = min(job.runs[0].train.eval_every, job.runs[0].train.steps), trainer.chunks
    together = vectorised(block.size)
    rounds = -(-len(job.runs) // block.width) if together else len(job.runs) / min(block.width, len(job.runs))
    chunk = every * update + check + saving
    params = sum(leaf.nbytes for leaf in jax.tree.leaves(block.states.params)) // block.width
    devices = min(len(jax.local_devices()), block.width)
    return Cost(
        job.title,
        len(job.runs),
        block.width,
        block.seconds,
        update,
        check,
        block.seconds + start * len(job.runs) + rounds * (chunks * chunk + check) + len(job.runs) * looks * look,
        block.bytes * devices,
        len(job.runs) * (params + (chunks + 1) * ROW + looks * seen + 4096),
    )


def _looks(trainer: Trainer, block: Block) -> tuple[int, float, int]:
    """How often an attached probe looks at a run, what one look takes in seconds, and what it leaves in bytes."""
    if trainer.settings.probe is None:
        return 0, 0.0, 0
    watch, params = Watch(trainer), block.state(0).params
    watch(params)  # which compiles
    curves, seconds = watch(params)
    looks = trainer.settings.train.steps // watch.about.every + 1
    return looks, seconds, sum(array.nbytes for array in curves.arrays.values())


def _timed(block: Block, updates: int) -> tuple[float, object]:
    began = time.perf_counter()
    rows = block.advance(updates)
    return time.perf_counter() - began, rows


def total(costs: Sequence[Cost]) -> tuple[float, int, int]:
    """Seconds of all groups one after the other, the largest memory, all bytes on disk."""
    return sum(c.seconds for c in costs), max(c.memory for c in costs), sum(c.disk for c in costs)
