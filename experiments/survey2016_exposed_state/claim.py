"""A GRU's output is its state; an LSTM's output gate can hide the cell: what the output tells of the state."""

from __future__ import annotations

from collections.abc import Sequence

from ltd.claims import Claim, Control, Measured, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.types import Source

GRU, LSTM = "GRU: largest difference of output and state", "LSTM, output gate shut: largest output"
HIDDEN = "LSTM, output gate shut: smallest norm of the cell"


def measure(cell: str, seed: int) -> dict[str, float]:
    """After 20 Gaussian inputs: how far the output is from the state, its size, and the norm of what is kept."""
    import jax
    import jax.numpy as jnp

    from ltd.cells import CELLS
    from ltd.runtime import precision
    from ltd.streams import stream

    with precision("float64"):
        key = jax.random.key(seed)
        made = CELLS[cell](key, 3, 8)
        if cell == "lstm":  # shut its output gate
            b = made.b[...].reshape(-1, 8)
            made.b[...] = b.at[made.form.gates.index("o")].set(-20.0).ravel()
        kernel = made.kernel()
        drive = made.project(jax.random.normal(stream(key, "data"), (20, 1, 3), jnp.result_type(float)))
        state = made.initial_state((1,))
        for step in range(20):
            state, output = made.step(kernel, state, drive[step])
        kept = state.c if cell == "lstm" else state.h
        return {
            "difference": float(jnp.max(jnp.abs(output - kept))),
            "output": float(jnp.max(jnp.abs(output))),
            "kept": float(jnp.linalg.norm(kept)),
        }


def verdict(results: Sequence[Result]) -> Verdict:
    """Both GRUs show all they keep, and an LSTM keeps what it does not show."""
    grus = [*numbers_of(results, "difference", cell="gru_before"), *numbers_of(results, "difference", cell="gru_after")]
    shown, kept = numbers_of(results, "output", cell="lstm"), numbers_of(results, "kept", cell="lstm")
    if min(len(grus), len(shown)) < 5:
        return Verdict("inconclusive", f"{len(grus)} GRUs and {len(shown)} LSTMs: five of each are needed.")
    numbers = (
        Measured(GRU, max(grus), n=len(grus)),
        Measured(LSTM, max(shown), n=len(shown)),
        Measured(HIDDEN, min(kept), n=len(kept)),
    )
    if max(grus) > 0:
        return Verdict("contradicted", f"a GRU's output differs from its state by {max(grus):.2g}.", numbers)
    if max(shown) > 1e-6 or min(kept) < 1e-3:
        return Verdict("contradicted", "the LSTM cannot hide its cell either.", numbers)
    because = (
        f"a GRU's output is its state; an LSTM with its output gate shut shows {max(shown):.0e} of a cell of norm "
    )
    return Verdict("supported", f"{because}{min(kept):.2g} or more.", numbers)


CLAIM = Claim(
    key="B-S24",
    sentence="Unlike the LSTM, the GRU exposes its whole state at each time step.",
    source=Source("survey2016", "The survey of memory in recurrent networks (2016), section 5.2", "p"),
    published=(
        Published(GRU, 0, "", "measured", "from the equations"),
        Published(LSTM, 0, "", "measured", "from the equations"),
    ),
    controls=(
        Control(
            "the states are not empty",
            "every network keeps something after 20 inputs",
            lambda results: all(one.summary["kept"] > 1e-3 for one in results),
        ),
    ),
    verdict=verdict,
    departures=("Shut is a bias of -20: a gate of about 2e-9. A property of the equations, before training.",),
)
