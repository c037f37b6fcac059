"""What is measured on a network, fresh or trained: pure functions to `Curves`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ltd import config
from ltd.config import Choice, ConfigError
from ltd.probes import lyapunov as _lyapunov
from ltd.probes import memory as _memory
from ltd.probes import saturation as _saturation
from ltd.probes import spectrum as _spectrum
from ltd.probes.chain import parts
from ltd.probes.gradient import gradient
from ltd.probes.jacobian import jacobian
from ltd.types import Curves

__all__ = ["PROBES", "TOLD", "Told", "gradient", "jacobian", "options_of", "parts", "probe_of"]

PROBES: dict[str, Callable[..., Curves]] = {
    "gradient": gradient,
    "jacobian": jacobian,
    "lyapunov": _lyapunov.lyapunov,
    "memory": _memory.memory,
    "saturation": _saturation.saturation,
    "spectrum": _spectrum.spectrum,
}
GIVEN = ("model", "key", "batch", "task")  # what a probe is handed; its other parameters are its options


class Told(NamedTuple):
    """How the curves of one network, as numpy arrays, are told."""

    summary: Callable[[Curves], dict[str, float]]  # a few numbers
    table: Callable[[Curves], dict[str, Any]]  # columns of equal length


TOLD = {  # those of `gradient` and `jacobian` are decay curves: see `ltd.measure`
    "lyapunov": Told(_lyapunov.summary, _lyapunov.table),
    "memory": Told(_memory.summary, _memory.table),
    "saturation": Told(_saturation.summary, _saturation.table),
    "spectrum": Told(_spectrum.summary, _spectrum.table),
}


def options_of(choice: Choice) -> Mapping[str, Any]:
    """All options of a probe, defaults filled in, checked."""
    if choice.type not in PROBES:
        raise ConfigError(config.unknown("probe", choice.type, PROBES))
    return config.call(PROBES[choice.type], choice, "probe", given=GIVEN)


def probe_of(choice: Choice) -> Callable[..., Curves]:
    """The probe with its options: (model, key, batch, task) -> curves."""
    return functools.partial(PROBES[choice.type], **options_of(choice))
