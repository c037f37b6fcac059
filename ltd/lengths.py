"""Sequences of several lengths: curricula in training, and the same network tested at lengths it was not trained on.

A task names the field that sets its length (`size`) and offers `at(n)`, itself at length n. Batches of all lengths are
padded to the longest, so that one compiled program serves them.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ltd import config
from ltd.settings import Train
from ltd.streams import stream
from ltd.types import Batch, Task

MOST = 64  # lengths of one curriculum: each is a branch of the program that draws


def batch_of(task: Task, key: Array, size: int) -> Batch:
    """A batch whose `valid` is None where no step is padding, so that nothing is computed for it."""
    batch = task.sample(key, size)
    return batch if getattr(task, "padded", True) else batch._replace(valid=None)


def padded(batch: Batch, steps: int) -> Batch:
    """The batch with steps that are neither valid nor scored at its end, `steps` in all."""
    missing = steps - len(batch.scored)
    valid = jnp.ones(batch.scored.shape, bool) if batch.valid is None else batch.valid

    def grown(field: Array) -> Array:
        return jnp.concatenate([field, jnp.zeros((missing, *field.shape[1:]), field.dtype)])

    return Batch(*map(grown, (batch.inputs, batch.targets, batch.scored, valid)))


def at(task: Task, length: int, field: str) -> Task:
    """The task at this length.

    Raises
        ConfigError  where the task has no length, refuses this one, or has other inputs or outputs at it.
    """
    size = getattr(task, "size", "")
    if not size:
        raise config.ConfigError(f"{field}: {task.name} has no length that could be varied. Leave it out.")
    with config.explained(field):
        other = task.at(length)  # type: ignore[attr-defined]
    if (other.inputs, other.outputs) != (task.inputs, task.outputs):
        raise config.ConfigError(
            f"{field}: {task.name} has {other.inputs} inputs and {other.outputs} outputs at {size} = {length}, but "
            f"{task.inputs} and {task.outputs} at {size} = {getattr(task, size)}: one network cannot read both."
        )
    return other


class Curriculum:
    """What a run is trained on: at update u a batch of one length n, the same for all its sequences.

        fixed     n is the task's own
        uniform   n is uniform on shortest .. own
        growing   n is uniform on shortest .. m, where m goes from `shortest` to the task's own over the first half of
                  the updates, and stays

    Where there are more than 64 lengths between, 64 evenly spaced ones stand for them.
    """

    def __init__(self, task: Task, train: Train):
        self.task, self.train = task, train
        shortest = train.shortest
        self.varied = shortest is not None
        if shortest is None:
            return
        at(task, shortest, "train.shortest")
        name = task.size  # type: ignore[attr-defined]
        own = getattr(task, name)
        if shortest > own:
            raise config.ConfigError(f"train.shortest = {shortest} must be at most the task's own {name} = {own}.")
        spaced = np.linspace(shortest, own, min(MOST, own - shortest + 1)).round().astype(int)
        self.lengths = np.unique(spaced)
        self.tasks = [at(task, int(n), "train.shortest") for n in self.lengths]
        self.steps = max(one.steps for one in self.tasks)

    def sample(self, key: Array, update: Array) -> Batch:
        """The batch of this update."""
        size = self.train.batch
        if not self.varied:
            return batch_of(self.task, key, size)
        count = jnp.int32(len(self.lengths))
        if self.train.curriculum == "growing":
            own, shortest = self.lengths[-1], self.lengths[0]
            reached = jnp.minimum(2 * update / self.train.steps, 1.0)
            longest = shortest + jnp.round(reached * (own - shortest)).astype(jnp.int32)
            count = jnp.sum(jnp.asarray(self.lengths) <= longest)
        which = jax.random.randint(stream(key, "length"), (), 0, count, jnp.int32)
        branches = [lambda key, one=one: padded(one.sample(key, size), self.steps) for one in self.tasks]
        return jax.lax.switch(which, branches, key)
