"""What the verbs share: options taken out of the fields, a folder that is there, one-line warnings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ltd import config
from ltd.config import ConfigError


def take(fields: dict[str, Any], name: str, default: Any, kind: type = str) -> Any:
    """An option of the command itself, taken out of the fields and checked."""
    value = fields.pop(name, default)
    if value is None or (kind is str and isinstance(value, str)):
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is str or isinstance(value, bool) != (kind is bool) or not isinstance(value, kind):
        if kind is str and isinstance(value, (int, float)):
            return str(value)
        raise ConfigError(f"{name} = {value!r}: must be {config.words(kind)}.")
    return value


def mesh_of(fields: dict[str, Any]) -> int | None:
    """The devices that `--mesh=data:N` spreads every batch over; None without it."""
    value = take(fields, "mesh", None)
    if value is None:
        return None
    axis, _, count = value.partition(":")
    if axis != "data" or not count.isdigit() or int(count) < 1:
        raise ConfigError(f"mesh = {value!r}: must be data:N, which spreads every batch over N devices.")
    return int(count)


def folder_of(arguments: list[str], verb: str) -> Path:
    """The folder that is the only argument of a verb."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise ConfigError(f"{verb} needs one folder: ltd {verb} DIR")
    folder = Path(arguments[0])
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder: give the --out of an earlier run.")
    return folder


def warn(sentence: str) -> None:
    """One line on stderr."""
    print(f"ltd: {sentence}", file=sys.stderr)
