"""The levels of a task found by counting, to hold its closed forms against.

    blind    one constant answer for each kind of scored step (`cue` of the task; else its index)
    strict   one constant answer for each index and present input; numbers: a quadratic function of the present input.
             A task that names a predictor of the present input (`glance`): its answers
    optimum  the targets themselves or, where chance has a part in them, the predictor that knows the rule (`best`)

The answers are fitted to one half of the samples and scored, by the task's own loss and metric, on the other half in
blocks, whose spread gives the standard error. What an answer fitted to n cases costs more than the best one is taken
off the loss: (K - 1) / 2n nats for K classes with half a case added to each, a variance / n per coefficient of numbers,
half of it for logistic units.
That the fit may take the second most frequent class for the first is part of the standard error of the metric.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ltd.types import Task

BLOCKS, BINS, FEW = 40, 4, 64
MOST = 0.05  # contexts per case: where there are more, a table knows the cases themselves


class Estimate(NamedTuple):
    """Loss and metric with their standard errors."""

    loss: float
    metric: float | None  # None: other constants than those of least loss have the best metric
    loss_error: float
    metric_error: float


def estimate(task: Task, key: Array, samples: int) -> dict[str, Estimate | None]:
    """Blind, strict and optimum from this many fresh sequences; None where a level cannot be had by counting."""
    size = max(1, samples // (2 * BLOCKS))
    draw = jax.jit(jax.vmap(lambda k: task.sample(k, size)))
    return _levels(task, *(jax.tree.map(np.asarray, draw(k)) for k in jax.random.split(key, (2, BLOCKS))))


def _levels(task: Task, fit: Any, test: Any) -> dict[str, Estimate | None]:
    cues = [np.asarray(_cue(task, half)) for half in (fit, test)]
    found: dict[str, Estimate | None] = {"blind": _by_context(task, fit, test, cues)}
    steps = [_steps(task, half) for half in (fit, test)]
    if hasattr(task, "glance"):
        found["strict"] = _answered(task, test, task.glance)
    elif _is_numbers(task, fit) and not _symbols(fit):
        found["strict"] = _by_regression(task, fit, test, steps)
    else:
        edges = None if _symbols(fit) else _edges(fit)
        seen = [_join(step, _present(half, edges)) for step, half in zip(steps, (fit, test), strict=True)]
        found["strict"] = _by_context(task, fit, test, seen)
    found["optimum"] = _best(task, test)
    return found


def _cue(task: Task, half: Any) -> Any:
    return jax.vmap(task.cue)(half) if hasattr(task, "cue") else _steps(task, half)


def _steps(task: Task, half: Any) -> np.ndarray:
    """The step index; 0 where it tells nothing."""
    index = np.arange(half.scored.shape[1]) * getattr(task, "clock", True)
    return np.broadcast_to(index[None, :, None], half.scored.shape)


def _is_numbers(task: Task, half: Any) -> bool:
    return half.targets.ndim == 4 and getattr(task, "asks", "numbers") == "numbers"


def _symbols(half: Any) -> bool:
    """Whether inputs are tokens or take few values, which can be counted."""
    return half.inputs.dtype.kind == "i" or len(np.unique(half.inputs)) <= FEW


def _edges(half: Any) -> np.ndarray:
    """Quantiles of every channel over valid steps."""
    values = half.inputs[np.broadcast_to(True if half.valid is None else half.valid, half.scored.shape)]
    return np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], axis=0)


def _present(half: Any, edges: np.ndarray | None) -> np.ndarray:
    """The present input as a whole number; `edges` cut numbers into bins."""
    if half.inputs.ndim == 3:
        return half.inputs.astype(np.int64)
    whole = edges is None and np.all(half.inputs == np.round(half.inputs))
    if whole:
        channels = half.inputs.astype(np.int64)
    elif edges is None:
        channels = np.round(half.inputs * 1e4).astype(np.int64)
    else:
        channels = np.sum(half.inputs[..., None, :] > edges, axis=-2)
    code = np.zeros(half.scored.shape, np.int64)
    for d in range(channels.shape[-1]):
        low, high = channels[..., d].min(), channels[..., d].max()
        code = np.unique(code * int(high - low + 1) + (channels[..., d] - low), return_inverse=True)[1].reshape(
            code.shape
        )
    return code


def _join(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one.astype(np.int64) * (int(other.max()) + 2) + other + 1


def _shared(contexts: list[np.ndarray], fit: Any, test: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Contexts of scored steps numbered from 1 in both halves; 0 is what the first half has not seen."""
    known = np.unique(contexts[0][fit.scored])

    def number(context: np.ndarray) -> np.ndarray:
        place = np.searchsorted(known, context).clip(0, len(known) - 1)
        return np.where(known[place] == context, place + 1, 0)

    return number(contexts[0]), number(contexts[1]), len(known) + 1


