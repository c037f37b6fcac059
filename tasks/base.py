"""What tasks share: a name and a source per dialect, a length, and three kinds of answer (classes, numbers, bits)."""

from __future__ import annotations

import dataclasses
from abc import ABC
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import accuracy, bernoulli_nll, euclidean, scored_mean, softmax_cross_entropy, wrong_sequences
from ltd.types import Batch, Source, Success


class Base(ABC):
    """A task is a frozen dataclass with a field `variant`, its dialect. A subclass says:

    task      the name before the slash
    asks      what it asks for: classes, numbers or bits
    sources   dialect -> its source; the known dialects
    size      the field that sets the length of a sequence, or "" where nothing does
    clock     whether the step index tells anything about a target
    metric_by_loss   whether the constant answers of least loss also have the best metric
    file      the data file that it reads (see `ltd.data`), or ""

    One that draws from finite data offers `held_out`, itself on the part that is not trained on; one whose optimum is
    not zero `best(batch)`, the answers of the predictor that knows the rule; one whose memoryless predictor tells steps
    apart by more than their index `cue(batch)` [T, B], a number for each kind of step; one whose present inputs are too
    many for a table `glance(batch)`, the answers of the predictor behind its strict level.
    """

    task: ClassVar[str]
    asks: ClassVar[str]
    sources: ClassVar[Mapping[str, Source]]
    size: ClassVar[str]
    clock: ClassVar[bool] = True
    metric_by_loss: ClassVar[bool] = True
    file: ClassVar[str] = ""
    variant: str

    tokens = False

    def __post_init__(self):
        if self.variant not in self.sources:
            known = ", ".join(self.sources)
            raise ValueError(f"variant = {self.variant!r} is unknown to {self.task}; known variants: {known}.")

    def at_least(self, **least: int) -> None:
        """Refuse fields below the least value that makes sense."""
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise ValueError(
                    f"{name} = {getattr(self, name)} must be at least {bound} in {self.name}. Use {name}={bound}."
                )

    def at(self, size: int) -> Any:
        """The same task at another length."""
        return dataclasses.replace(self, **{self.size: size})  # type: ignore[type-var]

    @property
    def name(self) -> str:
        """Task and dialect."""
        return f"{self.task}/{self.variant}"

    @property
    def source(self) -> Source:
        """Where the rule comes from."""
        return self.sources[self.variant]

    @property
    def padded(self) -> bool:
        """Whether lengths vary: no, unless a task says so."""
        return False

    @property
    def success(self) -> Success | None:
        """The source's rule: none, unless a task says so."""
        return None

    def judged(self, batch: Batch) -> Bool[Array, "T B"]:
        """The steps at which a sequence can be wrong: the scored ones."""
        return batch.scored


def one_kind(batch: Batch) -> Int[Array, "T B"]:
    """The `cue` of a task whose memoryless predictor gives the same answer at every scored step."""
    return jnp.zeros(batch.scored.shape, jnp.int32)


