"""What only an accelerator can show, from a checkout: `python -m benchmarks.gpu [--quick] [--part ...] [--out FILE]`

    steps     P5: a gradient step of the LSTM against torch's (cuDNN), of every other cell against itself in nnx.RNN
    resident  the plan `resident` against `chunked`, for each cell that offers it, and for many lanes
    unrolled  `chunked` with 4, 16 or 64 steps of its loop written out against `chunked`
    parallel  P6: the plans `newton` and `associative` against `chunked`, over length and width
    lanes     P3: 64, 256 and 1024 lanes of a run against one

Needs jax, flax, optax and numpy (the last part draccus too), and compares with torch where it is installed; jaxtyping,
whose annotations nothing executes here, is replaced where it is missing. Results go to
benchmarks/results/MACHINE_gpu.json, each with the XLA_FLAGS that it was measured under. With `--quick` the sizes are
tiny, and it runs anywhere: does it run?
"""

from __future__ import annotations

import argparse
import os
import sys
import types
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

if find_spec("jaxtyping") is None:

    class _Shape:
        def __class_getitem__(cls, item: Any) -> Any:
            return Any

    stand_in = types.ModuleType("jaxtyping")
    stand_in.__dict__.update(
        Array=Any, **{name: _Shape for name in ("Bool", "Float", "Int", "Num", "PyTree", "Shaped")}
    )
    sys.modules["jaxtyping"] = stand_in

from benchmarks import step as bench
from ltd import runtime

PARTS = ("steps", "resident", "unrolled", "parallel", "lanes")
WIDTHS, STEP = (128, 256, 512, 1024), (500, 64)  # H; T, B
LENGTHS, NARROW, SEQUENCES = (10**3, 10**4, 10**5), (4, 16, 64), 8  # P6
PARALLEL = {"newton": "gru_after", "associative": "lru"}  # plan -> the cell that shows it
CELL_WIDTH = 128  # of every other cell
INPUTS = bench.INPUTS