def _by_context(task: Task, fit: Any, test: Any, contexts: list[np.ndarray]) -> Estimate | None:
    here, there, count = _shared(contexts, fit, test)
    torn = np.zeros(count)
    if count > MOST * fit.scored.sum():
        return None
    cases = np.bincount(here[fit.scored], minlength=count).astype(float)
    cases[0] = cases.sum()
    seen = np.maximum(cases, 1)
    if fit.targets.ndim == 3:
        classes = task.outputs
        table = np.bincount(here[fit.scored] * classes + fit.targets[fit.scored], minlength=count * classes)
        table = table.reshape(count, classes).astype(float)
        table[0] = table.sum(axis=0)
        if getattr(task, "logistic", False):
            shares, units = table / seen[:, None], cast(Any, task)
            steps = fit.scored.sum() / math.prod(fit.scored.shape[::2])  # of a sequence
            answers, excess = np.asarray(units.logits(shares)), steps * (1 - np.sum(shares**2, axis=1)) / (2 * seen)
        else:
            answers = np.log((table + 0.5) / (seen + classes / 2)[:, None])
            excess = (classes - 1) / (2 * seen)
        second, first = np.sort(table, axis=1)[:, -2:].T / seen if classes > 1 else np.ones((2, count))
        spread = np.sqrt((first + second) / seen)
        torn = np.where(first - second < 3 * spread, spread, 0.0)  # the other one may be the more frequent
    else:
        values = fit.targets[fit.scored].astype(float)
        total, square = (_sums(here[fit.scored], v, count) for v in (values, values**2))
        if _is_numbers(task, fit):
            answers = total / seen[:, None]
            excess = np.sum(square / seen[:, None] - answers**2, axis=1) / seen
        else:
            answers = np.log(total + 0.5) - np.log(seen[:, None] - total + 0.5)
            excess = values.shape[-1] / (2 * seen)
    weight = np.bincount(there[test.scored], minlength=count) / test.scored.sum()
    table_of = jnp.asarray(answers, jnp.result_type(float))
    free = max(1, task.outputs - (fit.targets.ndim == 3))  # excess is a chi-squared variable of so many degrees
    doubt = math.sqrt(2 / free * float(np.sum((weight * excess) ** 2)))
    found = _scored(task, test, lambda block: table_of[block], there, float(weight @ excess), doubt)
    return found._replace(metric_error=math.hypot(found.metric_error, float(np.sqrt(np.sum((weight * torn) ** 2)))))


def _sums(context: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    found = np.stack([np.bincount(context, v, count) for v in values.T], axis=-1)
    found[0] = values.sum(axis=0)
    return found


def _by_regression(task: Task, fit: Any, test: Any, steps: list[np.ndarray]) -> Estimate:
    """Least squares on 1, x and the products of x, step by step where at least a hundred cases are scored there."""
    answers = np.zeros((*test.scored.shape, task.outputs))
    excess, everything = 0.0, np.ones(fit.scored.shape[1], bool)
    often = fit.scored.sum(axis=(0, 2)) >= 100
    for mask in [~often, *(np.arange(len(often)) == t for t in np.flatnonzero(often))]:
        here, there = fit.scored & mask[None, :, None], test.scored & mask[None, :, None]
        if not there.any() or not here.any():
            here = fit.scored & everything[None, :, None]
        if not there.any():
            continue
        features, wanted = _features(fit.inputs[here]), fit.targets[here]
        weights, _, rank, _ = np.linalg.lstsq(features, wanted, rcond=None)
        answers[there] = _features(test.inputs[there]) @ weights
        spread = np.sum(np.mean((wanted - features @ weights) ** 2, axis=0))
        excess += there.sum() / test.scored.sum() * spread * float(rank) / len(wanted)
    return _scored(task, test, lambda block: block, answers.astype(np.float32), excess, excess)


def _features(x: np.ndarray) -> np.ndarray:
    pairs = [x[:, i] * x[:, j] for i in range(x.shape[1]) for j in range(i, x.shape[1])]
    return np.stack([np.ones(len(x)), *x.T, *pairs], axis=1).astype(float)


def _best(task: Task, test: Any) -> Estimate | None:
    if hasattr(task, "best"):
        return _answered(task, test, task.best)
    if task.levels().optimum.loss != 0:
        return None
    elif test.targets.ndim == 3:
        answers = 60.0 * (2 * np.eye(task.outputs, dtype=np.float32)[test.targets] - 1)
    else:
        answers = test.targets if _is_numbers(task, test) else 60.0 * (2 * test.targets - 1)
    return _scored(task, test, lambda block: block, np.asarray(answers), 0.0, fitted=False)


def _answered(task: Task, test: Any, predictor: Any) -> Estimate:
    return _scored(task, test, lambda block: block, np.asarray(jax.jit(jax.vmap(predictor))(test)), 0.0, fitted=False)


def _scored(
    task: Task, test: Any, answer: Any, blocks: np.ndarray, excess: float, doubt: float = 0.0, fitted: bool = True
) -> Estimate:
    """The task's loss and metric of the answers, block by block; `doubt` is the standard error of the excess."""

    def one(block: tuple[Any, Any]) -> Array:
        outputs = answer(block[0])
        return jnp.stack([task.loss(outputs, block[1]), task.metric(outputs, block[1])])

    values = np.asarray(jax.jit(lambda both: jax.lax.map(one, both))((blocks, test)), float)
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(len(values))
    counts = not fitted or getattr(task, "metric_by_loss", True)
    return Estimate(mean[0] - excess, mean[1] if counts else None, math.hypot(error[0], doubt), error[1])
