"""What the rooms say to each other: batches, levels, curves, and the protocols of cell, task and probe.

Axis order, said once: time first. Inputs are `[T, B, D]` (or tokens `[T, B]`), states `[B, H]`, stacked states
`[T, B, H]`. T steps, B sequences, D inputs, H hidden units, O outputs. Indices count from 0, ranges are half-open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Num

State = Any  # a NamedTuple of arrays [B, H], fields named (`h`, `c`)
Drive = Any  # the projected input, [..., G]
Kernel = Any  # every weight that the loop uses
Mixed = Any  # what the recurrent matrices return


class Batch(NamedTuple):
    """One batch of sequences of equal padded length."""

    inputs: Num[Array, "T B *D"]  # [T, B, D] float, or [T, B] int32 tokens
    targets: Num[Array, "T B *O"]  # [T, B] classes or bits, [T, B, O] numbers
    scored: Bool[Array, "T B"]  # which steps count in loss and metric
    valid: Bool[Array, "T B"] | None  # which steps are not padding; the others leave the state alone. None: all


class Score(NamedTuple):
    """A loss in the task's unit, a metric (larger is better), and their standard errors where they were sampled."""

    loss: float
    metric: float
    stderr: tuple[float, float] | None = None  # of the loss, of the metric


class Levels(NamedTuple):
    """What a network scores without memory, and at best.

    blind     knows the layout, the clock and every cue, but sees no content: the best constant per kind of scored step
    strict    best function of the step index and the current input, without any state; where finite data do not tell
              it, since every input is another, a predictor that the task's docstring names
    optimum   best possible

    A result shows memory of content only if it beats both `blind` and `strict`.
    """

    blind: Score
    strict: Score
    optimum: Score

    @property
    def memoryless(self) -> float:
        """The lower of the two losses that need no memory."""
        return min(self.blind.loss, self.strict.loss)


@dataclass(frozen=True)
class Source:
    """Where a rule comes from. `evidence`: c code read, p paper read, 2 second-hand, r recalled, o our own rule."""

    key: str  # "arjovsky2016"
    reference: str  # authors, year, title or venue, pointer
    evidence: str

    def __post_init__(self):
        if not set(self.evidence.split()) <= set("cp2ro"):
            raise ValueError(f"evidence = {self.evidence!r} must be letters of c, p, 2, r, o separated by spaces.")


@dataclass(frozen=True)
class Success:
    """The rule by which a source calls a task solved.

    On `sequences` fresh sequences the summed cost must not exceed `allowed`. The cost of a sequence is 1 if it is
    wrong (the task's `wrong`), or its loss where `counts` is false. `train_loss` additionally bounds the mean
    training loss since the last check. `below` names one of the task's `scores` and the bound that its mean on the same
    fresh sequences must stay under. The rule must hold at two checks in a row, on fresh data each time.
    """

    statement: str  # the rule in words: "0 wrong of 10,000"
    sequences: int
    allowed: float
    counts: bool = True
    train_loss: float | None = None
    below: tuple[str, float] | None = None


@runtime_checkable
class Cell(Protocol):
    """One recurrence over one step. Parameters reach the loop only through `kernel`."""

    def initial_state(self, batch: tuple[int, ...]) -> State:
        """The zero state for a batch of this shape."""

    def kernel(self) -> Kernel:
        """Every weight that the loop uses, once per unroll."""

    def project(self, inputs: Array) -> Drive:
        """[..., D] -> [..., G]; never sees the state."""

    def step(self, kernel: Kernel, state: State, drive: Drive) -> tuple[State, Array]:
        """One step: the new state and the output [B, H]."""


@runtime_checkable
class MixCell(Cell, Protocol):
    """A cell whose step is one matrix product of the state followed by gates without weights."""

    def read(self, state: State) -> Array:
        """What the recurrent matrix multiplies."""

    def mix(self, kernel: Kernel, read: Array) -> Mixed:
        """The only matrix product in the loop; acts on the last axis, any leading axes."""

    def advance(self, state: State, drive: Drive, mixed: Mixed) -> tuple[State, Array]:
        """Gates; no weights."""


@runtime_checkable
class LinearCell(Cell, Protocol):
    """A cell that is linear in its state, so that all steps can be had in parallel."""

    def associate(
        self, kernel: Kernel, state: State, drive: Drive, valid: Array | None, chunk: int | None
    ) -> tuple[State, Array]:
        """The final state and the outputs [T, B, H] from the drive of all steps [T, B, ...]."""


@runtime_checkable
class Net(Protocol):
    """What is made of cells, or reaches past one step. A `causal` one also offers the four parts of a cell."""

    inputs: int
    width: int  # of its output
    causal: bool

    def initial_state(self, batch: tuple[int, ...]) -> State:
        """The zero state for a batch of this shape."""

    def over(
        self, inputs: Array, state: State, plan: Any, valid: Array | None = None, key: Array | None = None
    ) -> tuple[State, Array]:
        """The final state and the outputs of all steps [T, B, width], by the plan."""


