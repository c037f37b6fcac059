"""A forget gate that sees nothing but its bias sets the largest Lyapunov exponent of its LSTM: ln logistic(b)."""

from __future__ import annotations

from collections.abc import Sequence

from ltd.claims import Claim, Control, Published, Result, Verdict
from ltd.claims.rules import equal
from ltd.types import Source

UNITS, STEPS, MARGIN = 16, 8000, 0.02
EXPONENT = "largest exponent, b = {:g}"
# ln logistic(b), nats per step
TABLE = {0.0: -0.693, 1.0: -0.313, 2.0: -0.127, 5.0: -0.0067}


def measure(bias: float) -> dict[str, float]:
    """The two ends of the spectrum of an LSTM of 16 units without recurrent weights, undriven, in nats per step."""
    import jax
    import jax.numpy as jnp

    from experiments.measuring import Symbols
    from ltd.config import Choice
    from ltd.model import make_model
    from ltd.probes import PROBES
    from ltd.runtime import precision
    from ltd.settings import Run
    from ltd.types import Batch

    with precision("float64"):
        key = jax.random.key(0)
        run = Run(cell=Choice("lstm", {"hidden": UNITS, "forget_bias": bias}))
        model = make_model(run, Symbols(2))(key)
        model.net.U[...] = jnp.zeros_like(model.net.U[...])
        tokens = jnp.zeros((STEPS, 1), jnp.int32)
        batch = Batch(tokens, tokens, tokens == 1, None)
        found = PROBES["lyapunov"](model, key, batch, leading=UNITS, driven=False)["lyapunov"][0]
    return {"largest": float(found[0]), "of rank 16": float(found[-1])}


def verdict(results: Sequence[Result]) -> Verdict:
    """Within 2 % of the formula at every bias."""
    return equal({EXPONENT.format(one.config["bias"]): one.summary["largest"] for one in results}, PUBLISHED, MARGIN)


PUBLISHED = tuple(
    Published(EXPONENT.format(b), value, "nats per step", "measured", "from ln logistic(b)")
    for b, value in TABLE.items()
)

CLAIM = Claim(
    key="B-L6",
    headline="H15",
    sentence="Without recurrent weights and inputs the largest Lyapunov exponent of an LSTM is ln logistic(b), with b "
    "the bias of its forget gate: -0.693, -0.313, -0.127 and -0.0067 nats per step at b = 0, 1, 2 and 5.",
    source=Source(
        "gers2000",
        "Gers, Schmidhuber & Cummins (2000), Learning to forget, Neural Computation 12(10), 2451-2471",
        "2",
    ),
    published=PUBLISHED,
    controls=(
        Control(
            "all cells forget alike",
            "the sixteenth exponent is the first, to 2 %: there is one for each cell, and they share the bias",
            lambda results: all(
                abs(one.summary["of rank 16"] / one.summary["largest"] - 1) < MARGIN for one in results
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "The paper states no exponent: the formula follows from its equations. 8000 steps: while the cells decay the "
        "share of the output in a direction changes, which weighs on short runs.",
    ),
)