def steps(quick: bool, around: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """P5."""
    T, B = (16, 4) if quick else STEP
    for H in (8,) if quick else WIDTHS:
        case = ("lstm", T, B, H)
        names = [name for name in bench.names("lstm") if name in (bench.OURS, bench.FLAX, bench.TORCH)]
        times = _milliseconds({name: bench.make_step(name, case) for name in names})
        peers = {name: value for name, value in times.items() if name in bench.PEERS}
        yield bench.row("P5: one gradient step", bench.name_of(case), times[bench.OURS], peers, "ms", around,
                        {"ratio": 1.0})  # fmt: skip
    from ltd.cells import CELLS

    for name in ("elman", "gru_after", "lru") if quick else [n for n in CELLS if n != "lstm"]:
        case = (name, T, B, 8 if quick else CELL_WIDTH)
        times = _milliseconds({"ours": _own(case), "theirs": _in_flax(case)})
        yield bench.row("P5: one gradient step", bench.name_of(case), times["ours"],
                        {"the same cell in nnx.RNN": times["theirs"]}, "ms", around, {"ratio": 0.5})  # fmt: skip


def resident(quick: bool, around: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What weights that stay on the chip gain."""
    from ltd.cells import CELLS
    from ltd.unroll import plans_of

    T, B = (16, 4) if quick else STEP
    for H in (16,) if quick else (32, 64, 128, 256):
        offer = [name for name in CELLS if "resident" in plans_of(_cell((name, T, B, H)))]
        for name in ("elman", "lstm") if quick else offer:
            case = (name, T, B, H)
            times = _milliseconds({"ours": _own(case, "resident"), "theirs": _own(case)})
            peers = {"plan chunked": times["theirs"]}
            yield bench.row("plan resident: one gradient step", bench.name_of(case), times["ours"], peers, "ms", around)
    if find_spec("draccus") is not None:
        yield from _resident_lanes(quick, around)


def _resident_lanes(quick: bool, around: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from benchmarks.sweeps import seconds_of

    sizes = {"T": 8, "H": 4, "B": 4} if quick else {}
    for count in (2,) if quick else (1, 64, 256):
        ours, theirs = (1e3 * seconds_of(count, plan, **sizes) for plan in ("resident", "chunked"))
        case = f"adding/arjovsky2016, LSTM, {count} lanes"
        yield bench.row("plan resident: an update", case, ours, {"plan chunked": theirs}, "ms", around)


def unrolled(quick: bool, around: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What steps that are written out gain."""
    T, B = (16, 4) if quick else STEP
    for name in ("elman", "lstm"):
        for H in (8,) if quick else (64, 256):
            case = (name, T, B, H)
            counts = (2,) if quick else (4, 16, 64)
            times = _milliseconds({str(n): _own(case, unroll=n) for n in (1, *counts)})
            for n in counts:
                peers = {"plan chunked": times["1"]}
                yield bench.row(f"plan chunked, {n} steps written out: one gradient step", bench.name_of(case),
                                times[str(n)], peers, "ms", around)  # fmt: skip


def parallel(quick: bool, around: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """P6."""
    for plan, name in PARALLEL.items():
        for T in (64,) if quick else LENGTHS:
            for H in (4,) if quick else NARROW:
                case = (name, T, 2 if quick else SEQUENCES, H)
                times = _milliseconds({"ours": _own(case, plan), "theirs": _own(case)})
                bound = {"ratio": 0.1} if T >= 10**4 and H <= 16 else {}
                peers = {"plan chunked": times["theirs"]}
                yield bench.row(f"P6: plan {plan}", bench.name_of(case), times["ours"], peers, "ms", around, bound)


def lanes(quick: bool, around: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """P3 on an accelerator. Runs are settings, which draccus decodes: without it this part is left out."""
    if find_spec("draccus") is None:
        print("lanes: left out, draccus is not installed (pure Python: its wheel can be carried here).")
        return
    from benchmarks.sweeps import seconds_of

    sizes = {"T": 8, "H": 4, "B": 4} if quick else {}
    one = 1e3 * seconds_of(1, **sizes)
    for count in (2,) if quick else (64, 256, 1024):
        yield bench.row("P3: an update of many lanes", f"adding/arjovsky2016, LSTM, {count} lanes",
                        1e3 * seconds_of(count, **sizes), {"one lane": one}, "ms", around,
                        {"ratio": 2.0} if count == 64 else {})  # fmt: skip


def _milliseconds(steps: dict[str, bench.Step]) -> dict[str, float]:
    return {name: 1e3 * seconds for name, seconds in bench.time_in_turn(steps, 5).items()}


def _cell(case: bench.Case) -> Any:
    import jax

    from ltd.cells import constructor

    return constructor(case[0])(jax.random.key(0), INPUTS, hidden=case[3])


def _own(case: bench.Case, plan: str = "chunked", **fields: Any) -> bench.Step:
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from ltd.settings import Plan
    from ltd.trees import disassemble
    from ltd.unroll import unroll

    graphdef, params, rest = disassemble(_cell(case))

    def loss(params, inputs):
        cell = nnx.merge(graphdef, params, rest)
        _, outputs = unroll(cell, inputs, cell.initial_state(inputs.shape[1:2]), Plan(plan, **fields))
        return jnp.mean(outputs[-1] ** 2)

    return bench.compiled(jax.value_and_grad(loss), params, bench.draw_inputs(case))


def _in_flax(case: bench.Case) -> bench.Step:
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from ltd.trees import disassemble

    graphdef, params, rest = disassemble(_cell(case))

    def loss(params, inputs):
        cell = nnx.merge(graphdef, params, rest)
        carry = cell.initial_state(inputs.shape[1:2])
        outputs = nnx.RNN(cell, time_major=True, rngs=False)(inputs, initial_carry=carry)
        return jnp.mean(outputs[-1] ** 2)

    return bench.compiled(jax.value_and_grad(loss), params, bench.draw_inputs(case))


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, on any device")
    parser.add_argument("--part", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--out", type=Path, help="default benchmarks/results/MACHINE_gpu.json")
    given = parser.parse_args(words)
    runtime.start()
    if bench.platform_name() == "cpu" and not given.quick:
        parser.error("there is no accelerator here: the CPU's numbers are those of `make bench` (--quick: a trial).")
    rows, around = [], bench.circumstances() | {"flags": os.environ.get("XLA_FLAGS", "")}
    with runtime.precision("float32"):
        for part in given.part:
            for found in {
                "steps": steps, "resident": resident, "unrolled": unrolled, "parallel": parallel, "lanes": lanes,
            }[part](given.quick, around):  # fmt: skip
                bench.show(found)
                rows.append(found)
                bench.write(rows, "gpu", given.out)  # what a killed run has measured stays
    return 0


if __name__ == "__main__":
    sys.exit(main())
