"""Long-lag tasks, each a frozen dataclass with one dialect per source: `TASKS[name](**sizes)` builds one."""

from collections.abc import Callable

from tasks import (
    adding,
    chars,
    copying,
    images,
    induction,
    latch,
    long_lag,
    mqar,
    multiplication,
    parity,
    permutation,
    reber,
    recall,
    selective_copying,
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
    **parity.TASKS,
    **mqar.TASKS,
    **recall.TASKS,
    **selective_copying.TASKS,
    **induction.TASKS,
    **images.TASKS,
    **chars.TASKS,
    **sentences.TASKS,
}
