"""Device and precision: what must be said to jax before it starts, and around a computation; signals; our version."""

from __future__ import annotations

import contextlib
import os
import pkgutil
import signal
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ltd.config import ConfigError

COUNT = "xla_force_host_platform_device_count"
# level 2 vectorises the gates of a cell where level 3 often does not: up to 1.9 times faster, never slower (CPU)
LEVEL, BEST = "xla_backend_optimization_level", 2
DEVICES = ("auto", "cpu", "gpu", "tpu")
PRECISIONS = {
    "float32": "highest",
    "float64": "highest",
    "tensorfloat32": "tensorfloat32",
    "bfloat16": "highest",  # of what is still float32
}


def start(device: str = "auto", devices: int | None = None) -> None:
    """Choose the device. On a CPU every core becomes a device of its own, which lanes are spread over, or `devices`.

    Raises
        ConfigError  for a name that is not known, or a device that is not there.
    """
    if device not in DEVICES:
        raise ConfigError(f"device = {device!r}: must be one of {', '.join(DEVICES)}.")
    flags = os.environ.get("XLA_FLAGS", "").split()
    if devices is not None:
        flags = [flag for flag in flags if COUNT not in flag]
    if not _started() and not any(COUNT in flag for flag in flags):
        flags.append(f"--{COUNT}={devices or cores()}")
    if not _started():
        if _on_cpu(device) and not any(LEVEL in flag for flag in flags):
            flags.append(f"--{LEVEL}={BEST}")
        os.environ["XLA_FLAGS"] = " ".join(flags)
    import jax

    if device != "auto":
        jax.config.update("jax_platforms", {"gpu": "cuda,rocm"}.get(device, device))
    try:
        found = jax.devices()[0].platform
    except RuntimeError:
        raise ConfigError(f"device = {device!r}: jax finds none here. Leave --device out.") from None
    if device not in ("auto", found) and not (device == "gpu" and found in ("cuda", "rocm")):
        raise ConfigError(f"device = {device!r}: jax already runs on {found!r} in this process.")


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Compute in this precision inside the block.

    float32 and float64 multiply matrices at the highest precision; tensorfloat32 lets an accelerator round the operands
    of float32 products to 10 bits, which is faster and changes gradients through many steps. bfloat16 keeps parameters,
    read-out and loss in float32 and runs the net in bfloat16 (see `ltd.model.Model`).
    """
    import jax

    with jax.enable_x64(name == "float64"), jax.default_matmul_precision(PRECISIONS[name]):
        yield


class Stopped(BaseException):
    """A signal that asks to stop: Ctrl-C, or SIGTERM as a scheduler sends it."""

    def __init__(self, number: int):
        self.number = number


_asked: list[int] = []  # signals that came


def hear_signals() -> None:
    """From now on Ctrl-C and SIGTERM raise `Stopped` wherever the main thread is.

    Python drops an exception that is raised where nothing can catch it, as while it collects rubbish. So the signal is
    also noted, and whoever works long calls `stop_if_asked` now and then.
    """

    def stop(number: int, _: object) -> None:
        _asked.append(number)
        raise Stopped(number)

    def dropped(what: Any, show: Any = sys.unraisablehook) -> None:
        if not isinstance(what.exc_value, Stopped):
            show(what)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and shells have it for what they put aside
            signal.signal(number, stop)
    sys.unraisablehook = dropped


def stop_if_asked() -> None:
    """Raise `Stopped` if a signal came, even one whose exception was dropped."""
    if _asked:
        raise Stopped(_asked[0])


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int | None:
    """Bytes of memory of the machine; None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _on_cpu(device: str) -> bool:
    """Whether jax will run on the CPU, as far as can be said before it starts."""
    if device != "auto":
        return device == "cpu"
    named = os.environ.get("JAX_PLATFORMS", "")
    plugins = [m.name for m in pkgutil.iter_modules() if m.name.startswith("jax_") and m.name.endswith("_plugin")]
    return named == "cpu" if named else not plugins and find_spec("libtpu") is None


def _started() -> bool:
    if "jax" not in sys.modules:
        return False
    from jax._src import xla_bridge

    return bool(xla_bridge._backends)


def version(checkout: Path = Path(__file__).parents[1]) -> str:
    """The version of ltd: that of the checkout, which need not be installed, or of the installed package."""
    project = checkout / "pyproject.toml"
    return tomllib.loads(project.read_text())["project"]["version"] if project.is_file() else metadata.version("ltd")
