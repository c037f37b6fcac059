"""The twins of the tasks, a file per family; see `oracles.tasks.base`."""

from importlib import import_module

FAMILIES = {  # task -> its file and class
    "adding": "adding.Adding",
    "chars": "chars.Chars",
    "copy": "copying.Copying",
    "counting": "counting.Counting",
    "digits8": "images.Digits8",
    "latch": "latch.Latch",
    "long_lag": "long_lag.LongLag",
    "multiplication": "multiplication.Multiplication",
    "parity": "parity.Parity",
    "permutation": "permutation.Permutation",
    "reber": "reber.Reber",
    "temporal_order": "temporal_order.TemporalOrder",
    "two_sequence": "two_sequence.TwoSequence",
}


def twin(name, **sizes):
    """The twin of `task/variant`."""
    task, variant = name.split("/")
    file, kind = FAMILIES[task].split(".")
    return getattr(import_module(f"oracles.tasks.{file}"), kind)(variant, **sizes)
