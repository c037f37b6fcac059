"""The benchmark waits for what it times, compares the same gradients, and writes what it says it writes."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import batches
from benchmarks import step as bench
from tasks import TASKS

RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*_step.json"))
CASE = ("lstm", 12, 4, 6)


class Late:
    """A device that returns at once and has the answer after some seconds, on a clock of its own."""

    def __init__(self):
        self.now, self.log = 0.0, []

    def clock(self):
        return self.now

    def step(self, name, seconds):
        def call():
            self.log.append(name)
            return Promise(self, next(seconds))

        return call


class Promise:
    def __init__(self, device, seconds):
        self.device, self.seconds = device, seconds

    def block_until_ready(self):
        self.device.now += self.seconds
        return self


def test_timer_blocks(monkeypatch):
    monkeypatch.setattr(bench, "PAUSE", 0)
    device = Late()
    steps = {"a": device.step("a", iter([100.0, 3.0, 1.0, 2.0])), "b": device.step("b", iter([100.0, 7.0, 9.0, 50.0]))}
    taken = bench.time_in_turn(steps, 3, clock=device.clock)
    assert taken == {"a": 2.0, "b": 9.0}  # medians, the warm-up of 100 left out
    assert device.log == ["a", "b"] * 4


def test_a_timer_that_does_not_wait_would_be_noticed(monkeypatch):
    monkeypatch.setattr(bench, "PAUSE", 0)
    device = Late()
    taken = bench.time_in_turn({"a": device.step("a", iter([5.0] * 4))}, 3, lambda promise: promise, device.clock)
    assert taken == {"a": 0.0}


def check_schema(rows):
    assert rows
    for row in rows:
        assert tuple(row) == bench.FIELDS
        assert row["unit"] in ("ms", "MiB")
        assert math.isfinite(row["ours"])
        assert all(math.isfinite(value) for value in row["peers"].values())
        assert set(row["peers"]) <= set(bench.PEERS)
        if row["peers"]:
            assert row["ratio"] == pytest.approx(row["ours"] / min(row["peers"].values()), abs=0.02, rel=0.02)
        else:
            assert row["ratio"] is None
        assert "jax" in row["versions"]
        assert len(row["date"]) == len("2026-01-01")
    assert len({(row["goal"], row["case"]) for row in rows}) == len(rows)
    assert {row["goal"] for row in rows} >= {"time of one gradient step"}


def test_quick_writes_the_schema(tmp_path, capsys):
    out = tmp_path / "deep" / "quick.json"
    assert bench.main(["--quick", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    check_schema(rows)
    assert {row["case"].split()[0] for row in rows} == set(bench.CELLS)
    assert all(bench.FLAX in row["peers"] for row in rows)
    assert all(row["ours"] > 0 for row in rows if row["unit"] == "ms")
    assert len(capsys.readouterr().out.splitlines()) == len(rows)
    measured = [row for row in rows if row["unit"] == "MiB"]
    assert bool(measured) is bench.can_measure_memory()


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_committed_results_have_the_schema(path):
    rows = json.loads(path.read_text())
    check_schema(rows)
    assert {row["machine"] for row in rows} == {path.name.removesuffix("_step.json")}
    assert {row["case"] for row in rows} <= {
        bench.name_of((cell, *size)) for size in bench.SIZES[""] for cell in bench.CELLS
    }


@pytest.mark.parametrize("cell", bench.CELLS)
def test_all_arrangements_of_ours_take_the_same_gradient(cell):
    plain, *others = [
        jax.tree.leaves(bench.make_step(name, (cell, *CASE[1:]))())
        for name in bench.names(cell)
        if name not in bench.PEERS
    ]
    assert others
    for other in others:
        for a, b in zip(plain, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)


def test_the_peers_differentiate_all_weights():
    H, D = CASE[3], bench.INPUTS
    loss, grads = bench.make_step(bench.FLAX, CASE)()
    assert loss > 0
    assert sum(g.size for g in jax.tree.leaves(grads)) == 4 * H * (D + H + 1)
    if importlib.util.find_spec("torch"):
        grads = bench.make_step(bench.TORCH, CASE)()
        assert sum(g.numel() for g in grads) == 4 * H * (D + H + 2)
        assert all(g.abs().max() > 0 for g in grads)
    for name, biases in ((bench.HAIKU, 1), (bench.EQUINOX, 1)):
        if name in bench.names("lstm"):
            loss, grads = bench.make_step(name, CASE)()
            assert loss > 0
            assert sum(g.size for g in jax.tree.leaves(grads)) == 4 * H * (D + H + biases)


@pytest.mark.parametrize("kind", ["gru", "elman"])
def test_the_peers_have_the_other_cells(kind):
    for name in bench.names(kind):
        if name in bench.PEERS and name != bench.TORCH:
            loss, grads = bench.make_step(name, (kind, *CASE[1:]))()
            assert loss > 0 and all(np.any(g) for g in jax.tree.leaves(grads)), name


def test_a_peer_that_is_missing_is_left_out(monkeypatch):
    monkeypatch.setattr(bench, "find_spec", lambda name: None)
    assert not {*bench.PEERS} & {*bench.names("lstm")}
    around = dict(machine="m", versions={"jax": "0"}, date="2026-01-01", commit=None)
    (row,) = bench.objects("time", "ms", CASE, {bench.OURS: 2.0}, around)
    assert row["ratio"] is None
    assert tuple(row) == bench.FIELDS
    (row,) = bench.objects("time", "ms", CASE, {bench.OURS: 2.0, bench.FLAX: 4.0, bench.TORCH: 1.0}, around)
    assert row["ratio"] == 2.0


@pytest.mark.skipif(not bench.can_measure_memory(), reason="the peak of the resident set cannot be reset here")
def test_memory_counts_what_a_step_holds(monkeypatch):
    held = np.zeros(1)

    def make_step(name, case):
        def step():
            nonlocal held
            held = np.ones(case[1] * 2**17)  # T MiB
            held = np.zeros(1)
            return held

        return step

    monkeypatch.setattr(bench, "make_step", make_step)
    assert 95 <= bench.extra_peak(bench.OURS, ("lstm", 100, 1, 1)) / 2**20 <= 130


def test_a_case_that_does_not_exist_is_refused(capsys):
    with pytest.raises(SystemExit):
        bench.main(["--cases", "nothing"])
    assert "no case has that in its name" in capsys.readouterr().err


BATCHES = sorted((ROOT / "benchmarks" / "results").glob("*_batches.json"))


@pytest.mark.parametrize("path", BATCHES, ids=lambda path: path.stem)
def test_batches_are_cheap_or_say_why(path):
    """The committed costs of drawing a batch: every dialect that needs no file, and a reason for each dear one."""
    found = json.loads(path.read_text())
    assert {row["task"] for row in found["rows"]} == {name for name, build in TASKS.items() if not build().file}
    for row in found["rows"]:
        assert row["ratio"] == pytest.approx(row["batch_ms"] / row["step_ms"], rel=0.02, abs=2e-4)
        assert row["ratio"] <= found["goal"] or row["exception"], row["task"]
    assert found["versions"] and found["machine"]


def test_batches_measures_one_dialect(tmp_path):
    assert batches.main(["--tasks", "parity/arora2024", "--repeats", "1", "--out", str(tmp_path / "b.json")]) == 0
    (row,) = json.loads((tmp_path / "b.json").read_text())["rows"]
    assert row["task"] == "parity/arora2024" and row["T"] == 11 and row["batch_ms"] > 0 and row["step_ms"] > 0


def test_there_are_measured_batches():
    assert BATCHES
