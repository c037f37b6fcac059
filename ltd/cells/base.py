"""What the cells share: the bridge to `flax.nnx.RNN`, and `step` from `mix` and `advance`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from ltd import initializers, linalg
from ltd.trees import spread
from ltd.types import Drive, Kernel, Mixed, State


class HiddenState(NamedTuple):
    """h: hidden state (B, H)."""

    h: Array


class RecurrentCell(nnx.RNNCellBase):
    """A cell in four parts (see `ltd.types.Cell`) that also runs inside `flax.nnx.RNN`.

    recurrent     the parameters that hold square recurrent blocks `[H, n H]`, each with the names of its blocks in
                  order; `rho` and `sigma` rescale them
    plans         those that the form of the cell allows
    clock         parts of the state that count steps: they take no noise, no learned start and no gradient
    fixed         parts of the state that always start as they do: a normaliser, a stabiliser
    exact         keeps float32 where activations are bfloat16: it needs LAPACK, or complex numbers
    chunked_form  whether its `associative` goes by chunks, so that `plan.chunk` has a meaning there
    carousel      whether errors can travel back by its cells alone: it then holds constant, where `truncate` is set,
                  whatever else it sees of the step before

    A cell may offer `units(kernel, state, drive)`: its nonlinear units at one step by name, each with its
    pre-activation (B, H) and the function through which that goes (see the probe `saturation`).
    """

    recurrent: dict[str, tuple[str, ...]] = {}  # noqa: RUF012
    plans: tuple[str, ...] = ("stepwise", "chunked", "newton")
    clock: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    exact: bool = False
    chunked_form: bool = False
    carousel: bool = False
    truncate: bool = False
    key: str  # of the catalogue of systems
    inputs: int
    hidden: int
    W: nnx.Param
    U: nnx.Param
    b: nnx.Param
    # a cell of its own offers these, see `ltd.types.Cell`
    initial_state: Callable[..., State]
    kernel: Callable[..., Kernel]
    step: Callable[..., tuple[State, Array]]

    @property
    def width(self) -> int:
        """Size of the output of one step."""
        return self.hidden

    def project(self, inputs: Array) -> Drive:
        """The input's share of the pre-activations: x W + b."""
        return inputs @ self.W[...] + self.b[...]

    def __call__(self, carry: State, inputs: Array) -> tuple[State, Array]:
        """One step in the protocol of `flax.nnx.RNN`."""
        return self.step(self.kernel(), carry, self.project(inputs))

    def initialize_carry(self, input_shape: tuple[int, ...], rngs: Any = None, carry_init: Any = None) -> State:
        """The zero state in the protocol of `flax.nnx.RNN`."""
        return self.initial_state(input_shape[:-1])

    @property
    def num_feature_axes(self) -> int:
        """Axes of one input that are not batch."""
        return 1


class MixRecurrentCell(RecurrentCell):
    """A cell whose loop holds one matrix product, h U, and then `advance`: gates without weights."""

    plans: tuple[str, ...] = ("stepwise", "chunked", "resident", "newton")
    advance: Callable[..., tuple[State, Array]]

    def kernel(self) -> Kernel:
        """U."""
        return self.U[...]

    def read(self, state: State) -> Array:
        """h."""
        return state.h

    def mix(self, kernel: Kernel, read: Array) -> Mixed:
        """h U."""
        return read @ kernel

    def step(self, kernel: Kernel, state: State, drive: Drive) -> tuple[State, Array]:
        """One step: mix, then advance."""
        return self.advance(state, drive, self.mix(kernel, self.read(state)))


