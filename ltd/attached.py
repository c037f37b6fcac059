"""A probe attached to training: it looks at the network every so many updates, between chunks, and changes nothing."""

from __future__ import annotations

import dataclasses
import time
import warnings
from typing import Any, NamedTuple

import jax
import numpy as np

from ltd import config
from ltd.block import wait
from ltd.config import Choice, ConfigError
from ltd.lengths import batch_of
from ltd.probes import PROBES, options_of, probe_of
from ltd.settings import Attached, Run
from ltd.streams import stream
from ltd.train import EVAL_SEED, Trainer
from ltd.types import Curves

LARGE = ("singular_log10",)  # arrays that are not kept


class Look(NamedTuple):
    """One measurement, and the seconds that it took (of the first one in a process: with compilation)."""

    curves: Curves
    seconds: float


def fill(run: Run) -> Run:
    """The run with all options of its probe, checked."""
    if run.probe is None:
        return run
    about, choice = _parted(run.probe)
    if about.every % run.train.eval_every:
        raise ConfigError(
            f"probe.every = {about.every} must be a multiple of train.eval_every = {run.train.eval_every}: the probe "
            "looks between chunks."
        )
    options = {**dataclasses.asdict(about), **options_of(choice)}
    return dataclasses.replace(run, probe=Choice(choice.type, options))


def _parted(choice: Choice) -> tuple[Attached, Choice]:
    """How often it looks, and the probe with its own options."""
    if choice.type not in PROBES:
        raise ConfigError(config.unknown("probe", choice.type, PROBES))
    about = [f.name for f in dataclasses.fields(Attached)]
    known = [*about, *options_of(Choice(choice.type))]
    for name in choice.options:
        if name not in known:
            raise ConfigError(config.unknown("field", f"probe.{name}", [f"probe.{n}" for n in known]))
    mine = {n: v for n, v in choice.options.items() if n in about}
    rest = {n: v for n, v in choice.options.items() if n not in about}
    return config.decode(Attached, mine, "probe"), Choice(choice.type, rest)


class Watch:
    """The probe of a static config; one program, one network at a time.

    It sees the same sequences and the same random numbers at every look and in every run.
    """

    def __init__(self, trainer: Trainer):
        if trainer.settings.probe is None:
            raise ValueError("the run has no probe attached.")
        self.about, self.choice = _parted(trainer.settings.probe)
        self.trainer = trainer
        self.axes: dict[str, tuple[str, ...]] = {}
        probe, key = probe_of(self.choice), stream(jax.random.key(EVAL_SEED), "attached probe")

        def look(params: Any) -> dict[str, Any]:
            batch = batch_of(trainer.fresh, stream(key, "data"), self.about.batch)
            with jax.default_matmul_precision("highest"):
                curves = probe(trainer.model(params), key, batch, trainer.task)
            kept = {name: array for name, array in curves.arrays.items() if name not in LARGE}
            self.axes = {name: curves.axes[name] for name in kept}
            return kept

        self._look = jax.jit(look)

    def due(self, update: int) -> bool:
        """Whether it looks after this update."""
        return update % self.about.every == 0

    def check(self) -> None:
        """Refuse, before anything is computed, what the probe cannot measure."""
        traced = {"seed": np.uint32(0)} | config.split(self.trainer.settings)[1]
        sketch = jax.eval_shape(lambda: self.trainer.start(traced).params)
        jax.eval_shape(self._look, sketch)

    def __call__(self, params: Any) -> Look:
        """A look at the network with these parameters."""
        began = time.perf_counter()
        found = self._look(params)
        wait(found)
        host = jax.device_get(found)
        curves = compact({name: host[name] for name in self.axes}, self.axes)
        return Look(curves, time.perf_counter() - began)


def compact(arrays: dict[str, Any], axes: dict[str, tuple[str, ...]]) -> Curves:
    """The arrays in float32 without their samples: medians of logarithms, else means; what is NaN does not count."""
    kept, names = {}, {}
    for name, array in arrays.items():
        own = list(axes[name])
        values = np.asarray(array)
        if "sample" in own:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # all NaN: beyond the start of every sample
                take = np.nanmedian if name.endswith("log10") else np.nanmean
                values = take(values, axis=own.index("sample"))
            own.remove("sample")
        kept[name], names[name] = values.astype(np.float32), tuple(own)
    return Curves(kept, names)
