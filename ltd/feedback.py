"""What it takes to feed a network its own outputs, or the targets in their place (`ltd.model.Model`)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ltd.config import ConfigError
from ltd.gradients import random_inside
from ltd.settings import Run
from ltd.types import Task


def check(settings: Run, net: Any, task: Task) -> None:
    """Refuse feedback that has no meaning.

    Raises
        ConfigError  for a net without steps, or with dropout between them; beside another gradient than that of
                     backpropagation, or Omega; where targets are to be fed back, for a task that has no numbers as
                     targets at every step.
    """
    kind, name = settings.feedback, type(getattr(net, "cell", net)).__name__
    if kind == "none":
        return
    if not (getattr(net, "causal", True) and hasattr(net, "step")):
        raise ConfigError(f"feedback = {kind}: {name} makes no steps in turn, so that no output comes before another.")
    if random_inside(net):
        raise ConfigError(f"feedback = {kind} makes every step in turn, where there is no dropout: set dropout to 0.")
    if settings.gradient.type != "bptt":
        raise ConfigError(f"feedback = {kind} with gradient = {settings.gradient.type}: use bptt.")
    if settings.regularizer.omega is not None:
        raise ConfigError(
            f"feedback = {kind} with regularizer.omega, which knows the state of the net alone: drop one."
        )
    if kind == "forced":
        batch = task.sample(jax.random.key(0), 8)
        targets = batch.targets
        if not jnp.issubdtype(targets.dtype, jnp.floating) or targets.shape != (*batch.scored.shape, task.outputs):
            raise ConfigError(
                f"feedback = forced: the targets of {task.name} are no numbers, one per output. Use free."
            )
        real = True if batch.valid is None else batch.valid
        if not bool(jnp.all(batch.scored == real)):
            raise ConfigError(f"feedback = forced: {task.name} has steps without a target. Use free.")
