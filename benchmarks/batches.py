"""What drawing a batch costs, against the training step that uses it: every dialect at its default sizes.

    python -m benchmarks.batches [--tasks NAME ...] [--repeats N] [--out FILE]

The step is loss and gradient of an LSTM with 64 units and the update by Adam on a batch of 32 that is already there,
by the default plan on one device. Batches are drawn as training draws them, one after the other inside a compiled loop
(16 of them; the time of one is a sixteenth). Both are medians of N repeats in turn. A dialect that costs more than 5 %
must stand below with its reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.step import ROOT, circumstances, machine, time_in_turn
from ltd import runtime

HIDDEN, BATCH, LOOP, GOAL = 64, 32, 16, 0.05
SEQUENTIAL = "a bracketed expression is drawn symbol by symbol, in a scan over the word as long as the network's own"
EXCEPTIONS = {  # dialect -> why its batches cost more
    "formal/modular_arithmetic_brackets_deletang2023": SEQUENTIAL,
    "formal/solve_equation_deletang2023": SEQUENTIAL,
    "permutation/martens2011": "every step is one of 98 random symbols, as a one-hot vector wider than the state",
    "chars/ltd": "words are drawn for the longest case, and every step looks up which word it stands in",
    "motion_change/ltd": "normal noise, a sine and a cosine for both angles of every step",
}


def measure(name: str, repeats: int) -> dict[str, Any]:
    """One row: milliseconds of a batch and of a step, and their ratio."""
    import jax
    import optax

    from ltd.lengths import batch_of
    from ltd.model import make_model, make_task
    from ltd.settings import Choice, Plan, Run
    from ltd.trees import disassemble

    one = Run(task=Choice(name), cell=Choice("lstm", {"hidden": HIDDEN}))
    task = make_task(one.task)
    graphdef, params, rest = disassemble(make_model(one, task)(jax.random.key(0)))
    rule = optax.adam(1e-3)
    moments = rule.init(params)
    batch = jax.jit(lambda key: batch_of(task, key, BATCH))(jax.random.key(1))

    @jax.jit
    def draw(key):
        drawn = jax.lax.map(lambda k: batch_of(task, k, BATCH), jax.random.split(key, LOOP))
        return jax.tree.map(lambda leaf: leaf[-1], drawn)

    @jax.jit
    def step(params, moments, batch):
        from flax import nnx

        def loss(params):
            return task.loss(nnx.merge(graphdef, params, rest)(batch.inputs, Plan(), batch.valid), batch)

        grads = jax.grad(loss)(params)
        moves, after = rule.update(grads, moments, params)
        return optax.apply_updates(params, moves), after

    key = jax.random.key(2)
    steps = {"batch": lambda: draw(key), "step": lambda: step(params, moments, batch)}
    taken = {what: 1e3 * seconds for what, seconds in time_in_turn(steps, repeats).items()}
    taken["batch"] /= LOOP
    ratio = taken["batch"] / taken["step"]
    found = {"task": name, "T": task.steps, "batch_ms": round(taken["batch"], 4), "step_ms": round(taken["step"], 3)}
    return found | {"ratio": round(ratio, 4), "exception": EXCEPTIONS.get(name)}


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", metavar="NAME", help="default: all that need no data file")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, help="default benchmarks/results/MACHINE_batches.json")
    given = parser.parse_args(words)
    runtime.start()
    from tasks import TASKS

    names = given.tasks or [name for name, build in TASKS.items() if not build().file]
    rows = []
    with runtime.precision("float32"):
        for name in names:
            rows.append(measure(name, given.repeats))
            print(
                "{task:44} T {T:5d}  batch {batch_ms:8.3f} ms  step {step_ms:9.2f} ms  ratio {ratio}".format(**rows[-1])
            )
            sys.stdout.flush()
    settings = {"hidden": HIDDEN, "batch": BATCH, "goal": GOAL, "repeats": given.repeats}
    out = given.out or ROOT / "benchmarks" / "results" / f"{machine()}_batches.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({**settings, **circumstances(), "rows": rows}, indent=1) + "\n")
    over = [row["task"] for row in rows if row["ratio"] > GOAL and not row["exception"]]
    dear = sum(row["ratio"] > GOAL for row in rows)
    print(f"{len(rows)} dialects, {dear} over {GOAL:.0%}, without a reason: {', '.join(over) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
