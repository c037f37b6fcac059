"""Probes run over many spectral radii and seeds in one compiled program, on fresh networks or on a trained one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ltd import config, results, stats
from ltd.cells import recurrent_blocks
from ltd.lengths import batch_of
from ltd.linalg import rho
from ltd.model import Model, load, make_model, make_task
from ltd.probes import TOLD, probe_of
from ltd.settings import Measure, Run, body_of
from ltd.streams import stream
from ltd.sweep import over_lanes, stack
from ltd.types import Batch, Curves, Sizes, Task

SPECTRUM_BYTES = 64 << 20  # singular values of all lanes are kept up to this size


def measure(settings: Measure, lanes: Sequence[Mapping[str, Any]]) -> list[Curves]:
    """The curves of every lane (its traced fields, see `config.split`), numpy arrays, from one program."""
    task, build = network(settings)
    probe = probe_of(settings.probe)
    axes: dict[str, tuple[str, ...]] = {}

    def one(traced: Mapping[str, Array]) -> dict[str, Array]:
        o = config.overlay(settings, traced)
        key = jax.random.key(o.seed)
        model = build(key, o.rho, o.sigma)
        curves = probe(model, stream(key, "probe"), batch_for(settings, task, key), task)
        axes.update({**curves.axes, "rho": ()})
        blocks = recurrent_blocks(model.net)
        largest = jnp.max(rho(jnp.stack(list(blocks.values())))) if blocks else jnp.nan
        return {**curves.arrays, "rho": jnp.asarray(largest)}

    traced = stack([dict(lane) for lane in lanes])
    sketch = jax.eval_shape(one, jax.tree.map(lambda a: a[0], traced))
    spectrum = sketch.get("singular_log10")
    dropped = spectrum is not None and spectrum.size * spectrum.dtype.itemsize * len(lanes) > SPECTRUM_BYTES
    kept = [name for name in sketch if not (dropped and name == "singular_log10")]
    frames = [a.shape[-1] for name, a in sketch.items() if name in ("singular_log10", "lyapunov")]
    size = max((count**2 for count in frames), default=0)  # matrices of S x S are the work
    found = over_lanes(lambda t: {n: v for n, v in one(t).items() if n in kept}, size, len(lanes))(traced)
    host = jax.device_get(found)
    names = {name: axes[name] for name in kept}
    return [Curves({n: np.asarray(host[n][i]) for n in kept}, names) for i in range(len(lanes))]


def network(settings: Measure) -> tuple[Task | None, Callable[..., Model]]:
    """The task, and (key, rho, sigma) -> model: fresh, or the trained one whatever the key."""
    if settings.run is not None:
        if settings.rho is not None or settings.sigma is not None:
            raise config.ConfigError("rho and sigma are of fresh networks: leave them out where run is given.")
        model, run, trained_on = load(Path(settings.run))
        if run.feedback != "none":
            raise config.ConfigError(
                f"run = {settings.run}: its network sees its own outputs (feedback = {run.feedback}), and a probe of "
                "its cell alone would miss that way through time. Probe a run without feedback."
            )
        return trained_on, lambda key, rho, sigma: model
    task = make_task(settings.task) if settings.task else None
    sizes: Sizes = task or _NoTask(settings.inputs)
    run = Run(cell=settings.cell, net=settings.net, initial=settings.initial, rho=settings.rho, sigma=settings.sigma)
    return task, make_model(run, sizes)


class _NoTask:
    """The sizes that a network needs where there is no task."""

    outputs, tokens = 1, False

    def __init__(self, inputs: int):
        self.inputs = inputs


def batch_for(settings: Measure, task: Task | None, key: Array) -> Batch:
    """The task's batch, or Gaussian inputs that no loss looks at."""
    if task is not None:
        return batch_of(task, stream(key, "data"), settings.batch)
    shape = (settings.length, settings.batch, settings.inputs)
    inputs = settings.scale * jax.random.normal(stream(key, "data"), shape, jnp.result_type(float))
    return Batch(inputs, inputs[..., 0], jnp.zeros(shape[:2], bool), None)


MEASURED = {"gradient": "adjoint_log10", "jacobian": "jacobian_log10"}


def median_curve(curves: Curves, name: str) -> np.ndarray:
    """Median over samples of a curve [lag, sample]; a lag beyond the start of a sample does not count."""
    with np.errstate(invalid="ignore"):
        values = np.where(np.isnan(curves[name]), np.nan, curves[name])
    return np.array([np.median(row[~np.isnan(row)]) if np.any(~np.isnan(row)) else np.nan for row in values])


