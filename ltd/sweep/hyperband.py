"""Early stopping by Hyperband, in the form that W&B's engine gives it (`early_terminate` of a sweep file)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from ltd.config import ConfigError, unknown

MOST = 100  # bands counted upwards from min_iter


@dataclass(frozen=True)
class Hyperband:
    """At certain checks, the bands, a run goes on only if it is among the best 1/eta of those that came so far.

        min_iter         bands at min_iter, min_iter eta, min_iter eta^2, ..., rounded down
        max_iter and s   bands at max_iter/eta, max_iter/eta^2, ..., max_iter/eta^s, as far as they reach 1
        threshold        of a band: of all n runs that have reached it, the value in place int(n/eta), counted from 0
        strict           a run is stopped if its value at the last band it has reached is above the threshold there,
                         else only if its best value up to now is

    An iteration is a check (a record that holds the metric), not an update. A value that is not finite is the worst.

    Source
        Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar (2017), Journal of Machine Learning Research 18(185), 1-52.
    Departures
        As in W&B: runs need not start together, and one bracket is used, not all. W&B leaves values out that are not
        finite, so that a diverged run would go on.
    """

    min_iter: int | None = None
    max_iter: int | None = None
    s: int | None = None
    eta: float = 3
    strict: bool = True  # the default of W&B's engine

    def __post_init__(self):
        for name in ("min_iter", "max_iter", "s"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} = {value!r} must be a whole number of at least 1.")
        if isinstance(self.eta, bool) or not isinstance(self.eta, (int, float)) or not 1 < self.eta < math.inf:
            raise ValueError(f"eta = {self.eta!r} must be a finite number above 1: the best 1/eta of the runs go on.")
        if not isinstance(self.strict, bool):
            raise ValueError(f"strict = {self.strict!r} must be true or false.")
        if (self.min_iter is None) == (self.max_iter is None):
            raise ValueError("give either min_iter, the first check to stop at, or max_iter and s.")
        if (self.max_iter is None) != (self.s is None):
            raise ValueError("max_iter and s belong together: s bands are counted downwards from max_iter.")
        if self.max_iter is not None and self.max_iter < self.eta:
            raise ValueError(f"max_iter = {self.max_iter} must be at least eta = {self.eta}, or there is no band.")

    def bands(self, longest: int) -> list[int]:
        """The checks, counted from 1, at which runs are compared; none above `longest`."""
        if self.min_iter is not None:
            band, upwards, most = float(self.min_iter), True, MOST
        else:
            band, upwards, most = (self.max_iter or 0) / self.eta, False, self.s or 0
        found = set()
        for _ in range(most):
            if not 1 <= band < math.inf:
                break
            found.add(int(band))
            band = band * self.eta if upwards else band / self.eta
        return sorted(band for band in found if band <= longest)

    def stops(
        self,
        goal: Literal["minimize", "maximize"],
        histories: Sequence[Sequence[float | None]],
        ended: Sequence[bool],
    ) -> list[bool]:
        """Which runs are to stop, from the metric at the checks of all runs known so far, in the runs' order.

        A run that has ended counts for the thresholds and is not stopped again. None stands for what is not finite.
        """
        sign = {"minimize": 1, "maximize": -1}[goal]
        costs = [[sign * v if v is not None and math.isfinite(v) else math.inf for v in h] for h in histories]
        thresholds = {}
        for band in self.bands(max(map(len, costs), default=0)):
            reached = sorted(cost[band - 1] for cost in costs if len(cost) >= band)
            thresholds[band] = reached[int(1 / self.eta * len(reached))]
        found = []
        for cost, over in zip(costs, ended, strict=True):
            last = max((band for band in thresholds if band <= len(cost)), default=None)
            if over or last is None:
                found.append(False)
            else:
                found.append((cost[last - 1] if self.strict else min(cost)) > thresholds[last])
        return found


def read(raw: Any) -> Hyperband:
    """The `early_terminate` of a sweep file."""
    known = ["type", *(f.name for f in fields(Hyperband))]
    if not isinstance(raw, Mapping) or raw.get("type") != "hyperband":
        raise ConfigError(f"early_terminate = {raw!r} must hold fields, and type: hyperband, the only one.")
    for name in raw:
        if name not in known:
            raise ConfigError(unknown("field", f"early_terminate.{name}", [f"early_terminate.{n}" for n in known]))
    try:
        return Hyperband(**{name: value for name, value in raw.items() if name != "type"})
    except ValueError as error:
        raise ConfigError(f"early_terminate: {error}") from None
