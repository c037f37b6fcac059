"""Long-lag tasks, each a frozen dataclass with one dialect per source: `TASKS[name](**sizes)` builds one."""

from collections.abc import Callable

from tasks import (
    adding,
    chars,
    copying,
    counting,
    images,
    latch,
    long_lag,
    multiplication,
    parity,
    permutation,
    reber,
    sentences,
    temporal_order,
    two_sequence,
)

__all__ = ["TASKS"]

TASKS: dict[str, Callable] = {
    **copying.TASKS,
    **adding.TASKS,
    **multiplication.TASKS,
    **temporal_order.TASKS,
    **permutation.TASKS,
    **latch.TASKS,
    **two_sequence.TASKS,
    **long_lag.TASKS,
    **reber.TASKS,
    **counting.TASKS,
    **parity.TASKS,
    **images.TASKS,
    **chars.TASKS,
    **sentences.TASKS,
}
