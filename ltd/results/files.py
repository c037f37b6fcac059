"""Files that are written at once or not at all, and what every record says of its origin."""

from __future__ import annotations

import errno
import functools
import hashlib
import importlib.metadata
import inspect
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ltd.config import ConfigError


def writable(path: Path) -> Path:
    """The folder, if it can be made and written to; nothing is left behind."""
    path = Path(path)
    nearest = path
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    may = nearest.is_dir() and os.access(nearest, os.W_OK)
    if may and nearest != path:
        try:  # root may write everywhere, but no folder can be made in /proc
            os.rmdir(tempfile.mkdtemp(prefix=".", dir=nearest))
        except OSError as error:
            may = error.errno == errno.ENOSPC  # which is said when it happens
    if not may:
        raise ConfigError(f"out = {path}: cannot be written, {nearest} is not a writable folder. Choose another --out.")
    return path


@functools.cache
def provenance() -> dict[str, Any]:
    """Versions, code commit and machine, for every record."""
    names = ("jax", "jaxlib", "flax", "optax", "numpy")
    return {
        "versions": {"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in names}},
        "commit": commit(),
        "machine": {"node": platform.machine(), "system": platform.system(), "cores": os.cpu_count()},
        "command": sys.argv[1:],
    }


@functools.cache
def commit() -> str | None:
    """The commit of the code, with + where files differ from it; None outside a checkout."""
    home = Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(("git", "-C", str(home), *words), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def own_sources(config: Mapping[str, Any]) -> dict[str, str]:
    """What a config names as `package.module:Class`, each with a hash of its source as it is now.

    That is the file of the module or, of what was typed in a session, the class alone. What has no source is left out.
    """
    found: dict[str, str] = {}
    for value in config.values():
        if isinstance(value, Mapping):
            found |= own_sources(value)
    module, colon, name = str(config.get("type", "")).partition(":")
    if colon:
        try:
            there = importlib.import_module(module)
            file = getattr(there, "__file__", None)
            source = Path(file).read_bytes() if file else inspect.getsource(getattr(there, name)).encode()
            found[f"{module}:{name}"] = hashlib.sha256(source).hexdigest()[:12]
        except (ImportError, AttributeError, OSError, TypeError):
            pass
    return found


def write_json(path: Path, value: Any) -> None:
    """JSON beside and renamed; what is not finite becomes null."""
    write_atomically(path, lambda file: file.write((json.dumps(clean(value), indent=1) + "\n").encode()))


def write_atomically(path: Path, write: Callable[[Any], Any]) -> None:
    """Write beside, flush to the disk, rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def clean(value: Any) -> Any:
    """The value as JSON can hold it: what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {k: clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def now() -> str:
    """The time in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
