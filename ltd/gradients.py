"""Gradients of training other than backpropagation through time: truncated ones, and the exact one forward in time.

A truncated gradient is the derivative of the same outputs by another road: a function in the place of `unroll`, whose
values are the same, and whose derivative forgets. So it serves every loss, plan and cell that the whole one does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float

from ltd.cells import cells_of
from ltd.config import ConfigError
from ltd.settings import Gradient, Plan, Run
from ltd.trees import disassemble
from ltd.types import Batch, State, Task
from ltd.unroll import masked, trajectory, unroll


def over(gradient: Gradient) -> Callable:
    """What training puts in the place of `unroll`."""
    roads: dict[str, Callable] = {
        "truncated": functools.partial(truncated, gradient.k1 or 1, gradient.k2 or 1),
        "elman": functools.partial(truncated, 1, 1),
        "hs97": carousel,
    }
    return roads.get(gradient.type, unroll)


def truncated(
    k1: int,
    k2: int,
    net: Any,
    inputs: Float[Array, "T B D"],
    state: State,
    plan: Plan = Plan(),
    valid: Bool[Array, "T B"] | None = None,
    key: Array | None = None,
) -> tuple[State, Float[Array, "T B H"]]:
    """`unroll` whose gradient is that of BPTT(k2; k1): a pass every `k1` steps, `k2` steps back (A1.19).

    The passes are made after steps k1, 2 k1, .. and after the last step. The one after step t carries the errors of the
    steps since the pass before it back through the steps t - k2 + 1 .. t; the state before these is a constant. An
    error at one step thus travels back over k2 - k1 + 1 to k2 steps. With (1, 1) it is the procedure of Elman, in which
    the last state is one more input; with k1 = k2 the sequence is cut into pieces; k2 not below T is the whole
    gradient.

    All passes are unrolled at once, side by side in the batch, from states that a first run in sequence has left.

    Source
        Williams & Peng (1990), Neural Computation 2(4), 490-501; Elman (1990), Cognitive Science 14, 179-211.
    Departures
        The gradients of all passes are added up, and the weights are moved once for each batch; after every pass, as in
        the source, they are by `ltd.online`.
    """
    length, batch, _ = inputs.shape
    k2 = min(k2, length)
    ends = np.minimum(np.arange(k1, length + k1, k1), length)
    steps = ends[None, :] - k2 + np.arange(k2)[:, None]  # [k2, passes]: the step each place of a window holds
    first = steps[0]
    _, before, _, _ = jax.lax.stop_gradient(trajectory(net, inputs, state, valid))

    def start(stored: Array, given: Array) -> Array:
        """The state before every window: the given one, with its gradient, where it reaches the beginning."""
        stored = stored[np.maximum(first, 0)]
        chosen = jnp.where((first <= 0).reshape(-1, *(1,) * given.ndim), given[None], stored)
        return chosen.reshape(len(ends) * batch, *given.shape[1:])

    def window(steps_of: Array) -> Array:
        return steps_of[np.maximum(steps, 0)].reshape(k2, len(ends) * batch, *steps_of.shape[2:])

    real = None if valid is None else window(valid)
    if np.any(steps < 0):
        there = jnp.asarray(np.repeat(steps >= 0, batch, axis=1))
        real = there if real is None else real & there
    final, outputs = unroll(net, window(inputs), jax.tree.map(start, before, state), plan, real, key)
    outputs = outputs.reshape(k2, len(ends), batch, -1)
    now = np.arange(length)
    last = jax.tree.map(lambda leaf: leaf.reshape(len(ends), batch, *leaf.shape[1:])[-1], final)
    return last, outputs[now - first[now // k1], now // k1]


def carousel(
    net: Any, inputs: Array, state: State, plan: Plan = Plan(), valid: Array | None = None, key: Array | None = None
) -> tuple[State, Array]:
    """`unroll` whose gradient travels back by the cells of an LSTM alone (A1.19).

    Whatever a gate or a cell sees of the step before is a constant; only c_{t-1} in c_t is not. What the errors meet on
    their way is the forget gate, where there is one, and nothing else.

    Source
        Hochreiter & Schmidhuber (1997), Neural Computation 9(8), 1735-1780; with a forget gate Gers, Schmidhuber &
        Cummins (2000), Neural Computation 12(10), 2451-2471.
    Departures
        Between layers of a net errors travel on, within their step. The weights are moved once for each batch; in the
        sources after every step or sequence: `ltd.online` moves them after every step.
    """
    return unroll(cut(net), inputs, state, plan, valid, key)


def cut(net: Any) -> Any:
    """A copy of a net whose cells let errors of earlier steps through their carousels alone."""
    graphdef, params, rest = disassemble(net)
    own = nnx.merge(graphdef, params, rest)
    for cell in cells_of(own).values():
        cell.truncate = True
    return own


class Forward:
    """One step of a model on flat weights and flat states, and the derivatives of the states carried along (RTRL).

    Only what matters is carried: the derivatives by the weights that a state depends on, those of net and start
    (`theta`, P numbers; the others are the read-out's), of the parts of a state that a later step has a derivative by
    (n numbers for each of B sequences; of an LSTM that is `cut` its cells alone). So S is [B, n, P].
    """

    def __init__(self, build: Callable[[Any], Any], params: Any, batch: Batch, key: Array | None = None):
        self.build, self.size, self.key = build, batch.scored.shape[1], key
        paths, self.form = jax.tree_util.tree_flatten_with_path(params)
        self.inner = [getattr(path[0], "key", "") in ("net", "start") for path, _ in paths]
        self.theta_of = ravel_pytree(self._parted([leaf for _, leaf in paths])[0])[1]
        start = build(params).initial_state(self.size, key)
        one = jax.tree.map(lambda leaf: leaf[0], start)
        self.state_of = ravel_pytree(one)[1]
        kept = differentiated(lambda s: self._step(build(params), s, batch.inputs[0], None), start)
        self.kept = np.flatnonzero(np.repeat(kept, [leaf.size for leaf in jax.tree.leaves(one)]))

    def _parted(self, leaves: list[Array]) -> tuple[list[Array], list[Array]]:
        pairs = list(zip(leaves, self.inner, strict=True))
        return [leaf for leaf, inner in pairs if inner], [leaf for leaf, inner in pairs if not inner]

    def split(self, params: Any) -> tuple[Float[Array, " P"], list[Array]]:
        """theta and the read-out's weights."""
        inside, readout = self._parted(jax.tree.leaves(params))
        return ravel_pytree(inside)[0], readout

    def join(self, theta: Float[Array, " P"], readout: list[Array]) -> Any:
        """The parameters, or a gradient by them, as the model has them."""
        given, others = iter(self.theta_of(theta)), iter(readout)
        return jax.tree.unflatten(self.form, [next(given if inner else others) for inner in self.inner])

    def begin(self, params: Any) -> tuple[Float[Array, "B N"], Float[Array, "B n P"]]:
        """The state before the first step, and the derivatives of its parts that are kept."""
        theta, readout = self.split(params)

        def start(theta: Array) -> Array:
            return self._flat(self.build(self.join(theta, readout)).initial_state(self.size, self.key))

        return start(theta), jax.jacrev(lambda theta: start(theta)[:, self.kept])(theta)

    def _flat(self, state: State) -> Float[Array, "B N"]:
        return jax.vmap(lambda s: ravel_pytree(s)[0])(state)

    def _step(self, model: Any, state: State, x: Array, v: Array | None) -> tuple[State, Array]:
        drive = model.net.project(model.embed(x[None])[0])
        new, out = masked(lambda s: model.net.step(model.net.kernel(), s, drive), v)(state)
        return new, model.readout(out[None])[0]

    def after(self, theta: Array, readout: list[Array], s: Float[Array, "B N"], x: Array, v: Array | None):
        """State and output after a step."""
        new, y = self._step(self.build(self.join(theta, readout)), jax.vmap(self.state_of)(s), x, v)
        return self._flat(new), y

    def step(self, params: Any, s: Float[Array, "B N"], S: Float[Array, "B n P"], x: Array, v: Array | None):
        """State, derivatives and output after a step; and the gradient, by the parameters, of errors at that output."""
        theta, readout = self.split(params)

        def alone(theta: Array, s: Array, x: Array, v: Array | None) -> Array:
            one = None if v is None else v[None]
            return self.after(theta, readout, s[None], x[None], one)[0][0, self.kept]

        (new, y), pull = jax.vjp(lambda th, r, s: self.after(th, r, s, x, v), theta, readout, s)
        immediate, J = jax.vmap(jax.jacrev(alone, (0, 1)), (None, 0, 0, None if v is None else 0))(theta, s, x, v)

        def gradient(error: Float[Array, "B O"]) -> Any:
            direct, of_readout, costate = pull((jnp.zeros_like(s), error))
            return self.join(direct + jnp.einsum("bn,bnp->p", costate[:, self.kept], S), of_readout)

        return new, J[..., self.kept] @ S + immediate, y, gradient


def differentiated(step: Callable[[State], Any], state: State) -> list[bool]:
    """Of each leaf of a state, whether anything after it has a derivative by it that is not zero by construction."""

    def back(state: State, errors: Any) -> State:
        return jax.vjp(step, state)[1](errors)[0]

    traced = jax.make_jaxpr(back)(state, jax.eval_shape(step, state)).jaxpr
    reached = set(traced.invars)
    for eqn in traced.eqns:
        if any(isinstance(v, jax.extend.core.Var) and v in reached for v in eqn.invars):
            reached |= set(eqn.outvars)
    return [isinstance(v, jax.extend.core.Var) and v in reached for v in traced.outvars]


def rtrl(
    build: Callable[[Any], Any], params: Any, batch: Batch, task: Task, key: Array | None = None
) -> tuple[Float[Array, ""], Any]:
    """Loss and whole gradient by real-time recurrent learning (A1.20), equal to those of `bptt`.

        S_t = J_t S_{t-1} + d s_t / d w       state by weights, n numbers by P weights for each sequence
        dL/dw = sum over t of (dL/ds_t) S_t

    Nothing is kept of earlier steps but S: beside the batch and its outputs, memory does not depend on T. The price is
    n^2 P products at every step. `build` makes the model from its parameters. Every step is made in turn, whatever the
    plan; evaluation follows the plan.

    Source
        Williams & Zipser (1989), Neural Computation 1(2), 270-280.
    Departures
        The weights are moved once for each batch; at every step, as in the source, they are by `ltd.online`. The
        outputs of all steps are computed first, since a task's loss is a function of all of them.
    """
    forward = Forward(build, params, batch, key)
    theta, readout = forward.split(params)
    begun = forward.begin(params)
    sequence = (batch.inputs, batch.valid)
    _, outputs = jax.lax.scan(lambda s, now: forward.after(theta, readout, s, *now), begun[0], sequence)
    loss, errors = jax.value_and_grad(lambda y: task.loss(y, batch))(outputs)

    def further(carry, now):
        s, S, total = carry
        x, v, error = now
        s, S, _, gradient = forward.step(params, s, S, x, v)
        return (s, S, jax.tree.map(jnp.add, total, gradient(error))), None

    zero = jax.tree.map(jnp.zeros_like, params)
    (_, _, total), _ = jax.lax.scan(further, (*begun, zero), (*sequence, errors))
    return loss, total


def check(settings: Run, net: Any) -> None:
    """Refuse a gradient that this net does not have.

    Raises
        ConfigError  for `hs97` where a cell has no carousel; for steps cut or carried where there are none, or where
                     they are random; for `rtrl` in bfloat16, or of complex states; for Omega of a gradient that is not
                     the whole one.
    """
    kind, name = settings.gradient.type, type(getattr(net, "cell", net)).__name__
    if kind == "bptt":
        return
    if settings.regularizer.omega is not None:
        raise ConfigError(f"gradient = {kind} with regularizer.omega, which needs the whole gradient: use bptt.")
    if kind == "hs97":
        for label, cell in cells_of(net).items():
            if not getattr(cell, "carousel", False):
                where = f" ({label})" if label else ""
                raise ConfigError(
                    f"gradient = hs97: {type(getattr(cell, 'cell', cell)).__name__}{where} has no cells that carry "
                    "errors alone. Use lstm without peepholes, or lstm1997."
                )
        if not settings.gradient.online:
            return
    stateless = not jax.tree.leaves(jax.eval_shape(lambda: net.initial_state((1,))))
    if stateless or not (getattr(net, "causal", True) and hasattr(net, "step")):
        raise ConfigError(f"gradient = {kind}: {name} has no state that goes from step to step. Use bptt.")
    if random_inside(net):
        raise ConfigError(f"gradient = {kind} goes by steps, and dropout would differ: set dropout to 0.")
    forward = kind == "rtrl" or (kind == "hs97" and settings.gradient.online)
    parts = jax.tree.leaves(jax.eval_shape(lambda: net.initial_state((1,))))
    if forward and any(jnp.issubdtype(leaf.dtype, jnp.complexfloating) for leaf in parts):
        raise ConfigError(f"gradient = {kind}: the state of {name} is complex: use bptt, or keep two real parts.")
    if kind == "rtrl" and settings.precision == "bfloat16":
        raise ConfigError("gradient = rtrl adds up over all steps, which bfloat16 is too coarse for: use float32.")


def random_inside(net: Any) -> bool:
    """Whether something in a net is random while training."""
    inside = net.inside() if hasattr(net, "inside") else []
    return bool(getattr(net, "dropout", 0)) or any(random_inside(each) for _, each in inside)
