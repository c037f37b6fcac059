"""Two sequences: the class stands in the first few elements, the rest is noise; the class is asked for at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from ltd.losses import scored_mean, wrong_sequences
from ltd.types import Batch, Levels, Score, Source, Success
from tasks.adding import DIALECTS as ADDING
from tasks.base import Numbers

HOCHREITER = ADDING["hochreiter1997"].source
SOURCES = {
    "bengio1994": Source(
        "bengio1994",
        "Bengio, Simard & Frasconi (1994), Learning long-term dependencies with gradient descent is difficult, "
        "IEEE Transactions on Neural Networks 5, as told by Hochreiter & Schmidhuber (1997)",
        "p",
    ),
    "hochreiter1997_3a": HOCHREITER,
    "hochreiter1997_3b": HOCHREITER,
    "hochreiter1997_3c": HOCHREITER,
}
NOISE = 0.2  # variance of the inputs
TARGET_NOISE = 0.1  # variance in 3c
LOW, HIGH = 0.2, 0.8  # targets in 3c
BOUNDS = {"hochreiter1997_3b": 0.04, "hochreiter1997_3c": 0.015}  # of the mean error in ST2, else 0.01


@dataclass(frozen=True)
class TwoSequence(Numbers):
    """Say at the end whether the first `informative` elements (N) were up or down. `length` is the source's T.

        variant bengio1994, length = 10, informative = 3
        value    1  1  1 -.4 .6 .1 -.2 _ _ _ _
        target   .  .  .  .  .  .   1  _ _ _ _

        variant hochreiter1997_3a, length = 10, informative = 3
        value   -1 -1 -1 -.4 .6 .1 -.2 .3 .5 -.3 _
        target   .  .  .  .  .  .   .  .  .   0  _

        variant hochreiter1997_3b, length = 10, informative = 3
        value   .7 1.5 .9 -.4 .6 .1 -.2 .3 .5 -.3 _
        target  .   .  .   .  .  .   .  .  .   1  _

        variant hochreiter1997_3c, length = 10, informative = 3
        value    1  1  1 -.4 .6 .1 -.2 .3 .5 -.3 _
        target   .  .  .  .  .  .   .  .  .  .37 _

        _ is padding, . is not scored; one input. The noise is N(0, variance 0.2)

                          steps                    first N inputs           target (class 1: +, class 2: -)
        bengio1994        U{T//2..T + T//10}       +-1                      1 / 0
        hochreiter1997_3a U{T..T + T//10}          +-1                      1 / 0
        hochreiter1997_3b U{T..T + T//10}          +-1 + noise              1 / 0
        hochreiter1997_3c U{T..T + T//10}          +-1                      0.2 / 0.8, + N(0, variance 0.1)

    Loss
        mean squared error
    Metric
        share of sequences on their side of 1/2, in [0, 1]. Wrong: more than 0.2 from the target, in 3c more than 0.1
        from 0.2 or 0.8. `scores` has the mean absolute error, in 3c from 0.2 or 0.8.
    Levels
        blind = strict   the mean 1/2: loss 1/4, in 3c 0.19; metric 1/2
        optimum          0 and 1; in 3c loss 0.1; in 3b the mean of the N noisy elements tells the class but for a share
                         Q(sqrt(5 N)), 0.012674 at N = 1, and the loss is that of the posterior probability

    Raises
        ValueError  if the shortest sequence has no noise after its N elements, or for another `stop` than ST1 or ST2.

    Departures
        The success rules ask for 256 fresh sequences, the paper for a fixed set: ST1 none wrong (3b: fewer than 6), ST2
            also a mean error below 0.01 (3b 0.04, 3c 0.015). N is 1 or 3 in the paper: at T = 1000 its table of 3a has
            3, that of 3b has 1.
        bengio1994: the shorter lengths are told without their distribution; they are drawn with equal chance here.
            The source has no rule of its own here, those of 3a stand in.
        Re-runs with noise of standard deviation 0.2 have another task: 0.447 is meant.
    """

    variant: str
    length: int = 100
    informative: int = 3
    stop: str = "ST2"

    task = "two_sequence"
    sources = SOURCES
    size = "length"
    inputs = 1
    outputs = 1

    def __post_init__(self):
        super().__post_init__()
        self.at_least(informative=1)
        if self._lengths[0] <= self.informative:
            short, least = self._lengths[0], (2 if self._halves else 1) * (self.informative + 1)
            raise ValueError(
                f"length = {self.length} leaves sequences of {short} steps in {self.name}, none of them after the "
                f"informative = {self.informative} first. Use length={least} at least."
            )
        if self.stop not in ("ST1", "ST2"):
            raise ValueError(f"stop = {self.stop!r} must be 'ST1' or 'ST2' in {self.name}. The stricter is stop='ST2'.")

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
        """From the last informative element, and from the first, to the last step."""
        return self._lengths[0] - self.informative, self.steps - 1

    @property
    def tolerance(self) -> float:
        """Beyond it a sequence is wrong."""
        return 0.1 if self.variant.endswith("3c") else 0.2

    @property
    def success(self) -> Success:
        """ST1 or ST2."""
        allowed, bound = 5 if self.variant.endswith("3b") else 0, BOUNDS.get(self.variant, 0.01)
        rule = f"at most {allowed} of 256 sequences wrong"
        if self.stop == "ST1":
            return Success(rule, 256, allowed)
        return Success(f"{rule}, mean error below {bound}", 256, allowed, below=("mean_error", bound))

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw lengths, classes and noise."""
        length_key, class_key, noise_key, target_key = jax.random.split(key, 4)
        lengths = jax.random.randint(length_key, (batch,), self._lengths[0], self.steps + 1, jnp.int32)
        up = jax.random.bernoulli(class_key, shape=(batch,))
        step = jnp.arange(self.steps)[:, None]
        valid, last, head = step < lengths, step == lengths - 1, step < self.informative
        noise = math.sqrt(NOISE) * jax.random.normal(noise_key, valid.shape)
        sign = jnp.where(up, 1.0, -1.0)
        signal = jnp.where(head, sign + (noise if self.variant.endswith("3b") else 0.0), noise)
        target = up.astype(noise.dtype)
        if self.variant.endswith("3c"):
            target = jnp.where(up, LOW, HIGH) + math.sqrt(TARGET_NOISE) * jax.random.normal(target_key, (batch,))
        return Batch(jnp.where(valid, signal, 0.0)[..., None], jnp.where(last, target, 0.0)[..., None], last, valid)

    def metric(self, outputs: Float[Array, "T B 1"], batch: Batch) -> Float[Array, ""]:
        """Share of sequences on their side of 1/2, in [0, 1]."""
        right = ((outputs > 0.5) == (self._clean(batch) > 0.5)) & ~jnp.isnan(outputs)
        return scored_mean(right[..., 0].astype(outputs.dtype), batch.scored)

    def wrong(self, outputs: Float[Array, "T B 1"], batch: Batch) -> Bool[Array, " B"]:
        """Further than the tolerance from the target without noise. An output that is not a number is wrong."""
        right = jnp.abs(outputs - self._clean(batch))[..., 0] <= self.tolerance
        return wrong_sequences(~right, batch.scored)

    def scores(self, outputs: Float[Array, "T B 1"], batch: Batch) -> dict[str, Array]:
        """Mean absolute error from the target without noise."""
        return super().scores(outputs, batch._replace(targets=self._clean(batch)))

    def levels(self) -> Levels:
        """Closed forms, but for the squared error of the posterior in 3b, which is an integral."""
        noise = TARGET_NOISE if self.variant.endswith("3c") else 0.0
        blind = Score((((HIGH - LOW) / 2) ** 2 if noise else 0.25) + noise, 0.5)
        optimum = posterior(self.informative) if self.variant.endswith("3b") else Score(noise, 1.0)
        return Levels(blind, strict=blind, optimum=optimum)

    def best(self, batch: Batch) -> Float[Array, "T B 1"]:
        """The target without noise; in 3b the probability of class 1 given the noisy elements."""
        if not self.variant.endswith("3b"):
            return self._clean(batch)
        evidence = jnp.sum(batch.inputs[: self.informative], axis=0)
        return jax.nn.sigmoid(2 * evidence / NOISE) * batch.scored[..., None]

    @property
    def _halves(self) -> bool:
        return self.variant == "bengio1994"

    @property
    def _lengths(self) -> range:
        return range(self.length // 2 if self._halves else self.length, self.length + self.length // 10 + 1)

    def _clean(self, batch: Batch) -> Float[Array, "T B 1"]:
        """The targets without noise."""
        if not self.variant.endswith("3c"):
            return batch.targets
        return jnp.where(batch.inputs[0] > 0, LOW, HIGH) * batch.scored[..., None]


@cache
def posterior(informative: int) -> Score:
    """Of the probability of class 1 given the mean m of the noisy elements, N(1, NOISE / N) in class 1."""
    spread = math.sqrt(NOISE / informative)
    z = np.linspace(-12.0, 12.0, 24_001)  # a smooth integrand that vanishes at both ends: the sum is exact
    weights = np.exp(-(z**2) / 2)
    error = 1 / (1 + np.exp(np.minimum(2 * (1 + spread * z) / spread**2, 700)))
    right = 1 - math.erfc(1 / spread / math.sqrt(2)) / 2
    return Score(float(np.sum(weights * error**2) / np.sum(weights)), right)


TASKS = {f"two_sequence/{variant}": partial(TwoSequence, variant) for variant in SOURCES}
