"""The twins of the tasks; see `oracles.tasks.base`."""

from oracles.tasks.adding import Adding
from oracles.tasks.copying import Copying
from oracles.tasks.latch import Latch
from oracles.tasks.long_lag import LongLag
from oracles.tasks.multiplication import Multiplication
from oracles.tasks.parity import Parity
from oracles.tasks.permutation import Permutation
from oracles.tasks.reber import Reber
from oracles.tasks.temporal_order import TemporalOrder
from oracles.tasks.two_sequence import TwoSequence

FAMILIES = {
    "adding": Adding,
    "copy": Copying,
    "latch": Latch,
    "long_lag": LongLag,
    "multiplication": Multiplication,
    "parity": Parity,
    "permutation": Permutation,
    "reber": Reber,
    "temporal_order": TemporalOrder,
    "two_sequence": TwoSequence,
}


def twin(name, **sizes):
    """The twin of `task/variant`."""
    task, variant = name.split("/")
    return FAMILIES[task](variant, **sizes)