class Classes(Base):
    """One class per step: cross-entropy in nats per scored step; the metric is the share of scored steps right."""

    asks = "classes"

    def loss(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Cross-entropy, nats per scored step."""
        return softmax_cross_entropy(outputs, batch.targets, batch.scored)

    def metric(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Share of scored steps right, in [0, 1]."""
        return accuracy(outputs, batch.targets, batch.scored)

    def wrong(self, outputs: Float[Array, "T B O"], batch: Batch) -> Bool[Array, " B"]:
        """Not all judged steps right. An output that is not a number is wrong."""
        missed = (jnp.argmax(outputs, axis=-1) != batch.targets) | jnp.isnan(outputs).any(axis=-1)
        return wrong_sequences(missed, self.judged(batch))

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of sequences with all judged steps right."""
        return {"sequence_accuracy": share_right(self.wrong(outputs, batch))}


class Units(Classes):
    """Classes of a source whose outputs are units of their own, one per class: logistic ones where `logistic` is set.

    Then the loss is half of their squared error, summed over classes and steps, the mean over sequences: what the
    source descends on, at its rates. Else it is the cross-entropy of a softmax, the mean over steps.
    """

    logistic: bool

    def chances(self, outputs: Float[Array, "T B O"]) -> Float[Array, "T B O"]:
        """What the units say, each in [0, 1]."""
        return jax.nn.sigmoid(outputs) if self.logistic else jax.nn.softmax(outputs)

    def logits(self, chances: Any) -> Array:
        """The outputs that say these chances."""
        least = 1e-30
        says = jnp.log(jnp.maximum(chances, least))
        return says - jnp.log(jnp.maximum(1.0 - chances, least)) if self.logistic else says

    def loss(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Cross-entropy, nats per scored step; of logistic units half of the squared error of a sequence."""
        if not self.logistic:
            return super().loss(outputs, batch)
        targets = jax.nn.one_hot(batch.targets, outputs.shape[-1], dtype=outputs.dtype)
        steps = jnp.sum(batch.scored) / batch.scored.shape[1]
        return euclidean(self.chances(outputs), targets, batch.scored) / 2 * steps


def surprise(chance: Any, logistic: bool) -> Any:
    """The loss of one `Units` answer that says the chances of the classes, for a class that has this one.

    Its mean over the classes is their entropy -sum p log p; of logistic units (1 - sum p^2) / 2.
    """
    return (1 - chance) / 2 if logistic else -np.log(np.maximum(chance, 1e-300))


class Numbers(Base):
    """Numbers: squared error, summed over outputs, mean per scored step; wrong beyond a tolerance."""

    asks = "numbers"

    tolerance: Any  # |error| below it is right, at every judged step and output

    def loss(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Mean squared error."""
        return euclidean(outputs, batch.targets, batch.scored)

    def metric(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Share of sequences right, in [0, 1]."""
        return share_right(self.wrong(outputs, batch))

    def wrong(self, outputs: Float[Array, "T B O"], batch: Batch) -> Bool[Array, " B"]:
        """An error that is not below the tolerance. An output that is not a number is wrong."""
        right = jnp.all(jnp.abs(outputs - batch.targets) < self.tolerance, axis=-1)
        return wrong_sequences(~right, self.judged(batch))

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Mean absolute error over scored steps and outputs."""
        clean = jnp.where(batch.scored[..., None], outputs - batch.targets, 0.0)
        return {"mean_error": scored_mean(jnp.mean(jnp.abs(clean), axis=-1), batch.scored)}


class Bits(Base):
    """Several bits per step: cross-entropy in nats per scored step, summed over bits; right is every bit right at 1/2.

    Outputs are logits.
    """

    asks = "bits"

    def loss(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Bernoulli cross-entropy summed over bits, nats per scored step."""
        return bernoulli_nll(outputs, batch.targets, batch.scored)

    def metric(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Share of scored steps with every bit right, in [0, 1]."""
        return scored_mean(self.right(outputs, batch).astype(outputs.dtype), batch.scored)

    def right(self, outputs: Float[Array, "T B O"], batch: Batch) -> Bool[Array, "T B"]:
        """Every bit on its side of 1/2. An output that is not a number is wrong."""
        return jnp.all(((outputs > 0) == (batch.targets > 0.5)) & ~jnp.isnan(outputs), axis=-1)

    def wrong(self, outputs: Float[Array, "T B O"], batch: Batch) -> Bool[Array, " B"]:
        """Not all judged steps right."""
        return wrong_sequences(~self.right(outputs, batch), self.judged(batch))

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of sequences with all judged steps right."""
        return {"sequence_accuracy": share_right(self.wrong(outputs, batch))}


def share_right(wrong: Bool[Array, " B"]) -> Float[Array, ""]:
    """The share of sequences that are not wrong."""
    return 1.0 - jnp.mean(wrong, dtype=float)


def one_hot(symbols: Int[Array, "*S"], size: int, valid: Bool[Array, "*S"] | None = None) -> Float[Array, "*S D"]:
    """Symbols as one-hot vectors in the default precision; zeros where not valid."""
    vectors = jax.nn.one_hot(symbols, size, dtype=jnp.result_type(float))
    return vectors if valid is None else vectors * valid[..., None]
