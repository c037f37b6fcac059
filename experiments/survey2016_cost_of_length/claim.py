"""Memory and time of backpropagation through time grow in proportion to the length of the sequence."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.stats import mean_interval, slope
from ltd.types import Source

LENGTHS, BATCH, UNITS, CALLS = (1000, 2000, 4000, 8000), 8, 64, 3
LOW, HIGH = 0.9, 1.1
BYTES, SECONDS = "log-log slope of memory on T", "log-log slope of time on T"


def measure(plan: str, seed: int) -> dict[str, list[float] | float]:
    """Bytes that the compiled gradient of an LSTM needs, and the least seconds of three calls, by length."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from ltd.cells import CELLS
    from ltd.runtime import precision
    from ltd.settings import Plan
    from ltd.trees import disassemble
    from ltd.unroll import unroll

    with precision("float32"):
        key = jax.random.key(seed)
        graphdef, params, rest = disassemble(CELLS["lstm"](key, 4, hidden=UNITS))

        def loss(params, inputs):
            cell = nnx.merge(graphdef, params, rest)
            outputs = unroll(cell, inputs, cell.initial_state((BATCH,)), Plan(plan))[1]
            return jnp.mean(outputs[-1] ** 2)

        needs, seconds = [], []
        for length in LENGTHS:
            inputs = jax.random.normal(key, (length, BATCH, 4))
            program = jax.jit(jax.grad(loss)).lower(params, inputs).compile()
            about = program.memory_analysis()
            assert about is not None, "this device does not say what a program needs"
            needs.append(float(about.temp_size_in_bytes))
            jax.block_until_ready(program(params, inputs))
            seconds.append(min(_timed(program, params, inputs) for _ in range(CALLS)))
    return {
        "bytes": needs,
        "seconds": seconds,
        "slope of bytes": slope_of(needs),
        "slope of seconds": slope_of(seconds),
    }


def _timed(program, *arguments) -> float:
    import jax

    began = time.perf_counter()
    jax.block_until_ready(program(*arguments))
    return time.perf_counter() - began


def slope_of(values: Sequence[float]) -> float:
    """Of the logarithm on that of the length."""
    import numpy as np

    return slope(np.log(LENGTHS), np.log(values))


def verdict(results: Sequence[Result]) -> Verdict:
    """Both mean slopes within 0.9 and 1.1."""
    if len(results) < 5:
        return Verdict("inconclusive", f"{len(results)} runs, at least 5 are needed.")
    numbers = tuple(
        Measured(name, *mean_interval(numbers_of(results, f"slope of {part}")), len(results))
        for name, part in ((BYTES, "bytes"), (SECONDS, "seconds"))
    )
    if all(LOW <= one.value <= HIGH for one in numbers):
        return Verdict("supported", f"both slopes lie in {LOW} to {HIGH}.", numbers)
    outside = [one for one in numbers if (one.high or one.value) < LOW or (one.low or one.value) > HIGH]
    if outside:
        return Verdict("contradicted", f"{outside[0].what} is {outside[0].value:.3f}.", numbers)
    return Verdict("inconclusive", f"an interval reaches beyond {LOW} to {HIGH}.", numbers)


def plot(results: Sequence[Result]) -> Plot:
    """Both, relative to the shortest length, seed 0."""
    first = results[0].summary
    lines = [
        Line(name, list(LENGTHS), [value / first[name][0] for value in first[name]], name == "seconds")
        for name in ("bytes", "seconds")
    ]
    return Plot("length T (steps)", "relative to T = 1000", tuple(lines))


CLAIM = Claim(
    key="B-S33",
    sentence="The memory and the time of backpropagation through time grow in proportion to the length of the "
    "sequence.",
    source=Source("survey2016", "The survey of memory in recurrent networks (2016), section 2.2", "p"),
    published=(
        Published(BYTES, 1, "", "measured", "every state is kept"),
        Published(SECONDS, 1, "", "measured", "every step is taken"),
    ),
    controls=(
        Control(
            "the states are counted",
            "the gradient needs at least the states of all steps, h and c of 64 units in float32",
            lambda results: all(
                need >= length * BATCH * UNITS * 2 * 4
                for one in results
                for need, length in zip(one.summary["bytes"], LENGTHS, strict=True)
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "An LSTM of 64 units, batch 8, T = 1000 to 8000, every step kept (plan stepwise), on the machine named.",
    ),
    plot=plot,
)
