"""The same numbers as other frameworks: their weights mapped into our cells, outputs and gradients compared.

    LSTM            torch rows i, f, g, o; both biases act as a sum          ours i, f, o, g; one bias
    GRUResetAfter   torch rows r, z, n; the old state stays at z             ours r, z, n; it stays at 1 - z: z negated
    GRUResetBefore  Haiku columns z, r, n; the old state stays at 1 - z      ours r, z, n
    Elman           torch RNN, tanh or relu; both biases act as a sum        one bias
    ExpRNN, ScoRNN  torch's orthogonal parametrisations, with modrelu        the same skew matrix

Weights are drawn here, put into the other side and read back from it, so that no default of either side takes part.
The scalar that is differentiated is sum(outputs * q) with q ~ N(0, 1). The difference of outputs and of input gradients
is the largest absolute one; that of a weight gradient, a sum over T B terms, is relative to its largest entry.
Each pair is compared inside one compiled function, by every plan of ours, and step by step: a loop in Python over a
compiled step, and back through it. A pair without a map of weights (`must_fail`) has to differ by more than its bound,
or the comparison is blind.

    problem  sizes, tolerances, what is drawn        maps  from their names to ours
    sides    every framework as a step               checks  the pairs, and the table
"""

from ltd.conformance.checks import PAIRS, adapter, apart, compare, kernels, main, rows, same
from ltd.conformance.problem import (
    APART,
    BATCH,
    FRAMEWORKS,
    HIDDEN,
    INPUTS,
    LENGTH,
    QUANTITIES,
    TOLERANCE,
    WAYS,
    Result,
    framework,
    problem,
)

__all__ = [
    "APART",
    "BATCH",
    "FRAMEWORKS",
    "HIDDEN",
    "INPUTS",
    "LENGTH",
    "PAIRS",
    "QUANTITIES",
    "TOLERANCE",
    "WAYS",
    "Result",
    "adapter",
    "apart",
    "compare",
    "framework",
    "kernels",
    "main",
    "problem",
    "rows",
    "same",
]
