"""Weights & Biases as a mirror of the ledger: off, offline or online, chosen here. `import wandb` is lazy.

The ledger is the truth. A mirror may lag, fail or be missing; what it missed can be sent later: `ltd sync DIR`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import netrc
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ltd.config import ConfigError, unknown
from ltd.tracking.mirror import Wandb, under_agent
from ltd.tracking.replay import replay, sync

if TYPE_CHECKING:  # ltd.types loads jax
    from ltd.types import Tracker

__all__ = ["MODES", "Null", "Wandb", "check", "make", "mirror", "mode", "replay", "sync", "under_agent"]

MODES = ("off", "offline", "online")
INTERRUPTED = 5.0  # seconds that what was sent may still take to arrive after Ctrl-C
WORDS = {  # the values of WANDB_MODE
    "disabled": "off",
    "offline": "offline",
    "dryrun": "offline",
    "online": "online",
    "run": "online",
    "shared": "online",
}


def mode(asked: str | None = None) -> str:
    """off, offline or online: what was asked for, else WANDB_MODE, else online if an API key is configured, else off.

    Opens no connection. Without the package it is off.

    Raises
        ConfigError  for a word that is none, online without a key, or a mode asked for where the package is missing.
    """
    if asked is not None and asked not in MODES:
        raise ConfigError(f"wandb = {asked!r}: must be one of {', '.join(MODES)}.")
    word = os.environ.get("WANDB_MODE") or None
    if asked is None and word is not None and word not in WORDS:
        raise ConfigError(unknown("WANDB_MODE", word, WORDS))
    if not _installed():
        if asked in (None, "off"):
            return "off"
        raise ConfigError(f"wandb = {asked}: the package is not installed: pip install wandb, or leave --wandb out.")
    chosen = asked or (WORDS[word] if word else None)
    if chosen is None:
        return "online" if _key() else "off"
    if chosen == "online" and not _key():
        raise ConfigError("wandb = online needs an API key: run `wandb login`, set WANDB_API_KEY, or --wandb=offline.")
    return chosen


def check(mode: str, runs: int) -> None:
    """Refuse several runs under `wandb agent`, which hands out one run at a time."""
    if mode != "off" and runs != 1 and under_agent():
        raise ConfigError(
            f"seeds = {runs}: under `wandb agent` a process is one run; make seed a parameter of the sweep."
        )


def make(
    mode: str, group: str | None = None, tell: Callable[[str], None] = lambda _: None, project: str | None = None
) -> Tracker:
    """The tracker of a mode; `tell` is handed the one line about what did not arrive."""
    return Null() if mode == "off" else Wandb(mode, group, tell, project)


@contextlib.contextmanager
def mirror(mode: str, group: str | None, tell: Callable[[str], None]) -> Iterator[Tracker]:
    """A tracker for a block of code, closed at its end: patiently, but not where the block was interrupted."""
    tracker = make(mode, group, tell)
    try:
        yield tracker
    except BaseException:
        tracker.close(INTERRUPTED)
        raise
    tracker.close()


class Null:
    """No mirror."""

    def start(
        self, digest: str, config: Mapping[str, Any], started: str, code: Mapping[str, Any] | None = None
    ) -> None:
        """Nothing."""

    def log(self, digest: str, row: Mapping[str, Any]) -> None:
        """Nothing."""

    def finish(self, digest: str, summary: Mapping[str, Any], folder: Path, figures: Iterable[Path] = ()) -> None:
        """Nothing."""

    def close(self, timeout: float = 60.0) -> None:
        """Nothing."""


def _installed() -> bool:
    """Whether wandb is a package, and not the folder of that name that its offline runs leave."""
    found = importlib.util.find_spec("wandb")
    return found is not None and found.origin is not None


def _key() -> bool:
    """Whether an API key is configured: in the environment, or in the netrc file for W&B's address."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    home, given = Path.home(), os.environ.get("NETRC")
    for path in [Path(given).expanduser()] if given else [home / ".netrc", home / "_netrc"]:
        if path.is_file():
            try:
                return urlsplit(_address()).netloc in netrc.netrc(path).hosts
            except (netrc.NetrcParseError, OSError):
                return False
    return False


def _address() -> str:
    """Where W&B would send to: WANDB_BASE_URL, or W&B's own settings, which start no process and open no connection."""
    if given := os.environ.get("WANDB_BASE_URL"):
        return given
    from wandb.sdk import wandb_setup

    return wandb_setup.singleton().settings.base_url
