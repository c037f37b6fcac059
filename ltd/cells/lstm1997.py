"""The LSTM of 1997: memory blocks, no forget gate, no peepholes, its own squashing functions and truncated gradient."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd.activations import logistic
from ltd.cells.base import DiagonalCell, MixRecurrentCell, RecurrentCell, at_least_one, zeros

Bias = Literal["none", "gates", "hidden"]


class BlocksState(NamedTuple):
    """h: cell outputs (B, H); c: cells (B, H); i, o: input and output gates (B, b)."""

    h: Array
    c: Array
    i: Array
    o: Array


class InputBlocksState(NamedTuple):
    """h: cell outputs (B, H); c: cells (B, H); i: input gates (B, b)."""

    h: Array
    c: Array
    i: Array


class CarouselState(NamedTuple):
    """c: cells (B, H)."""

    c: Array


def numbers(option: str, text: str, blocks: int) -> list[float]:
    """The initial gate biases "-1,-3,-5", one per block."""
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        raise ValueError(f'{option} = {text!r} must be numbers separated by commas, such as "-1,-3,-5".') from None
    if len(found) != blocks:
        raise ValueError(f"{option} = {text!r} holds {len(found)} numbers: it needs one per block, {blocks} of them.")
    return found


class Blocks(RecurrentCell):
    """What both connectivities share: units [input gates; output gates; cells], weights in a range, biases by rule."""

    key = "A2.1"
    loops = True  # whether units see the units of the step before
    carousel = True

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        block: int = 1,
        bias: Bias = "gates",
        output_gate: bool = True,
        input_bias: str = "",
        output_bias: str = "",
        scale: float = 0.1,
        truncate: bool = False,
    ):
        at_least_one(inputs=inputs, hidden=hidden, block=block)
        if hidden % block:
            raise ValueError(
                f"hidden = {hidden} memory cells must be a multiple of block = {block}, the cells per block."
            )
        if bias not in ("none", "gates", "hidden"):
            raise ValueError(f"bias = {bias!r} must be one of none, gates, hidden.")
        if not 0 < scale < float("inf"):
            raise ValueError(
                f"scale = {scale} must be a finite number above 0: weights are drawn from [-scale, scale]."
            )
        if output_bias and not output_gate:
            raise ValueError(f"output_bias = {output_bias!r} needs output gates: leave it out, or output_gate on.")
        given = {name: text for name, text in (("input_bias", input_bias), ("output_bias", output_bias)) if text}
        if given and bias == "none":
            name, text = next(iter(given.items()))
            raise ValueError(f"{name} = {text!r} needs gates with a bias: set bias to gates or hidden.")
        self.inputs, self.hidden, self.block = inputs, hidden, block
        self.bias, self.output_gate, self.truncate = bias, output_gate, truncate
        self.blocks = hidden // block
        self.gates = self.blocks * (1 + output_gate)
        units = self.gates + hidden
        biased = {"none": 0, "gates": self.gates, "hidden": units}[bias]
        keys = jax.random.split(key, 3)

        def draw(k: int, *shape: int) -> Array:
            return jax.random.uniform(keys[k], shape, jnp.result_type(float), -scale, scale)

        self.W = nnx.Param(draw(0, inputs, units))
        if self.loops:
            self.U = nnx.Param(draw(1, units, units))
        b = draw(2, biased)
        for name, text in given.items():
            first = 0 if name == "input_bias" else self.blocks
            b = b.at[first : first + self.blocks].set(jnp.array(numbers(name, text, self.blocks), b.dtype))
        if biased:
            self.b = nnx.Param(b)

    def pre_activations(self, inputs: Array) -> Array:
        """x W, and the bias of those units that have one."""
        a = inputs @ self.W[...]
        if self.bias == "none":
            return a
        b = self.b[...]
        return a + jnp.pad(b, (0, a.shape[-1] - b.size))

    def to_cells(self, gate: Array) -> Array:
        """A gate per block, for each of its cells."""
        return jnp.repeat(gate, self.block, axis=-1)


class LSTM1997(Blocks, MixRecurrentCell):
    """LSTM of 1997, connectivity F: gates and cells see the input, all cell outputs and all gates.

        u_{t-1} = [y_{t-1}; i_{t-1}; o_{t-1}]
        i, o    = logistic(x_t W_k + u_{t-1} U_k + b_k)      one of each per block of cells, k = i, o
        c_t     = c_{t-1} + i g(x_t W_c + u_{t-1} U_c + b_c)             g(a) = 4 logistic(a) - 2
        y_t     = o h(c_t)                                               h(a) = 2 logistic(a) - 1

    Shapes
        x_t   input                                                  (B, D)
        y_t   cell outputs, a part of the state named h              (B, H)
        c_t   cells, a part of the state                             (B, H)
        i, o  input and output gates, a part of the state, b = H / block blocks   (B, b) each
        W     input weights of the input gates, output gates and cells side by side   (D, 2b + H)
        U     recurrent weights of the same, rows as in u    (H + 2b, 2b + H)
        b     bias of the gates, or of gates and cells; none where `bias` is none   (2b,) or (2b + H,)

    Raises
        ValueError  if a size is below 1, `hidden` no multiple of `block`, or gate biases are not one per block.

    Source
        Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8), 1735-1780.
    Survey
        Attributes its equations 16-20, which have forget gates and peepholes, to this paper, which has neither.
    Departures
        The gradient is that of backpropagation through time; `truncate`, or the gradient `hs97` of a run, gives the
        paper's, which enters no gate or cell
        of an earlier step (all of u is held constant) and travels back by the cells alone. Weights and biases that are
        not given are drawn from [-scale, scale]: the paper's range is 0.2 or 0.1, by task.
    """

    plans = ("stepwise", "chunked", "newton")  # not resident: a gate of a block is no wider than the blocks are many

    def initial_state(self, batch: tuple[int, ...]) -> Any:
        """All activations 0."""
        cells, gates = zeros(batch, self.hidden), zeros(batch, self.blocks)
        return BlocksState(cells, cells, gates, gates) if self.output_gate else InputBlocksState(cells, cells, gates)

    def project(self, inputs: Array) -> Array:
        """The input's share of the pre-activations."""
        return self.pre_activations(inputs)

    def read(self, state) -> Array:
        """u; with `truncate` a constant for the gradient."""
        u = jnp.concatenate([state.h, *state[2:]], axis=-1)
        return jax.lax.stop_gradient(u) if self.truncate else u

    def advance(self, state, drive, mixed) -> tuple[Any, Array]:
        """Gates, cells, outputs."""
        a = drive + mixed
        gates = jnp.split(logistic(a[..., : self.gates]), 1 + self.output_gate, axis=-1)
        c = state.c + self.to_cells(gates[0]) * (2 * jnp.tanh(0.5 * a[..., self.gates :]))
        h = jnp.tanh(0.5 * c)
        if not self.output_gate:
            return InputBlocksState(h, c, gates[0]), h
        h = self.to_cells(gates[1]) * h
        return BlocksState(h, c, *gates), h


