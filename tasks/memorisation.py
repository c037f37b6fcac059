"""Noiseless memorisation: a few bits of information, a silence, then the same again without an error."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from ltd.losses import accuracy
from ltd.types import Batch, Levels, Score, Source, Success
from tasks.base import Classes, one_hot

PASCANU = Source(
    "pascanu2013", "Pascanu, Mikolov & Bengio (2013), On the difficulty of training RNNs, ICML, arXiv:1211.5063; code",
    "c",
)  # fmt: skip
SOURCES = {
    "pascanu2013": PASCANU,
    "martens2011": Source(
        "martens2011",
        "Martens & Sutskever (2011), Learning recurrent neural networks with Hessian-free optimization, ICML; code",
        "c",
    ),
}


@dataclass(frozen=True)
class Memorisation(Classes):
    """Repeat `pattern` symbols (P) out of `values` (V) after a silence set by `length` (L or T in the sources).

        variant pascanu2013, length = 4, values = 5, pattern = 3
        input    3 0 4 . . . . M . .
        target   . . . . . . . 3 0 4

        variant martens2011, length = 10, values = 5, pattern = 3
        input    3 0 4 4 4 4 3 4 4 4
        target   4 4 4 4 4 4 4 3 0 4

        . is the class V ("blank"), M the input V + 1; one-hot, every step scored

    The 20-bit problem has V = 5, P = 10 (the default, 23.2 bits), the 5-bit problem V = 2, P = 5.
    pascanu2013: L + 2P steps; the marker stands on the first step of recall. martens2011: T steps; the cue comes one
    step before recall. Blank and cue have no codes of their own there: they are the values V - 1 and V - 2, so that
    silence looks like data. `separate_symbols` gives them the codes V and V + 1, and the class V to silence.

    Loss
        cross-entropy in nats per scored step: all steps, or those of recall with `recall_only` (martens2011)
    Metric
        share of scored steps right, in [0, 1]; a sequence is wrong if one scored step is
    Levels, with f = P / steps the share of recall among the scored steps (1 with `recall_only`)
        blind = strict   f ln V and 1 - f (1 - 1/V); a sequence is right with chance V^-P
        optimum          0 and 1

    Raises
        ValueError  if the pattern, the silence or the cue has no room, or a switch has no meaning in the dialect.

    Departures
        pascanu2013: the success rule is the paper's, which we apply to martens2011 too; the code of pascanu2013 stops
            at 0 wrong of 10,000.
        martens2011: the codes are those of its code; silence is the class of the blank.
    """

    variant: str
    length: int = 100
    values: int = 5
    pattern: int = 10
    separate_symbols: bool = False  # martens2011 only
    recall_only: bool = False  # martens2011 only

    task = "memorisation"
    sources = SOURCES
    size = "length"

    def __post_init__(self):
        super().__post_init__()
        self.at_least(values=2, pattern=1)
        if self.variant != "martens2011":
            self.at_least(length=0)
            for switch in ("separate_symbols", "recall_only"):
                if getattr(self, switch):
                    raise ValueError(
                        f"{switch} = True has no meaning in {self.name}, whose codes are separate and whose steps are "
                        "all scored. Leave it out, or use memorisation/martens2011."
                    )
        elif self.length < 2 * self.pattern + 1:
            raise ValueError(
                f"length = {self.length} must be at least {2 * self.pattern + 1} (2 pattern + 1) in {self.name}: the "
                f"cue stands between the pattern and its recall. Use length={2 * self.pattern + 1}."
            )

    @property
    def inputs(self) -> int:
        """The values, and blank and marker where they have codes of their own."""
        return self.values + (2 if self._separate else 0)

    @property
    def outputs(self) -> int:
        """The values, and blank where it has a class of its own."""
        return self.values + (1 if self._separate else 0)

    @property
    def steps(self) -> int:
        """T, or L + 2P."""
        return self._recall_from + self.pattern

    @property
    def lag(self) -> tuple[int, int]:
        """Every symbol waits equally long."""
        return self._recall_from, self._recall_from

    @property
    def success(self) -> Success:
        """The paper's rule."""
        return Success("fewer than 1 % of 10,000 sequences wrong", 10_000, 99)

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw the patterns."""
        step = jnp.arange(self.steps)[:, None]
        data = jax.random.randint(key, (self.steps, batch), 0, self.values, jnp.int32)
        cue = step == self._recall_from - (self.variant == "martens2011")
        silence = jnp.where(cue, self._marker, self._blank).astype(jnp.int32)
        inputs = one_hot(jnp.where(step < self.pattern, data, silence), self.inputs)
        every = jnp.ones(data.shape, bool)
        scored = every & self._recall() if self.recall_only else every
        return Batch(inputs, self.targets_of(inputs, scored), scored, every)

    def targets_of(self, inputs: Float[Array, "T B D"], scored: Bool[Array, "T B"]) -> Int[Array, "T B"]:
        """The rule: the first P symbols on the last P steps, blank before."""
        recalled = jnp.roll(jnp.argmax(inputs, axis=-1).astype(jnp.int32), self._recall_from, axis=0)
        return jnp.where(scored, jnp.where(self._recall(), recalled, self._blank), 0)

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Share of recalled symbols right, and of sequences with every scored step right."""
        recalled = accuracy(outputs, batch.targets, batch.scored & self._recall())
        return {"recall_accuracy": recalled, **super().scores(outputs, batch)}

    def levels(self) -> Levels:
        """Closed forms; no recall step shows a symbol of the pattern, so the current input helps nobody."""
        share = 1.0 if self.recall_only else self.pattern / self.steps
        blind = Score(share * math.log(self.values), 1 - share * (1 - 1 / self.values))
        return Levels(blind=blind, strict=blind, optimum=Score(0.0, 1.0))

    @property
    def _separate(self) -> bool:
        return self.variant != "martens2011" or self.separate_symbols

    @property
    def _blank(self) -> int:
        return self.values if self._separate else self.values - 1

    @property
    def _marker(self) -> int:
        return self.values + 1 if self._separate else self.values - 2

    @property
    def _recall_from(self) -> int:
        return self.length - self.pattern if self.variant == "martens2011" else self.length + self.pattern

    def _recall(self) -> Bool[Array, "T 1"]:
        return jnp.arange(self.steps)[:, None] >= self._recall_from


@dataclass(frozen=True)
class MemorisationAsCopying(Memorisation):
    """The rule of memorisation/pascanu2013 under the name of the copy task, as it is often cited.

        variant pascanu2013, length = 4, values = 5, pattern = 3
        input    3 0 4 . . . . M . .
        target   . . . . . . . 3 0 4

    Every step is scored: cross-entropy in nats per step, blind P ln V / (L + 2P); share of steps right, in [0, 1]. The
    rest is told at `Memorisation`.
    """

    task = "copy"
    sources = {"pascanu2013": PASCANU}  # noqa: RUF012


TASKS: dict[str, Callable] = {f"memorisation/{variant}": partial(Memorisation, variant) for variant in SOURCES}
TASKS["copy/pascanu2013"] = partial(MemorisationAsCopying, "pascanu2013")
