"""One gradient step of a one-layer recurrent network, ours and other frameworks', side by side in one run.

    python -m benchmarks.step [--quick] [--cases NAME ...] [--repeats N] [--out FILE]

The loss is the mean square of the last output; the gradient is that of all weights, not of the inputs. Everything is
float32. Time is the median of N repeats that go round all frameworks in turn, after one warm-up each, so that whatever
else the machine does meets all of them; beside it stands what the machine could do at best (`benchmarks.limits`), and
where a goal is missed, where the time went (`benchmarks.profile`). Memory is the extra peak of the resident set over
one step, in a fresh process per framework whose parameters, inputs and compiled program are already in place. A
framework that is not installed is left out. `ours` is what `ltd run` does: the default plan, on a CPU with the batch
over one device per core where that is worth it; other arrangements of ours are rows of their own.

D = 32 inputs: wide enough that the input product is real work (it is what a plan may take out of the loop), narrow
enough that at every H here the recurrence decides, as it does in tasks with long lags, which have 2 to 30 inputs.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ltd import runtime

INPUTS = 32
SIZES = [(400, 20, 100), (500, 64, 128), (1000, 128, 128), (200, 64, 512)]  # T, B, H
HELD = [("lstm", 2000, 128, 128), ("lstm", 100_000, 8, 64)]  # whose memory is measured, and not the time
QUICK = (16, 4, 8)
CELLS = {"lstm": "lstm", "gru": "gru_after", "elman": "elman"}  # what peers have, and our name for it
OURS, ALONE, STEPWISE = "ltd", "ltd on one device", "ltd stepwise"
VARIANTS = {ALONE: "on one device", STEPWISE: "on one device, plan stepwise"}
TORCH, FLAX, HAIKU, EQUINOX = "torch", "flax nnx.RNN", "haiku", "equinox"
PEERS = {FLAX: "flax", TORCH: "torch", HAIKU: "haiku", EQUINOX: "equinox"}  # and what is imported
PAUSE = 0.02  # seconds; threads of the framework before stop spinning
TIME, MEMORY = "time of one gradient step", "extra peak memory of one gradient step"
GIB = 1024  # MiB
FIELDS = (
    "goal", "case", "ours", "peers", "ratio", "unit", "at_most", "met", "limit", "profile",
    "machine", "versions", "date", "commit",
)  # fmt: skip
PACKAGES = ("jax", "jaxlib", "flax", "torch", "dm-haiku", "equinox", "numpy")
ROOT = Path(__file__).resolve().parents[1]

Case = tuple[str, int, int, int]  # cell, T, B, H
Step = Callable[[], Any]  # one gradient step; what it returns may still be under way


def name_of(case: Case) -> str:
    cell, length, batch, hidden = case
    return f"{cell} T={length} B={batch} H={hidden} D={INPUTS}"


def names(kind: str) -> list[str]:
    """What can be run here; Equinox has no Elman network."""
    import jax

    alone = [ALONE] if len(jax.devices()) > 1 else []  # even where the default is that
    peers = [name for name, module in PEERS.items() if find_spec(module) and (name, kind) != (EQUINOX, "elman")]
    return [OURS, *alone, STEPWISE, *peers]


# ------------------------------------------------------------------------------------------------ steps


def make_step(name: str, case: Case) -> Step:
    """One gradient step, compiled, its parameters and inputs in place, not yet run."""
    makers = {TORCH: torch_step, FLAX: flax_step, HAIKU: haiku_step, EQUINOX: equinox_step}
    return makers[name](case) if name in makers else ltd_step(name, case)


def ltd_step(name: str, case: Case) -> Step:
    import jax
    import jax.numpy as jnp
    from flax import nnx
    from jax.sharding import NamedSharding, PartitionSpec

    from ltd import cells
    from ltd.settings import Plan
    from ltd.unroll import unroll

    kind, _, _, hidden = case
    cell = cells.CELLS[CELLS[kind]](jax.random.key(0), INPUTS, hidden)
    graphdef, params = nnx.split(cell)
    plan = Plan("stepwise") if name == STEPWISE else Plan()

    def loss(params, inputs):
        own = nnx.merge(graphdef, params)
        _, outputs = unroll(own, inputs, own.initial_state(inputs.shape[1:2]), plan)
        return jnp.mean(outputs[-1] ** 2)

    count = spread(case, params) if name == OURS else 1
    if count == 1:
        return compiled(jax.value_and_grad(loss), params, draw_inputs(case))
    mesh = jax.make_mesh((count,), ("batch",), devices=jax.devices()[:count])
    whole, split = PartitionSpec(), PartitionSpec(None, "batch")

    def part(params, inputs):
        return jax.lax.pmean(jax.value_and_grad(loss)(params, inputs), "batch")

    over = jax.shard_map(part, mesh=mesh, in_specs=(whole, split), out_specs=whole, check_vma=False)
    params = jax.device_put(params, NamedSharding(mesh, whole))
    return compiled(over, params, jax.device_put(draw_inputs(case), NamedSharding(mesh, split)))


def spread(case: Case, params: Any) -> int:
    """Devices that `ltd run` spreads the batch of this network over."""
    import jax

    from ltd.sweep import shares

    kind, length, batch, hidden = case
    states = 2 if kind == "lstm" else 1
    weights = sum(leaf.nbytes for leaf in jax.tree.leaves(params))
    return shares(batch, length * batch * states * hidden, weights) if platform_name() == "cpu" else 1


def flax_step(case: Case) -> Step:
    import jax
    import jax.numpy as jnp
    from flax import nnx

    kind, _, batch, hidden = case
    # the faster of its two LSTM cells: one product for all four gates
    cell = {"lstm": nnx.OptimizedLSTMCell, "gru": nnx.GRUCell, "elman": nnx.SimpleCell}[kind](
        INPUTS, hidden, rngs=nnx.Rngs(0)
    )
    graphdef, params = nnx.split(nnx.RNN(cell, time_major=True, rngs=False))
    carry = cell.initialize_carry((batch, INPUTS), nnx.Rngs(0))

    def loss(params, inputs):
        outputs = nnx.merge(graphdef, params)(inputs, initial_carry=carry)
        return jnp.mean(outputs[-1] ** 2)

    return compiled(jax.value_and_grad(loss), params, draw_inputs(case))


def haiku_step(case: Case) -> Step:
    import jax
    import jax.numpy as jnp

    from ltd.conformance.problem import framework

    hk = framework("haiku")

    kind, _, batch, hidden = case

    def loss(inputs):
        core = {"lstm": hk.LSTM, "gru": hk.GRU, "elman": hk.VanillaRNN}[kind](hidden)
        outputs, _ = hk.dynamic_unroll(core, inputs, core.initial_state(batch))
        return jnp.mean(outputs[-1] ** 2)

    net, inputs = hk.without_apply_rng(hk.transform(loss)), draw_inputs(case)
    return compiled(jax.value_and_grad(net.apply), net.init(jax.random.key(0), inputs), inputs)


def equinox_step(case: Case) -> Step:
    import jax
    import jax.numpy as jnp

    from ltd.conformance.problem import framework

    eqx = framework("equinox")

    kind, _, batch, hidden = case
    cell = {"lstm": eqx.nn.LSTMCell, "gru": eqx.nn.GRUCell}[kind](INPUTS, hidden, key=jax.random.key(0))
    params, static = eqx.partition(cell, eqx.is_array)
    zero = jnp.zeros((batch, hidden))
    start = (zero, zero) if kind == "lstm" else zero

    def loss(params, inputs):
        step = jax.vmap(eqx.combine(params, static))

        def one(state, x):
            state = step(x, state)
            return state, state[0] if kind == "lstm" else state

        return jnp.mean(jax.lax.scan(one, start, inputs)[1][-1] ** 2)

    return compiled(jax.value_and_grad(loss), params, draw_inputs(case))


def compiled(function: Callable, *arguments: Any) -> Step:
    import jax

    program = jax.jit(function).lower(*arguments).compile()
    jax.block_until_ready(arguments)
    return lambda: program(*arguments)


def draw_inputs(case: Case) -> Any:
    import jax

    _, length, batch, _ = case
    return jax.random.normal(jax.random.key(1), (length, batch, INPUTS))


def torch_step(case: Case) -> Step:
    import torch

    kind, length, batch, hidden = case
    torch.set_num_threads(runtime.cores())
    torch.backends.cudnn.allow_tf32 = False  # float32 for all
    device = "cuda" if platform_name() == "gpu" and torch.cuda.is_available() else "cpu"
    net = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "elman": torch.nn.RNN}[kind](INPUTS, hidden, device=device)
    inputs = torch.randn(length, batch, INPUTS, device=device)

    def step():
        net.zero_grad(set_to_none=True)
        loss = net(inputs)[0][-1].square().mean()
        loss.backward()
        if device == "cuda":
            torch.cuda.synchronize()
        return [p.grad for p in net.parameters()]

    return step


# ------------------------------------------------------------------------------------------------ measures


def time_in_turn(
    steps: Mapping[str, Step], repeats: int, wait: Callable | None = None, clock: Callable = time.perf_counter
) -> dict[str, float]:
    """Median seconds from call to result of each step, all of them in turn, after one warm-up each."""
    if wait is None:
        from jax import block_until_ready as wait
    for step in steps.values():
        wait(step())
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            time.sleep(PAUSE)
            start = clock()
            wait(step())
            taken[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in taken.items()}


def resident(field: str) -> int:
    """A field of /proc/self/status in bytes: VmRSS now, VmHWM at its highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def can_measure_memory() -> bool:
    return platform_name() == "cpu" and os.access("/proc/self/clear_refs", os.W_OK)


