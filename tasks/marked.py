"""What adding and multiplication share: two marked values among many, one number scored at the end."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import wrong_sequences
from ltd.types import Batch, Source, Success
from tasks.base import Numbers, share_right

LEAST = {"hochreiter1997": 20, "pascanu2013": 10, "martens2011": 10}  # the shortest `length` with a step for each mark
PASCANU = Success("fewer than 1 % of 10,000 sequences wrong", 10_000, 99)


class Dialect(NamedTuple):
    """Values are U[low, 1); an |error| below `tolerance` is right, or one at most `tolerance` where `closed`."""

    source: Source
    tolerance: float
    low: float = 0.0
    closed: bool = False
    counts: bool = False  # whether the metric is the share of right sequences, else minus the mean squared error
    success: Success | None = None
    offset: float = 0.0  # adding: the target is offset + scale (X1 + X2)
    scale: float = 1.0


@dataclass(frozen=True)
class Marked(Numbers):
    """Inputs are (value, mark). A subclass says the target and the levels."""

    variant: str
    length: int = 100

    dialects: ClassVar[Mapping[str, Dialect]]
    size = "length"
    inputs = 2
    outputs = 1

    def __post_init__(self):
        super().__post_init__()
        least = LEAST.get(self.variant, 2)
        if self.length < least:
            free = next((name for name in self.dialects if name not in LEAST), None)
            other = f", or variant {free}, which needs 2." if least > 2 and free else "."
            raise ValueError(
                f"length = {self.length} must be at least {least} in {self.name}, or a mark has no step to fall on. "
                f"Use length={least}{other}"
            )

    @property
    def success(self) -> Success | None:
        """The source's rule."""
        return self._dialect.success

    @property
    def steps(self) -> int:
        """The longest sequence."""
        return self._lengths[-1]

    @property
    def padded(self) -> bool:
        """Whether lengths vary."""
        return len(self._lengths) > 1

    @property
    def lag(self) -> tuple[int, int]:
        """From the latest and the earliest step that can hold X1 or X2 (a lost mark holds none) to the last step."""
        T = self.length
        return {
            "hochreiter1997": (T - T // 2, self.steps - 2),
            "pascanu2013": (min(n - n // 10 - 4 * n // 10 for n in self._lengths), self.steps - 1),
            "martens2011": (T - T // 2 + 1, self.steps - 1 - T // 100),
            "arjovsky2016": (T % 2, T - 1),
        }.get(self.variant, (0, T - 1))

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw lengths, marks and values."""
        places, values = jax.random.split(key)
        lengths, first, second = self._draw_places(places, batch)
        step = jnp.arange(self.steps)[:, None]
        valid, last = step < lengths, step == lengths - 1
        value = jax.random.uniform(values, valid.shape, minval=self._dialect.low, maxval=1.0)
        marked, cue = (step == first) | (step == second), step == 0
        mark = marked.astype(value.dtype)
        if self.variant == "hochreiter1997":
            mark = jnp.where(cue | last, -1.0, mark)
        if self.variant == "martens2011":
            mark = jnp.where((cue | (step == lengths - 4)) & ~marked, -1.0, mark)
        inputs = jnp.where(valid[..., None], jnp.stack([value, mark], axis=-1), 0.0)
        return Batch(inputs, self.targets_of(inputs, last), last, valid)

    def targets_of(self, inputs: Float[Array, "T B 2"], scored: Bool[Array, "T B"]) -> Float[Array, "T B 1"]:
        """The rule, at the scored step."""
        return jnp.where(scored, self.combined(inputs[..., 0], inputs[..., 1] == 1), 0.0)[..., None]

    @abstractmethod
    def combined(self, value: Float[Array, "T B"], marked: Bool[Array, "T B"]) -> Float[Array, " B"]:
        """What the marked values make."""

    def metric(self, outputs: Float[Array, "T B 1"], batch: Batch) -> Float[Array, ""]:
        """Share of sequences right, in [0, 1]; minus the mean squared error where the source counts none."""
        return share_right(self.wrong(outputs, batch)) if self._dialect.counts else -self.loss(outputs, batch)

    def wrong(self, outputs: Float[Array, "T B 1"], batch: Batch) -> Bool[Array, " B"]:
        """Error beyond the tolerance. An output that is not a number is wrong."""
        error, tolerance = jnp.abs(outputs - batch.targets)[..., 0], self._dialect.tolerance
        right = error <= tolerance if self._dialect.closed else error < tolerance
        return wrong_sequences(~right, batch.scored)

    def scores(self, outputs: Float[Array, "T B 1"], batch: Batch) -> dict[str, Array]:
        """Share of sequences within the tolerance, mean squared and mean absolute error."""
        within, mse = share_right(self.wrong(outputs, batch)), self.loss(outputs, batch)
        return {"within": within, "mse": mse, **super().scores(outputs, batch)}

    @property
    def lost(self) -> float:
        """The chance that one of the two marks is lost on the first step."""
        return 0.1 + 0.9 / (self.length // 2 - 1) if self.variant == "hochreiter1997" else 0.0

    @property
    def _dialect(self) -> Dialect:
        return self.dialects[self.variant]

    @property
    def _lengths(self) -> range:
        T, tenth = self.length, self.length // 10
        return {
            "hochreiter1997": range(T, T + tenth + 1),
            "pascanu2013": range(T, T + tenth),
            "martens2011": range(T + 1, T + tenth + 1),  # the scored step is in [T, T + T//10)
        }.get(self.variant, range(T, T + 1))

    def _draw_places(self, key: Array, batch: int) -> tuple[Int[Array, " B"], Int[Array, " B"], Int[Array, " B"]]:
        """Lengths, and the two marked steps."""
        length_key, places_key = jax.random.split(key)
        T, lengths = self.length, jnp.full(batch, self._lengths[0], jnp.int32)
        if self.padded:
            count = 1 if self.variant == "pascanu2013" else batch  # it draws one length per batch
            lengths += jax.random.randint(length_key, (count,), 0, len(self._lengths), jnp.int32)
        halves = (T // 2, T - T // 2)
        sizes: dict[str, Any] = {  # of the two ranges
            "hochreiter1997": (10, T // 2 - 1),
            "pascanu2013": (lengths // 10, 4 * lengths // 10),
            "martens2011": (T // 10 - T // 100, T // 2 - T // 10),
            "arjovsky2016": (T // 2, T // 2),
            "rusch2022": halves,
            "gu2022": halves,
            "bai2018": (T, T - 1),
        }
        stops = jnp.array(sizes[self.variant], jnp.int32).reshape(2, -1)
        first, second = jax.random.randint(places_key, (2, batch), 0, stops, jnp.int32)
        if self.variant in ("hochreiter1997", "bai2018"):  # the ranges overlap: leave out the first mark
            return lengths, first, second + (second >= first)
        start = T // 100 if self.variant == "martens2011" else 0
        return lengths, first + start, second + start + stops[0]