class LSTM1997B(Blocks, DiagonalCell):
    """LSTM of 1997, connectivity B of its tasks 2a and 2b: gates and cells see the input alone.

        i    = logistic(x_t W_i + b_i)                       one per block of cells
        c_t  = c_{t-1} + i logistic(x_t W_c + b_c)
        y_t  = [c_t; x_t]                                    what the read-out sees

    Shapes
        x_t   input                                          (B, D)
        c_t   cells, the state                               (B, H)
        y_t   output                                         (B, H + D)
        W     weights of the input gates, b = H / block of them, and cells side by side   (D, b + H)
        b     bias of the gates, or of gates and cells; none where `bias` is none   (b,) or (b + H,)

    Raises
        ValueError  if a size is below 1, `hidden` no multiple of `block`, gate biases are not one per block, or an
                    output gate is asked for.

    Source
        Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8), 1735-1780.
    Survey
        Attributes its equations 16-20, which have forget gates and peepholes, to this paper, which has neither.
    Departures
        None in the equations. Nothing sees an earlier gate or cell output, so that the paper's truncated gradient is
        the whole one here.
    """

    loops = False

    @property
    def width(self) -> int:
        """Cells, and the input beside them."""
        return self.hidden + self.inputs

    def initial_state(self, batch: tuple[int, ...]) -> CarouselState:
        """c = 0."""
        return CarouselState(zeros(batch, self.hidden))

    def kernel(self):
        """Nothing: the loop has no weights."""
        return ()

    def project(self, inputs: Array) -> tuple[Array, Array]:
        """What is added to the cells, and the input itself."""
        a = logistic(self.pre_activations(inputs))
        return self.to_cells(a[..., : self.gates]) * a[..., self.gates :], inputs

    def affine(self, kernel, drive) -> tuple[CarouselState, CarouselState]:
        """Kept whole, added to."""
        added, _ = drive
        return CarouselState(jnp.ones_like(added)), CarouselState(added)

    def emit(self, kernel, state: CarouselState, drive) -> Array:
        """Cells and input."""
        return jnp.concatenate([state.c, drive[1]], axis=-1)


def lstm1997(
    key: Array,
    inputs: int,
    hidden: int = 64,
    block: int = 1,
    connectivity: Literal["F", "B"] = "F",
    bias: Bias = "gates",
    output_gate: bool | None = None,
    input_bias: str = "",
    output_bias: str = "",
    scale: float = 0.1,
    truncate: bool = False,
) -> LSTM1997 | LSTM1997B:
    """LSTM of 1997: memory blocks without forget gates; `truncate` for the paper's gradient.

    `hidden` memory cells, `block` of them sharing their gates. Connectivity F has output gates unless told,
    B none. `input_bias` and `output_bias` hold initial gate biases, one per block: "-1,-3,-5".

    Raises
        ValueError  if a size is below 1, or options contradict each other.

    Source
        Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8), 1735-1780.
    Departures
        The gradient is truncated only if asked for. Weights are drawn from [-scale, scale]; the paper's is 0.2 or 0.1.
    """
    if connectivity not in ("F", "B"):
        raise ValueError(f"connectivity = {connectivity!r} must be F (gates see cells and gates) or B (inputs alone).")
    if connectivity == "B" and output_gate:
        raise ValueError(
            "output_gate = True: connectivity B has no output gates. Leave it out, or set connectivity to F."
        )
    kind, gated = (LSTM1997, output_gate is not False) if connectivity == "F" else (LSTM1997B, False)
    return kind(key, inputs, hidden, block, bias, gated, input_bias, output_bias, scale, truncate)


lstm1997.key = Blocks.key  # type: ignore[attr-defined]

CELLS = {"lstm1997": lstm1997}
