"""A forget gate that sees nothing but its bias keeps logistic(b)^T of its cell: half-lives, formula against cell."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ltd.claims import Claim, Control, Published, Result, Verdict
from ltd.claims.rules import equal
from ltd.types import Source

STEPS, MARGIN = 50, 0.02
HALF = "half-life, b = {:g}"
# ln 2 / -ln logistic(b), steps
TABLE = {0.0: 1.0, 1.0: 2.2, 2.0: 5.5, 3.0: 14.3, 5.0: 103.0}


def measure(bias: float) -> dict[str, float]:
    """What an LSTM of four cells without weights keeps of c = 1 after 50 steps, and the half-life that follows."""
    import jax
    import jax.numpy as jnp

    from ltd.cells.lstm import LSTMState, lstm
    from ltd.runtime import precision

    with precision("float64"):
        cell = lstm(jax.random.key(0), 1, 4, forget_bias=bias)
        cell.U[...] = jnp.zeros_like(cell.U[...])
        kernel, drive = cell.kernel(), cell.project(jnp.zeros((1, 1)))
        state = LSTMState(jnp.zeros((1, 4)), jnp.ones((1, 4)))
        for _ in range(STEPS):
            state, _ = cell.step(kernel, state, drive)
        kept = float(state.c[0, 0])
    return {"kept": kept, "half life": STEPS * math.log(0.5) / math.log(kept)}


def verdict(results: Sequence[Result]) -> Verdict:
    """Half-lives within 2 % of those of the formula."""
    return equal({HALF.format(one.config["bias"]): one.summary["half life"] for one in results}, PUBLISHED, MARGIN)


PUBLISHED = tuple(Published(HALF.format(b), t, "steps", "measured", "from logistic(b)^T") for b, t in TABLE.items())

CLAIM = Claim(
    key="B-I9",
    sentence="A forget gate with bias b and no other input keeps logistic(b)^T of its cell after T steps: half of it "
    "for 1, 2.2, 5.5, 14.3 and 103 steps at b = 0, 1, 2, 3 and 5.",
    source=Source(
        "gers2000",
        "Gers, Schmidhuber & Cummins (2000), Learning to forget, Neural Computation 12(10), 2451-2471",
        "2",
    ),
    published=PUBLISHED,
    controls=(
        Control(
            "a larger bias keeps more",
            "what is kept grows with the bias, and lies between 0 and 1",
            lambda results: (
                [one.summary["kept"] for one in results] == sorted({one.summary["kept"] for one in results})
                and all(0 < one.summary["kept"] < 1 for one in results)
            ),
        ),
    ),
    verdict=verdict,
    departures=("Four cells, no weights, no input: the gate of a trained network sees more than its bias.",),
)
