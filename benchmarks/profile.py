"""Where the time of a compiled step goes on a CPU: shares by kind of work, from XLA's own trace.

    python -m benchmarks.profile CELL T B H [--arrangement NAME]

The self time of every event of every thread that computes: what runs inside another is counted once. `waiting` is what
the cores could have done while a step was under way and was not seen: handing over, waiting for another device, and,
where a step runs on one device, what a product hands to further threads, which the trace does not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ltd import runtime

STEPS = 3
KINDS = {  # kind -> how the names of its events begin or what they hold
    "products": ("dot", "custom-call", "convolution"),
    "singular values": ("svd",),
    "QR": ("geqrf", "householder_product"),
    "copies": ("copy", "transpose", "concatenate", "pad", "bitcast", "broadcast", "slice", "dynamic"),
    "sums between devices": ("all-reduce", "all_reduce", "psum"),
    "elementwise": (
        "fusion",
        "wrapped",
        "reduce",
        "tanh",
        "logistic",
        "add",
        "multiply",
        "select",
        "convert",
        "compare",
    ),
}
LOOPS = ("while", "call", "conditional", "tuple", "parameter", "get-tuple-element")


def shares(step: Callable[[], Any], steps: int = STEPS) -> dict[str, float]:
    """Share of the cores' time by kind, largest first."""
    import jax

    jax.block_until_ready(step())
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            began = time.perf_counter()
            for _ in range(steps):
                jax.block_until_ready(step())
            whole = (time.perf_counter() - began) * 1e9 * runtime.cores()
        (file,) = Path(folder).glob("**/*.xplane.pb")
        spent = self_times(jax.profiler.ProfileData.from_file(str(file)))
    sums: Counter[str] = Counter()
    for name, nanoseconds in spent.items():
        if kind := kind_of(name):
            sums[kind] += nanoseconds / whole
    sums["waiting"] = max(0.0, 1 - sum(sums.values()))
    return {kind: round(share, 3) for kind, share in sums.most_common()}


def kind_of(name: str) -> str:
    """The kind of work of an event, or nothing for what is none of the program's."""
    plain = name.split(":")[-1].strip().lstrip("%")
    for kind, words in KINDS.items():
        if plain.startswith(words) or (kind == "elementwise" and "fusion" in plain):
            return kind
    return "the loop" if plain.startswith(LOOPS) else ""


def self_times(data: Any) -> Counter[str]:
    """Nanoseconds by name of event, without what runs inside it on the same thread."""
    spent: Counter[str] = Counter()
    for plane in data.planes:
        if not plane.name.startswith("/host:CPU"):
            continue
        for line in plane.lines:
            open_: list[tuple[float, str]] = []  # ends and names of the events that stand around the next
            for event in sorted(line.events, key=lambda e: (e.start_ns, -e.duration_ns)):
                while open_ and open_[-1][0] <= event.start_ns:
                    open_.pop()
                spent[event.name] += event.duration_ns
                if open_:
                    spent[open_[-1][1]] -= event.duration_ns
                open_.append((event.start_ns + event.duration_ns, event.name))
    return spent


def main(words: Sequence[str] | None = None) -> int:
    from benchmarks import step

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cell", choices=step.CELLS)
    parser.add_argument("sizes", nargs=3, type=int, metavar=("T", "B", "H"))
    parser.add_argument("--arrangement", default=step.OURS, choices=[step.OURS, *step.VARIANTS, step.FLAX])
    given = parser.parse_args(words)
    runtime.start()
    with runtime.precision("float32"):
        found = shares(step.make_step(given.arrangement, (given.cell, *given.sizes)))
    for kind, share in found.items():
        print(f"{kind:24} {share:6.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
