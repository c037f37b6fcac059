"""Groups through the ledger: what a kill, a full block, too little memory or another process does to a run: nothing."""

import dataclasses
import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from ltd import config, launch, results, runtime, work
from ltd.block import Block, OutOfMemory
from ltd.config import ConfigError
from ltd.settings import Run
from ltd.sweep.hyperband import Hyperband
from ltd.tracking import Null

ROOT = Path(__file__).parents[1]
FIELDS = {
    "task": {"type": "copy/arjovsky2016", "gap": 3, "pattern": 1, "symbols": 2},
    "cell": {"type": "elman", "hidden": 8},
    "train": {"steps": 30, "batch": 8, "eval_every": 5, "eval_batch": 16},
}


def runs_of(rates=(1e-3, 3e-2, 1e6), seeds=(0, 1, 2), **fields):
    """Nine runs: some are solved early, some go to the end, some diverge."""
    one = launch.configure(Run, {**FIELDS, **fields})
    return [
        dataclasses.replace(
            one, seed=seed, optimizer=dataclasses.replace(one.optimizer, type="sgd", learning_rate=rate)
        )
        for rate in rates
        for seed in seeds
    ]


def train(runs, out, lanes=4, told=None, said=None, **about):
    told, said = [] if told is None else told, [] if said is None else said
    for job in launch.jobs_of(runs, out, lanes=lanes, **about):
        work.train(job, lambda *words: told.append(words), Null(), said.append)
    return {config.digest(one): results.read_run(out / config.digest(one)) for one in runs}


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """One program for every block of a width: all tests here but those of other networks share their static fields."""
    known, build = {}, Block.compile

    def compile(block):
        static = config.split(block.trainer.settings)[0]
        key = (block.width, repr(static))
        if key not in known:
            build(block)
            known[key] = block._program
        block._program = known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Block, "compile", compile)
        yield


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    out = tmp_path_factory.mktemp("unbroken")
    return out, train(runs_of(), out)


def files(out):
    return {
        (path.parent.name, path.name): path.read_bytes()
        for pattern in ("[!.]*/metrics.jsonl", "[!.]*/params.npz")
        for path in out.glob(pattern)
    }


def scores(record):
    return {name: value for name, value in record.summary.items() if name not in ("levels", "rule")}


def test_runs_pass_through_the_places_of_a_block(unbroken):
    """Nine runs, four places; they end at different checks, and nothing is left behind."""
    out, records = unbroken
    assert [record.status for record in records.values()][-3:] == ["diverged"] * 3
    assert {record.status for record in records.values()} >= {"finished", "diverged"}
    ends = {record.summary["updates"] for record in records.values()}
    assert len(ends) > 1 and max(ends) == 30
    assert [path.name for path in (out / results.FOLDER).iterdir()] == ["lock"]
    for record in records.values():
        assert [row["update"] for row in record.metrics()][:2] == [0, min(5, record.summary["updates"])]


@pytest.mark.parametrize("hidden", [8, 70])
def test_a_lane_equals_the_run_alone(hidden, tmp_path):
    """To 1e-5 over the first 20 updates, vectorised (8 units) and in sequence (70)."""
    cell = {"type": "elman", "hidden": hidden}
    runs = runs_of(rates=(1e-2, 1e-1), cell=cell, train={**FIELDS["train"], "steps": 20})
    together = train(runs, tmp_path / "together", lanes=6)
    for one in runs[1::2]:
        digest = config.digest(one)
        (alone,) = train([one], tmp_path / "alone", lanes=1).values()
        rows = [
            [row[name] for name in ("train/loss", "eval/loss", "train/grad_norm") if name in row]
            for row in alone.metrics()
        ]
        same = together[digest].metrics()
        for row, other in zip(rows, same, strict=True):
            np.testing.assert_allclose(
                row, [other[n] for n in ("train/loss", "eval/loss", "train/grad_norm") if n in other], rtol=1e-5
            )


