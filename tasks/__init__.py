"""Long-lag tasks, each a frozen dataclass with one dialect per source: `TASKS[name](**sizes)` builds one."""

from collections.abc import Callable

from tasks import adding, copying, parity
from tasks.adding import Adding
from tasks.copying import Copying
from tasks.parity import Parity

__all__ = ["TASKS", "Adding", "Copying", "Parity"]

TASKS: dict[str, Callable] = {**copying.TASKS, **adding.TASKS, **parity.TASKS}
