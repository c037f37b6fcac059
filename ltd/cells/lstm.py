"""The LSTM: its gates on, off, coupled, recurrent, with and without peepholes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ltd import initializers
from ltd.activations import linear, logistic
from ltd.cells.base import MixRecurrentCell, RecurrentCell, at_least_one, zeros
from ltd.cells.lstm_variants import PLAIN, Form, Peepholes, Squashing, Variant, resolve


class LSTMState(NamedTuple):
    """h: output (B, H); c: cell (B, H), the carousel."""

    h: Array
    c: Array


class GatedLSTMState(NamedTuple):
    """h: output (B, H); c: cell (B, H); gates: those of the step before, side by side (B, nH)."""

    h: Array
    c: Array
    gates: Array


def squash(a: Array, how: str) -> Array:
    """tanh, or nothing."""
    return jnp.tanh(a) if how == "tanh" else a


class GatedCell(RecurrentCell):
    """What LSTMs share: gates that are on, their weights side by side, the carousel."""

    key = "A2.2-A2.9"
    preactivations: Callable[..., tuple[Array, Callable | None]]  # of one step, and what `cycle` takes beside them

    def __init__(
        self,
        key: Array,
        inputs: int,
        hidden: int = 64,
        forget_bias: float = 1.0,
        init: str = "orthogonal",
        chrono: float | None = None,
        form: Form = PLAIN,
    ):
        at_least_one(inputs=inputs, hidden=hidden)
        w_key, u_key = jax.random.split(key)
        _, _, self_key, chrono_key = jax.random.split(key, 4)
        self.inputs, self.hidden, self.form = inputs, hidden, form
        n = len(form.gates)
        self.W = nnx.Param(initializers.uniform_fan_in(w_key, (inputs, (n + 1) * hidden)))
        self.U = nnx.Param(initializers.recurrent(init, u_key, hidden, blocks=n + 1))
        self.b = nnx.Param(self._biases(chrono_key, forget_bias, chrono))
        dtype = jnp.result_type(float)
        self.p = nnx.Param(jnp.zeros((n, hidden), dtype)) if form.peepholes == "diagonal" else None
        if form.peepholes == "full":
            self.Q = nnx.Param(jnp.zeros((hidden, n * hidden), dtype))
        self.R = nnx.Param(initializers.recurrent(init, self_key, hidden, n * n)) if form.gate_recurrence else None

    @property
    def recurrent(self):  # type: ignore[override]
        """U: one block per gate and one of the candidate; R: the block from each gate into each gate."""
        gates = self.form.gates
        return {"U": (*gates, "g")} | ({"R": tuple(a + b for a in gates for b in gates)} if self.R is not None else {})

    @property
    def carousel(self):  # type: ignore[override]
        """Without peepholes, which see the cells."""
        return self.form.peepholes == "none"

    def _biases(self, key: Array, forget_bias: float, chrono: float | None) -> Array:
        H, gates = self.hidden, self.form.gates
        start = {name: jnp.zeros(H, jnp.result_type(float)) for name in (*gates, "g")}
        if chrono is not None:
            start["f"] = initializers.chrono(key, H, chrono)
            if "i" in gates:
                start["i"] = -start["f"]
        elif "f" in gates:
            start["f"] = initializers.forget_bias(H, forget_bias)
        return jnp.concatenate(list(start.values()))

    def initial_state(self, batch: tuple[int, ...]) -> Any:
        """h = c = 0, and no gate open before the first step."""
        h, c = zeros(batch, self.hidden), zeros(batch, self.hidden)
        if not self.form.gate_recurrence:
            return LSTMState(h, c)
        return GatedLSTMState(h, c, zeros(batch, len(self.form.gates) * self.hidden))

    def cycle(self, state, a: Array, peep_output=None) -> tuple[Any, Array]:
        """Cell and output from pre-activations `a`; `peep_output(c_t)` is what the output gate sees of the new cell."""
        form, H = self.form, self.hidden
        early = len(form.gates) - (peep_output is not None)  # gates that do not wait for the new cell; o is the last
        # split, for the gradient of a slice is padded with zeros and added up
        waiting = [early * H, len(form.gates) * H] if peep_output is not None else [early * H]
        opened, *late, g = jnp.split(a, waiting, axis=-1)
        opened = logistic(opened)
        gate = dict(zip(form.gates, jnp.split(opened, max(early, 1), axis=-1), strict=False)) if early else {}
        g = squash(g, form.input_activation)
        kept = gate["f"] * state.c if "f" in gate else state.c
        new = (1 - gate["f"]) * g if form.coupled else gate["i"] * g if "i" in gate else g
        c = kept + new
        if peep_output is not None:
            gate["o"] = logistic(late[0] + peep_output(c))
            opened = jnp.concatenate([opened, gate["o"]], axis=-1)
        h = squash(c, form.output_activation)
        h = gate["o"] * h if "o" in gate else h
        return (GatedLSTMState(h, c, opened) if form.gate_recurrence else LSTMState(h, c)), h

    def step(self, kernel, state, drive) -> tuple[Any, Array]:
        """Pre-activations, then gates, cell, output."""
        return self.cycle(state, *self.preactivations(kernel, state, drive))

    def units(self, kernel, state, drive):
        """The gates that are on, the candidate g, and the squashing of the cell."""
        a, peep_output = self.preactivations(kernel, state, drive)
        new, _ = self.cycle(state, a, peep_output)
        parts = dict(zip((*self.form.gates, "g"), jnp.split(a, len(self.form.gates) + 1, axis=-1), strict=True))
        if peep_output is not None:
            parts["o"] += peep_output(new.c)
        squashing = {"g": self.form.input_activation, "c": self.form.output_activation}
        functions = {name: jnp.tanh if how == "tanh" else linear for name, how in squashing.items()}
        return {name: (part, functions.get(name, logistic)) for name, part in {**parts, "c": new.c}.items()}


class LSTM(GatedCell, MixRecurrentCell):
    """LSTM; by default with forget gate and without peepholes.

        i, f, o = logistic(x_t W_k + h_{t-1} U_k + b_k)       k = i, f, o
        g       = tanh(x_t W_g + h_{t-1} U_g + b_g)
        c_t     = f c_{t-1} + i g
        h_t     = o tanh(c_t)

    A gate that is off is 1 and has no parameters. Diagonal peepholes add p_i c_{t-1}, p_f c_{t-1} and p_o c_t; coupled
    gates have i = 1 - f; gate recurrence adds i_{t-1} R_ik + f_{t-1} R_fk + o_{t-1} R_ok; an activation that is linear
    leaves its tanh out.

    Shapes
        x_t       input                                  (B, D)
        h_t, c_t  output and cell, together the state    (B, H)
        gates     those of the step before, a part of the state with gate recurrence   (B, nH)
        W, U      weights of the gates that are on, in the order i, f, o, and of g side by side   (D, 4H), (H, 4H)
        b         bias; `forget_bias` or log u in the forget gate, -log u in the input gate, else 0 at first   (4H,)
        p         diagonal peepholes, a row per gate that is on, 0 at first   (3, H)
        R         gate recurrence: blocks i to i, i to f, ..., o to o         (H, 9H)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, or options contradict each other.

    Source
        Gers, Schmidhuber & Cummins (2000), Neural Computation 12(10), 2451-2471. Peepholes: Gers, Schraudolph &
        Schmidhuber (2002), JMLR 3, diagonal as in Graves (2013), arXiv 1308.0850. Single changes: Greff et al. (2015),
        arXiv 1503.04069. chrono: Tallec & Ollivier (2018), arXiv 1804.11188.
    Survey
        Attributes its equations 16-20, which have forget gates and peepholes, to the paper of 1997, which has neither.
    Departures
        One gate per unit, not per memory block; one bias per gate. Gradients flow through peepholes, and the output
        is squashed: the paper of 2002 does neither. Coupled gates keep f as the gate with weights where Greff et al.
        keep i (negate the weights to carry them over), so that `forget_bias` and `chrono` mean the same with them.
        Greff et al. draw peepholes from N(0, 0.1^2).
    """

    def kernel(self):
        """U; with gate recurrence R below it, which reaches no candidate; the rows of peepholes."""
        U, n, H = self.U[...], len(self.form.gates), self.hidden
        if self.R is not None:
            R = jnp.concatenate(jnp.split(self.R[...], n, axis=-1))
            U = jnp.concatenate([U, jnp.pad(R, ((0, 0), (0, H)))])
        return U if self.p is None else (U, list(self.p[...]))

    def read(self, state) -> Any:
        """h, or h with the gates beside it, with `truncate` constants for the gradient; and c for peepholes."""
        h = state.h if self.R is None else jnp.concatenate([state.h, state.gates], axis=-1)
        h = jax.lax.stop_gradient(h) if self.truncate else h
        return h if self.p is None else (h, state.c)

    def mix(self, kernel, read):
        """h U with the peepholes' share of c_{t-1}, and p_o, spread over the batch, for c_t."""
        if self.p is None:
            return read @ kernel
        (U, p), (h, c) = kernel, read
        gates = self.form.gates
        share = [p[k] * c if name != "o" else jnp.zeros_like(c) for k, name in enumerate(gates)]
        a = h @ U + jnp.concatenate([*share, jnp.zeros_like(c)], axis=-1)
        return (a, jnp.broadcast_to(p[-1], c.shape)) if "o" in gates else (a, None)

    def advance(self, state, drive, mixed) -> tuple[Any, Array]:
        """Gates, cell, output."""
        return self.cycle(state, *self._joined(drive, mixed))

    def preactivations(self, kernel, state, drive):
        """Of the gates that are on and the candidate; what a peephole gives the output gate of the new cell."""
        return self._joined(drive, self.mix(kernel, self.read(state)))

    def _joined(self, drive, mixed):
        if self.p is None:
            return drive + mixed, None
        a, p_o = mixed
        return drive + a, None if p_o is None else lambda c: p_o * c


