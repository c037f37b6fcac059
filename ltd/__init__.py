"""Long-term dependency experiments in recurrent networks: probe, sweep, judge.

    import ltd
    one = ltd.configure(ltd.Run, {"task.type": "adding/arjovsky2016", "task.length": 50, "cell": "lstm"})
    records = ltd.run(ltd.seeds_of(one, 5), "runs/adding")

Names are loaded when they are first used, so that `import ltd` costs nothing and starts nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Run": "ltd.settings",            # the settings of a training run
    "Measure": "ltd.settings",        # the settings of a measurement
    "configure": "ltd.launch",        # either of them from fields
    "seeds_of": "ltd.launch",         # the same for several seeds
    "lanes_of": "ltd.launch",         # a measurement for several rho and seeds
    "run": "ltd.launch",              # runs -> ledger
    "probe": "ltd.launch",            # measurements -> curves
    "read_runs": "ltd.results",       # a folder of runs
    "load": "ltd.model",              # a trained network back from its folder
    "make_task": "ltd.model",         # a task from its settings
    "make_model": "ltd.model",        # (key, rho, sigma) -> network
    "CELLS": "ltd.cells",
    "PLANS": "ltd.unroll",
    "PROBES": "ltd.probes",
    "start": "ltd.runtime",           # device, before jax starts
    "plots": "ltd.plots",
}  # fmt: skip
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """The name from its home, on first use."""
    if name == "__version__":
        return importlib.import_module("ltd.runtime").version()
    if name not in _HOME:
        raise AttributeError(f"module 'ltd' has no attribute {name!r}; it offers {', '.join(__all__)}")
    home = importlib.import_module(_HOME[name])
    value = home if _HOME[name] == f"ltd.{name}" else getattr(home, name)
    globals()[name] = value
    return value