def extra_peak(name: str, case: Case) -> int:
    """Bytes that the first step of this process adds to the resident set at its highest."""
    import jax

    step = make_step(name, case)
    jax.block_until_ready(make_step(name, (case[0], 2, *case[2:]))())  # two steps of T: what every first step loads
    gc.collect()
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts again from here
    jax.block_until_ready(step())
    return resident("VmHWM") - before


def memory_apart(name: str, case: Case) -> float:
    """Extra peak in MiB, measured in a fresh process."""
    words = [sys.executable, "-m", "benchmarks.step", "--memory", name, json.dumps(case)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"memory of {name}, {name_of(case)}: {done.stderr.strip().splitlines()[-1:]}")
    return int(done.stdout.split()[-1]) / 2**20


# ------------------------------------------------------------------------------------------------ results


def platform_name() -> str:
    import jax

    return jax.devices()[0].platform


def machine() -> str:
    """Cores, architecture and the widest vectors, or the accelerator: `cpu2-x86_64`, `cpu2-x86_64-avx512`."""
    import jax

    if platform_name() == "cpu":
        about = Path("/proc/cpuinfo")
        wide = about.is_file() and "avx512f" in about.read_text().split()
        return f"cpu{runtime.cores()}-{platform.machine()}" + ("-avx512" if wide else "")
    return jax.devices()[0].device_kind.lower().replace(" ", "-")