class DiagonalCell(RecurrentCell):
    """A cell that is linear in its state with a diagonal matrix, and so parallel in time.

        s_t = a_t s_{t-1} + b_t         elementwise; a_t and b_t see the input alone
        y_t = emit(s_t, drive_t)

    A subclass offers `affine` and `emit`. A complex state is kept as two real parts (`re`, `im`): then it also offers
    `pack` (state to complex) and `unpack`, and its `affine` speaks of the packed form.
    """

    plans = ("stepwise", "chunked", "associative")
    affine: Callable[..., tuple[Any, Any]]
    emit: Callable[..., Array]

    def pack(self, state: State) -> Any:
        """The state as `affine` speaks of it."""
        return state

    def unpack(self, packed: Any) -> State:
        """And back."""
        return packed

    def step(self, kernel: Kernel, state: State, drive: Drive) -> tuple[State, Array]:
        """One step."""
        a, b = self.affine(kernel, drive)
        new = self.unpack(jax.tree.map(lambda a, s, b: a * s + b, a, self.pack(state), b))
        return new, self.emit(kernel, new, drive)

    def associate(
        self, kernel: Kernel, state: State, drive: Drive, valid: Array | None, chunk: int | None
    ) -> tuple[State, Array]:
        """All steps at once."""
        a, b = self.affine(kernel, drive)
        if valid is not None:
            a = jax.tree.map(lambda leaf: jnp.where(spread(valid, leaf), leaf, 1), a)
            b = jax.tree.map(lambda leaf: jnp.where(spread(valid, leaf), leaf, 0), b)
        states = self.unpack(jax.tree.map(linalg.recurrence, a, b, self.pack(state)))
        return jax.tree.map(lambda leaf: leaf[-1], states), self.emit(kernel, states, drive)


def zeros(batch: tuple[int, ...], hidden: int) -> Array:
    """A zero state in the default float type."""
    return jnp.zeros((*batch, hidden), jnp.result_type(float))


def keyed(key: str) -> Callable[[Callable], Callable]:
    """Gives a function that chooses between cells the key that a cell has, for the tables made from the registry."""

    def mark(choose: Callable) -> Callable:
        vars(choose)["key"] = key
        return choose

    return mark


def at_least_one(**sizes: int) -> None:
    """Refuse sizes below 1 by name."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} = {size} must be at least 1.")


def width_of(cell: Any) -> int:
    """Size of the output of one step; a user's cell that does not say it has that of its state."""
    return cell.width if hasattr(cell, "width") else cell.hidden


def named(path: Any, names: tuple[str, ...]) -> bool:
    """Whether the part of a state at this path has one of the names."""
    return bool(path) and getattr(path[-1], "name", None) in names


def cast(state: State, dtype: Any, clock: tuple[str, ...] = ()) -> State:
    """The state in another float type but its clocks: 8 bits count to 256."""
    return jax.tree_util.tree_map_with_path(lambda p, leaf: leaf if named(p, clock) else leaf.astype(dtype), state)


def cells_of(net: Any, prefix: str = "") -> dict[str, Any]:
    """The cells of a net by dotted name; a cell is its own, without a name."""
    if not hasattr(net, "inside"):
        return {prefix.removesuffix("."): net}
    return {k: v for name, each in net.inside() for k, v in cells_of(each, f"{prefix}{name}.").items()}


def recurrent_blocks(net: Any) -> dict[str, Float[Array, "H H"]]:
    """The square recurrent blocks by name: `U` of an Elman network, i f o g of an LSTM; `1.U` inside a net."""
    blocks: dict[str, Array] = {}
    for prefix, cell in cells_of(net).items():
        for parameter, names in getattr(cell, "recurrent", {}).items():
            named = [f"{prefix}.{name}" if prefix else name for name in names]
            blocks |= dict(zip(named, initializers.blocks_of(getattr(cell, parameter)[...]), strict=True))
    return blocks


def rescale(net: Any, rho=None, sigma=None) -> None:
    """Rescale every square recurrent block on its own, to a spectral radius or to a largest singular value."""
    if rho is None and sigma is None:
        return
    if not recurrent_blocks(net):
        name = type(getattr(net, "cell", net)).__name__
        raise ValueError(f"{name} names no recurrent block, so rho and sigma cannot be set: leave them out.")
    for cell in cells_of(net).values():
        for parameter in getattr(cell, "recurrent", {}):
            weights = getattr(cell, parameter)
            blocks = initializers.blocks_of(weights[...])
            blocks = initializers.to_rho(blocks, rho) if rho is not None else initializers.to_sigma(blocks, sigma)
            weights[...] = initializers.kernel_of(blocks)
