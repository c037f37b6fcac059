"""docs/survey.md: the survey section by section: what it says, what is so, and what became of it here.

`experiments.docs` writes the page. Verdicts are those that lie in the claims' folders; corrections count to 28, of
which the last belongs to the page on character networks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from experiments.tables import markdown
from ltd import claims

ROOT = Path(__file__).resolve().parents[1]


class Statement(NamedTuple):
    """One statement of the survey, in our words."""

    where: str
    says: str
    so: str  # what is so; where nothing needs a correction, what we have of it
    claims: str = ""  # keys of the claims that judge it
    corrects: int = 0  # number of the correction


SECTIONS: dict[str, tuple[Statement, ...]] = {
    "1. Introduction": (
        Statement("1", "Feed-forward sequential memory stands in for recurrence by a delay line of fixed size.",
                  "net `fsmn`: it sees exactly layers x taps steps back.", "B-S32"),
        Statement("1", "A window of past inputs is what a feed-forward net has for memory.",
                  "net `window`: accuracy falls to chance one step beyond it."),
    ),
    "2. Conventional recurrent networks": (
        Statement("2.1", "The weight of the recurrent connection is updated at every step.",
                  "All steps share the weights; what is updated is the state.", "", 5),
        Statement("2.1, note 1", "A state before the nonlinearity and one behind it give equivalent equations.",
                  "A change of variables, equal where the starts match, f(s_0) = h_0, and the read-out sees f(s): cell "
                  "`elman`, forms `after` and `before`.", "", 6),
        Statement("2.2, eq. 6", "The logistic function and tanh are equal.",
                  "They are affinely related, logistic(x) = (tanh(x/2) + 1)/2: the equation is right, the word is not.",
                  "B-S6", 7),
        Statement("2.2", "Rectified units give sparser gradients.", "About half are zero at the start.", "B-S6"),
        Statement("2.2", "An S-shaped rectified unit learns convex and non-convex functions.", "activation `srelu`.",
                  "B-S34"),
        Statement("2.3", "Losses: Euclidean, Hamming, likelihood.",
                  "`euclidean`, `hamming` (a metric; its expectation is trained on), and likelihoods."),
        Statement("2.4", "The parameters include a bias b_I.", "No equation has one.", "", 8),
        Statement("2.4, eq. 12", "The Jacobian is the product of U' diag|f'(h_{i-1})|.",
                  "The product of diag(f'(a_i)) U, the latest factor leftmost: no transpose, no bars, f' at the "
                  "pre-activation.", "", 1),
        Statement("2.5", "With eigenvalues below one the gradient goes to zero rapidly.",
                  "In the long run, and if moduli are meant; a matrix that is not normal can first let it grow.",
                  "B-S4", 3),
        Statement("2.5", "That takes 5 to 10 steps.",
                  "For logistic units with small weights; not at a spectral radius near one.", "B-S1", 4),
        Statement("2.5, eq. 14", "The norm of a step's Jacobian is at most 1.",
                  "At most sigma gamma; that is below 1 under the hypothesis sigma < 1/gamma, which is left out.",
                  "B-S2", 2),
        Statement("2.5", "In a linear network a spectral radius above one is necessary to explode.",
                  "It is; the norm goes as rho^k.", "B-S4"),
        Statement("2.6", "A largest singular value above 1/gamma is necessary to explode.",
                  "Necessary, not sufficient.", "B-S3"),
        Statement("2.6", "Mikolov clips the norm of the gradient.", "He clips every entry: `clip_value`; the norm is "
                  "clipped by Pascanu et al.: `clip_norm`.", "B-S9", 9),
        Statement("2.6", "Training is not sensitive to the threshold.", "sweep `clipping` tries six.", "B-S8"),
        Statement("2.6", "Clipping helps the optimisation and is no regulariser.", "", "B-S7"),
        Statement("2.6", "Clipping copes with abrupt changes of the norm.", "It stays near a cliff where a plain step "
                  "jumps.", "B-S10"),
        Statement("2.4 to 2.6", "The cost of backpropagation through time.", "Memory and time are proportional to the "
                  "length.", "B-S33"),
    ),
    "3. LSTM": (
        Statement("3, eqs. 16-20", "The equations are those of 1997, with full matrices from the cells to the gates.",
                  "Forget gates are of 2000, peepholes of 2000 and 2002 and diagonal: cells `lstm1997`, and `lstm` "
                  "with its option for peepholes.", "", 10),
        Statement("3", "The gradient by the cell stays constant while nothing decays and the gates are off.",
                  "It does.", "B-S11"),
        Statement("3", "An LSTM has four times the parameters of a simple network.",
                  "Its recurrent layer has; a word model with its embedding has less than three times as many.",
                  "B-S5", 11),
    ),
    "4. Advances in LSTM": (
        Statement("4.1", "A block of the S-LSTM has an input and an output gate.", "And a forget gate for each child.",
                  "B-S12", 12),
        Statement("4.2", "A stack of layers increases the capacity.", "net `stacked`.", "B-S13"),
        Statement("4.2", "A stack pointer is part of the stacked LSTM.",
                  "The Stack-LSTM, which pushes and pops, is another model.", "", 13),
        Statement("4.2, eq. 22", "The output bias is b_0.", "b_o.", "", 14),
        Statement("4.3, eq. 24", "The backward layer reads h_{t-1}.", "h_{t+1}: net `bidirectional`.", "", 15),
        Statement("4.3", "Two directions are stronger than one.", "Where the answer depends on the future.", "B-S14"),
        Statement("4.4, eq. 26", "The sum over dimensions runs over all three factors.",
                  "Over forget gates and memories alone; one input gate and one candidate are added once.", "", 16),
        Statement("4.5", "The multidimensional LSTM is unstable on large grids, the grid LSTM is not.", "", "B-S15"),
        Statement("4.5, eq. 27", "A transform of the grid LSTM gives back h'.", "h' and m'; and a comma is stray.", "",
                  17),
        Statement("4.5", "Depth, memory and parameters of a grid LSTM can be chosen apart.", "", "B-S16"),
        Statement("4.6, eqs. 29-31", "Derivatives of the hidden state drive the gates; fig. 6 puts a gate at t.",
                  "Of the cell state; input and forget gates at t-1, the output gate at t: cell `drnn`.", "B-S17", 18),
        Statement("4.7", "Highway networks train up to 900 layers.", "nets `highway`, `plain`.", "B-S18"),
        Statement("4.7", "More than two highway layers do not help a language model.", "", "B-S19"),
    ),
    "5. Structurally constrained networks": (
        Statement("5", "The recurrent matrix of the context is the identity.", "alpha times the identity: cell `scrn`.",
                  "", 19),
        Statement("5, eq. 34", "The logistic function is 1/(1 + exp(x)).", "1/(1 + exp(-x)).", "", 20),
        Statement("5", "Labels of the sizes of B, A and P.", "They are transposed.", "", 21),
        Statement("5", "Fixed weights force the hidden units to one time scale.", "The context units.", "B-S21", 22),
        Statement("5", "Learning the decays does not matter while there is a hidden layer.", "", "B-S22"),
        Statement("5", "The model keeps the gradient of the recurrent matrix from vanishing.",
                  "Along the context it is alpha^k; along the recurrent matrix it vanishes.", "B-S23", 23),
        Statement("5", "It performs like an LSTM with fewer parameters.", "", "B-S20"),
    ),
    "6. Gated recurrent units": (
        Statement("6, eq. 37", "The update gate reads g_{t-1}.", "h_{t-1}: cells `gru_before`, `gru_after`.", "", 24),
        Statement("6", "The reset gate lets a unit forget by reading the first symbol.",
                  "It acts as if it were reading the first symbol.", "", 25),
        Statement("6", "The unit exposes its whole state.", "It does, and an LSTM does not.", "B-S24"),
        Statement("6", "Gated graph networks unroll a fixed number of steps.", "", "B-S30"),
    ),
    "7. Memory networks": (
        Statement("7", "MemNN passes 16 tasks with more than 95 %, DMN 18.",
                  "Sixteen needs at least 95 %: one of them stands at exactly 95.", "B-S26", 26),
        Statement("7", "MemNN needs supervision at every layer, the end-to-end one does not.", "", "B-S27"),
        Statement("7", "A recurrent memory network lets its attention be read.", "", "B-S29"),
    ),
    "Names": (
        Statement("4.4 to 7", "MNLSTM, MSLSTM, sLSTM, DMSs, high networks, rest gates.",
                  "MDLSTM twice, match-LSTM, DMN, highway networks, reset gates.", "", 27),
    ),
    "The page on character networks": (
        Statement("page", "The loss falls from ln 28 to 1.96 nats in 5000 updates.", "", "B-C1"),
        Statement("page", "An n-gram of similar size cannot do this.",
                  "It holds against the bigram alone: the trigram predicts better than the network.", "B-C2", 28),
        Statement("page", "The state lurches at the boundaries of words.", "", "B-C3"),
        Statement("page", "Samples go from noise to words.", "", "B-C4"),
    ),
}  # fmt: skip


def verdicts() -> dict[str, str]:
    """Key of a claim -> its committed verdict as a link; of those that stand in a folder."""
    found = {}
    for path in claims.known(ROOT / "experiments"):
        folder, file = claims.load(path), path / "result.json"
        row = json.loads(file.read_text()) if file.is_file() else None
        answer = row["answer"] + (" (quick)" if row["scale"] == "quick" else "") if row else "not judged yet"
        found[folder.claim.key] = f"[{answer}](../experiments/{path.name}/README.md)"
    return found


def page() -> str:
    """The whole page."""
    known = verdicts()
    lines = [
        "# The survey, statement by statement",
        "",
        "Generated by `python -m experiments.docs`. What the survey of memory in recurrent networks (2016) says, in",
        "our words; what is so, or what there is of it here; the number of the correction where it needs one; and the",
        "verdict, with a link to its numbers, of the claims that judge it. `-` in the last column: nothing to judge,",
        "an identity or a slip of the pen. A key without a link is a claim that has no folder yet.",
        "",
    ]
    for title, statements in SECTIONS.items():
        rows = [
            {
                "where": one.where,
                "the survey says": one.says,
                "what is so": one.so or "-",
                "correction": str(one.corrects or "-"),
                "verdict": ", ".join(f"{key}: {known[key]}" if key in known else key for key in one.claims.split())
                or "-",
            }
            for one in statements
        ]
        lines += [f"## {title}", "", markdown(rows)]
    return "\n".join(lines)