def test_other_widths_give_the_same_runs(unbroken, tmp_path):
    _, records = unbroken
    for digest, record in train(runs_of(), tmp_path, lanes=2).items():
        assert record.status == records[digest].status
        for row, other in zip(record.metrics()[:5], records[digest].metrics()[:5], strict=True):
            assert row["eval/loss"] == pytest.approx(other["eval/loss"], rel=1e-5, nan_ok=True)


# ------------------------------------------------------------------------------------------------ kills


class Killed(BaseException):
    """As a SIGKILL: nothing that catches exceptions catches it, and the code after it does not run."""


def kill_in(monkeypatch, owner, name, at):
    """Die in the at-th call of a function, before it does anything."""
    real, calls = getattr(owner, name), []

    def dying(*arguments, **options):
        calls.append(name)
        if len(calls) == at:
            raise Killed
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, dying)


POINTS = [
    (Block, "advance", 1),
    (Block, "advance", 2),
    (Block, "advance", 5),
    (results.RunFolder, "append", 3),
    (results.RunFolder, "append", 30),
    (results.RunFolder, "finish", 1),
    (results.RunFolder, "finish", 3),
    (results.RunFolder, "finish", 9),
    (results, "save", 1),
    (results, "save", 4),
    (results, "discard", 1),
]


@pytest.mark.parametrize(("owner", "name", "at"), POINTS, ids=[f"{name} {at}" for _, name, at in POINTS])
def test_a_killed_group_ends_with_the_same_numbers_bit_for_bit(owner, name, at, unbroken, tmp_path, monkeypatch):
    whole, _ = unbroken
    with monkeypatch.context() as patch:
        kill_in(patch, owner, name, at)
        with pytest.raises(Killed):
            train(runs_of(), tmp_path)
    done = {path.parent.name: path.stat().st_mtime_ns for path in tmp_path.glob("*/summary.json")}
    train(runs_of(), tmp_path)
    assert files(tmp_path) == files(whole)
    for digest, stamp in done.items():
        assert (tmp_path / digest / "summary.json").stat().st_mtime_ns == stamp, "nothing finished is repeated"
    assert [path.name for path in (tmp_path / results.FOLDER).iterdir()] == ["lock"]


