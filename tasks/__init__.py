"""Long-lag tasks, each a frozen dataclass with one dialect per source: `TASKS[name](**sizes)` builds one."""

from collections.abc import Callable

from tasks import (
    adding,
    copying,
    latch,
    long_lag,
    multiplication,
    parity,
    permutation,
    reber,
    temporal_order,
    two_sequence,
)
from tasks.adding import Adding
from tasks.copying import Copying
from tasks.latch import Latch
from tasks.long_lag import LongLag
from tasks.multiplication import Multiplication
from tasks.parity import Parity
from tasks.permutation import Permutation
from tasks.reber import Reber
from tasks.temporal_order import TemporalOrder
from tasks.two_sequence import TwoSequence

__all__ = [
    "TASKS",
    "Adding",
    "Copying",
    "Latch",
    "LongLag",
    "Multiplication",
    "Parity",
    "Permutation",
    "Reber",
    "TemporalOrder",
    "TwoSequence",
]

TASKS: dict[str, Callable] = {
    **copying.TASKS,
    **adding.TASKS,
    **latch.TASKS,
    **long_lag.TASKS,
    **multiplication.TASKS,
    **parity.TASKS,
    **permutation.TASKS,
    **reber.TASKS,
    **temporal_order.TASKS,
    **two_sequence.TASKS,
}