@runtime_checkable
class Network(Protocol):
    """A cell or net between an embedding and a read-out: what a probe is handed."""

    net: Any

    def embed(self, inputs: Array) -> Float[Array, "T B D"]:
        """Inputs as the cell reads them."""

    def initial_state(self, batch: int, key: Array | None = None) -> State:
        """The state before the first step."""

    def readout(self, hidden: Float[Array, "T B H"]) -> Float[Array, "T B O"]:
        """Outputs from the cell's outputs."""


@runtime_checkable
class Sizes(Protocol):
    """What a network must know of its inputs and outputs."""

    inputs: int
    tokens: bool
    outputs: int


@runtime_checkable
class Task(Protocol):
    """A pure function from key to batch, and what a network without memory would score. A frozen dataclass."""

    name: str  # "copy/arjovsky2016"
    source: Source
    inputs: int  # D, or the vocabulary size where inputs are tokens
    tokens: bool
    outputs: int  # O: classes, or numbers per step
    steps: int  # T, the padded total
    padded: bool  # whether some steps may be invalid
    lag: tuple[int, int]  # shortest, longest way from an input to the output that needs it, in steps
    success: Success | None  # the source's rule

    def sample(self, key: Array, batch: int) -> Batch:
        """A batch; jit- and vmap-able; every random choice comes from the key."""

    def loss(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """The dialect's training loss, unit in the docstring."""

    def metric(self, outputs: Float[Array, "T B O"], batch: Batch) -> Float[Array, ""]:
        """The dialect's metric, larger is better."""

    def wrong(self, outputs: Float[Array, "T B O"], batch: Batch) -> Bool[Array, " B"]:
        """Which sequences the source would call wrong."""

    def scores(self, outputs: Float[Array, "T B O"], batch: Batch) -> dict[str, Array]:
        """Further scores that are reported beside the metric; may be empty."""

    def levels(self) -> Levels:
        """Blind, strict, optimum."""


@dataclass(frozen=True)
class Curves:
    """Named arrays with named axes: what a probe or a training run returns.

    arrays   name -> array
    axes     name -> the names of its axes, in order: `lag`, `step`, `sample`, `lane`, ...
    facts    scalars and words that belong to them
    """

    arrays: Mapping[str, Any]
    axes: Mapping[str, tuple[str, ...]]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        for name, array in self.arrays.items():
            if np.ndim(array) != len(self.axes.get(name, ())):
                raise ValueError(f"array {name!r} has {np.ndim(array)} axes, its names say {self.axes.get(name)}.")

    def __getitem__(self, name: str) -> Any:
        """The array of that name."""
        if name not in self.arrays:
            raise KeyError(f"no array {name!r}; known arrays: {', '.join(self.arrays)}")
        return self.arrays[name]


def _curves_of(names: Any, arrays: Any) -> Curves:
    curves = object.__new__(Curves)  # unchecked: under a transformation the arrays may be anything
    keys, axes, facts = names
    for field_name, value in (("arrays", dict(zip(keys, arrays, strict=True))), ("axes", axes), ("facts", facts)):
        object.__setattr__(curves, field_name, value.value if isinstance(value, _Same) else value)
    return curves


class _Same(NamedTuple):
    """Static data of a pytree that compares by content and needs no hash of it."""

    value: Any

    def __hash__(self) -> int:
        return 0


jax.tree_util.register_pytree_node(
    Curves, lambda c: (tuple(c.arrays.values()), (tuple(c.arrays), _Same(c.axes), _Same(c.facts))), _curves_of
)


class Probe(Protocol):
    """A pure function of a network, a batch of inputs and (where it needs one) a task's loss, to curves."""

    def __call__(self, model: Network, key: Array, batch: Batch, task: Task | None = None) -> Curves:
        """Measure."""


@runtime_checkable
class Tracker(Protocol):
    """A mirror of the ledger. Every call may fail without harming the run."""

    def start(
        self, digest: str, config: Mapping[str, Any], started: str, code: Mapping[str, Any] | None = None
    ) -> None:
        """A run begins. `started` is the ledger's time stamp, `code` the commit and versions (else ours)."""

    def log(self, digest: str, row: Mapping[str, Any]) -> None:
        """The scalars of a check; `update` is the step."""

    def finish(self, digest: str, summary: Mapping[str, Any], folder: Path, figures: Iterable[Path] = ()) -> None:
        """A run ends; its folder may hold curves and figures."""

    def close(self, timeout: float = 60.0) -> None:
        """Wait for what is on its way, and tell what did not arrive."""
