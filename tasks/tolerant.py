"""Classes whose source judges every output unit: each within a tolerance of its target."""

from __future__ import annotations

from abc import abstractmethod

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from ltd.losses import euclidean, wrong_sequences
from ltd.types import Batch
from tasks.base import Units


class Tolerant(Units):
    """One class per step. The metric asks for the most likely class, `wrong` for every probability of a step."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """The number of classes."""

    @property
    @abstractmethod
    def tolerance(self) -> float | None:
        """|probability - target| below it is right, for every class. None: the most likely class decides."""

    def missed(self, outputs: Float[Array, "T B O"], batch: Batch) -> Bool[Array, "T B"]:
        """Steps that the source calls wrong. An output that is not a number is wrong."""
        if self.tolerance is None:
            return (jnp.argmax(outputs, axis=-1) != batch.targets) | jnp.isnan(outputs).any(axis=-1)
        error = jnp.abs(self.chances(outputs) - self._one_hot(outputs, batch))
        return ~jnp.all(error < self.tolerance, axis=-1)

    def wrong(self, outputs: Float[Array, "T B O"], batch: Batch) -> Bool[Array, " B"]:
        """Not all judged steps right."""
        return wrong_sequences(self.missed(outputs, batch), self.judged(batch))

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Squared error of the probabilities over judged steps, summed over classes; share of sequences right."""
        judged = self.judged(batch)
        clean = jnp.where(judged[..., None], outputs, 0.0)
        error = euclidean(self.chances(clean), self._one_hot(outputs, batch), judged)
        return {"squared_error": error, **super().scores(outputs, batch)}

    def _one_hot(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, "T B O"]:
        return jax.nn.one_hot(batch.targets, self.outputs, dtype=outputs.dtype)
