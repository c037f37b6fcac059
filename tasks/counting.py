"""Counting: as many b as there were a, and then as many c. Nothing but a count crosses the gap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import scored_mean
from ltd.types import Batch, Levels, Score, Source
from tasks.base import Bits, one_hot, share_right

GERS = Source(
    "gers2001",
    "Gers & Schmidhuber (2001), LSTM recurrent networks learn simple context-free and context-sensitive languages, "
    "IEEE Transactions on Neural Networks 12",
    "2 r",
)
SOURCES = {"anbn_gers2001": GERS, "anbncn_gers2001": GERS}


@dataclass(frozen=True)
class Counting(Bits):
    """Say at each step which symbols may come next in S a^n b^n T or S a^n b^n c^n T, n from U{smallest..largest}.

        variant anbn_gers2001, largest = 3
        input    S  a  a  b b _ _
        target   a ab ab  b T . .

        variant anbncn_gers2001, largest = 3
        input    S  a  a  b b c c _ _ _
        target   a ab ab  b c c T . . .

        _ is padding, . is not scored; inputs one-hot in the order S a b (c), a target bit for each of a b (c) T

    Loss
        Bernoulli cross-entropy summed over the bits, nats per scored step
    Metric
        share of strings accepted, in [0, 1]: every bit right at 1/2 at every step. `scores` has `accepted_to`, the
        source's measure: the N in 0..largest below which no n of the batch is rejected; and single steps.
    Levels, exact
        blind    by the present symbol: one b in so many is the last, a rate h; n = 1 alone can be accepted
        strict   by the clock as well, a rate for each step. Of all n those can be accepted together that are at least
                 twice the one before: 1, 2, 4, 8, ...
        optimum  0 and 1

    Raises
        ValueError  if n cannot be above 1 (nothing is to be counted), or if `smallest` is not in 1..largest.

    Departures
        n is drawn with equal chance; how the source draws it in training is not told.
        T is asked for and never read, so that it is no input.
        After an a both a and b are legal, at n = largest too: the language has no end.
        The lag counts all a: the last b (and c) needs each of them, the first from 2n - 1 steps back.
    """

    variant: str
    largest: int = 10
    smallest: int = 1  # equal to `largest`: all strings have one length, to test on

    task = "counting"
    sources = SOURCES
    size = "largest"
    metric_by_loss = False

    def __post_init__(self):
        super().__post_init__()
        self.at_least(largest=2, smallest=1)
        if self.smallest > self.largest:
            raise ValueError(
                f"smallest = {self.smallest} must be in 1..{self.largest} (1..largest) in {self.name}. "
                "The source has smallest=1, largest=10."
            )

    @property
    def letters(self) -> int:
        """a and b, or a, b and c."""
        return 2 if self.variant == "anbn_gers2001" else 3

    @property
    def inputs(self) -> int:
        """S and the letters."""
        return self.letters + 1

    @property
    def outputs(self) -> int:
        """The letters and T."""
        return self.letters + 1

    @property
    def steps(self) -> int:
        """The longest string without T."""
        return self.letters * self.largest + 1

    @property
    def padded(self) -> bool:
        """Whether lengths vary."""
        return self.smallest < self.largest

    @property
    def lag(self) -> tuple[int, int]:
        """To the last b from the last a at the smallest n, from the first a at the largest."""
        return self.smallest, 2 * self.largest - 1

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw n."""
        n = jax.random.randint(key, (batch,), self.smallest, self.largest + 1, jnp.int32)
        step = jnp.arange(self.steps, dtype=jnp.int32)[:, None]
        valid = step <= self.letters * n
        inputs = one_hot((step + n - 1) // n, self.inputs, valid)
        return Batch(inputs, self.targets_of(inputs, valid), valid, valid)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Float[Array, "T B O"]:
        """The rule: a letter goes on until there are as many as there were a, and then the next one comes."""
        start, letters = inputs[..., :1], inputs[..., 1:]
        counts = jnp.cumsum(letters, axis=0)
        full = counts == counts[..., :1]
        go_on = letters * ~full.at[..., 0].set(False)  # an a may always be followed by both
        pass_on = letters * full
        targets = jnp.concatenate([go_on, 0 * start], axis=-1) + jnp.concatenate([start, pass_on], axis=-1)
        return jnp.where(scored[..., None], targets, 0.0)

    def cue(self, batch: Batch) -> Int[Array, "T B"]:
        """The present symbol."""
        return jnp.argmax(batch.inputs, axis=-1)

    def metric(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """Share of strings accepted, in [0, 1]."""
        return share_right(self.wrong(outputs, batch))

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """The N up to which every n of the batch is accepted, and the share of scored steps right."""
        n = jnp.sum(batch.inputs[..., 1], axis=0)
        rejected = jnp.where(self.wrong(outputs, batch), n, self.largest + 1)
        step_accuracy = scored_mean(self.right(outputs, batch).astype(outputs.dtype), batch.scored)
        return {"accepted_to": jnp.min(rejected) - 1, "step_accuracy": step_accuracy}

    def levels(self) -> Levels:
        """By counting the strings that share a symbol, or a symbol and a step: two bits turn on which string it is."""
        n = range(self.smallest, self.largest + 1)
        total = sum(self.letters * k + 1 for k in n)
        blind = 2 * (self.letters - 1) * nats(len(n), sum(n)) / total
        strict = 0.0
        for letter in range(1, self.letters):  # b, c: at the steps letter n + 1 .. (letter + 1) n
            for k in n:
                step = (letter + 1) * k
                alike = min(self.largest, (step - 1) // letter) - k + 1  # k, for which it is the last, and above
                strict += 2 * nats(1, alike) / total
        chain = int(math.log2(self.largest // self.smallest)) + 1
        optimum = Score(0.0, 1.0)
        return Levels(Score(blind, (self.smallest == 1) / len(n)), Score(strict, chain / len(n)), optimum)


def nats(some: int, of: int) -> float:
    """What it costs to tell `some` equal cases from the rest of them, all together."""
    return sum(-k * math.log(k / of) for k in (some, of - some) if k)


TASKS = {f"counting/{variant}": partial(Counting, variant) for variant in SOURCES}
