"""Long-lag tasks, each a frozen dataclass with one dialect per source: `TASKS[name](**sizes)` builds one."""

from collections.abc import Callable

from tasks import adding, copying, multiplication, parity
from tasks.adding import Adding
from tasks.copying import Copying
from tasks.multiplication import Multiplication
from tasks.parity import Parity

__all__ = ["TASKS", "Adding", "Copying", "Multiplication", "Parity"]

TASKS: dict[str, Callable] = {
    **copying.TASKS,
    **adding.TASKS,
    **multiplication.TASKS,
    **parity.TASKS,
}