def test_a_resumed_group_repeats_one_chunk_at_most(unbroken, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        kill_in(patch, Block, "advance", 4)
        with pytest.raises(Killed):
            train(runs_of(), tmp_path)
    before = {path.parent.name: len(path.read_text().splitlines()) for path in tmp_path.glob("*/metrics.jsonl")}
    calls = []
    real = Block.advance
    monkeypatch.setattr(Block, "advance", lambda block: calls.append([*block.runs]) or real(block))
    train(runs_of(), tmp_path)
    assert len(calls) > 1
    for digest in filter(None, calls[0]):
        head = json.loads((tmp_path / digest / "config.json").read_text())
        assert head["resumed"][0]["update"] == 5 * (before[digest] - 1)


def test_a_changed_sweep_goes_on_with_what_it_shares(unbroken, tmp_path, monkeypatch):
    """Killed, then started with other runs beside: those that had begun go on from where they stood."""
    with monkeypatch.context() as patch:
        kill_in(patch, Block, "advance", 4)
        with pytest.raises(Killed):
            train(runs_of(), tmp_path)
    standing = [p.parent.name for p in tmp_path.glob("*/metrics.jsonl") if not (p.parent / "summary.json").exists()]
    records = train(runs_of(rates=(5e-3, 1e-3, 3e-2), seeds=(0, 1, 2)), tmp_path)
    for digest in set(standing) & set(records):
        head = json.loads((tmp_path / digest / "config.json").read_text())
        assert head["resumed"][0]["update"] > 0
        rows, whole = records[digest].metrics(), unbroken[1][digest].metrics()
        assert [r["eval/loss"] for r in rows] == pytest.approx([r["eval/loss"] for r in whole], rel=1e-4)


def test_resuming_under_other_versions_is_said(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        kill_in(patch, Block, "advance", 3)
        with pytest.raises(Killed):
            train(runs_of(), tmp_path)
    real = results.provenance()
    newer = {**real, "versions": {**real["versions"], "jax": "99.0"}}
    for module in (results, results.runs, results.unfinished):
        monkeypatch.setattr(module, "provenance", lambda: newer)
    said = []
    train(runs_of(), tmp_path, said=said)
    (sentence,) = said
    assert "resumed under other code" in sentence and f"jax {real['versions']['jax']}, now 99.0" in sentence


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[: len(raw) // 2], lambda raw: b"", lambda raw: raw[:-200] + b"\0" * 200]
)
def test_a_corrupt_checkpoint_is_said_and_its_runs_start_over(damage, unbroken, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        kill_in(patch, Block, "advance", 3)
        with pytest.raises(Killed):
            train(runs_of(), tmp_path)
    (path,) = results.checkpoints(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    said = []
    train(runs_of(), tmp_path, said=said)
    assert any("is corrupt" in sentence and "start over" in sentence for sentence in said)
    assert files(tmp_path) == files(unbroken[0])


def test_records_that_end_too_early_start_the_run_over(unbroken, tmp_path, monkeypatch):
    """A machine that lost power may keep a checkpoint and lose lines of a record."""
    with monkeypatch.context() as patch:
        kill_in(patch, Block, "advance", 3)
        with pytest.raises(Killed):
            train(runs_of(), tmp_path)
    path = next(tmp_path.glob("*/metrics.jsonl"))
    path.write_text(path.read_text().splitlines()[0] + "\n")
    said = []
    records = train(runs_of(), tmp_path, said=said)
    assert any("starts over" in sentence for sentence in said)
    whole = unbroken[1][path.parent.name]
    assert [r["update"] for r in records[path.parent.name].metrics()] == [r["update"] for r in whole.metrics()]


def test_a_block_stops_when_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "_asked", [signal.SIGTERM])
    with pytest.raises(runtime.Stopped):
        train(runs_of(), tmp_path)
    monkeypatch.setattr(runtime, "_asked", [])
    assert len(train(runs_of(), tmp_path)) == 9


# ------------------------------------------------------------------------------------------------ memory


def full(patch, after, room=2):
    """After so many calls of the program, more places than there is room for are out of memory."""
    real, tried = Block._call, []

    def call(block, active, updates):
        tried.append(block.width)
        if block.width > room and len(tried) > after:
            raise OutOfMemory("RESOURCE_EXHAUSTED: made up")
        return real(block, active, updates)

    patch.setattr(Block, "_call", call)


def test_out_of_memory_halves_the_block_and_says_so(unbroken, tmp_path, monkeypatch):
    full(monkeypatch, after=3)
    said = []
    records = train(runs_of(), tmp_path, lanes=8, said=said)
    assert [s.rpartition("out of memory ")[2] for s in said] == [
        "with 8 lanes; going on with 4.",
        "with 4 lanes; going on with 2.",
    ]
    for digest, record in unbroken[1].items():
        assert [r["update"] for r in records[digest].metrics()] == [r["update"] for r in record.metrics()]
        assert records[digest].summary["eval/loss"] == pytest.approx(record.summary["eval/loss"], rel=1e-3, nan_ok=True)


def test_a_kill_while_runs_are_parked_loses_nothing(unbroken, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        full(patch, after=4)
        kill_in(patch, Block, "_call", 8)
        with pytest.raises(Killed):
            train(runs_of(), tmp_path, lanes=8)
    (path,) = results.checkpoints(tmp_path)
    saved = results.load(path, pytest.fail)
    assert len(saved.places) == 2 and len(saved.parked) >= 2
    records = train(runs_of(), tmp_path, lanes=8)
    for digest in saved.parked:
        assert json.loads((tmp_path / digest / "config.json").read_text())["resumed"][-1]["update"] > 0
        whole = unbroken[1][digest]
        assert records[digest].summary["eval/loss"] == pytest.approx(whole.summary["eval/loss"], rel=1e-3, nan_ok=True)


def test_too_little_memory_for_one_lane_is_one_line(tmp_path, monkeypatch):
    full(monkeypatch, after=0, room=0)
    with pytest.raises(ConfigError, match=r"not even \d lanes fit"):
        train(runs_of(), tmp_path, lanes=2)


# ------------------------------------------------------------------------------------------------ other processes


HOLD = """
import sys, time
from pathlib import Path
from ltd.results import Locks
print(Locks(Path(sys.argv[1])).take(sys.argv[2]), flush=True)
time.sleep(600)
"""


@pytest.fixture
def holding():
    """Start a process that holds a name in a ledger."""
    processes = []

    def start(root, name):
        held = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(root), name], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        processes.append(held)
        assert held.stdout.readline() == "True\n"
        return held

    yield start
    for held in processes:
        held.kill()
        held.communicate()


def test_a_name_has_one_holder_and_is_free_when_that_one_is_killed(tmp_path, holding):
    locks = results.Locks(tmp_path)
    held = holding(tmp_path, "a" * 12)
    assert not locks.take("a" * 12) and locks.take("b" * 12) and locks.take("b" * 12)
    held.kill()
    held.wait()
    assert locks.take("a" * 12)
    locks.free("a" * 12)


def test_a_run_of_another_process_is_left_to_it_and_taken_over_when_it_dies(unbroken, tmp_path, holding):
    runs = runs_of()
    theirs = config.digest(runs[0])
    held = holding(tmp_path, theirs)

    class Told(list):
        def append(self, words):
            if "waiting for 1 runs of another process" in words[0]:
                assert not (tmp_path / theirs).exists(), "their run is theirs"
                held.kill()
            list.append(self, words)

    train(runs, tmp_path, told=(told := Told()))
    assert any("waiting" in words[0] for words in told)
    assert {name: raw for name, raw in files(tmp_path).items() if name[0] == theirs}.keys() == {
        (theirs, "metrics.jsonl"), (theirs, "params.npz")
    }  # fmt: skip
    assert results.read_run(tmp_path / theirs).status == unbroken[1][theirs].status


def test_two_processes_on_one_job_keep_two_checkpoints(tmp_path, holding, monkeypatch):
    (job,) = launch.jobs_of(runs_of(), tmp_path, lanes=4)
    holding(tmp_path, job.name)
    with monkeypatch.context() as patch:
        kill_in(patch, Block, "advance", 3)
        with pytest.raises(Killed):
            train(runs_of(), tmp_path)
    (path,) = results.checkpoints(tmp_path)
    assert path.stem != job.name


# ------------------------------------------------------------------------------------------------ early ends, failures


def early_of(runs, **rule):
    return work.Early(Hyperband(**rule), "eval/loss", "minimize", tuple(map(config.digest, runs)))


def test_the_worst_runs_of_a_sweep_stop_early_and_free_their_places(tmp_path):
    runs = runs_of(rates=(1e-4, 1e-3, 3e-2))
    records = train(runs, tmp_path, early=early_of(runs, min_iter=2, eta=3))
    stopped = [record for record in records.values() if record.status == "stopped"]
    assert stopped and all(r.summary["stopped_at"] == r.summary["updates"] < 30 for r in stopped)
    best = min(records.values(), key=lambda record: record.summary["eval/loss"])
    assert best.status != "stopped" and min(r.summary["eval/loss"] for r in stopped) > best.summary["eval/loss"]
    again = {record.folder: (record.folder / "summary.json").stat().st_mtime_ns for record in records.values()}
    train(runs, tmp_path, early=early_of(runs, min_iter=2, eta=3))
    assert again == {folder: (folder / "summary.json").stat().st_mtime_ns for folder in again}
    whole = train(runs, tmp_path)
    assert all(record.status != "stopped" for record in whole.values()), (
        "a sweep without early stopping runs them whole"
    )


@pytest.mark.parametrize("at", [3, 5])
def test_early_ends_are_the_same_after_a_kill(at, tmp_path, monkeypatch):
    runs = runs_of(rates=(1e-4, 1e-3, 3e-2))
    whole = train(runs, tmp_path / "whole", early=early_of(runs, min_iter=2, eta=3))
    with monkeypatch.context() as patch:
        kill_in(patch, results, "save", at)
        with pytest.raises(Killed):
            train(runs, tmp_path / "broken", early=early_of(runs, min_iter=2, eta=3))
    broken = train(runs, tmp_path / "broken", early=early_of(runs, min_iter=2, eta=3))
    assert files(tmp_path / "whole") == files(tmp_path / "broken")
    assert {d: scores(r) for d, r in whole.items()} == {d: scores(r) for d, r in broken.items()}


MINE = """
from ltd.cells.elman import Elman

class Mine(Elman):
    def advance(self, state, drive, mixed):
        raise RuntimeError("of the user's own")
"""


def test_a_run_that_fails_is_recorded_and_the_others_go_on(tmp_path, monkeypatch):
    (tmp_path / "ours_that_fails.py").write_text(textwrap.dedent(MINE))
    monkeypatch.syspath_prepend(tmp_path)
    sweep = {
        "method": "grid",
        "parameters": {
            "cell.type": {"values": ["elman", "ours_that_fails:Mine"]},
            "cell.hidden": {"value": 8},
            "seed": {"values": [0, 1]},
            **{f"{part}.{name}": {"value": v} for part in ("task", "train") for name, v in FIELDS[part].items()},
        },
    }
    (tmp_path / "sweep.yaml").write_text(json.dumps(sweep))
    monkeypatch.setattr(launch, "check_run", lambda *_: None)  # which would have found it
    found, runs = launch.expand(tmp_path / "sweep.yaml")
    said = []
    records = launch.sweep(found, runs, tmp_path / "out", warn=said.append)
    assert [r.status for r in records if r.config["cell"]["type"] == "elman"] == ["finished", "finished"]
    failed = [r for r in records if r.config["cell"]["type"] != "elman"]
    assert [r.status for r in failed] == ["failed", "failed"]
    assert failed[0].summary["error"] == "RuntimeError: of the user's own"
    assert "in advance" in (failed[0].folder / "error.txt").read_text()
    (sentence,) = said
    assert "2 runs failed (RuntimeError: of the user's own)" in sentence
    stamps = {r.digest: (r.folder / "summary.json").stat().st_mtime_ns for r in records}
    again = launch.sweep(found, runs, tmp_path / "out", warn=said.append)
    changed = {r.digest for r in again if (r.folder / "summary.json").stat().st_mtime_ns != stamps[r.digest]}
    assert changed == {r.digest for r in failed}, "failed runs are tried again, finished ones are not"


def test_a_metric_that_no_record_holds_is_refused_where_runs_are_compared_by_it(tmp_path):
    fields = {f"{part}.{n}": {"value": v} for part in FIELDS for n, v in FIELDS[part].items()}
    sweep = {"method": "grid", "parameters": fields, "metric": {"name": "eval/los"}}
    file = tmp_path / "sweep.yaml"
    file.write_text(json.dumps(sweep))
    assert len(launch.expand(file)[1]) == 1, "without early stopping it is only a word for W&B"
    file.write_text(json.dumps({**sweep, "early_terminate": {"type": "hyperband", "min_iter": 2}}))
    with pytest.raises(ConfigError, match=r"sweep\.yaml: no metric 'eval/los'.*Did you mean 'eval/loss'"):
        launch.expand(file)


# ------------------------------------------------------------------------------------------------ checkpoints


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    results.Locks(tmp_path)
    leaves = {".params['cell']['U']": np.arange(12.0).reshape(3, 4), ".update": np.array([5, 5, 0], np.int32)}
    results.save(tmp_path, "a" * 12, ["x", None], ["y"], {"x": 5, "y": 0}, leaves)
    (path,) = results.checkpoints(tmp_path)
    saved = results.load(path, pytest.fail)
    assert (saved.places, saved.parked, saved.updates) == (["x", None], ["y"], {"x": 5, "y": 0})
    assert saved.leaves.keys() == leaves.keys()
    for name, leaf in leaves.items():
        np.testing.assert_array_equal(saved.leaves[name], leaf)
        assert saved.leaves[name].dtype == leaf.dtype
    np.testing.assert_array_equal(saved.row("y")[".params['cell']['U']"], leaves[".params['cell']['U']"][2])
    assert results.load(tmp_path / "nothing.npz", pytest.fail) is None
    results.discard(tmp_path, "a" * 12)
    assert list(results.checkpoints(tmp_path)) == []
