"""Multiplication: two marked numbers among many, their product at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from ltd.types import Levels, Score, Success
from tasks import adding
from tasks.marked import PASCANU, Dialect, Marked

SOURCES = {name: adding.DIALECTS[name].source for name in ("hochreiter1997", "pascanu2013", "martens2011")}
STORED = Success("fewer than 140 of the last 2000 sequences wrong", 2000, 139)
DIALECTS = {
    "hochreiter1997": Dialect(SOURCES["hochreiter1997"], tolerance=0.04, closed=True, counts=True, success=STORED),
    "pascanu2013": Dialect(SOURCES["pascanu2013"], tolerance=0.2, closed=True, counts=True, success=PASCANU),
    "martens2011": Dialect(SOURCES["martens2011"], tolerance=0.04, closed=True, counts=True),
}


@dataclass(frozen=True)
class Multiplication(Marked):
    """Multiply the two marked values X1 and X2; one number is scored, at the last real step. `length` is T.

        variant hochreiter1997, length = 20
        value   .3  .5  .9  .4  .8  .1  .2  .6  .7  .2  .5  .9  .8  .1  .4  .7  .6  .3  .1  .3  .2   _
        mark    -1   0   0   1   0   0   0   1   0   0   0   0   0   0   0   0   0   0   0   0  -1   _
        target   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   . .24   .

        variant pascanu2013, length = 10
        value   .3  .5  .9  .4  .8  .1  .2  .6  .7  .2
        mark     1   0   0   1   0   0   0   0   0   0
        target   .   .   .   .   .   .   .   .   . .12

        variant martens2011, length = 10
        value   .3  .5  .9  .4  .8  .1  .2  .6  .7  .2  .5
        mark     1   0   0   1   0   0   0  -1   0   0   0
        target   .   .   .   .   .   .   .   .   .   . .12

        _ is padding, . is not scored; inputs are (value, mark)

    Lengths and marks are those of `adding` under the same name; values are U[0, 1), the target is X1 X2. In
    hochreiter1997 a mark that falls on the first step is lost, and its value counts as 1.

    Loss
        mean squared error
    Metric
        share of sequences right, |error| <= 0.04, in pascanu2013 <= 0.2, in [0, 1]
    Levels, with p the chance of a lost mark (1/10 + 9/10 / (T//2 - 1) in hochreiter1997, 0 elsewhere)
        blind = strict   loss: the mean m = p/2 + (1 - p)/4, with p/3 + (1 - p)/9 - m^2. Metric: another constant, the
                         tolerance r, leaves the fewest sequences wrong: G(2r) = 2r (1 - (1 - p) ln 2r) are right.
                         `share_right_of(m)` has the share with the mean.
        optimum          0 and 1

    Raises
        ValueError  if `length` leaves a mark without a step to fall on.

    Departures
        hochreiter1997: the success rule is the paper's first stop, at which the values are stored; its second asks for
            fewer than 13. Its column of mean squared errors contradicts its own counts of wrong sequences: `scores`
            has the squared and the absolute error.
        pascanu2013: the mark is its first channel, here the second. The success rule is the paper's; its code stops
            at 0 wrong of 10,000. Constants come near it: 0.2 leaves 23 % wrong, the mean 39 %.
        martens2011: as in `adding`.
    """

    task = "multiplication"
    metric_by_loss = False
    dialects = DIALECTS
    sources = SOURCES

    def combined(self, value: Float[Array, "T B"], marked: Bool[Array, "T B"]) -> Float[Array, " B"]:
        """The product."""
        return jnp.prod(jnp.where(marked, value, 1.0), axis=0)

    def levels(self) -> Levels:
        """Closed forms. The density of the product falls, so that the best interval begins at 0."""
        p = self.lost
        mse = p / 3 + (1 - p) / 9 - self.mean**2
        blind = Score(mse, self.share_right_of(self._dialect.tolerance))
        return Levels(blind, strict=blind, optimum=Score(0.0, 1.0))

    @property
    def mean(self) -> float:
        """The mean target, the constant with the least squared error."""
        return self.lost / 2 + (1 - self.lost) / 4

    def share_right_of(self, constant: float) -> float:
        """The share of sequences that a constant answers rightly."""

        def below(z):
            z = min(max(z, 0.0), 1.0)
            return z - (1 - self.lost) * z * math.log(z) if z else 0.0

        return below(constant + self._dialect.tolerance) - below(constant - self._dialect.tolerance)


TASKS = {f"multiplication/{variant}": partial(Multiplication, variant) for variant in DIALECTS}
