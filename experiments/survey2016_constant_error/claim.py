"""With gates shut and no decay d c_T / d c_0 is 1 over a thousand steps: the constant error carousel."""

from __future__ import annotations

from collections.abc import Sequence

from ltd.claims import Claim, Control, Measured, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.types import Source

STEPS, TOLERANCE, SHUT = 1000, 1e-6, -20.0
WHAT = "largest deviation of d c_T / d c_0 from the unit matrix"
# biases of input and output gates, of the forget gate: None is none at all
SETTINGS = {"shut": (SHUT, None), "half kept": (SHUT, 0.0), "open": (0.0, None)}


def measure(setting: str, seed: int) -> dict[str, float]:
    """Largest deviation of d c_T / d c_0 from the unit matrix, T = 1000, eight cells on Gaussian inputs."""
    import jax
    import jax.numpy as jnp

    from ltd.cells.lstm import LSTMState, lstm
    from ltd.runtime import precision
    from ltd.streams import stream

    gates, forget = SETTINGS[setting]
    with precision("float64"):
        key = jax.random.key(seed)
        cell = lstm(key, 2, 8, forget_gate=forget is not None, forget_bias=1.0 if forget is None else forget)
        b, names = cell.b[...].reshape(-1, 8), cell.form.gates
        for name in ("i", "o"):
            b = b.at[names.index(name)].set(gates)
        cell.b[...] = b.ravel()
        kernel = cell.kernel()
        drive = cell.project(jax.random.normal(stream(key, "data"), (STEPS, 1, 2), jnp.result_type(float)))

        @jax.jit
        def last(c):
            start = LSTMState(jnp.zeros((1, 8)), c[None])
            return jax.lax.scan(lambda s, d: (cell.step(kernel, s, d)[0], None), start, drive)[0].c[0]

        found = jax.jacobian(last)(jax.random.normal(stream(key, "cells"), (8,), jnp.result_type(float)))
        return {"deviation": float(jnp.max(jnp.abs(found - jnp.eye(8))))}


def verdict(results: Sequence[Result]) -> Verdict:
    """With gates shut the matrix is the unit matrix, to 1e-6."""
    values = numbers_of(results, "deviation", setting="shut")
    if len(values) < 5:
        return Verdict("inconclusive", f"{len(values)} seeds, at least 5 are needed.")
    numbers = (Measured(WHAT, max(values), n=len(values)),)
    if max(values) < TOLERANCE:
        return Verdict("supported", f"it deviates from 1 by at most {max(values):.1e} over {STEPS} steps.", numbers)
    return Verdict("contradicted", f"it deviates from 1 by up to {max(values):.2g}.", numbers)


CLAIM = Claim(
    key="B-S11",
    sentence="While the forget gate applies no decay and input and output gates are off, the gradient by the value of "
    "the memory cell stays constant.",
    source=Source("survey2016", "The survey of memory in recurrent networks (2016), section 3", "p"),
    published=(Published(WHAT, 0, "", "measured", "from the equations"),),
    controls=(
        Control(
            "a decay is seen",
            "with a forget gate at one half the gradient is gone: it deviates from 1 by 1",
            lambda results: all(abs(x - 1) < 1e-9 for x in numbers_of(results, "deviation", setting="half kept")),
        ),
        Control(
            "open gates are seen",
            "with open gates the gradient does not stay 1",
            lambda results: all(x > 1e-3 for x in numbers_of(results, "deviation", setting="open")),
        ),
    ),
    verdict=verdict,
    departures=("Shut is a bias of -20: a gate of about 2e-9.",),
)
