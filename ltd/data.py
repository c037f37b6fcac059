"""Data files that tasks read: where they lie, that they are what they should be, and how they are fetched.

A file is looked for at the path given, else in the folder that `LTD_DATA` names, else in the cache (`ltd` in
`XDG_CACHE_HOME` or ~/.cache), where `ltd data get NAME` puts it. Nothing is fetched unless asked for. Content is known
by the SHA-256 of what a task reads from it (arrays, normalised text), so that another packing of the data will do.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ltd.config import ConfigError, unknown

SECONDS = 30  # a connection that says nothing for so long is given up


@dataclass(frozen=True)
class Item:
    """A file by name: what it is, how it is read, the digest of what was read, and where it may be had."""

    file: str
    what: str
    read: Callable[[bytes], Any]
    content: str  # sha256 of the content
    url: str | None = None


def mnist(raw: bytes) -> tuple[np.ndarray, ...]:
    """x_train [60000, 784], y_train, x_test [10000, 784], y_test, uint8, in the official order."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as file:
        x_train, y_train, x_test, y_test = (file[n] for n in ("x_train", "y_train", "x_test", "y_test"))
    return x_train.reshape(len(x_train), -1), y_train, x_test.reshape(len(x_test), -1), y_test


def letters(raw: bytes) -> str:
    """Lower-case text of a-z, space and newline; every other character is deleted (`chars/sonnets28`)."""
    return re.sub("[^a-z \n]", "", raw.decode("utf-8").lower())


def text(raw: bytes) -> str:
    """The text as it is."""
    return raw.decode("utf-8")


ITEMS = {
    "mnist": Item(
        "mnist.npz",
        "MNIST digits (LeCun, Cortes & Burges): 60,000 and 10,000 images of 28 x 28",
        mnist,
        "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    ),
    "sonnets": Item(
        "sonnets.txt",
        "Shakespeare's Sonnets (1609) without headers: 154 sonnets, one blank line between them",
        letters,
        "1d1f3287154d731c72cd1a9b2b69cc5646c7141d9ed6e7afec268a2648063819",
    ),
}


def digest(content: Any) -> str:
    """SHA-256 of a text or of arrays one after the other."""
    found = hashlib.sha256()
    for part in [content] if isinstance(content, str) else content:
        found.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part, np.uint8).tobytes())
    return found.hexdigest()


def folders() -> list[Path]:
    """Where files are looked for, in order."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ltd"
    named = os.environ.get("LTD_DATA", "")
    return [Path(named), cache] if named else [cache]


def item(name: str) -> Item:
    """The item of that name."""
    if name not in ITEMS:
        raise ConfigError(unknown("data", name, ITEMS))
    return ITEMS[name]


def load(name: str, path: str = "") -> Any:
    """The checked content of an item, from `path` or from where it is kept.

    Raises
        ConfigError  if there is no such file, it cannot be read, or it is not what it should be.
    """
    wanted = item(name)
    places = [Path(path)] if path else [folder / wanted.file for folder in folders()]
    for place in places:
        if place.is_file():
            return _checked(name, str(place), place.stat().st_mtime_ns)
    way = f"`ltd data get {name}` fetches it" if wanted.url else f"`ltd data get {name} --url=URL` fetches it"
    raise ConfigError(
        f"{' or '.join(map(str, places))} is not there ({wanted.what}): {way}, LTD_DATA names its folder."
    )


@functools.lru_cache(maxsize=4)
def _checked(name: str, path: str, changed: int) -> Any:
    return _verified(name, Path(path).read_bytes(), path)


def _verified(name: str, raw: bytes, origin: str) -> Any:
    wanted = item(name)
    try:
        content = wanted.read(raw)
    except Exception as error:  # a truncated archive raises many kinds; all mean that the file will not do
        raise ConfigError(f"{origin} cannot be read as {wanted.file} ({error}): fetch it again.") from None
    if digest(content) != wanted.content:
        raise ConfigError(
            f"{origin} is not {wanted.file}: the digest of its content is {digest(content)[:12]}..., "
            f"not {wanted.content[:12]}.... Fetch it again."
        )
    return content


def read_text(path: str) -> str:
    """Any UTF-8 file that is not empty."""
    place = Path(path)
    try:
        found = place.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"path = {path!r} is not UTF-8 text ({error.reason} at byte {error.start}).") from None
    except OSError as error:
        raise ConfigError(f"path = {path!r} cannot be read ({error.strerror}).") from None
    if not found:
        raise ConfigError(f"path = {path!r} is empty: give a text.")
    return found


def get(name: str, url: str | None = None, progress: Callable[[int, int], None] | None = None) -> Path:
    """Fetch an item into the first folder, check it, and only then put it there: a partial file is never left.

    Raises
        ConfigError  if there is no address, the transfer fails, or the content is not what it should be.
    """
    wanted = item(name)
    address = url or wanted.url
    if not address:
        raise ConfigError(f"{name} has no address of its own: ltd data get {name} --url=URL.")
    if not re.match("(https?|file)://", address):
        raise ConfigError(f"url = {address!r} must begin with https://, http:// or file://.")
    target = folders()[0] / wanted.file
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".get-") as scratch:
            part = Path(scratch) / wanted.file
            _transfer(address, part, progress)
            _verified(name, part.read_bytes(), address)
            part.replace(target)
    except ConfigError:
        raise
    except urllib.error.URLError as error:
        raise ConfigError(f"url = {address!r} cannot be fetched ({error}).") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"url = {address!r} cannot be fetched into {target.parent} ({error}).") from None
    return target


def _transfer(address: str, part: Path, progress: Callable[[int, int], None] | None) -> None:
    with urllib.request.urlopen(address, timeout=SECONDS) as reply, open(part, "wb") as file:
        total = int(reply.headers.get("Content-Length") or 0)
        if progress is None:
            shutil.copyfileobj(reply, file)
        else:
            while block := reply.read(1 << 16):
                file.write(block)
                progress(file.tell(), total)
        if total and file.tell() != total:
            raise ConfigError(f"url = {address!r} broke off after {file.tell()} of {total} bytes. Try again.")
