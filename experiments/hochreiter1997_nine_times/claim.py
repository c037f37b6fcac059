"""Each unit of a fully connected net becomes three, a cell and two gates: nine times the weights between them."""

from __future__ import annotations

from collections.abc import Sequence

from ltd.claims import Claim, Control, Measured, Published, Result, Verdict
from ltd.types import Source

FACTOR = "weights of the LSTM / weights of the plain net"


def measure(hidden: int) -> dict[str, int]:
    """Recurrent weights of an Elman network, of the LSTM of 1997 with as many cells, of that without output gates."""
    import jax

    from ltd.cells.elman import Elman
    from ltd.cells.lstm1997 import lstm1997

    def recurrent(make) -> int:
        return jax.eval_shape(lambda: make().U[...]).size

    key = jax.random.key(0)
    return {
        "plain": recurrent(lambda: Elman(key, 1, hidden)),
        "lstm": recurrent(lambda: lstm1997(key, 1, hidden)),
        "two units": recurrent(lambda: lstm1997(key, 1, hidden, output_gate=False)),
    }


def verdict(results: Sequence[Result]) -> Verdict:
    """The factor is 9 at every size."""
    factors = [one.summary["lstm"] / one.summary["plain"] for one in results]
    numbers = (Measured(FACTOR, sum(factors) / len(factors), n=len(factors)),)
    if len(factors) < 2:
        return Verdict("inconclusive", "one size does not tell a factor from a coincidence.", numbers)
    if any(factor != 9 for factor in factors):
        return Verdict("contradicted", f"the factors go from {min(factors):g} to {max(factors):g}.", numbers)
    return Verdict("supported", f"the factor is 9 at all {len(factors)} sizes.", numbers)


CLAIM = Claim(
    key="B-H14",
    headline="H1",
    sentence="Replacing every unit of a fully connected recurrent network by a memory cell with its two gates, three "
    "units instead of one, multiplies the weights between units by 9.",
    source=Source(
        "hochreiter1997",
        "Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8), 1735-1780, discussion",
        "p",
    ),
    published=(Published(FACTOR, 9, "", "paper", "discussion, limitations of LSTM"),),
    controls=(
        Control(
            "two units instead of one",
            "a cell with an input gate alone makes the factor 4",
            lambda results: all(one.summary["two units"] == 4 * one.summary["plain"] for one in results),
        ),
    ),
    verdict=verdict,
    departures=("Weights between units alone: inputs and outputs are as many before and after, so all grow by less.",),
)
