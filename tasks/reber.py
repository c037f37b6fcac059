"""Embedded Reber strings: a symbol near the beginning returns near the end, a string of a small grammar between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.config import unless
from ltd.losses import accuracy, scored_mean, wrong_sequences
from ltd.types import Batch, Levels, Score, Source, Success
from tasks.adding import DIALECTS as ADDING
from tasks.base import Units, one_hot, share_right, surprise

SYMBOLS = "BTPSXVE"
INNER = (
    {"T": 1, "P": 2},
    {"S": 1, "X": 3},
    {"T": 2, "V": 4},
    {"X": 2, "S": 5},
    {"P": 3, "V": 5},
)  # state: symbol: next
GERS = Source(
    "gers2000",
    "Gers, Schmidhuber & Cummins (2000), Learning to forget: continual prediction with LSTM, Neural Computation 12",
    "2",
)
SOURCES = {"embedded_hochreiter1997": ADDING["hochreiter1997"].source, "continual_gers2000": GERS}


def grammar() -> list[dict[str, int]]:
    """Symbol -> next state, per state: 0 before a string, 1 after B, then for each u: after it, 0-5 inside, after E."""
    after_second, states = 18, [{"B": 1}, {"T": 2, "P": 10}]
    for u, start in (("T", 2), ("P", 10)):
        inside = [{s: start + 1 + to for s, to in arrows.items()} for arrows in INNER]
        states += [{"B": start + 1}, *inside, {"E": start + 7}, {u: after_second}]
    return [*states, {"E": 0}]


STATES = grammar()
CHOICES = np.array([[SYMBOLS.index(s) for s in (*a, *a)][:2] for a in STATES], np.int32)  # a single arrow stands twice
LEGAL = np.array([[s in a for s in SYMBOLS] for a in STATES])
ARROWS = LEGAL / LEGAL.sum(axis=1, keepdims=True)  # the chance of each symbol
PAIRS = np.array(
    [  # [first, second, state]: whether the legal symbols are the most active, if these two are
        [[set(np.flatnonzero(legal)) in ({a}, {a, b}) for legal in LEGAL] for b in range(7)] for a in range(7)
    ]
)
NEXT = np.array([[a.get(s, 0) for s in SYMBOLS] for a in STATES], np.int32)
OUTER = np.array([a in ({"T": 18}, {"P": 18}) for a in STATES])  # the states that ask for u


@dataclass(frozen=True)
class Reber(Units):
    """Predict the next symbol of B, u, an inner string, u, E with u in {T, P}; the second u is the first.

        variant embedded_hochreiter1997, length = 12
        input    B T B P V P S E T _ _
        target   T B P V P S E T E . .

        variant continual_gers2000, length = 12
        input    B T B T X S E T E B P B
        target   T B T X S E T E B P B P

        . is not scored, _ is padding; one-hot in the order B T P S X V E

    An inner string is B, a way through these arrows from 0 on (1/2 each), and E after 5:
    0 T1 P2, 1 S1 X3, 2 T2 V4, 3 X2 S5, 4 P3 V5. It has 5 symbols at least and 8 on average, a whole string 9 and 12.
    continual_gers2000 joins strings without end; a stream has `length` steps.

    Loss
        cross-entropy in nats per scored step; `logistic`: half of the squared error of logistic outputs, per sequence
    Metric
        share of steps at which the legal symbols are the most active outputs, in [0, 1]. `scores` has the steps that
        ask for u alone, and whole sequences: the other steps hide them. In continual_gers2000 also the steps before
        the first error.
    Levels, exact for what is drawn, by following the chances of all states from step to step
        blind    the inner string is known, u is not: at the step that asks for u half are right, ln 2 is lost
        strict   by step index and current symbol. By the symbol alone (`by_symbol`): 1.271753 and 1.281298
        optimum  ln 2 for every fork. Long strings: 0.441094 (blind 0.504107), long streams: 0.404336 (0.462098).
                 Metric 1
        `logistic`: 1/4 in the place of ln 2, times the scored steps, 11 in long strings

    Raises
        ValueError  if `length` is shorter than the shortest string.

    Departures
        embedded_hochreiter1997: strings have no bound in the source. Here they are cut off after `length` symbols, with
            the chance `cut`, 3e-6 at length = 50; a string that is cut off does not ask for u. The source draws 256
            strings to train on and 256 others to test; here all are fresh.
        Its "lag 9" is the length of the shortest string: the two u are at least 6 steps apart, and the second is
            predicted a step earlier, which makes the lag 5.
        continual_gers2000: its streams end at the first error or after a million symbols, and outputs within 0.49 of
            their target are right. Here their length is fixed, and legal symbols must be more active than the others.
            It tests on 10 streams; that none of them has an error is the best it can report, and the rule here.
    """

    variant: str
    length: int = 50
    logistic: bool = unless(False)  # outputs: logistic units instead of a softmax

    task = "reber"
    sources = SOURCES
    size = "length"
    metric_by_loss = False
    inputs = 7
    outputs = 7

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=9)

    @property
    def steps(self) -> int:
        """All symbols of a string but the last; all of a stream."""
        return self.length - 1 if self.padded else self.length

    @property
    def padded(self) -> bool:
        """Whether lengths vary."""
        return self.variant == "embedded_hochreiter1997"

    @property
    def lag(self) -> tuple[int, int]:
        """From u to the step that asks for it again: through the shortest and the longest inner string."""
        return 5, self.length - (4 if self.padded else 2)

    @property
    def success(self) -> Success:
        """The source's rule."""
        strings = Success("every prediction legal on 256 strings", 256, 0)
        return strings if self.padded else Success("every prediction legal on 10 streams", 10, 0)

    @property
    def cut(self) -> float:
        """The chance that a string of embedded_hochreiter1997 is cut off."""
        return follow(self.steps, self.padded, self.logistic).cut

    def sample(self, key: Array, batch: int) -> Batch:
        """Walk through the arrows, one symbol further than the inputs."""

        def walk(state, fork):
            symbol = jnp.array(CHOICES)[state, fork]
            state = jnp.array(NEXT)[state, symbol]
            return state, (symbol, state)

        forks = jax.random.randint(key, (self.steps + 1, batch), 0, 2, jnp.int32)
        _, (symbols, states) = jax.lax.scan(walk, jnp.zeros(batch, jnp.int32), forks)
        valid = jnp.ones((self.steps, batch), bool)
        if self.padded:
            valid = jnp.cumsum(states[:-1] == 0, axis=0) == 0
        return Batch(one_hot(symbols[:-1], 7, valid), jnp.where(valid, symbols[1:], 0), valid, valid)

    def states(self, batch: Batch) -> Int[Array, "T B"]:
        """Where in the grammar each step stands, after its symbol."""

        def walk(state, symbol):
            state = jnp.array(NEXT)[state, symbol]
            return state, state

        symbols = jnp.argmax(batch.inputs, axis=-1)
        return jax.lax.scan(walk, jnp.zeros(symbols.shape[1], jnp.int32), symbols)[1]

    def missed(self, outputs: Float[Array, "T B 7"], batch: Batch) -> Bool[Array, "T B"]:
        """A legal symbol that is not more active than every other. An output that is not a number is wrong."""
        legal = jnp.array(LEGAL)[self.states(batch)]
        least = jnp.min(jnp.where(legal, outputs, jnp.inf), axis=-1)
        return ~(least > jnp.max(jnp.where(legal, -jnp.inf, outputs), axis=-1))

    def metric(self, outputs: Float[Array, "T B 7"], batch: Batch) -> Float[Array, ""]:
        """Share of steps at which the legal symbols are the most active outputs, in [0, 1]."""
        return 1.0 - scored_mean(self.missed(outputs, batch).astype(outputs.dtype), batch.scored)

    def wrong(self, outputs: Float[Array, "T B 7"], batch: Batch) -> Bool[Array, " B"]:
        """Not all steps legal."""
        return wrong_sequences(self.missed(outputs, batch), batch.scored)

    def scores(self, outputs: Float[Array, "T B 7"], batch: Batch) -> dict[str, Array]:
        """Share of the steps that ask for u right, and of sequences with all steps legal; steps before an error."""
        asks = jnp.array(OUTER)[self.states(batch)] & batch.scored
        missed = self.missed(outputs, batch) & batch.scored
        scores = {
            "outer_accuracy": accuracy(outputs, batch.targets, asks),
            "sequence_accuracy": share_right(jnp.any(missed, axis=0)),
        }
        if not self.padded:
            scores["before_error"] = jnp.mean(jnp.sum(jnp.cumsum(missed, axis=0) == 0, axis=0), dtype=float)
        return scores

    def best(self, batch: Batch) -> Float[Array, "T B 7"]:
        """The chance of every symbol, in the grammar."""
        return self.logits(jnp.array(ARROWS, jnp.result_type(float)))[self.states(batch)]

    def cue(self, batch: Batch) -> Int[Array, "T B"]:
        """The state of the grammar, whatever u is."""
        states = self.states(batch)
        return jnp.where((states >= 10) & (states < 18), states - 8, states)

    def levels(self) -> Levels:
        """By the chances of all states; the strict level has the best loss and the best metric."""
        found = follow(self.steps, self.padded, self.logistic)
        steps = float(found.total.sum()) if self.logistic else 1.0
        blind = found.optimum + found.outer * float(surprise(0.5, self.logistic))
        return Levels(
            Score(steps * blind, 1 - found.outer / 2),
            Score(steps * found.strict.loss, found.strict.metric),
            optimum=Score(steps * found.optimum, 1.0),
        )

    def by_symbol(self) -> Score:
        """What the current symbol alone gives, without the step index."""
        return found_by(follow(self.steps, self.padded, self.logistic).total, self.logistic)


