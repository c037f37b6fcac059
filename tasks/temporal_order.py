"""Temporal order: two or three signals far apart among distractors; which came first is the class at the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.config import unless
from ltd.types import Batch, Levels, Score, Success
from tasks.adding import DIALECTS as ADDING
from tasks.base import one_hot, surprise
from tasks.marked import PASCANU
from tasks.reber import GERS
from tasks.tolerant import Tolerant


class Symbols(NamedTuple):
    """The code: X and Y are `signal` and the next; four distractors from `filler` on; -1 where there is no such."""

    size: int
    signal: int
    filler: int
    first: int = -1
    cue: int = -1


HOCHREITER = Symbols(8, signal=0, filler=2, first=6, cue=7)
MARTENS = Symbols(8, signal=4, filler=0, first=7, cue=6)
PLAIN = Symbols(6, signal=0, filler=2)
PASCANU_ORDER = replace(ADDING["pascanu2013"].source, evidence="c p")
SOURCES = {
    "hochreiter1997_6a": ADDING["hochreiter1997"].source,
    "hochreiter1997_6b": ADDING["hochreiter1997"].source,
    "martens2011": ADDING["martens2011"].source,
    "pascanu2013": PASCANU_ORDER,
    "pascanu2013_3bit": replace(PASCANU_ORDER, evidence="c"),
    "gers2000_continual": GERS,
}
WITHIN = Success(
    "every output within 0.3 of its target on 2000 sequences, their mean squared error below 0.1",
    2000, 0, below=("squared_error", 0.1))  # fmt: skip


@dataclass(frozen=True)
class TemporalOrder(Tolerant):
    """Say in which order the signals X and Y came, at the last real step. `length` is the source's T or L.

        variant hochreiter1997_6a, length = 20
        input    E a X d b c a b d Y c a b d d a c b a c B _
        class    . . . . . . . . . . . . . . . . . . . . 1 .

        variant hochreiter1997_6b, length = 20
        input    E a X d b c Y b d a c a b Y d a c b a c B _
        class    . . . . . . . . . . . . . . . . . . . . 3 .

        variant martens2011, length = 10, signals = 2
        input    S X a d Y b c a d T b
        class    . . . . . . . . . . 1

        variant pascanu2013, length = 20
        input    c a X d b c a b d c a Y b d a c b a c d
        class    . . . . . . . . . . . . . . . . . . . 2

        variant pascanu2013_3bit, length = 20
        input    c a X d b c Y b d c a c Y d a c b a c d
        class    . . . . . . . . . . . . . . . . . . . 6

        variant gers2000_continual, length = 20, sequences = 2
        input    E a X d b c Y b d a c a b Y d a c b a B E d Y a c X b d c a b c Y d a b c c a d c B _ _
        class    . . . . . . . . . . . . . . . . . . . 3 . . . . . . . . . . . . . . . . . . . . . 5 . .

        a-d are distractors, E, S the first symbol, B, T the cue at the end, _ padding, . not scored; one-hot, in the
        order X Y a b c d E B, in martens2011 a b c d X Y T S

                            steps T'         places of the signals                                     class
        hochreiter1997_6a   T + U{0..T//10}  [d-1, 2d), [T//2-1, T//2+d); d = T//10                    2 v1 + v2
        hochreiter1997_6b   T + U{0..T//10}  [d-1, 2d), [T//3-1, T//3+d), [2T//3-1, 2T//3+d)           4 v1 + 2 v2 + v3
        gers2000_continual  `sequences` of 6b, joined; every end is scored                             as 6b
        martens2011, 2      T + U{1..T//10}  [T//100, T//10], [4T//10, T//2]                           2 v1 + v2
        martens2011, 3      T + U{1..T//10}  [T//100, T//10], [3T//10, 4T//10], [T//2, 6T//10]         v1 + 2 v2 + 4 v3
        pascanu2013         T'               [d, 2d), [T'//2, T'//2+d); d = T'//10                     v1 + 2 v2
        pascanu2013_3bit    T'               [d, 2d), [3T'//10, 3T'//10+d), [6T'//10, 6T'//10+d)       v1 + 2 v2 + 4 v3

    v is 0 for X and 1 for Y. In pascanu2013 T' is `length`, or one draw per batch from U{length..longest}.

    Loss
        cross-entropy in nats per scored step; `logistic`: half of the squared error of logistic outputs, per sequence
    Metric
        share of scored steps right, in [0, 1]. Wrong in hochreiter1997 and gers2000_continual: a probability 0.3 or
        more off. `scores` has the squared error of the probabilities (blind 0.75 with 4 classes, 0.875 with 8), and in
        gers2000_continual how many sequences of a stream are right before the first error.
    Levels
        blind = strict   ln 4 and 1/4, with three signals ln 8 and 1/8; `logistic`: 3/8 and 7/16 lost
        optimum          0 and 1

    Raises
        ValueError  if `length` is too short for the places, or a field is set that the dialect does not have.

    Departures
        hochreiter1997: its places, for T = 100 alone, count from 1 with both ends; other lengths scale them, our rule.
            It trains logistic outputs with squared error, which `logistic` asks for; else a softmax is judged by its
            rule. Sequences are fresh.
        gers2000_continual: a stream has a fixed number of sequences; its source's ends at the first error or after 100.
        martens2011: its code takes any ranges; these are the ones that its script derives from T. As in its code, two
            signals have the cue one step before the scored step, which shows a distractor, three on it; a signal may
            fall on the first step below T = 100. Its code deals out the classes in turn, here they are drawn.
        pascanu2013: its docstring begins the places of the first signal at 1, its code at L//10. Its code stops at 0
            wrong of 10,000; the success rule is the paper's. One model for all lengths: length=50, longest=199.
    """

    variant: str
    length: int = 100
    signals: int = 0  # martens2011 only: 2 or 3
    longest: int = 0  # pascanu2013 only: the longest length, where lengths vary
    sequences: int = 1  # gers2000_continual only
    logistic: bool = unless(False)  # outputs: logistic units instead of a softmax

    task = "temporal_order"
    sources = SOURCES
    size = "length"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=20 if self._long else 10, sequences=1)
        martens, short = self.variant == "martens2011", self.variant.startswith("pascanu2013")
        if self.signals not in ((2, 3) if martens else (0,)):
            way = "Use signals=2 or signals=3." if martens else "Leave it out, or use variant martens2011."
            raise ValueError(f"signals = {self.signals} must be {'2 or 3' if martens else 0} in {self.name}. {way}")
        if self.longest and (not short or self.longest < self.length):
            rule = f"at least length = {self.length}" if short else "0"
            raise ValueError(
                f"longest = {self.longest} must be {rule} in {self.name}. For a single length leave it out."
            )
        if self.sequences > 1 and self.variant != "gers2000_continual":
            raise ValueError(
                f"sequences = {self.sequences} must be 1 in {self.name}. For a stream use variant gers2000_continual."
            )

    @property
    def inputs(self) -> int:
        """The number of symbols."""
        return self._symbols.size

    @property
    def outputs(self) -> int:
        """One class per order of the signals."""
        return 2 ** len(self._weights)

    @property
    def steps(self) -> int:
        """The longest sequence or stream."""
        return self.sequences * self._lengths[-1]

    @property
    def padded(self) -> bool:
        """Whether lengths vary."""
        return len(self._lengths) > 1

    @property
    def lag(self) -> tuple[int, int]:
        """From the latest place of the last signal and the earliest of the first to the end of their sequence."""
        ends = [(n - 1 - (stop - 1), n - 1 - start) for n in self._lengths for start, stop in self._places(n)]
        return min(late for late, _ in ends), max(early for _, early in ends)

    @property
    def success(self) -> Success | None:
        """The source's rule."""
        if self.variant.startswith("pascanu2013"):
            return PASCANU
        return WITHIN if self.variant.startswith("hochreiter1997") else None

    @property
    def tolerance(self) -> float | None:
        """0.3 where the source judges every output."""
        return 0.3 if self._long else None

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw lengths, distractors, and place and kind of the signals."""
        length_key, place_key, kind_key, filler_key = jax.random.split(key, 4)
        lengths = self._draw_lengths(length_key, batch)
        ends = jnp.cumsum(lengths, axis=0, dtype=jnp.int32)
        starts, lanes, code = ends - lengths, jnp.arange(batch), self._symbols
        symbols = jax.random.randint(filler_key, (self.steps, batch), code.filler, code.filler + 4, jnp.int32)
        if code.first >= 0:
            symbols = symbols.at[starts, lanes].set(code.first)
        if code.cue >= 0:
            symbols = symbols.at[ends - (2 if self.signals == 2 else 1), lanes].set(code.cue)
        first, stop = jnp.moveaxis(
            jnp.array([[jnp.broadcast_to(x, lengths.shape) for x in place] for place in self._places(lengths)]), 1, 0
        )
        places = starts + jax.random.randint(place_key, first.shape, first, stop, jnp.int32)
        kinds = jax.random.randint(kind_key, first.shape, code.signal, code.signal + 2, jnp.int32)
        symbols = symbols.at[places, lanes].set(kinds)
        scored = jnp.zeros(symbols.shape, bool).at[ends - 1, lanes].set(True)
        valid = jnp.arange(self.steps)[:, None] < ends[-1]
        inputs = one_hot(symbols, self.inputs, valid)
        return Batch(inputs, self.targets_of(inputs, scored), scored, valid)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: each signal that is Y adds its weight to the class; a scored step begins anew."""
        code = self._symbols.signal
        x, y = inputs[..., code].astype(jnp.int32), inputs[..., code + 1].astype(jnp.int32)
        weights = jnp.array(self._weights, jnp.int32)
        order = (jnp.cumsum(x + y, axis=0, dtype=jnp.int32) - 1) % len(weights)
        total = jnp.cumsum(y * weights[order], axis=0, dtype=jnp.int32)
        before = jnp.roll(jax.lax.cummax(jnp.where(scored, total, 0), axis=0), 1, axis=0).at[0].set(0)
        return jnp.where(scored, total - before, 0)

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """In gers2000_continual also how many sequences of a stream are right before its first error, on average."""
        scores = super().scores(outputs, batch)
        if self.variant == "gers2000_continual":
            faultless = jnp.cumsum(self.missed(outputs, batch) & batch.scored, axis=0) == 0
            scores["before_error"] = jnp.mean(jnp.sum(faultless & batch.scored, axis=0), dtype=float)
        return scores

    def levels(self) -> Levels:
        """Every order is equally likely, and no scored step shows a signal."""
        lost = float(surprise(1 / self.outputs, self.logistic)) * (self.sequences if self.logistic else 1)
        blind = Score(lost, 1 / self.outputs)
        return Levels(blind, strict=blind, optimum=Score(0.0, 1.0))

    @property
    def _long(self) -> bool:
        return self.variant.startswith(("hochreiter1997", "gers2000"))

    @property
    def _symbols(self) -> Symbols:
        return HOCHREITER if self._long else MARTENS if self.variant == "martens2011" else PLAIN

    @property
    def _weights(self) -> tuple[int, ...]:
        """Of the signals, in their order."""
        return {
            "hochreiter1997_6a": (2, 1),
            "hochreiter1997_6b": (4, 2, 1),
            "gers2000_continual": (4, 2, 1),
            "martens2011": (2, 1) if self.signals == 2 else (1, 2, 4),
            "pascanu2013": (1, 2),
            "pascanu2013_3bit": (1, 2, 4),
        }[self.variant]

    @property
    def _lengths(self) -> range:
        """Of one sequence."""
        T = self.length
        if self.variant.startswith("pascanu2013"):
            return range(T, max(T, self.longest) + 1)
        return range(T if self._long else T + 1, T + T // 10 + 1)

    def _places(self, drawn: Any) -> list[tuple[Any, Any]]:
        """Start and stop of each signal; `drawn` is the length of the sequence, a number or an array."""
        T, tenth = self.length, self.length // 10
        if self.variant.startswith("pascanu2013"):
            tenths = (1, 5) if self.variant == "pascanu2013" else (1, 3, 6)
            return [(a * drawn // 10, a * drawn // 10 + drawn // 10) for a in tenths]
        if self.variant == "martens2011":
            rest = [(4, 5)] if self.signals == 2 else [(3, 4), (5, 6)]
            return [(T // 100, tenth + 1), *((a * T // 10, b * T // 10 + 1) for a, b in rest)]
        middles = [tenth, T // 2] if self.variant == "hochreiter1997_6a" else [tenth, T // 3, 2 * T // 3]
        return [(middle - 1, middle + tenth) for middle in middles]

    def _draw_lengths(self, key: Array, batch: int) -> Int[Array, "S B"]:
        together = self.variant.startswith("pascanu2013")  # it draws one length per batch
        shape = (self.sequences, 1 if together else batch)
        drawn = jax.random.randint(key, shape, self._lengths[0], self._lengths[-1] + 1, jnp.int32)
        return jnp.broadcast_to(drawn, (self.sequences, batch))


TASKS = {f"temporal_order/{variant}": partial(TemporalOrder, variant) for variant in SOURCES}
TASKS["temporal_order/martens2011"] = partial(TemporalOrder, "martens2011", signals=2)
TASKS["temporal_order/gers2000_continual"] = partial(TemporalOrder, "gers2000_continual", sequences=100)