class FullPeepholeLSTM(GatedCell):
    """LSTM with matrices for peepholes, as the survey prints it.

        i, f  = logistic(x_t W_k + h_{t-1} U_k + c_{t-1} Q_k + b_k)       k = i, f
        c_t   = f c_{t-1} + i tanh(x_t W_g + h_{t-1} U_g + b_g)
        o     = logistic(x_t W_o + h_{t-1} U_o + c_t Q_o + b_o)
        h_t   = o tanh(c_t)

    Shapes
        x_t       input                                  (B, D)
        h_t, c_t  output and cell, together the state    (B, H)
        W, U      weights of the gates that are on, in the order i, f, o, and of g side by side   (D, 4H), (H, 4H)
        b         bias; `forget_bias` or log u in the forget gate, -log u in the input gate, else 0 at first   (4H,)
        Q         peepholes of the gates that are on side by side, 0 at first   (H, 3H)

    Raises
        KeyError    if `init` is not known.
        ValueError  if a size is below 1, or options contradict each other.

    Source
        The survey's equations 16-20; Gers, Schraudolph & Schmidhuber (2002), JMLR 3, for the idea.
    Survey
        Attributes these equations to the paper of 1997, and prints matrices where the papers have one weight per unit.
    Departures
        Peepholes start at zero, and rho and sigma leave them alone. The output gate waits for the new cell, so that
        there are two products that depend on each other and no `mix`.
    """

    def kernel(self):
        """U of h; Q of the old cell into i and f; Q of the new cell into o."""
        early = self.hidden * sum(name != "o" for name in self.form.gates)
        return self.U[...], self.Q[...][:, :early], self.Q[...][:, early:]

    def preactivations(self, kernel, state: LSTMState, drive):
        """Of gates that see the old cell, of the candidate, and of the gate that sees the new cell."""
        U, Q, Q_o = kernel
        a = drive + state.h @ U
        early = Q.shape[-1]
        a = jnp.concatenate([a[..., :early] + state.c @ Q, a[..., early:]], axis=-1)
        return a, (lambda c: c @ Q_o) if "o" in self.form.gates else None