def circumstances() -> dict[str, Any]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(git, capture_output=True, text=True)
    commit = found.stdout.strip() or None
    return dict(machine=machine(), versions=versions, date=datetime.now(UTC).date().isoformat(), commit=commit)


def digits(value: float) -> float:
    """Six significant ones: a short time does not become 0."""
    return float(f"{value:.6g}")


def row(
    goal: str,
    case: str,
    ours: float,
    peers: Mapping[str, float],
    unit: str,
    around: Mapping[str, Any],
    at_most: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """One row of a result file. `at_most` is what a goal allows to `ours`, or to its ratio to the best peer."""
    ratio = ours / min(peers.values()) if peers else None
    kept = {name: digits(value) for name, value in peers.items()}
    shown = None if ratio is None else round(ratio, 5 if ratio < 0.1 else 3)
    bounds = {name: bound for name, bound in (at_most or {}).items() if name == "ours" or peers}
    found = dict(goal=goal, case=case, ours=digits(ours), peers=kept, ratio=shown, unit=unit, at_most=bounds)
    met = all({"ours": ours, "ratio": ratio}[name] <= bound for name, bound in bounds.items()) if bounds else None
    return {**found, "met": met, "limit": None, "profile": None, **around}


def objects(goal: str, unit: str, case: Case, found: Mapping[str, float], around: Mapping) -> list[dict]:
    """One row for our default, one for each other arrangement of ours; all against the same peers."""
    peers = {name: value for name, value in found.items() if name in PEERS}
    made = []
    for name, value in found.items():
        if name in peers:
            continue
        how = f", {VARIANTS[name]}" if name in VARIANTS else ""
        bound = {} if how else {"ratio": 0.7 if case[3] <= 128 else 1.0} if unit == "ms" else {"ratio": 0.333}
        if unit == "MiB" and case in HELD[1:] and not how:
            bound = {"ours": 8 * GIB}
        made.append(row(goal + how, name_of(case), value, peers, unit, around, bound))
    return made


def show(found: Mapping[str, Any]) -> None:
    """One line on stdout."""
    peers = ", ".join(f"{name} {value:g}" for name, value in found["peers"].items())
    limit = f", limit {sum(found['limit'].values()):g}" if found["limit"] else ""
    print(
        f"{found['case']:34} {found['goal']:56} {found['ours']:9.2f} {found['unit']:3} ratio {found['ratio']} "
        f"({peers}{limit}){'  MISSED' if found['met'] is False else ''}",
        flush=True,
    )


def bench(cases: Sequence[Case], held: Sequence[Case], repeats: int, quick: bool) -> list[dict[str, Any]]:
    """All rows; a line on stdout for each as it comes. Quick: memory without variants."""
    from benchmarks.limits import limit
    from benchmarks.profile import shares

    found, around = [], circumstances()
    for case in cases:
        steps = {name: make_step(name, case) for name in names(case[0])}
        times = {name: 1e3 * seconds for name, seconds in time_in_turn(steps, repeats).items()}
        made = objects(TIME, "ms", case, times, around)
        for one in made[:1] if platform_name() == "cpu" else []:
            one["limit"] = limit(case, INPUTS)
            one["profile"] = shares(steps[OURS]) if one["met"] is False else None
        for one in made:
            show(one)
        found += made
    for case in held if can_measure_memory() else []:
        apart = {name: memory_apart(name, case) for name in names(case[0]) if name not in (VARIANTS if quick else ())}
        for one in objects(MEMORY, "MiB", case, apart, around):
            show(one)
            found.append(one)
    return found


def write(rows: Sequence[Mapping[str, Any]], kind: str, out: Path | None = None) -> Path:
    """The rows as `benchmarks/results/MACHINE_KIND.json`, or at `out`."""
    out = out or ROOT / "benchmarks" / "results" / f"{machine()}_{kind}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(rows, indent=1) + "\n")
    return out


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one tiny size, three repeats, memory once: does it run?")
    parser.add_argument("--cases", nargs="+", metavar="NAME", help="only cases whose name holds one of these")
    parser.add_argument("--repeats", type=int, help="default 5")
    parser.add_argument("--out", type=Path, help="default benchmarks/results/MACHINE_step.json")
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    runtime.start()
    with runtime.precision("float32"):
        return answer(parser, given)


def answer(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    if given.memory:
        name, case = given.memory
        print(extra_peak(name, tuple(json.loads(case))))
        return 0
    timed: list[Case] = [(cell, *size) for size in ([QUICK] if given.quick else SIZES) for cell in CELLS]
    held: list[Case] = [("lstm", *QUICK)] if given.quick else HELD
    timed, held = ([c for c in all_ if _wanted(c, given.cases)] for all_ in (timed, held))
    if not timed and not held:
        parser.error(f"--cases {' '.join(given.cases)}: no case has that in its name.")
    rows = bench(timed, held, given.repeats or (3 if given.quick else 5), given.quick)
    print(f"written: {write(rows, 'step', given.out)}")
    return 0


def _wanted(case: Case, parts: Sequence[str] | None) -> bool:
    return not parts or any(part in name_of(case) for part in parts)


if __name__ == "__main__":
    sys.exit(main())
