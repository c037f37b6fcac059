"""How many weights the networks of Hochreiter & Schmidhuber (1997) have: counted on our cells, against their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ltd.claims import Claim, Control, Published, Result, Verdict
from ltd.claims.rules import equal
from ltd.types import Source

TABLE = {
    "1, 4 blocks of 1": 264,
    "1, 3 blocks of 2": 276,
    "2a, 2b": 10504,
    "2c, p = 50": 364,
    "2c, p = 100": 664,
    "2c, p = 200": 1264,
    "2c, p = 500": 3064,
    "2c, p = 1000": 6064,
    "3a to 3c": 102,
    "4, 5": 93,
    "6a": 156,
    "6b": 308,
    "RTRL, p = 4": 36,
    "RTRL, p = 10": 144,
    "RTRL, p = 100": 10404,
}


def measure(condition: Mapping[str, Any]) -> dict[str, int]:
    """Weights of the network of this condition, and of today's LSTM with as many cells."""
    import jax

    from ltd.cells.elman import Elman
    from ltd.cells.lstm import lstm
    from ltd.cells.lstm1997 import lstm1997
    from ltd.trees import disassemble

    def count(make) -> int:
        return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(lambda: disassemble(make())[1])))

    key, cells = jax.random.key(0), condition["blocks"] * condition["size"]
    inputs, outputs, bias = condition["inputs"], condition["outputs"], condition["bias"]
    today = count(lambda: lstm(key, inputs, cells)) + (cells + 1) * outputs
    if condition["connectivity"] == "plain":
        recurrent = count(lambda: Elman(key, inputs, 1)) - 1  # without its bias
        return {"weights": recurrent + (1 + inputs) * outputs, "today": today}
    form = {"block": condition["size"], "connectivity": condition["connectivity"]}
    form["bias"] = {"without": "none", "all": "hidden"}.get(bias, bias)
    body = count(lambda: lstm1997(key, inputs, cells, **form))
    seen = jax.eval_shape(lambda: lstm1997(key, inputs, cells, **form)).width
    return {"weights": body + (seen + (bias == "all")) * outputs, "today": today}


def verdict(results: Sequence[Result]) -> Verdict:
    """Every count is the printed one."""
    return equal({one.config["condition.name"]: one.summary["weights"] for one in results}, PUBLISHED)


PUBLISHED = tuple(
    Published(name, value, "weights", "paper", "Table 2" if name.startswith("RTRL") else "Table 10")
    for name, value in TABLE.items()
)

CLAIM = Claim(
    key="B-H1",
    headline="H1",
    sentence="The networks of the experiments 1 to 6 have the numbers of weights that the paper's tables print.",
    source=Source(
        "hochreiter1997",
        "Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8), 1735-1780, Tables 2 and 10",
        "p",
    ),
    published=PUBLISHED,
    controls=(
        Control(
            "another architecture is told apart",
            "today's LSTM with as many cells has another number of weights in every condition",
            lambda results: all(one.summary["today"] != TABLE[one.config["condition.name"]] for one in results),
        ),
    ),
    verdict=verdict,
    departures=(
        "Our read-out always has biases; they are counted where the paper gives every unit one.",
        "The links of the RTRL networks from inputs to outputs are counted, not built.",
    ),
)
