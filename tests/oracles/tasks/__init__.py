"""The twins of the tasks, a file per family; see `oracles.tasks.base`."""

from importlib import import_module

from oracles.tasks.base import logistic_units

FAMILIES = {  # task, or a single dialect -> its file and class (or what picks one)
    "adding": "adding.Adding",
    "chars": "chars.Chars",
    "copy": "copying.Copying",
    "copy/pascanu2013": "memorisation.Memorisation",
    "copy/zucchet2023": "copying.CopyingBits",
    "counting": "counting.Counting",
    "digits_add": "digits_add.DigitsAdd",
    "digits8": "images.Digits8",
    "dyck": "streams.Dyck",
    "formal": "formal.Formal",
    "future_label": "streams.FutureLabel",
    "induction": "induction.Induction",
    "latch": "latch.Latch",
    "long_lag": "long_lag.LongLag",
    "motion_change": "streams.MotionChange",
    "memorisation": "memorisation.Memorisation",
    "multiplication": "multiplication.Multiplication",
    "parity": "parity.Parity",
    "periodic": "timing.Periodic",
    "permutation": "permutation.Permutation",
    "reber": "reber.Reber",
    "spike_delay": "timing.SpikeDelay",
    "spike_double": "timing.SpikeDouble",
    "recall": "recall.recall",
    "selective_copy": "selective_copying.SelectiveCopying",
    "symbol_memory": "symbol_memory.SymbolMemory",
    "temporal_order": "temporal_order.TemporalOrder",
    "timed_spikes": "timing.TimedSpikes",
    "pad": "warp.Pad",
    "two_sequence": "two_sequence.TwoSequence",
    "variable_copy": "variable_copy.VariableCopying",
    "warp": "warp.Warp",
    "two_time_scales": "streams.TwoTimeScales",
}


def twin(name, logistic=False, **sizes):
    """The twin of `task/variant`."""
    task, variant = name.split("/")
    file, kind = FAMILIES.get(name, FAMILIES[task]).split(".")
    found = getattr(import_module(f"oracles.tasks.{file}"), kind)
    return (logistic_units(found) if logistic else found)(variant, **sizes)
