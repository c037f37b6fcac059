"""Spectral radius and largest singular value of the three initial matrices of Pascanu, Mikolov & Bengio (2013)."""

from __future__ import annotations

from collections.abc import Sequence

from ltd.claims import Claim, Control, Measured, Published, Result, Verdict
from ltd.claims.rules import equal, numbers_of
from ltd.stats import mean_interval
from ltd.types import Source

UNITS, MARGIN = 50, 0.05
# of an independent numpy run: spectral radius, largest singular value
TABLE = {
    "pascanu2013_sigmoid": (0.075, 0.137),
    "pascanu2013_basic_tanh": (0.75, 1.37),
    "pascanu2013_smart_tanh": (0.95, 1.81),
}
NAMES = {"rho": "spectral radius, {}", "sigma": "largest singular value, {}"}


def measure(init: str, seed: int) -> dict[str, float]:
    """rho and sigma of one matrix of 50 units; the share of its entries that are zero."""
    import jax
    import jax.numpy as jnp

    from ltd.initializers import INITIALIZERS
    from ltd.linalg import rho, sigma
    from ltd.runtime import precision

    with precision("float64"):
        U = INITIALIZERS[init](jax.random.key(seed), UNITS, jnp.result_type(float))
        return {"rho": float(rho(U)), "sigma": float(sigma(U)), "zeros": float(jnp.mean(U == 0))}


def verdict(results: Sequence[Result]) -> Verdict:
    """Means over seeds within 5 % of the numbers."""
    numbers = {}
    for init in TABLE:
        for name, what in NAMES.items():
            values = numbers_of(results, name, init=init)
            if len(values) >= 5:
                what = what.format(init)
                numbers[what] = Measured(what, *mean_interval(values), len(values))
    found = equal({what: one.value for what, one in numbers.items()}, PUBLISHED, MARGIN)
    return Verdict(found.answer, found.because, tuple(numbers.values()))


PUBLISHED = tuple(
    Published(NAMES[name].format(init), value, "", "measured", "from the setting; the radius 0.95 is the paper's own")
    for init, row in TABLE.items()
    for name, value in zip(NAMES, row, strict=True)
)

CLAIM = Claim(
    key="B-P6",
    sentence="With 50 units the initial matrices have the spectral radii 0.075, 0.75 and 0.95 and the largest singular "
    "values 0.137, 1.37 and 1.81.",
    source=Source(
        "pascanu2013",
        "Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, arXiv 1211.5063, "
        "and its code: standard deviations 0.01 and 0.1; 15 weights per unit, radius 0.95",
        "p c",
    ),
    published=PUBLISHED,
    controls=(
        Control(
            "fifteen weights per unit",
            "the matrix of smart tanh has 35 zeros of 50 in each row, the two others have none",
            lambda results: all(
                abs(one.summary["zeros"] - (0.7 if one.config["init"] == "pascanu2013_smart_tanh" else 0)) < 1e-6
                for one in results
            ),
        ),
    ),
    verdict=verdict,
    departures=("Means over seeds: of one matrix the radius of the first two varies by several per cent.",),
)