class Found(NamedTuple):
    """Per scored step, but for `cut`."""

    optimum: float
    outer: float  # the share of steps that ask for u
    strict: Score
    total: np.ndarray  # [symbol, state], how often, over all steps
    cut: float


def found_by(chances: np.ndarray, logistic: bool) -> Score:
    """The least loss and the best metric that a function of the symbol has, from the chances of [symbol, state]."""
    joint, total = chances @ ARROWS, chances.sum()
    share = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300)
    loss = np.sum(joint * surprise(share, logistic))
    right = np.tensordot(chances, PAIRS, (1, 2)).max(axis=(1, 2)).sum()  # no state has three legal symbols
    return Score(float(loss / total), float(right / total))


@cache
def follow(steps: int, ends: bool, logistic: bool = False) -> Found:
    """All scores, by the chances of every symbol and state at every step; a stream that has settled stays so."""
    move = np.zeros((len(STATES), 7, len(STATES)))
    for state, symbol in zip(*np.nonzero(LEGAL), strict=True):
        move[state, symbol, NEXT[state, symbol]] = ARROWS[state, symbol]
    chances = move[0]  # of [symbol, state], after the first symbol
    total, loss, right = np.zeros_like(chances), 0.0, 0.0
    done = 0
    while done < steps and chances.sum() > 1e-18:
        after = np.tensordot(chances.sum(axis=0), move, 1)
        if ends:
            after[:, 0] = 0.0
        settled = not ends and np.abs(after - chances).max() < 1e-14
        weight = steps - done if settled else 1
        strict, mass = found_by(chances, logistic), weight * chances.sum()
        total, loss, right = total + weight * chances, loss + mass * strict.loss, right + mass * strict.metric
        chances, done = after, done + weight
    states, count = total.sum(axis=0), total.sum()
    forks = surprise(1 / LEGAL.sum(axis=1), logistic)
    strict = Score(float(loss / count), float(right / count))
    return Found(float(states @ forks / count), float(states @ OUTER / count), strict, total, float(chances.sum()))


TASKS = {
    "reber/embedded_hochreiter1997": partial(Reber, "embedded_hochreiter1997"),
    "reber/continual_gers2000": partial(Reber, "continual_gers2000", length=1000),
}
