"""Character text: what comes next, from all that has been read."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from ltd import data
from ltd.types import Batch, Levels, Score, Source
from tasks.base import Classes

OWN = Source("ltd", "Our rule.", "o")
SONNETS = Source("ltd", "Our rule for Shakespeare's Sonnets (1609): a-z, space and newline, 28 symbols.", "o")


class Text(NamedTuple):
    """A text as numbers, and the character of each number."""

    codes: np.ndarray  # [N] int32
    symbols: str


@functools.lru_cache(maxsize=4)
def encoded(text: str) -> Text:
    """Characters numbered in the order of their code points."""
    points, codes = np.unique(np.frombuffer(text.encode("utf-32-le"), np.uint32), return_inverse=True)
    return Text(codes.astype(np.int32), "".join(map(chr, points)))


@dataclass(frozen=True)
class Chars(Classes):
    """Predict the next character at every step of a piece of text that starts anywhere in it.

        variant file, length = 6, warm = 2
        file     N a ï v e t é
        input    N a ï v e t
        target   . . v e t é

        variant sonnets28, length = 11
        file     F e e d ' s t _ t h y _ l
        input    f e e d s t _ t h y _
        target   e e d s t _ t h y _ l

        . is not scored: the first `warm` steps; _ is a space

    file       any UTF-8 text, `path`; its characters are the symbols
    sonnets28  `sonnets.txt` at `path` or in the folder that LTD_DATA names, lower-case, a-z, space and newline only:
               90,401 characters and 28 symbols, checked by digest

    The first nine tenths of the text are for training, the rest is held out.

    Loss
        cross-entropy in nats per character
    Metric
        share of characters predicted rightly, in [0, 1]
    Levels, counted on the split: each is the best of its kind for this very text
        blind    the share of each character
        strict   the share of each character after the present one (bigrams)
        optimum  0 and 1: a bound that nobody reaches, since the entropy of a text is not known

    Raises
        ValueError  if a size is impossible, the text is too short for `length`, or `split` is unknown; the file is
                    missing, empty or not UTF-8 (when something is drawn or the symbols are counted).

    Departures
        Sources carry the state from one piece of text to the next, which training here does not: batches are drawn
        independently, and each piece starts from the initial state. So the loss includes first characters that are read
        without what stood before them; `warm` steps at the start can be left out of loss and metric instead.
    """

    variant: str
    length: int = 100
    warm: int = 0
    split: Literal["train", "test", "all"] = "train"
    path: str = ""

    task = "chars"
    sources = {"file": OWN, "sonnets28": SONNETS}  # noqa: RUF012
    size, tokens, file, clock = "length", True, "sonnets", False

    def __post_init__(self):
        super().__post_init__()
        self.at_least(length=1, warm=0)
        if self.warm >= self.length:
            raise ValueError(f"warm = {self.warm} must be below length = {self.length}, or no step is scored.")
        if self.split not in ("train", "test", "all"):
            raise ValueError(f"split = {self.split!r} must be one of train, test, all.")

    def text(self) -> Text:
        """The whole text."""
        if self.variant == "sonnets28":
            return encoded(data.load("sonnets", self.path))
        if not self.path:
            raise data.ConfigError("path is needed in chars/file: --task.path=FILE, any UTF-8 text.")
        return encoded(data.read_text(self.path))

    @property
    def inputs(self) -> int:
        """One symbol per character of the text."""
        return len(self.text().symbols)

    @property
    def outputs(self) -> int:
        """One class per character of the text."""
        return self.inputs

    @property
    def steps(self) -> int:
        """Characters read."""
        return self.length

    @property
    def lag(self) -> tuple[int, int]:
        """From the present character to the first one read."""
        return 0, self.length - 1

    @property
    def held_out(self) -> Any:
        """The text that is not trained on."""
        return replace(self, split="test")

    def chosen(self) -> np.ndarray:
        """The characters of the split."""
        codes = self.text().codes
        cut = int(0.9 * len(codes))
        part = {"train": codes[:cut], "test": codes[cut:], "all": codes}[self.split]
        if len(part) <= self.length:
            raise data.ConfigError(
                f"length = {self.length} must be below the {len(part)} characters of split {self.split}. "
                f"Use length={max(1, len(part) - 1)}."
            )
        return part

    def sample(self, key: Array, batch: int) -> Batch:
        """Draw where the pieces start."""
        codes = jnp.asarray(self.chosen())
        start = jax.random.randint(key, (batch,), 0, len(codes) - self.length, jnp.int32)
        places = start + jnp.arange(self.length, dtype=jnp.int32)[:, None]
        return predicted(codes[places], codes[places + 1], self.warm)

    def levels(self) -> Levels:
        """Counted on the split."""
        return _counted(self)


def predicted(inputs: Int[Array, "T B"], targets: Int[Array, "T B"], warm: int) -> Batch:
    """A batch whose every step is scored but the first ones."""
    scored = jnp.broadcast_to(jnp.arange(len(inputs))[:, None] >= warm, inputs.shape)
    return Batch(inputs, jnp.where(scored, targets, 0), scored, jnp.ones_like(scored))


@functools.lru_cache(maxsize=32)
def _counted(task: Chars) -> Levels:
    codes, scored = task.chosen(), task.length - task.warm
    pairs = len(codes) - task.warm - 1  # at which a scored step can stand, the middle ones more often than the ends
    place = np.arange(pairs)
    often = np.minimum.reduce([place + 1, pairs - place, np.full(pairs, scored), np.full(pairs, pairs - scored + 1)])
    counts = np.zeros((task.inputs, task.inputs))
    np.add.at(counts, (codes[task.warm : -1], codes[task.warm + 1 :]), often)
    return Levels(table_score(counts.sum(axis=0, keepdims=True)), table_score(counts), Score(0.0, 1.0))


def table_score(counts: np.ndarray) -> Score:
    """What the shares of each row predict, on average over all counts."""
    total = counts.sum()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return Score(float(-np.sum(counts * logs) / total), float(counts.max(axis=1).sum() / total))


TASKS = {f"chars/{variant}": partial(Chars, variant) for variant in Chars.sources}
