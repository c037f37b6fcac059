"""A cell unrolled over time: the same numbers by different roads.

    stepwise     everything inside the loop; the reference, and the one to debug; forward mode works
    chunked      time in chunks: products leave the loop, little but the states is kept; the default
    resident     `chunked` whose loop over a chunk is one kernel that keeps the recurrent weights on the chip
    associative  parallel in time, for cells that are linear in their state
    newton       parallel in time, for nonlinear cells: Newton's method on the whole trajectory, with a report

Where a step is not `valid` the state stays as it was; the output there has no meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jax import Array
from jaxtyping import Bool, Float

from ltd.config import ConfigError, unknown
from ltd.settings import Plan
from ltd.types import Cell, Net, State
from ltd.unroll.associative import associative
from ltd.unroll.chunked import chunk_length, chunked
from ltd.unroll.newton import Report, newton, reports
from ltd.unroll.resident import resident
from ltd.unroll.stepwise import masked, output_leaf, stepwise, trajectory

__all__ = [
    "PLANS",
    "Report",
    "check",
    "check_chunk",
    "chunk_length",
    "masked",
    "output_leaf",
    "plans_of",
    "reports",
    "trajectory",
    "unroll",
]

PLANS: dict[str, Callable] = {
    "stepwise": stepwise,
    "chunked": chunked,
    "resident": resident,
    "associative": associative,
    "newton": newton,
}


def unroll(
    cell: Cell | Net,
    inputs: Float[Array, "T B D"],
    state: State,
    plan: Plan = Plan(),
    valid: Bool[Array, "T B"] | None = None,
    key: Array | None = None,
) -> tuple[State, Float[Array, "T B H"]]:
    """The final state and the outputs of all steps. A net (`ltd.types.Net`) unrolls what is inside it by the plan.

    The key is for what is random while training (dropout between the layers of a net); without one nothing is.

    Raises
        ConfigError  for a plan that does not exist, or that the form of the cell does not allow.
    """
    check(plan, cell)
    if hasattr(cell, "over"):
        return cell.over(inputs, state, plan, valid, key)
    return PLANS[plan.type](cell, inputs, state, plan, valid)


def plans_of(cell: Any) -> tuple[str, ...]:
    """The plans that the form of a cell allows."""
    return getattr(cell, "plans", ("stepwise", "chunked", "newton"))


def check(plan: Plan, cell: Any = None) -> None:
    """Refuse a plan that does not exist, or that the form of the cell does not allow."""
    if plan.type not in PLANS:
        raise ConfigError(unknown("plan", plan.type, PLANS))
    if cell is not None and plan.type not in plans_of(cell):
        name, allowed = type(getattr(cell, "cell", cell)).__name__, ", ".join(plans_of(cell))
        raise ConfigError(f"plan {plan.type!r} does not fit the form of {name}; its plans: {allowed}.")


def check_chunk(plan: Plan, net: Any) -> None:
    """Refuse a length of chunks, or steps written out, that nothing in a cell or net would use.

    For a cell or net as a whole: inside it a layer that does not go by chunks may stand beside one that does.
    """
    uses = {"chunk": _chunks, "unroll": lambda part, _: not hasattr(part, "over") or getattr(part, "takes", False)}
    for field, used in uses.items():
        if (value := getattr(plan, field)) != getattr(Plan, field) and not any(used(p, plan) for p in _parts(net)):
            name = type(getattr(net, "cell", net)).__name__
            raise ConfigError(f"plan.{field} = {value} has no meaning for {name} under {plan.type}: leave it out.")


def _parts(net: Any) -> list[Any]:
    """The cells of a net, and the nets in it that are made of none."""
    inside = net.inside() if hasattr(net, "inside") else []
    return [part for _, each in inside for part in _parts(each)] or [net]


def _chunks(part: Any, plan: Plan) -> bool:
    """Whether a cell, or a net made of none, uses the length of chunks. Of what does not say it, it is believed."""
    if plan.type in ("chunked", "resident") and not hasattr(part, "over"):
        return True
    return getattr(part, "chunked_form", True) or getattr(part, "takes", False)
