"""What the executors share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ltd.config import ConfigError

Warn = Callable[[str], None]
Function = Callable[[Any, Warn], None]  # of a module, so that another process finds it by name

ATTEMPTS = 4  # of a job whose process dies
LOOK = 1.0  # seconds between looks at the ledger


def perform(function: Function, job: Any, warn: Warn) -> str:
    """The job, in its own process. Why it cannot start, or nothing; any other error is said and ends this job alone."""
    try:
        function(job, warn)
    except ConfigError as error:
        return str(error)
    except Exception as error:
        warn(f"{title(job)}: given up ({line(error)})")
    return ""


def title(job: Any) -> str:
    """What to call the job."""
    name = getattr(job, "title", None)
    return name if isinstance(name, str) else str(job)


def line(error: BaseException) -> str:
    """The error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
