"""Adding: two marked numbers among many, their sum at the end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import wrong_sequences
from ltd.types import Batch, Levels, Score, Source, Success
from tasks.base import Numbers, share_right


class Dialect(NamedTuple):
    """Values are U[low, 1), the target is offset + scale (X1 + X2), an |error| below `tolerance` is right."""

    source: Source
    low: float
    offset: float
    scale: float
    tolerance: float
    least: int  # the shortest `length` whose mark ranges are not empty
    success: Success | None = None  # a source with such a rule counts right sequences; the others report the MSE


DIALECTS = {
    "hochreiter1997": Dialect(
        Source("hochreiter1997", "Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9", "p"),
        low=-1.0, offset=0.5, scale=0.25, tolerance=0.04, least=20,
        success=Success("mean training error below 0.01, last 2000 sequences right", 2000, 0, train_loss=0.01)),
    "pascanu2013": Dialect(
        Source("pascanu2013", "Pascanu, Mikolov & Bengio (2013), On the difficulty of training RNNs, ICML; code", "c"),
        low=0.0, offset=0.0, scale=0.5, tolerance=0.2, least=10,
        success=Success("fewer than 1 % of 10,000 sequences wrong", 10_000, 99)),
    "arjovsky2016": Dialect(
        Source("arjovsky2016", "Arjovsky, Shah & Bengio (2016), Unitary evolution RNNs, ICML; code", "c p"),
        low=0.0, offset=0.0, scale=1.0, tolerance=0.04, least=2),
    "bai2018": Dialect(
        Source("bai2018", "Bai, Kolter & Koltun (2018), Generic convolutional and recurrent networks, "
               "arXiv:1803.01271; code", "c"),
        low=0.0, offset=0.0, scale=1.0, tolerance=0.04, least=2),
}  # fmt: skip


@dataclass(frozen=True)
class Adding(Numbers):
    """Add the two marked values X1 and X2; one number is scored, at the last real step. `length` is the source's T.

        variant hochreiter1997, length = 20
        value   .3 -.5  .9  .4 -.8  .1 -.2  .6 -.7  .2  .5 -.9  .8 -.1 -.4  .7 -.6  .3  .1 -.3  .2   _
        mark    -1   0   0   1   0   0   0   1   0   0   0   0   0   0   0   0   0   0   0   0  -1   _
        target   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   . .75   .

        variant pascanu2013, length = 10
        value   .3  .5  .9  .4  .8  .1  .2  .6  .7  .2
        mark     1   0   0   1   0   0   0   0   0   0
        target   .   .   .   .   .   .   .   .   . .35

        variant arjovsky2016, length = 6
        value   .3  .5  .9  .4  .8  .1
        mark     0   1   0   0   1   0
        target   .   .   .   .   . 1.3

        variant bai2018, length = 6
        value   .3  .5  .9  .4  .8  .1
        mark     1   1   0   0   0   0
        target   .   .   .   .   .  .8

        _ is padding, . is not scored; inputs are (value, mark)

                        steps T'            value     marks                                   target
        hochreiter1997  T + U{0..T//10}     U[-1, 1)  [0, 10); [0, T//2) without the first    1/2 + (X1 + X2) / 4
        pascanu2013     T + U{0..T//10-1}   U[0, 1)   [0, n); [n, n + 4T'//10); n = T'//10    (X1 + X2) / 2
        arjovsky2016    T                   U[0, 1)   [0, T//2); [T//2, 2(T//2))              X1 + X2
        bai2018         T                   U[0, 1)   two different steps anywhere            X1 + X2

    hochreiter1997 marks the first and the last step with -1; a mark that falls on the first step is lost, and its
    value counts as 0. The paper says so of X1; we read it of X2 too. pascanu2013 draws one T' per batch.

    Loss
        mean squared error
    Metric
        hochreiter1997, pascanu2013: share of sequences right, |error| < 0.04 and <= 0.2, in [0, 1]
        arjovsky2016, bai2018: minus the mean squared error, in (-inf, 0]; `scores` counts |error| < 0.04
    Levels, with v the variance of one scaled value (scale^2 (1 - low)^2 / 12) and r = tolerance / (scale (1 - low))
        blind    the mean: loss (2 - p) v; p = 1/10 + 9/10 / (T//2 - 1) is the chance of a lost mark, 0 elsewhere.
                 1/6 in arjovsky2016 and bai2018, 1/24 in pascanu2013. Share right 2 r - (1 - p) r^2.
        strict   the last step shows its own value: loss (2 - 2/T) v in bai2018, and in arjovsky2016 if T is even
        optimum  0 and 1 (0 where the metric is minus the error)

    Raises
        ValueError  if `length` leaves a mark without a step to fall on.

    Departures
        hochreiter1997: the paper counts steps from 1 and draws X2 from "the first T/2 - 1 still unmarked pairs"; the
            unmarked among the first T/2 are meant, which gives its printed minimal lag T/2.
        pascanu2013: the mark is its first channel, here the second. The success rule is the paper's; its code stops
            at 0 wrong of 10,000.
        bai2018: its README gives 0.1767 for the error of a constant, a slip for 1/6.
    """

    variant: str
    length: int = 100

    task = "adding"
    sources = {name: dialect.source for name, dialect in DIALECTS.items()}  # noqa: RUF012
    size = "length"

    def __post_init__(self):
        super().__post_init__()
        least = self._dialect.least
        if self.length < least:
            raise ValueError(
                f"length = {self.length} must be at least {least} in {self.name}, or a mark has no step to fall on. "
                f"Use length={least}" + (", or variant bai2018, which needs 2." if least > 2 else ".")
            )

    inputs = 2
    outputs = 1

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
            "arjovsky2016": (T % 2, T - 1),
            "bai2018": (0, T - 1),
        }[self.variant]

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw lengths, marks and values."""
        places, values = jax.random.split(key)
        lengths, first, second = self._draw_places(places, batch)
        step = jnp.arange(self.steps)[:, None]
        valid, last = step < lengths, step == lengths - 1
        value = jax.random.uniform(values, valid.shape, minval=self._dialect.low, maxval=1.0)
        mark = ((step == first) | (step == second)).astype(value.dtype)
        if self.variant == "hochreiter1997":
            mark = jnp.where((step == 0) | last, -1.0, mark)
        inputs = jnp.where(valid[..., None], jnp.stack([value, mark], axis=-1), 0.0)
        return Batch(inputs, self.targets_of(inputs, last), last, valid)

    def targets_of(self, inputs: Float[Array, "T B 2"], scored: Bool[Array, "T B"]) -> Float[Array, "T B 1"]:
        """The rule: the scaled sum of the values marked 1, at the scored step."""
        value, mark = inputs[..., 0], inputs[..., 1]
        total = jnp.sum(jnp.where(mark == 1, value, 0.0), axis=0)
        return jnp.where(scored, self._dialect.offset + self._dialect.scale * total, 0.0)[..., None]

    def metric(self, outputs: Float[Array, "T B 1"], batch: Batch) -> Float[Array, ""]:
        """Share of sequences right, in [0, 1]; minus the mean squared error where the source has no tolerance."""
        return share_right(self.wrong(outputs, batch)) if self.success else -self.loss(outputs, batch)

    def wrong(self, outputs: Float[Array, "T B 1"], batch: Batch) -> Bool[Array, " B"]:
        """Error beyond the tolerance. An output that is not a number is wrong."""
        error, tolerance = jnp.abs(outputs - batch.targets)[..., 0], self._dialect.tolerance
        right = error <= tolerance if self.variant == "pascanu2013" else error < tolerance
        return wrong_sequences(~right, batch.scored)

    def scores(self, outputs: Float[Array, "T B 1"], batch: Batch) -> dict[str, Array]:
        """Share of sequences within the tolerance, and the mean squared error."""
        return {"within": share_right(self.wrong(outputs, batch)), "mse": self.loss(outputs, batch)}

    def levels(self) -> Levels:
        """Closed forms: each of the two values whose content is not known adds its variance."""
        T, width = self.length, self._dialect.scale * (1 - self._dialect.low)
        lost = 0.1 + 0.9 / (T // 2 - 1) if self.variant == "hochreiter1997" else 0.0
        seen = 2 / T if self.variant == "bai2018" or (self.variant == "arjovsky2016" and T % 2 == 0) else 0.0
        ratio = self._dialect.tolerance / width
        right = 2 * ratio - (1 - lost) * ratio**2

        def score(known):
            mse = (2 - known) * width**2 / 12
            return Score(mse, right if self.success else -mse)

        return Levels(score(lost), score(lost + seen), optimum=Score(0.0, 1.0 if self.success else 0.0))

    @property
    def _dialect(self) -> Dialect:
        return DIALECTS[self.variant]

    @property
    def _lengths(self) -> range:
        extra = {"hochreiter1997": self.length // 10, "pascanu2013": self.length // 10 - 1}.get(self.variant, 0)
        return range(self.length, self.length + extra + 1)

    def _draw_places(self, key: Array, batch: int) -> tuple[Int[Array, " B"], Int[Array, " B"], Int[Array, " B"]]:
        """Lengths, and the two marked steps."""
        length_key, places_key = jax.random.split(key)
        T, lengths = self.length, jnp.full(batch, self.length)
        if self.padded:
            count = 1 if self.variant == "pascanu2013" else batch  # it draws one length per batch
            lengths += jax.random.randint(length_key, (count,), 0, len(self._lengths), jnp.int32)
        sizes: dict[str, Any] = {  # of the two ranges
            "hochreiter1997": (10, T // 2 - 1),
            "pascanu2013": (lengths // 10, 4 * lengths // 10),
            "arjovsky2016": (T // 2, T // 2),
            "bai2018": (T, T - 1),
        }
        stops = jnp.array(sizes[self.variant]).reshape(2, -1)
        first, second = jax.random.randint(places_key, (2, batch), 0, stops, jnp.int32)
        if self.variant in ("hochreiter1997", "bai2018"):  # the ranges overlap: leave out the first mark
            return lengths, first, second + (second >= first)
        return lengths, first, second + stops[0]


TASKS = {f"adding/{variant}": partial(Adding, variant) for variant in DIALECTS}
