"""Long-lag tasks, each a frozen dataclass with one dialect per source: `TASKS[name](**sizes)` builds one."""

from collections.abc import Callable

from tasks import adding, copying, latch, multiplication, parity, permutation, reber, two_sequence
from tasks.adding import Adding
from tasks.copying import Copying
from tasks.latch import Latch
from tasks.multiplication import Multiplication
from tasks.parity import Parity
from tasks.permutation import Permutation
from tasks.reber import Reber
from tasks.two_sequence import TwoSequence

__all__ = ["TASKS", "Adding", "Copying", "Latch", "Multiplication", "Parity", "Permutation", "Reber", "TwoSequence"]

TASKS: dict[str, Callable] = {
    **copying.TASKS,
    **adding.TASKS,
    **latch.TASKS,
    **multiplication.TASKS,
    **parity.TASKS,
    **permutation.TASKS,
    **reber.TASKS,
    **two_sequence.TASKS,
}
