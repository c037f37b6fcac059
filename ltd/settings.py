"""What can be set: every field of a training run and of a measurement, with its default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ltd.config import Choice, finite, lengths, positive, traced, unless

NEWTON = ("jacobian", "damping", "iterations", "tolerance")  # the fields of a plan that belong to `newton`


@dataclass(frozen=True)
class Plan:
    """How the unroll over time is arranged: `stepwise`, `chunked`, `resident`, `associative` or `newton` (see
    `ltd.unroll`).

    `chunk` is the number of steps per chunk, of `chunked`, `resident` and of cells that go `associative` by chunks; the
    program chooses if absent. `unroll` is how many steps of the loop of `stepwise` and `chunked` are written out one
    after another: a larger program, and on a GPU fewer trips through the loop. The other fields belong to `newton`.
    """

    type: str = "chunked"
    chunk: int | None = None
    unroll: int = unless(1)
    jacobian: Literal["full", "diagonal"] = "full"  # newton: what is kept of each step's Jacobian
    damping: float = 0.0  # newton: every Jacobian is multiplied by 1 - damping
    iterations: int = 100  # newton: at most; then the states are computed in sequence
    tolerance: float | None = None  # newton: relative change at which it rests; 1e-5 in float32, 1e-11 in float64

    def __post_init__(self):
        positive(self, "chunk", "unroll", "iterations", "tolerance")
        if not 0 <= self.damping < 1:
            raise ValueError(f"damping = {self.damping} must lie in [0, 1): 0 is Newton's method.")
        other = {
            "newton": ("chunk", "unroll"),
            "stepwise": (*NEWTON, "chunk"),
            "resident": (*NEWTON, "unroll"),
            "associative": (*NEWTON, "unroll"),
        }.get(self.type, NEWTON)
        for name in other:
            if (value := getattr(self, name)) != getattr(Plan, name):
                raise ValueError(f"{name} = {value} has no meaning for the plan {self.type}: leave it out.")


@dataclass(frozen=True)
class Initial:
    """The state before the first step (A1.5).

    `value` is the constant, or the standard deviation of the noise that is added while training. `learned` starts at
    zero and is trained.
    """

    type: Literal["zero", "constant", "learned", "noise"] = "zero"
    value: float = 0.0

    def __post_init__(self):
        finite(self, "value")
        if self.type in ("zero", "learned") and self.value != 0:
            raise ValueError(f"value = {self.value} has no meaning for a {self.type} state; use constant or noise.")
        if self.type == "noise" and self.value <= 0:
            raise ValueError(f"value = {self.value} must be above 0: it is the standard deviation of the noise.")


@dataclass(frozen=True)
class Optimizer:
    """An update rule and what happens to the gradient before it. Thresholds are off unless given.

    clip_value       every entry into [-c, c] (Mikolov 2012)
    clip_norm        one norm over all tensors (Pascanu et al. 2013)
    clip_per_matrix  the same for each tensor on its own (Sukhbaatar et al. 2015)
    nonfinite        a gradient that is not finite: `stop` the run as diverged, `skip` the update (online: the move) and
                     count it, or `pascanu2013` (also above norm 1e10: recurrent gradients become 0.02 U, the others 0)
    """

    type: str = "adam"
    learning_rate: float = traced(1e-3)
    momentum: float = traced(0.9)  # momentum: of the velocity
    decay: float = traced(0.9)  # rmsprop: of the mean square
    clip_value: float | None = traced(None)
    clip_norm: float | None = traced(None)
    clip_per_matrix: float | None = traced(None)
    nonfinite: Literal["stop", "skip", "pascanu2013"] = "stop"

    def __post_init__(self):
        finite(self, "learning_rate", "momentum", "decay")
        positive(self, "clip_value", "clip_norm", "clip_per_matrix")
        if self.learning_rate < 0:
            raise ValueError(f"learning_rate = {self.learning_rate} must not be below 0.")
        for name in ("momentum", "decay"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)} must lie in [0, 1).")


@dataclass(frozen=True)
class Gradient:
    """How training finds the gradient of the task's loss (see `ltd.gradients`).

    bptt        backpropagation through time, the whole gradient
    truncated   a backward pass every `k1` steps, `k2` steps back (Williams & Peng 1990); k2 at least k1
    elman       one step back at every step: k1 = k2 = 1 (Elman 1990)
    hs97        errors travel back by the cells of an LSTM alone (Hochreiter & Schmidhuber 1997)
    rtrl        the whole gradient, carried forward in time (Williams & Zipser 1989)

    With `online` the weights move within a sequence, while its state goes on: after every step with hs97 and rtrl,
    after every pass with truncated and elman (see `ltd.online`). An update of the run is still a batch.
    """

    type: Literal["bptt", "truncated", "elman", "hs97", "rtrl"] = "bptt"
    k1: int | None = None
    k2: int | None = None
    online: bool = unless(False)

    def __post_init__(self):
        positive(self, "k1", "k2")
        if self.online and self.type == "bptt":
            raise ValueError(
                "online = true with type = bptt, whose gradient is there after the last step alone: use rtrl, which "
                "carries it forward, or truncated."
            )
        for name in ("k1", "k2"):
            if (getattr(self, name) is None) == (self.type == "truncated"):
                raise ValueError(
                    f"{name} = {getattr(self, name)} with type = {self.type}: truncated needs k1 and k2, steps between "
                    "two backward passes and steps back; the others have none."
                )
        if self.k1 is not None and self.k2 is not None and self.k2 < self.k1:
            raise ValueError(
                f"k2 = {self.k2} must be at least k1 = {self.k1}: a pass goes back over the steps since the last one."
            )


@dataclass(frozen=True)
class Regularizer:
    """Weights of terms that are added to the loss in training (see `ltd.regularizers`). Off unless given.

    l1, l2   sum of |u|, of u^2, over the entries of all recurrent blocks (A1.31)
    omega    the vanishing-gradient regulariser of Pascanu et al. (2013) (A1.28)
    variant  omega as their code computes it, or as their equation 9 has it
    """

    l1: float | None = traced(None)
    l2: float | None = traced(None)
    omega: float | None = traced(None)
    variant: Literal["code", "paper"] = "code"

    def __post_init__(self):
        positive(self, "l1", "l2", "omega")
        if self.omega is None and self.variant != "code":
            raise ValueError(f"variant = {self.variant} has no meaning without omega: give a weight, such as omega=4.")

    @property
    def on(self) -> bool:
        """Whether anything is added."""
        return not (self.l1 is None and self.l2 is None and self.omega is None)


@dataclass(frozen=True)
class Train:
    """Length and rhythm of training. Every `eval_every` updates: evaluation on a fixed set, and the success rule."""

    steps: int = 1000  # updates
    batch: int = 32  # sequences per update
    eval_every: int = 100  # updates between checks; the last ones before `steps` may be fewer
    eval_batch: int = 256  # sequences in the fixed evaluation set
    stop: bool = True  # stop when the success rule has held twice in a row
    curriculum: Literal["fixed", "uniform", "growing"] = "fixed"  # lengths of the batches: see ltd.lengths
    shortest: int | None = None  # the shortest length of a curriculum that is not fixed

    def __post_init__(self):
        positive(self, "steps", "batch", "eval_every", "eval_batch", "shortest")
        if (self.curriculum == "fixed") != (self.shortest is None):
            raise ValueError(
                f"curriculum = {self.curriculum} with shortest = {self.shortest}: uniform and growing need a shortest "
                "length, fixed has none."
            )


@dataclass(frozen=True)
class Lengths:
    """After training: the final network at other lengths of its task."""

    lengths: str | None = None  # 50,100,200 or 41..500 or 41..500..20
    batch: int = 256  # fresh sequences per length, the same for every seed

    def __post_init__(self):
        positive(self, "batch")
        if self.lengths is not None:
            lengths(self.lengths, "lengths")


@dataclass(frozen=True)
class Attached:
    """How often a probe looks at a network in training, and at how many sequences of its task, always the same."""

    every: int = 100  # updates, a multiple of train.eval_every
    batch: int = 16

    def __post_init__(self):
        for name in ("every", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)} must be at least 1.")


@dataclass(frozen=True)
class Run:
    """One training run: everything that its numbers depend on, and the probe that watches it, if any."""

    task: Choice = Choice("copy/arjovsky2016")
    cell: Choice | None = Choice("lstm")  # None where the net takes no cell
    net: Choice | None = None  # what the cell stands in; none: the cell alone
    plan: Plan = Plan()
    initial: Initial = Initial()
    optimizer: Optimizer = Optimizer()
    train: Train = Train()
    test: Lengths = Lengths()
    rho: float | None = traced(None)  # every square recurrent block is rescaled to this spectral radius
    sigma: float | None = traced(None)  # or to this largest singular value
    seed: int = traced(0)
    precision: Literal["float32", "float64", "tensorfloat32", "bfloat16"] = "float32"
    # outputs of the step before as further inputs: its own, or targets while training (see `ltd.model.Model`)
    feedback: Literal["none", "free", "forced"] = unless("none")
    gradient: Gradient = unless(Gradient())
    regularizer: Regularizer = unless(Regularizer())
    probe: Choice | None = unless(None)  # a probe with its options, beside them `every` and `batch`: see `Attached`

    def __post_init__(self):
        _lane(self)


@dataclass(frozen=True)
class Measure:
    """One measurement by a probe, on a fresh network or on the trained network of the run folder `run`.

    Without a task the inputs are N(0, `scale`^2) numbers, and the loss is a random linear read-out of the last state.
    """

    probe: Choice = Choice("jacobian")
    cell: Choice | None = Choice("elman")  # None where the net takes no cell
    net: Choice | None = None  # what the cell stands in; none: the cell alone
    task: Choice | None = None
    initial: Initial = Initial()
    length: int = 100  # T, where no task sets it
    inputs: int = 1  # D, where no task sets it
    scale: float = 1.0  # standard deviation of the inputs, where no task sets them
    batch: int = 4  # sequences; decay curves are medians over them
    run: str | None = None  # a run folder, DIR/DIGEST
    rho: float | None = traced(None)
    sigma: float | None = traced(None)
    seed: int = traced(0)
    precision: Literal["float32", "float64"] = "float64"

    def __post_init__(self):
        positive(self, "length", "inputs", "batch")
        finite(self, "scale")
        _lane(self)


@dataclass(frozen=True)
class Guess:
    """Random weights held against a task's success rule: the control for every long-memory result."""

    task: Choice = Choice("copy/arjovsky2016")
    cell: Choice | None = Choice("elman")  # None where the net takes no cell
    net: Choice | None = None
    initial: Initial = Initial()
    guesses: int = 1000
    scale: float = 100.0  # weights are uniform on [-scale, scale]
    batch: int = 32  # sequences at a time: a guess is dropped after the first ones that break the rule
    seed: int = 0
    precision: Literal["float32", "float64"] = "float32"

    def __post_init__(self):
        positive(self, "guesses", "scale", "batch")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed = {self.seed} must lie in [0, 2**32).")


def body_of(config: Mapping[str, Any]) -> str:
    """What stands between embedding and read-out, in words: `lstm`, `stacked(bidirectional(lstm))`, `highway`.

    From the plain values of a run or of a measurement (`config.plain`).
    """
    cell = (config.get("cell") or {}).get("type", "")

    def named(net: Mapping[str, Any] | None) -> str:
        if net is None:
            return cell
        inside = named(net.get("inner"))
        return f"{net['type']}({inside})" if inside else str(net["type"])

    return named(config.get("net"))


def _lane(config: Run | Measure) -> None:
    positive(config, "rho", "sigma")
    if config.rho is not None and config.sigma is not None:
        raise ValueError(f"rho = {config.rho} and sigma = {config.sigma} rescale the same blocks: give one of them.")
    if not 0 <= config.seed < 2**32:
        raise ValueError(f"seed = {config.seed} must lie in [0, 2**32).")
