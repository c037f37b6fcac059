"""Feed-forward sequential memory: it sees exactly as far as its taps reach, and an update takes less than an LSTM's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from ltd.claims import Claim, Control, Measured, Published, Result, Verdict
from ltd.claims.rules import numbers_of
from ltd.stats import median_interval
from ltd.types import Source

LENGTH, BATCH, UNITS, LAYERS, PAST, CALLS = 500, 16, 64, 2, 10, 5
REACH, RATIO = "steps that it reaches back", "time of an update, FSMN over LSTM"


def measure(seed: int) -> dict[str, float]:
    """The longest lag with a gradient by the input, and seconds of a gradient step beside an LSTM's, in turn."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from flax import nnx

    from ltd.cells import CELLS
    from ltd.nets import NETS
    from ltd.runtime import precision
    from ltd.settings import Plan
    from ltd.trees import disassemble
    from ltd.unroll import unroll

    def step_of(body, inputs):
        graphdef, params, rest = disassemble(body)

        def loss(params, inputs):
            own = nnx.merge(graphdef, params, rest)
            outputs = unroll(own, inputs, own.initial_state((inputs.shape[1],)), Plan())[1]
            return jnp.sum(jnp.sin(outputs[-1]))

        return jax.jit(jax.grad(loss, (0, 1))).lower(params, inputs).compile(), params

    with precision("float32"):
        key = jax.random.key(seed)
        inputs = jax.random.normal(key, (LENGTH, BATCH, 4))
        fsmn = NETS["fsmn"](key, 4, hidden=UNITS, layers=LAYERS, past=PAST)
        steps = [step_of(body, inputs) for body in (fsmn, CELLS["lstm"](key, 4, hidden=UNITS))]
        seconds: list[list[float]] = [[], []]
        for _ in range(CALLS + 1):
            for taken, (program, params) in zip(seconds, steps, strict=True):
                began = time.perf_counter()
                jax.block_until_ready(program(params, inputs))
                taken.append(time.perf_counter() - began)
        reach = []
        for program, params in steps:
            by_inputs = np.asarray(program(params, inputs)[1])
            seen = np.any(by_inputs != 0, axis=(1, 2))[::-1]
            reach.append(int(np.nonzero(seen)[0].max()))
    fast, slow = (median(taken[1:]) for taken in seconds)
    return {"reach": reach[0], "reach of the lstm": reach[1], "ratio": fast / slow}


def verdict(results: Sequence[Result]) -> Verdict:
    """The reach is layers times taps in every run, and the ratio of times below one."""
    if len(results) < 5:
        return Verdict("inconclusive", f"{len(results)} runs, at least 5 are needed.")
    reach, ratios = (numbers_of(results, name) for name in ("reach", "ratio"))
    middle = Measured(RATIO, *median_interval(ratios), len(ratios))
    numbers = (Measured(REACH, max(reach), min(reach), max(reach), len(reach), range=True), middle)
    if {*reach} != {LAYERS * PAST}:
        return Verdict(
            "contradicted", f"it reaches {min(reach):g} to {max(reach):g} steps back, not {LAYERS * PAST}.", numbers
        )
    if middle.low is not None and middle.low >= 1:
        return Verdict("contradicted", f"an update takes {middle.value:.2g} times that of the LSTM.", numbers)
    if middle.high is not None and middle.high >= 1:
        return Verdict("inconclusive", f"the ratio of times reaches {middle.high:.2g}.", numbers)
    because = f"it reaches exactly {LAYERS * PAST} steps back, and an update takes {middle.value:.2g} of the LSTM's."
    return Verdict("supported", because, numbers)


CLAIM = Claim(
    key="B-S32",
    sentence="A feed-forward sequential memory network has no recurrence: an output depends on exactly layers x taps "
    "steps of the past, and an update at T = 500 takes less time than that of an LSTM of the same width.",
    source=Source(
        "zhang2015",
        "Zhang, Liu, Jiang, Wei, Dai & Hu (2015), Feedforward sequential memory networks: a new structure to learn "
        "long-term dependency, arXiv 1512.08301",
        "2",
    ),
    published=(
        Published(REACH, LAYERS * PAST, "steps", "measured", "from the equations"),
        Published(RATIO, "below 1", "", "second", "abstract: faster training, no number"),
    ),
    controls=(
        Control(
            "the LSTM is recurrent",
            "its gradient by the input reaches further than that of the other network, in every run",
            lambda results: all(one.summary["reach of the lstm"] > LAYERS * PAST for one in results),
        ),
    ),
    verdict=verdict,
    departures=(
        "Perplexities and word error rates need data that cannot be bundled and are not judged. 64 units, two layers "
        "of ten taps, batch 16, one gradient step, both in one process on the machine named.",
    ),
)
