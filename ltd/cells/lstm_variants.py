"""The forms that an LSTM can take, and the names that papers give them."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

Peepholes = Literal["none", "diagonal", "full"]
Squashing = Literal["tanh", "linear"]
Variant = Literal[
    "none", "NIG", "NFG", "NOG", "NIAF", "NOAF", "CIFG", "NP", "FGR", "LSTM-f", "LSTM-i", "LSTM-o", "LSTM-b"
]


class Form(NamedTuple):
    """Which parts an LSTM has."""

    peepholes: Peepholes = "none"
    input_gate: bool = True
    forget_gate: bool = True
    output_gate: bool = True
    coupled: bool = False
    gate_recurrence: bool = False
    input_activation: Squashing = "tanh"
    output_activation: Squashing = "tanh"

    @property
    def gates(self) -> tuple[str, ...]:
        """Those with weights of their own, in order; of coupled gates that is the forget gate."""
        on = {"i": self.input_gate and not self.coupled, "f": self.forget_gate, "o": self.output_gate}
        return tuple(name for name, is_on in on.items() if is_on)


PLAIN = Form()
GREFF: dict[str, dict[str, Any]] = {  # one change each of the LSTM with diagonal peepholes
    "NIG": {"input_gate": False},
    "NFG": {"forget_gate": False},
    "NOG": {"output_gate": False},
    "NIAF": {"input_activation": "linear"},
    "NOAF": {"output_activation": "linear"},
    "CIFG": {"coupled": True},
    "NP": {"peepholes": "none"},
    "FGR": {"gate_recurrence": True},
}
VARIANTS: dict[str, dict[str, Any]] = {
    **{name: {"peepholes": "diagonal"} | change for name, change in GREFF.items()},
    "LSTM-f": {"forget_gate": False},
    "LSTM-i": {"input_gate": False},
    "LSTM-o": {"output_gate": False},
    "LSTM-b": {"forget_bias": 1.0},
}


def resolve(variant: str, form: Form, forget_bias: float, chrono: float | None) -> tuple[Form, float]:
    """The form and forget bias that the name and the options say together.

    An option at its default counts as not given. Raises KeyError for a name that is not known, ValueError for options
    that contradict each other.
    """
    if variant != "none":
        if variant not in VARIANTS:
            raise KeyError(f"no variant {variant!r}; known variants: none, {', '.join(VARIANTS)}")
        form, forget_bias = _named(variant, form, forget_bias)
        if variant == "LSTM-b" and chrono is not None:
            raise ValueError(
                "variant LSTM-b says forget_bias = 1.0, but chrono was given: leave chrono or variant out."
            )
    _check(form, forget_bias, chrono)
    return form, forget_bias


def _named(variant: str, form: Form, forget_bias: float) -> tuple[Form, float]:
    given = form._asdict() | {"forget_bias": forget_bias}
    default = PLAIN._asdict() | {"forget_bias": 1.0}
    says = PLAIN._asdict() | VARIANTS[variant]
    for option, wanted in says.items():
        if given[option] not in (default[option], wanted):
            way = "leave it or variant out"
            raise ValueError(f"variant {variant} says {option} = {wanted}, but it was given as {given[option]}: {way}.")
    bias = says.pop("forget_bias", forget_bias)
    return Form(**says), bias


def _check(form: Form, forget_bias: float, chrono: float | None) -> None:
    for option, kind in (("peepholes", Peepholes), ("input_activation", Squashing), ("output_activation", Squashing)):
        if getattr(form, option) not in get_args(kind):
            raise ValueError(f"{option} = {getattr(form, option)!r} must be one of {', '.join(get_args(kind))}.")
    if form.coupled and not (form.input_gate and form.forget_gate):
        raise ValueError("coupled = True needs the input and the forget gate: leave both on, or coupled out.")
    if form.peepholes != "none" and not form.gates:
        raise ValueError(f"peepholes = {form.peepholes} lead into gates, and none is on: set peepholes to none.")
    if form.gate_recurrence and not form.gates:
        raise ValueError("gate_recurrence = True leads from gates to gates, and none is on: leave it out.")
    if form.gate_recurrence and form.peepholes == "full":
        raise ValueError("gate_recurrence = True goes with peepholes none or diagonal, not full: choose one of these.")
    if not form.forget_gate and (forget_bias != 1.0 or chrono is not None):
        option = "chrono" if chrono is not None else "forget_bias"
        raise ValueError(f"{option} biases the forget gate, and forget_gate is off: leave {option} out.")
    if chrono is not None and forget_bias != 1.0:
        raise ValueError(
            f"chrono = {chrono} draws the forget bias, forget_bias = {forget_bias} sets it: leave one out."
        )
