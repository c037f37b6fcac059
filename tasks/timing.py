"""What the timing tasks share: waits of a few lengths, and answers that are right within a tolerance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import scored_mean
from ltd.types import Batch, Source, Success
from tasks.base import Numbers, one_kind, share_right

GERS = Source(
    "gers2002",
    "Gers, Schraudolph & Schmidhuber (2002), Learning precise timing with LSTM recurrent networks, JMLR 3",
    "2",
)


class Timed(Numbers):
    """Numbers whose metric counts steps: the source stops a stream at its first error."""

    def right(self, outputs: Float[Array, "T B 1"], batch: Batch) -> Bool[Array, "T B"]:
        """An error below the tolerance. An output that is not a number is wrong."""
        return jnp.all(jnp.abs(outputs - batch.targets) < self.tolerance, axis=-1)

    def metric(self, outputs: Float[Array, "T B 1"], batch: Batch) -> Float[Array, ""]:
        """Share of scored steps right, in [0, 1]."""
        return scored_mean(self.right(outputs, batch).astype(outputs.dtype), batch.scored)

    def scores(self, outputs: Float[Array, "T B 1"], batch: Batch) -> dict[str, Array]:
        """Mean absolute error, its root mean square, share of sequences right, scored steps before the first error."""
        missed = jnp.cumsum(batch.scored & ~self.right(outputs, batch), axis=0) > 0
        return {
            **super().scores(outputs, batch),
            "rmse": jnp.sqrt(self.loss(outputs, batch)),
            "sequence_accuracy": share_right(self.wrong(outputs, batch)),
            "steps_before_error": jnp.mean(jnp.sum(batch.scored & ~missed, axis=0), dtype=float),
        }


class Delays(Timed):
    """Spikes after waits of F + I steps, I uniform on {0, i} or on {0..i}; padding after the last one."""

    interval: int
    largest: int
    choice: str
    spikes: int

    size, metric_by_loss = "interval", False
    padded = True  # type: ignore[assignment]
    inputs = 1
    outputs = 1
    tolerance = 0.49

    def cue(self, batch: Batch) -> Int[Array, "T B"]:
        """The clock gives a single spike away: the blind level does without it."""
        return one_kind(batch)

    def __post_init__(self):
        super().__post_init__()
        self.at_least(interval=1, largest=1, spikes=1)
        if self.choice not in ("ends", "all"):
            raise ValueError(
                f"choice = {self.choice!r} is unknown to {self.name}: 'ends' draws from 0 and {self.largest}, "
                f"'all' from 0..{self.largest}."
            )

    @property
    def success(self) -> Success:
        """A test stream of the source: 1000 in a row."""
        return Success("1000 delays without an error", -(-1000 // self.spikes), 0)

    @property
    def delays(self) -> list[int]:
        """The values of I."""
        return [0, self.largest] if self.choice == "ends" else list(range(self.largest + 1))

    @property
    def steps(self) -> int:
        """All waits at their longest, and step 0."""
        return self.spikes * (self.interval + self.largest) + 1

    @property
    def lag(self) -> tuple[int, int]:
        """The waits: from a spike, or the start, to the next spike."""
        return self.interval, self.interval + self.largest

    def draw(self, key: Array, batch: int) -> tuple[Int[Array, "N B"], Int[Array, "N B"]]:
        """Delays, and when they end."""
        which = jax.random.randint(key, (self.spikes, batch), 0, len(self.delays), jnp.int32)
        delays = which * self.largest if self.choice == "ends" else which
        return delays, jnp.cumsum(self.interval + delays, axis=0, dtype=jnp.int32)

    def starts(self) -> Iterator[np.ndarray]:
        """For each wait in turn, how likely it starts at each step."""
        chance = np.zeros(self.steps)
        chance[0] = 1.0
        for _ in range(self.spikes):
            yield chance
            chance = total(later(chance, self.interval + delay) for delay in self.delays) / len(self.delays)


def later(chance: np.ndarray, steps: int) -> np.ndarray:
    """Everything so many steps later; what leaves the sequence is lost."""
    return np.concatenate([np.zeros(steps), chance])[: len(chance)]


def total(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """The sum of arrays."""
    return np.sum(list(arrays), axis=0)
