"""What is made of cells, or reaches past one step: one file per family."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isclass, signature

from ltd.config import ConfigError, resolve
from ltd.nets import bidirectional, deep, stacked, window
from ltd.nets.base import RecurrentNet
from ltd.nets.yours import METHODS, check_net

__all__ = ["NETS", "RecurrentNet", "check_net", "constructor"]

NETS: dict[str, Callable] = {**window.NETS, **stacked.NETS, **bidirectional.NETS, **deep.NETS}


def constructor(name: str) -> Callable:
    """The constructor of a registered net, or a user's: `(key, inputs, **options)`, or with `make` as the third."""
    found = resolve(name, NETS, "net")
    for part in METHODS:
        if isclass(found) and not hasattr(found, part):
            raise ConfigError(f"net {name!r} has no method {part}: a net offers {', '.join(METHODS)}.")
    init = found.__init__ if isclass(found) else found
    if getattr(found, "takes", False) and "make" not in signature(init).parameters:
        raise ConfigError(f"net {name!r} says takes = True: its constructor must be (key, inputs, make, ...).")
    return found
