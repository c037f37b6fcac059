"""`saturation`: how many units are at the end of their range, where a gradient does not get through."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ltd import activations
from ltd.config import ConfigError
from ltd.probes.chain import Chain, Vector, chain_of
from ltd.streams import stream
from ltd.types import Batch, Curves, Network, Task

SYMMETRIC = {jnp.tanh, activations.hard_tanh, activations.sine, activations.threshold}  # between -1 and 1


def saturation(
    model: Network,
    key: Array,
    batch: Batch,
    task: Task | None = None,
    low: float = 0.1,
    high: float = 0.9,
) -> Curves:
    """Shares of units that are saturated, and of those through which the gradient is exactly zero, at every step.

        left        share of gates below `low`:  shut                   units between 0 and 1 (logistic)
        right       share of gates above `high`: open
        saturated   share of units with |f(a)| > `high`                 units between -1 and 1 (tanh)
        zero        share of units with f'(a) = 0, as computed          all units: a dead relu, a tanh rounded to 1

    elman, the GRUs, the LSTMs and stacks of them say what their units are (`units`): `h`; `r`, `z`, `n`; the gates that
    are on, the candidate `g` and the squashing of the cell `c`. Of any other cell or net there are the states only:
    `state.<part>/saturated`, the share of its numbers beyond `high` in modulus, which says little of a part without
    bounds, and `state.<part>/zero`, those that depend neither on the state before nor on the input (exactly zero
    rows of the Jacobian; their gradient is zero). Padding is left out: NaN.

    Shapes, for each kind of unit
        <unit>/left, right, saturated, zero   [step, sample]   shares
        <unit>/by_unit                        [unit, end]      share of steps and samples below and above the thresholds

    Raises
        ConfigError  where the network has no state between steps, or 0 <= low < high <= 1 does not hold.

    Source
        Karpathy, Johnson & Fei-Fei (2015), arXiv 1506.02078, for gates and their thresholds.
    """
    if not 0 <= low < high <= 1:
        raise ConfigError(f"probe.low = {low}, probe.high = {high}: 0 <= low < high <= 1 must hold.")
    found = chain_of(model, batch, "saturation")
    named = {}
    told = _units(model, found) if offers_units(model) else {}  # none in a stack of cells that name none
    for name, (ends, value, slope) in (told or _states(model, key, found)).items():
        marks = {"zero": slope == 0}
        if ends is not None:
            marks |= {"lower": value < (low if ends == "gate" else -high), "upper": value > high}
        named[name] = ends, marks
    valid = jnp.ones(found.outputs.shape[:2], bool) if found.valid is None else found.valid
    arrays: dict[str, Array] = {}
    for name, (ends, marks) in named.items():
        shares = {"zero": marks["zero"]}
        if ends == "gate":
            shares |= {"left": marks["lower"], "right": marks["upper"]}
        elif ends is not None:
            shares |= {"saturated": marks["lower"] | marks["upper"]}
        for share, mark in shares.items():
            arrays[f"{name}/{share}"] = jnp.where(valid, jnp.mean(mark, axis=-1, dtype=found.outputs.dtype), jnp.nan)
        if ends is not None:
            both = jnp.stack([marks["lower"], marks["upper"]], axis=-1)
            arrays[f"{name}/by_unit"] = jnp.sum(both & valid[..., None, None], axis=(0, 1)) / jnp.sum(valid)
    return Curves(arrays, {n: ("unit", "end") if n.endswith("by_unit") else ("step", "sample") for n in arrays})


def offers_units(model: Network) -> bool:
    """Whether the cell or net says what its units are."""
    return hasattr(model.net, "units")


def _units(model: Network, found: Chain):
    """Kind of range, value and slope [T, B, H] of every unit that the net names."""
    kernel, ends = model.net.kernel(), {}

    def at(state, drive):
        told = {}
        for name, (a, function) in model.net.units(kernel, state, drive).items():
            ends[name] = "gate" if function is activations.logistic else "tanh" if function in SYMMETRIC else None
            told[name] = jax.jvp(function, (a,), (jnp.ones_like(a),))
        return told

    told = jax.vmap(at)(found.before, found.items[0])
    return {name: (ends[name], *values) for name, values in told.items()}


def _states(model: Network, key: Array, found: Chain):
    """The same of the numbers of the state: the slope is that along one random change of all that a step reads."""
    vector = Vector(getattr(model.net, "clock", ()))

    def at(state, item):
        moving, rest = (item, None) if found.depth else item

        def step(numbers, moving):
            new, _ = found.step(vector.into(numbers, state), moving if found.depth else (moving, rest))
            return vector.parts(new)

        now = (vector.of(state), moving)
        leaves, form = jax.tree.flatten(now)
        keys = jax.random.split(stream(key, "change of the probe"), len(leaves))
        change = [jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)]
        if found.depth:  # weights do not count
            change[1:] = [jnp.zeros_like(leaf) for leaf in leaves[1:]]
        return jax.jvp(step, now, jax.tree.unflatten(form, change))

    values, slopes = jax.vmap(at)(found.before, found.items)
    return {f"state.{name}": ("tanh", value, slopes[name]) for name, value in values.items()}


def summary(curves: Curves) -> dict[str, float]:
    """Means over steps and samples."""
    return {name: float(np.nanmean(a)) for name, a in curves.arrays.items() if curves.axes[name] == ("step", "sample")}


def table(curves: Curves) -> dict[str, np.ndarray]:
    """A row per step: means over samples; NaN where all are padding."""
    shares = {name: a for name, a in curves.arrays.items() if curves.axes[name] == ("step", "sample")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        means = {name: np.nanmean(array, axis=-1) for name, array in shares.items()}
    return {"step": np.arange(1, len(next(iter(means.values()))) + 1), **means}
