"""From settings to ledger: train many runs, measure many networks."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from ltd import attached, config, measure, presets, results, tracking, work
from ltd import guess as guessing
from ltd.block import lane_of
from ltd.executors import Executor
from ltd.model import fill, make_task, takes_cell
from ltd.probes import options_of
from ltd.results import Record
from ltd.runtime import memory, precision, stop_if_asked
from ltd.settings import Guess, Measure, Run
from ltd.sweep.schema import Sweep, read
from ltd.train import Trainer
from ltd.trees import nbytes
from ltd.types import Curves, Tracker

MOST_SEEDS = 100_000
FRESH = ("cell", "net", "initial", "task", "length", "inputs", "scale")  # fields that a run settles
Progress = Callable[[str, int, int], None]  # what is going on, updates or lanes done, of how many


def configure(cls: type, fields: Mapping[str, Any]) -> Any:
    """A `Run` or `Measure` from fields, dotted (`task.gap`) or nested; checked, and complete with all defaults.

    For a `Run` the field `preset` names settings of a paper, which those beside it stand over (`ltd.presets`).
    """
    nested: dict[str, Any] = {}
    for name, value in fields.items():
        config.put(nested, name, value)
    if cls is Run:
        nested = presets.filled(nested)
    one = config.decode(cls, nested)
    if isinstance(one, Measure):
        one = dataclasses.replace(one, probe=config.Choice(one.probe.type, options_of(one.probe)))
        if one.run is not None:
            given = [name for name in FRESH if nested.get(name) is not None]
            if given:
                raise config.ConfigError(
                    f"{', '.join(given)}: of fresh networks; where run is given, its network and task are measured: "
                    "leave them out."
                )
            return one
    if nested.get("cell") is not None and not takes_cell(one.net):
        raise config.ConfigError(f"net {one.net.type!r} is not made of cells: leave --cell out.")
    return attached.fill(fill(one)) if isinstance(one, Run) else fill(one)


def seeds_of(one: Any, seeds: int) -> list[Any]:
    """The same settings for seeds seed..seed+N-1."""
    if not 1 <= seeds <= MOST_SEEDS:
        raise config.ConfigError(f"seeds = {seeds} must be at least 1, and at most {MOST_SEEDS}.")
    with config.explained("seeds"):
        return [dataclasses.replace(one, seed=one.seed + i) for i in range(seeds)]


def _fits(what: str, needed: int) -> None:
    """Refuse what the memory cannot hold, before it is asked for."""
    there = memory()
    if there is not None and needed > there:
        raise config.ConfigError(
            f"{what} takes {needed / 2**30:.0f} GiB, and the memory is {there / 2**30:.0f} GiB: take a smaller one."
        )


def check_run(one: Run, metric: str | None = None, mesh: int | None = None) -> None:
    """Everything that can be wrong with a run, found before anything is compiled or written.

    Where a `metric` is compared between runs, its records must hold it.
    """
    trainer = Trainer(one, make_task(one.task), mesh or 1)
    _fits("the network, with its gradient and what the optimizer keeps,", 3 * trainer.bytes)
    batch = jax.eval_shape(lambda: trainer.curriculum.sample(jax.random.key(0), jnp.int32(0)))
    _fits(f"a batch of {one.train.batch} sequences", nbytes(batch))
    if one.probe is not None:
        attached.Watch(trainer).check()
    if metric is not None:
        names = trainer.scalars(lane_of(config.split(one)[1]))
        if metric not in names:
            raise ValueError(config.unknown("metric", metric, names))


def jobs_of(runs: Sequence[Run], out: Path, parts: int = 1, **about: Any) -> list[work.Job]:
    """The runs in groups that share a compiled program: those that differ in traced fields alone.

    Every group is cut into up to `parts` jobs; `about` are further fields of a job.
    """
    groups: dict[str, dict[str, Run]] = {}
    for one in runs:
        static = json.dumps(config.split(one)[0], sort_keys=True, default=str)
        groups.setdefault(static, {})[config.digest(one)] = one
    jobs = []
    for group in map(list, map(dict.values, groups.values())):
        size = -(-len(group) // parts)
        jobs += [work.Job(tuple(group[i : i + size]), str(out), **about) for i in range(0, len(group), size)]
    return jobs


def run(
    runs: Sequence[Run] | Run,
    out: Path | str,
    progress: Progress | None = None,
    tracker: Tracker | None = None,
    warn: Callable[[str], None] = lambda _: None,
    mesh: int | None = None,
) -> list[Record]:
    """Train what the ledger at `out` has not finished; the records of all, in order.

    Runs that differ only in traced fields share one compiled program. Finished runs are not repeated, and one that was
    killed goes on after its last check. With `mesh` every batch is spread over so many devices; by default that of a
    run that is alone on a CPU is spread over the cores, where it is worth that (`ltd.work.spread`).
    """
    runs = [runs] if isinstance(runs, Run) else runs
    out = results.writable(Path(out))
    for job in jobs_of(runs, out, mesh=mesh):
        work.train(job, progress or (lambda *_: None), tracker or tracking.Null(), warn)
    return [results.read_run(out / config.digest(one)) for one in runs]


def expand(
    file: Path | str,
    fixed: Mapping[str, Any] | None = None,
    replaced: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Sweep, list[Run]]:
    """A sweep file and its runs, every one checked.

    `fixed` fields stand over those of the file, and `replaced` parameters instead of its own (see `ltd.sweep.schema`).
    """
    found = read(file, fixed, replaced)
    runs: list[Run] = []
    for number, fields in enumerate(found.configs):
        with config.explained(f"{file}: config {number + 1} of {len(found.configs)}"):
            runs.append(configure(Run, fields))
    for job in jobs_of(runs, Path()):
        with config.explained(str(file)):
            check_run(job.runs[0], found.metric.name if found.stop and found.metric else None)
    return found, runs


def sweep(
    found: Sweep,
    runs: Sequence[Run],
    out: Path | str,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda _: None,
    executor: Executor | None = None,
    **about: Any,
) -> list[Record]:
    """Train the runs of a sweep; their records in order, failed ones among them.

    A run that fails is recorded and the others go on. With an executor (`ltd.executors`) other processes train, on
    other machines too if `out` is a folder that all of them see under one path. `about`: fields of `ltd.work.Job`, such
    as lanes and mirror.
    """
    out = results.writable(Path(out).absolute())  # for processes that stand elsewhere
    tell = progress or (lambda *_: None)
    digests = [config.digest(one) for one in runs]
    about["group"] = found.name
    if found.stop is not None and found.metric is not None:
        about["early"] = work.Early(found.stop, found.metric.name, found.metric.goal, tuple(digests))
    total = sum(one.train.steps for one in runs)
    if executor is None:
        before = 0
        with tracking.mirror(about.get("mirror", "off"), found.name, warn) as tracker:
            for job in jobs_of(runs, out, **about):
                share = sum(one.train.steps for one in job.runs)

                def inside(what: str, done: int, of: int, before=before, share=share) -> None:
                    tell(what, before + share * done // max(of, 1), total)

                work.attempt(job, inside, tracker, warn)
                before += share
    else:
        watch = _watching(found.name, runs, out, tell)
        parts = -(-executor.room() // len(jobs_of(runs, out)))  # so that no worker is idle
        executor(work.alone, jobs_of(runs, out, parts, **about), watch, warn)
        watch()
    records = [results.read_run(out / d) for d in digests if (out / d / "config.json").is_file()]
    return [record for record in records if record.status != "unfinished"]


def _watching(name: str, runs: Sequence[Run], out: Path, tell: Progress) -> Callable[[], None]:
    """Tells how far the runs have come that other processes train: as the ledger has it."""
    ends = dict.fromkeys(map(config.digest, runs), "unfinished")

    def watch() -> None:
        stop_if_asked()
        for digest in [d for d, status in ends.items() if status == "unfinished"]:
            if (out / digest / "summary.json").is_file():
                ends[digest] = work.status_of(out / digest)
        heads = [results.load(path, lambda _: None, whole=False) for path in results.checkpoints(out)]
        reached = {digest: updates for head in heads if head for digest, updates in head.updates.items()}
        done, total = 0, 0
        for one, (digest, status) in zip(runs, ends.items(), strict=True):
            total += one.train.steps
            done += one.train.steps if status != "unfinished" else reached.get(digest, 0)
        tell(f"{name}: {work.counts(list(ends.values()))}", done, total)

    return watch


def guess(one: Guess, out: Path | str, progress: Progress | None = None) -> dict[str, Any]:
    """The guessing control of a task, into `guesses/` of the ledger at `out`; one that is there is not repeated."""
    out = results.writable(Path(out))
    for row in results.read_guesses(out, lambda _: None):
        if row["digest"] == config.digest(one):
            return row
    run = Run(task=one.task, cell=one.cell, net=one.net, initial=one.initial, precision=one.precision)
    tell = progress or (lambda *_: None)
    with precision(one.precision):
        trainer = Trainer(run, make_task(one.task))
        sketch = jax.eval_shape(trainer.start, {"seed": jnp.uint32(0)}).params
        found = guessing.guess(
            one,
            sketch,
            lambda params, key: trainer.rule_holds(params, key, one.batch),
            trainer.size,
            lambda done, total: tell(f"{one.task.type} guesses", done, total),
        )
    found["rule"] = trainer.rule.statement
    results.write_guess(out, one, found)
    return found


def lanes_of(one: Measure, rhos: Sequence[float | None], seeds: int) -> list[Measure]:
    """The measurement for all rho and seeds, checked before anything is compiled."""
    with config.explained():
        lanes = [dataclasses.replace(each, rho=rho) for rho in rhos for each in seeds_of(one, seeds)]
        task, build = measure.network(lanes[0])
        first = lanes[0]
        batch = jax.eval_shape(lambda: measure.batch_for(first, task, jax.random.key(0)))
        net = jax.eval_shape(lambda: build(jax.random.key(0), first.rho, first.sigma))
        _fits("the network", nbytes(net))
        length, samples = batch.scored.shape
        states = nbytes(jax.eval_shape(lambda: net.initial_state(samples)))
        _fits(f"what {samples} sequences of {length} steps leave to measure", nbytes(batch) + length * states)
    return lanes


def probe(lanes: Sequence[Measure] | Measure, out: Path | str | None = None) -> list[Curves]:
    """Measure networks that differ only in traced fields, in one program; `curves.csv` and a summary in `out`."""
    lanes = [lanes] if isinstance(lanes, Measure) else lanes
    if out is not None:
        out = results.writable(Path(out))
    with precision(lanes[0].precision):
        curves = measure.measure(lanes[0], [config.split(lane)[1] for lane in lanes])
    if out is not None:
        measure.write(out, lanes, curves)
    return curves
