"""Addition of long numbers, digit by digit: the first digits of the sum wait for all carries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import accuracy
from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes, one_hot

KALCHBRENNER = Source(
    "kalchbrenner2015", "Kalchbrenner, Danihelka & Graves (2016), Grid long short-term memory, ICLR, arXiv:1507.01526",
    "r 2",
)  # fmt: skip
DASH = 10


@dataclass(frozen=True)
class DigitsAdd(Classes):
    """Read two numbers of `digits` digits (D), then write their sum from its first digit on.

        variant kalchbrenner2015, digits = 3
        input    - 1 2 3 - 9 0 4 - - - - -
        target   - - - - - - - - 1 0 2 7 -

    - is class 10; one-hot. No number begins with 0. A sum of D digits is followed by two dashes, one of D + 1 by one.
    The answer has D + 2 steps; what has been written is not given back as input.

    Loss
        cross-entropy in nats per step, over all 3D + 4 steps
    Metric
        share of the D + 2 answer steps right, in [0, 1]; `scores` has whole answers
    Levels, exact for every D, by following the carries
        blind = strict   the chances of each class at each answer step. Per answer step at D = 15: 2.098 nats and 0.204,
                         over all steps 0.728
        optimum          0 and 1

    Raises
        ValueError  if there are no digits.

    Departures
        The source does not say whether the steps before the answer count in its loss; here they do, and cost nothing.
        The lags are from 1 (the last digit read decides a carry into the first digit written) to 3D + 1 (the first
            digit read decides whether the last digit has moved): a digit and its place in the sum are D to 2D + 2
            steps apart.
    """

    variant: str
    digits: int = 15

    task = "digits_add"
    sources = {"kalchbrenner2015": KALCHBRENNER}  # noqa: RUF012
    size = "digits"
    inputs = 11
    outputs = 11

    def __post_init__(self):
        super().__post_init__()
        self.at_least(digits=1)

    @property
    def steps(self) -> int:
        """Two numbers, two dashes, and the answer."""
        return 3 * self.digits + 4

    @property
    def lag(self) -> tuple[int, int]:
        """From the last digit read to the first step of the answer; from the first digit read to the last but one."""
        return 1, 3 * self.digits + 1

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw two numbers."""
        least = (jnp.arange(self.digits)[:, None] == 0).astype(jnp.int32)
        first, second = jax.random.randint(key, (2, self.digits, batch), least, 10, jnp.int32)
        dash = jnp.full((1, batch), DASH, jnp.int32)
        symbols = jnp.concatenate([dash, first, dash, second, jnp.repeat(dash, self.digits + 2, axis=0)])
        inputs = one_hot(symbols, self.inputs)
        every = jnp.ones(symbols.shape, bool)
        return Batch(inputs, self.targets_of(inputs, every), every, every)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: pairs of digits from the last to the first, each with the carry of the one before."""
        symbols, D = jnp.argmax(inputs, axis=-1).astype(jnp.int32), self.digits

        def add(carry, pair):
            return (carry + pair) // 10, (carry + pair) % 10

        pairs = symbols[1 : D + 1] + symbols[D + 2 : 2 * D + 2]
        overflow, sums = jax.lax.scan(add, jnp.zeros_like(pairs[0]), pairs, reverse=True)
        dash = jnp.full_like(overflow, DASH)[None]
        longer, shorter = jnp.concatenate([overflow[None], sums, dash]), jnp.concatenate([sums, dash, dash])
        answer = jnp.where(overflow > 0, longer, shorter)
        return jnp.where(scored, jnp.concatenate([jnp.repeat(dash, 2 * D + 2, axis=0), answer]), 0)

    def judged(self, batch: Batch) -> Bool[Array, "T B"]:
        """The answer."""
        return batch.scored & (jnp.arange(self.steps)[:, None] >= 2 * self.digits + 2)

    def metric(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Share of answer steps right, in [0, 1]."""
        return accuracy(outputs, batch.targets, self.judged(batch))

    def levels(self) -> Levels:
        """By the chances of every class at every answer step; the inputs there are dashes."""
        chances = answer_chances(self.digits)
        nats = -np.sum(chances * np.log(np.where(chances > 0, chances, 1.0)))
        blind = Score(float(nats) / self.steps, float(np.mean(chances.max(axis=1))))
        return Levels(blind, strict=blind, optimum=Score(0.0, 1.0))


def answer_chances(digits: int) -> np.ndarray:
    """[step of the answer, class], from the joint chances of each digit of the sum and the overflow."""
    carry = 0.0  # the chance of a carry into the place, counted from the last
    places: list[np.ndarray] = []  # [digit, overflow], from the last to the first
    for place in range(digits):
        low = 1 if place == digits - 1 else 0
        joint, moves = np.zeros((10, 2)), np.zeros((2, 2))  # [digit, carry out], [carry in, carry out]
        for one in range(low, 10):
            for other in range(low, 10):
                for c, chance in enumerate((1 - carry, carry)):
                    out, digit = divmod(one + other + c, 10)
                    joint[digit, out] += chance / (10 - low) ** 2
                    moves[c, out] += 1 / (10 - low) ** 2
        places = [before @ moves for before in places] + [joint]
        carry = joint[:, 1].sum()
    chances = np.zeros((digits + 2, 11))
    for k, joint in enumerate(reversed(places)):
        chances[k, :10] += joint[:, 0]
        chances[k + 1, :10] += joint[:, 1]
    chances[0, 1] += carry
    chances[:, DASH] = 1 - chances[:, :DASH].sum(axis=1)
    return np.where(np.abs(chances) < 1e-12, 0.0, chances)


TASKS = {"digits_add/kalchbrenner2015": partial(DigitsAdd, "kalchbrenner2015")}