def lstm(
    key: Array,
    inputs: int,
    hidden: int = 64,
    variant: Variant = "none",
    peepholes: Peepholes = "none",
    input_gate: bool = True,
    forget_gate: bool = True,
    output_gate: bool = True,
    coupled: bool = False,
    gate_recurrence: bool = False,
    input_activation: Squashing = "tanh",
    output_activation: Squashing = "tanh",
    forget_bias: float = 1.0,
    chrono: float | None = None,
    init: str = "orthogonal",
) -> LSTM | FullPeepholeLSTM:
    """LSTM: forget gate, peepholes none, diagonal or full; gates off, coupled, recurrent; the named single changes.

    `variant` sets the options that its name says, and refuses others. NIG NFG NOG NIAF NOAF CIFG NP FGR: one change of
    the LSTM with diagonal peepholes. LSTM-f LSTM-i LSTM-o LSTM-b: no forget, input, output gate; forget bias 1.

    Raises
        KeyError    if `variant` or `init` is not known.
        ValueError  if a size is below 1, or options contradict each other.

    Source
        Gers, Schmidhuber & Cummins (2000), Neural Computation 12(10), 2451-2471; Greff et al. (2015), arXiv 1503.04069;
        Jozefowicz, Zaremba & Sutskever (2015), ICML.
    Departures
        LSTM-i and LSTM-o keep the `forget_bias` that is given, 1 if none is: the paper starts theirs at 0.
    """
    form = Form(
        peepholes, input_gate, forget_gate, output_gate, coupled, gate_recurrence, input_activation, output_activation
    )
    form, forget_bias = resolve(variant, form, forget_bias, chrono)
    kind = FullPeepholeLSTM if form.peepholes == "full" else LSTM
    return kind(key, inputs, hidden, forget_bias, init, chrono, form)


lstm.key = LSTM.key  # type: ignore[attr-defined]

CELLS = {"lstm": lstm}
