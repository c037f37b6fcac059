"""Adding: two marked numbers among many, their sum at the end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from ltd.types import Levels, Score, Source, Success
from tasks.marked import PASCANU, Dialect, Marked

DIALECTS = {
    "hochreiter1997": Dialect(
        Source("hochreiter1997", "Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9", "p"),
        low=-1.0, offset=0.5, scale=0.25, tolerance=0.04, counts=True,
        success=Success("mean training error below 0.01, last 2000 sequences right", 2000, 0, train_loss=0.01)),
    "pascanu2013": Dialect(
        Source("pascanu2013", "Pascanu, Mikolov & Bengio (2013), On the difficulty of training RNNs, ICML; code", "c"),
        scale=0.5, tolerance=0.2, closed=True, counts=True, success=PASCANU),
    "martens2011": Dialect(
        Source("martens2011", "Martens & Sutskever (2011), Learning RNNs with Hessian-free optimization, ICML; code",
               "c"),
        tolerance=0.04, closed=True, counts=True),
    "arjovsky2016": Dialect(
        Source("arjovsky2016", "Arjovsky, Shah & Bengio (2016), Unitary evolution RNNs, ICML; code", "c p"),
        tolerance=0.04),
    "rusch2022": Dialect(
        Source("rusch2022", "Rusch, Mishra, Erichson & Mahoney (2022), Long expressive memory for sequence modeling, "
               "ICLR; code", "c"),
        tolerance=0.04),
    "gu2022": Dialect(
        Source("gu2022", "Gu, Goel & Re (2022), Efficiently modeling long sequences with structured state spaces, "
               "ICLR; code", "c"),
        tolerance=0.04),
    "bai2018": Dialect(
        Source("bai2018", "Bai, Kolter & Koltun (2018), Generic convolutional and recurrent networks, "
               "arXiv:1803.01271; code", "c"),
        tolerance=0.04),
}  # fmt: skip


@dataclass(frozen=True)
class Adding(Marked):
    """Add the two marked values X1 and X2; one number is scored, at the last real step. `length` is the source's T.

        variant hochreiter1997, length = 20
        value   .3 -.5  .9  .4 -.8  .1 -.2  .6 -.7  .2  .5 -.9  .8 -.1 -.4  .7 -.6  .3  .1 -.3  .2   _
        mark    -1   0   0   1   0   0   0   1   0   0   0   0   0   0   0   0   0   0   0   0  -1   _
        target   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   .   . .75   .

        variant pascanu2013, length = 10
        value   .3  .5  .9  .4  .8  .1  .2  .6  .7  .2
        mark     1   0   0   1   0   0   0   0   0   0
        target   .   .   .   .   .   .   .   .   . .35

        variant martens2011, length = 10
        value   .3  .5  .9  .4  .8  .1  .2  .6  .7  .2  .5
        mark     1   0   0   1   0   0   0  -1   0   0   0
        target   .   .   .   .   .   .   .   .   .   .  .7

        variant arjovsky2016, length = 6
        value   .3  .5  .9  .4  .8  .1
        mark     0   1   0   0   1   0
        target   .   .   .   .   . 1.3

        variant rusch2022, length = 6
        value   .3  .5  .9  .4  .8  .1
        mark     0   1   0   0   0   1
        target   .   .   .   .   .  .6

        variant gu2022, length = 6
        value   .3  .5  .9  .4  .8  .1
        mark     0   1   0   0   0   1
        target   .   .   .   .   .  .6

        variant bai2018, length = 6
        value   .3  .5  .9  .4  .8  .1
        mark     1   1   0   0   0   0
        target   .   .   .   .   .  .8

        _ is padding, . is not scored; inputs are (value, mark)

                           steps T'              value     marks                                   target
        hochreiter1997     T + U{0..T//10}       U[-1, 1)  [0, 10); [0, T//2) without the first    1/2 + (X1 + X2) / 4
        pascanu2013        T + U{0..T//10-1}     U[0, 1)   [0, n); [n, n + 4T'//10); n = T'//10    (X1 + X2) / 2
        martens2011        T + U{1..T//10}       U[0, 1)   [T//100, T//10); [T//10, T//2)          X1 + X2
        arjovsky2016       T                     U[0, 1)   [0, T//2); [T//2, 2(T//2))              X1 + X2
        rusch2022, gu2022  T                     U[0, 1)   [0, T//2); [T//2, T)                    X1 + X2
        bai2018            T                     U[0, 1)   two different steps anywhere            X1 + X2

    hochreiter1997 marks the first and the last step with -1; a mark that falls on the first step is lost, and its
    value counts as 0. The paper says so of X1; we read it of X2 too. martens2011 marks the first step and the third
    before the scored one with -1; a mark on the first step replaces it. pascanu2013 draws one T' per batch.

    Loss
        mean squared error
    Metric
        hochreiter1997, pascanu2013, martens2011: share of sequences right, |error| < 0.04, <= 0.2, <= 0.04, in [0, 1]
        the others: minus the mean squared error, in (-inf, 0]; `scores` counts |error| < 0.04
    Levels, with v the variance of one scaled value (scale^2 (1 - low)^2 / 12) and r = tolerance / (scale (1 - low))
        blind    the mean: loss (2 - p) v; p = 1/10 + 9/10 / (T//2 - 1) is the chance of a lost mark, 0 elsewhere.
                 1/24 in pascanu2013, 1/6 in the others. Share right 2 r - (1 - p) r^2.
        strict   where the last step can be marked it shows its own value: loss (2 - f) v; f = 2/T in bai2018, and in
                 arjovsky2016 if T is even; 1/(T - T//2) in rusch2022 and gu2022
        optimum  0 and 1 (0 where the metric is minus the error)

    Raises
        ValueError  if `length` leaves a mark without a step to fall on.

    Departures
        hochreiter1997: the paper counts steps from 1 and draws X2 from "the first T/2 - 1 still unmarked pairs"; the
            unmarked among the first T/2 are meant, which gives its printed minimal lag T/2.
        pascanu2013: the mark is its first channel, here the second. The success rule is the paper's; its code stops
            at 0 wrong of 10,000.
        martens2011: its code takes any ranges; these are the ones that its script derives from T, which put a mark on
            the first step only below T = 100. Noise after the scored step is padding here.
        bai2018: its README gives 0.1767 for the error of a constant, a slip for 1/6.
    """

    task = "adding"
    dialects = DIALECTS
    sources = {name: dialect.source for name, dialect in DIALECTS.items()}  # noqa: RUF012

    def combined(self, value: Float[Array, "T B"], marked: Bool[Array, "T B"]) -> Float[Array, " B"]:
        """The scaled sum."""
        return self._dialect.offset + self._dialect.scale * jnp.sum(jnp.where(marked, value, 0.0), axis=0)

    def levels(self) -> Levels:
        """Closed forms: each of the two values whose content is not known adds its variance."""
        T, d = self.length, self._dialect
        width = d.scale * (1 - d.low)
        seen = {
            "arjovsky2016": 0.0 if T % 2 else 2 / T,
            "rusch2022": 1 / (T - T // 2),
            "gu2022": 1 / (T - T // 2),
            "bai2018": 2 / T,
        }.get(self.variant, 0.0)
        ratio = d.tolerance / width
        right = 2 * ratio - (1 - self.lost) * ratio**2

        def score(known):
            mse = (2 - known) * width**2 / 12
            return Score(mse, right if d.counts else -mse)

        return Levels(score(self.lost), score(self.lost + seen), optimum=Score(0.0, float(d.counts)))


TASKS = {f"adding/{variant}": partial(Adding, variant) for variant in DIALECTS}