def body(settings: Measure) -> str:
    """What was measured, in words: the network of the run where one is given."""
    return body_of(config.plain(settings) if settings.run is None else results.read_run(Path(settings.run)).config)


def summarise(settings: Measure, curves: Curves) -> dict[str, Any]:
    """Facts of one lane; of a decay curve its slope and effective memory, else what the probe says of itself."""
    head = {
        "digest": config.digest(settings),
        "cell": body(settings),
        "rho": settings.rho,
        "seed": settings.seed,
        "rho_measured": float(curves["rho"]),
    }
    if settings.probe.type in TOLD:
        return head | TOLD[settings.probe.type].summary(curves)
    return head | _decay(settings, curves)


def _decay(settings: Measure, curves: Curves) -> dict[str, Any]:
    """Slope, memory and both ends of the median curve: from the first lag at which it is finite, where a last step
    without a score gives no gradient, to the last that some sample reaches."""
    name = MEASURED[settings.probe.type]
    whole = median_curve(curves, name)
    live = np.isfinite(whole)
    span = slice(int(np.argmax(live)), int(np.sum(~np.isnan(whole))))
    lags, curve = np.arange(len(whole))[span], whole[span]
    live = live[span]
    usable = live[len(curve) // 2 :].sum() >= 2
    summary: dict[str, Any] = {
        "decay_slope": stats.decay_slope(lags[live], curve[live]) if usable else None,
        "effective_memory": stats.effective_memory(lags, curve) if live.any() else None,
        "start_log10": float(curve[0]) if live.any() else None,
        "end_log10": float(curve[-1]) if live.any() else None,
    }
    for part in (n for n in curves.arrays if n.startswith("adjoint_") and n != name):
        tail = median_curve(curves, part)[span]
        summary[part.replace("_log10", "_end_log10")] = float(tail[-1])
    if "mean_jacobian_rho" in curves.arrays:
        summary["mean_jacobian_rho"] = float(curves["mean_jacobian_rho"])
    if "bound_log10" in curves.arrays and len(curve) > 1:
        summary["bound_slope"] = float(curves["bound_log10"][1])
        summary["asymptote_slope"] = float(curves["asymptote_log10"][1])
    return summary


def write(out: Path, lanes: Sequence[Measure], curves: Sequence[Curves]) -> list[dict[str, Any]]:
    """The curves into the folder; the summaries.

    `curves.csv` holds medians over samples at lags 1..T-1, or what else the probe tells as a table; `curves.npz` every
    array as it was measured, per sample, the lanes stacked along the first axis; `summary.json` a row per lane, and the
    names of all axes.
    """
    out.mkdir(parents=True, exist_ok=True)
    summaries = [summarise(s, c) for s, c in zip(lanes, curves, strict=True)]
    table = TOLD[lanes[0].probe.type].table if lanes[0].probe.type in TOLD else _decay_table
    lines: list[str] = []
    for settings, curve in zip(lanes, curves, strict=True):
        columns = table(curve)
        lines = lines or [",".join(["cell", "rho", "seed", *columns])]
        head = f"{body(settings)},{_cell(settings.rho)},{settings.seed}"
        lines += [f"{head},{','.join(map(_cell, row))}" for row in zip(*columns.values(), strict=True)]
    results.write_atomically(out / "curves.csv", lambda file: file.write(("\n".join(lines) + "\n").encode()))
    stacked = {name: np.stack([curve[name] for curve in curves]) for name in curves[0].arrays}
    results.write_atomically(out / "curves.npz", lambda file: np.savez_compressed(file, allow_pickle=False, **stacked))
    facts = {
        "axes": {n: ["lane", *names] for n, names in curves[0].axes.items()},
        "measurement": config.plain(lanes[0]),
        "lanes": summaries,
        **results.provenance(),
    }
    results.write_json(out / "summary.json", facts)
    return summaries


def _decay_table(curves: Curves) -> dict[str, Any]:
    measured = next(name for name in MEASURED.values() if name in curves.arrays)
    length = len(curves[measured])
    found: dict[str, Any] = {"lag": np.arange(1, length)}
    for name in ("adjoint_log10", "jacobian_log10", "bound_log10"):
        curve = median_curve(curves, name) if name == measured else curves.arrays.get(name)
        found[name] = [None] * (length - 1) if curve is None else curve[1:]
    return found


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
