"""The twins of the tasks; see `oracles.tasks.base`."""

from oracles.tasks.adding import Adding
from oracles.tasks.copying import Copying
from oracles.tasks.formal import Formal
from oracles.tasks.parity import Parity
from oracles.tasks.streams import Dyck, FutureLabel, MotionChange, TwoTimeScales
from oracles.tasks.timing import Periodic, SpikeDelay, SpikeDouble, TimedSpikes

FAMILIES = {
    "copy": Copying,
    "adding": Adding,
    "dyck": Dyck,
    "formal": Formal,
    "future_label": FutureLabel,
    "motion_change": MotionChange,
    "parity": Parity,
    "periodic": Periodic,
    "spike_delay": SpikeDelay,
    "spike_double": SpikeDouble,
    "timed_spikes": TimedSpikes,
    "two_time_scales": TwoTimeScales,
}


def twin(name, **sizes):
    """The twin of `task/variant`."""
    task, variant = name.split("/")
    return FAMILIES[task](variant, **sizes)
