"""An LSTM has four times the parameters of a simple recurrent network: the layer, exactly; a language model, less."""

from __future__ import annotations

from collections.abc import Sequence

from ltd.claims import Claim, Control, Measured, Published, Result, Verdict
from ltd.types import Source

LAYER = "LSTM / SRN, recurrent layer"
WORDS = "LSTM / SRN, word model of 10,000 words and 100 units"
GRU = "GRU / SRN, recurrent layer"


def measure(inputs: int, hidden: int) -> dict[str, int]:
    """Parameters of layers of this size: plain, LSTM, with both kinds of peepholes, GRU."""
    import jax

    from ltd.cells.elman import Elman
    from ltd.cells.gru import GRUResetBefore
    from ltd.cells.lstm import lstm
    from ltd.trees import disassemble

    key = jax.random.key(0)

    def count(make) -> int:
        return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(lambda: disassemble(make())[1])))

    return {
        "srn": count(lambda: Elman(key, inputs, hidden)),
        "lstm": count(lambda: lstm(key, inputs, hidden)),
        "diagonal": count(lambda: lstm(key, inputs, hidden, peepholes="diagonal")),
        "full": count(lambda: lstm(key, inputs, hidden, peepholes="full")),
        "gru": count(lambda: GRUResetBefore(key, inputs, hidden)),
    }


def formulas(results: Sequence[Result]) -> bool:
    """Plain layers and peepholes have the sizes that their equations say."""
    for one in results:
        D, H = one.config["inputs"], one.config["hidden"]
        srn = H * D + H * H + H
        expected = {"srn": srn, "diagonal": 4 * srn + 3 * H, "full": 7 * H * H + 4 * H * D + 4 * H}
        if any(one.summary[name] != value for name, value in expected.items()):
            return False
    return True


def verdict(results: Sequence[Result]) -> Verdict:
    """The ratio is 4 at every size; the other numbers are beside it."""
    if len(results) < 2:
        return Verdict("inconclusive", "one size does not tell a factor from a coincidence.")
    ratios = [one.summary["lstm"] / one.summary["srn"] for one in results]
    grus = [one.summary["gru"] / one.summary["srn"] for one in results]
    V, H = 10_000, 100  # embedding, layer and softmax, without biases
    words = (4 * (V * H + H * H) + H * V) / (V * H + H * H + H * V)
    numbers = (
        Measured(LAYER, sum(ratios) / len(ratios), n=len(ratios)),
        Measured(GRU, sum(grus) / len(grus), n=len(grus)),
        Measured(WORDS, words),
    )
    if all(ratio == 4 for ratio in ratios):
        because = f"the layer has exactly 4 times the parameters at all {len(ratios)} sizes; a whole word model less."
        return Verdict("supported", because, numbers)
    return Verdict("contradicted", f"the ratios go from {min(ratios):.3g} to {max(ratios):.3g}.", numbers)


CLAIM = Claim(
    key="B-S5",
    headline="H1",
    sentence="With hidden layers of one size, an LSTM has four times as many parameters as a simple recurrent network.",
    source=Source("survey2016", "The survey of memory in recurrent networks (2016), section 3", "p"),
    published=(
        Published(LAYER, 4, "", "paper", "section 3: about four times"),
        Published(GRU, 3, "", "measured", "from the equations"),
        Published(WORDS, 2.5, "", "measured", "from the equations, embedding and softmax included"),
    ),
    controls=(
        Control(
            "the equations' own counts",
            "plain layers and both kinds of peepholes have HD + HH + H, 4 (HD + HH + H) + 3H and 7HH + 4HD + 4H",
            formulas,
        ),
    ),
    verdict=verdict,
    departures=("The survey says about; judged is the recurrent layer, where it is exact.",),
)
