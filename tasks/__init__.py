"""Long-lag tasks, each a frozen dataclass with one dialect per source: `TASKS[name](**sizes)` builds one."""

from collections.abc import Callable

from tasks import (
    adding,
    copying,
    dyck,
    formal_expressions,
    formal_numbers,
    formal_stack,
    formal_strings,
    future_label,
    motion_change,
    parity,
    periodic,
    spike_delay,
    spike_double,
    timed_spikes,
    two_time_scales,
)
from tasks.adding import Adding
from tasks.copying import Copying
from tasks.dyck import Dyck
from tasks.formal_expressions import FormalExpressions
from tasks.formal_numbers import FormalNumbers
from tasks.formal_stack import FormalStack
from tasks.formal_strings import FormalStrings
from tasks.future_label import FutureLabel
from tasks.motion_change import MotionChange
from tasks.parity import Parity
from tasks.periodic import Periodic
from tasks.spike_delay import SpikeDelay
from tasks.spike_double import SpikeDouble
from tasks.timed_spikes import TimedSpikes
from tasks.two_time_scales import TwoTimeScales

__all__ = [
    "TASKS",
    "Adding",
    "Copying",
    "Dyck",
    "FormalExpressions",
    "FormalNumbers",
    "FormalStack",
    "FormalStrings",
    "FutureLabel",
    "MotionChange",
    "Parity",
    "Periodic",
    "SpikeDelay",
    "SpikeDouble",
    "TimedSpikes",
    "TwoTimeScales",
]

TASKS: dict[str, Callable] = {
    **adding.TASKS,
    **copying.TASKS,
    **dyck.TASKS,
    **formal_expressions.TASKS,
    **formal_numbers.TASKS,
    **formal_stack.TASKS,
    **formal_strings.TASKS,
    **future_label.TASKS,
    **motion_change.TASKS,
    **parity.TASKS,
    **periodic.TASKS,
    **spike_delay.TASKS,
    **spike_double.TASKS,
    **timed_spikes.TASKS,
    **two_time_scales.TASKS,
}
