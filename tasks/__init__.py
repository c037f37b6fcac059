"""Long-lag tasks, each a frozen dataclass with one dialect per source: `TASKS[name](**sizes)` builds one."""

from collections.abc import Callable

from tasks import adding, chars, copying, images, parity, sentences
from tasks.adding import Adding
from tasks.chars import Chars
from tasks.copying import Copying
from tasks.images import Digits8, Mnist
from tasks.parity import Parity
from tasks.sentences import Sentences

__all__ = ["TASKS", "Adding", "Chars", "Copying", "Digits8", "Mnist", "Parity", "Sentences"]

TASKS: dict[str, Callable] = {
    **copying.TASKS,
    **adding.TASKS,
    **parity.TASKS,
    **images.TASKS,
    **chars.TASKS,
    **sentences.TASKS,
}
