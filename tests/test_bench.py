"""The benchmark waits for what it times, compares the same gradients, and writes what it says it writes."""

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import batches, gpu, limits, probe, profile, start
from benchmarks import step as bench
from experiments import performance
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
        assert set(row["peers"]) <= set(bench.PEERS)
        check_goal(row)
        assert "jax" in row["versions"]
        assert len(row["date"]) == len("2026-01-01")
    assert len({(row["goal"], row["case"]) for row in rows}) == len(rows)
    assert {row["goal"] for row in rows} >= {"time of one gradient step"}


def check_goal(row):
    assert all(math.isfinite(value) for value in row["peers"].values())
    if row["peers"]:
        assert row["ratio"] == pytest.approx(row["ours"] / min(row["peers"].values()), abs=0.02, rel=0.02)
    else:
        assert row["ratio"] is None
    met = [row[name] <= bound for name, bound in row["at_most"].items()]
    assert row["met"] == (all(met) if met else None)


def test_quick_writes_the_schema(tmp_path, capsys):
    out = tmp_path / "deep" / "quick.json"
    assert bench.main(["--quick", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    check_schema(rows)
    assert {row["case"].split()[0] for row in rows} == set(bench.CELLS)
    assert all(bench.FLAX in row["peers"] for row in rows)
    assert all(row["ours"] > 0 for row in rows if row["unit"] == "ms")
    assert len(capsys.readouterr().out.splitlines()) == len(rows) + 1
    assert all(bool(row["limit"]) == (row["goal"] == bench.TIME) for row in rows)
    assert all(bool(row["profile"]) == (row["met"] is False) for row in rows if row["limit"])
    measured = [row for row in rows if row["unit"] == "MiB"]
    assert bool(measured) is bench.can_measure_memory()


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_committed_results_have_the_schema(path):
    rows = json.loads(path.read_text())
    check_schema(rows)
    assert {row["machine"] for row in rows} == {path.name.removesuffix("_step.json")}
    timed = [(cell, *size) for size in bench.SIZES for cell in bench.CELLS]
    assert {row["case"] for row in rows} == {bench.name_of(case) for case in (*timed, *bench.HELD)}


@pytest.mark.parametrize("kind", performance.KINDS)
def test_committed_results_say_whether_their_goal_is_met_and_why_not(kind):
    for row in performance.rows_of(kind):
        check_goal(row)
        assert row["met"] is not False or performance.reason(row), f"{row['goal']}, {row['case']}: no reason is given"


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
    assert row["ratio"] is None and row["met"] is None
    assert tuple(row) == bench.FIELDS
    (row,) = bench.objects("time", "ms", CASE, {bench.OURS: 2.0, bench.FLAX: 4.0, bench.TORCH: 1.0}, around)
    assert row["ratio"] == 2.0 and row["at_most"] == {"ratio": 0.7} and row["met"] is False


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


def test_a_limit_adds_up_its_parts(monkeypatch):
    """An LSTM takes two products at every step, and beside them one by the inputs and two weight gradients."""
    given = {"product": 2.0, "gradient": 3.0, "elementwise": 1.0, "per_byte": 1.0}
    for name, seconds in given.items():
        monkeypatch.setattr(limits, name, lambda *_, seconds=seconds: seconds)
    assert limits.limit(("lstm", 5, 4, 8), 3) == {
        "products": 1e3 * (5 * (2 + 2) + 2 + 3 + 3),
        "elementwise": 1e3 * 5 * 5 * 4 * 8,
        "states": 1e3 * 2 * 2 * 4 * 5 * 4 * 8,
    }
    assert limits.limit(("elman", 5, 4, 8), 3)["elementwise"] == 1e3 * 5 * 4 * 8


def test_the_parts_of_a_limit_are_timed(monkeypatch):
    monkeypatch.setattr(limits, "ENOUGH", 0.001)
    found = (limits.product(4, 8, 16), limits.gradient(4, 8, 16), limits.elementwise("tanh"))
    assert all(math.isfinite(seconds) and seconds > 0 for seconds in found)


class Event:
    def __init__(self, name, start, duration):
        self.name, self.start_ns, self.duration_ns = name, start, duration


class Named:
    def __init__(self, name="", **parts):
        self.name = name
        self.__dict__.update(parts)


def test_what_runs_inside_another_is_counted_once():
    line = Named(lines=[], events=[Event("while.1", 0, 100), Event("dot.2", 10, 30), Event("dot.2", 50, 20)])
    other = Named(events=[Event("add_tanh_fusion", 5, 40)])
    data = Named(planes=[Named("/host:CPU", lines=[line, other]), Named("/host:metadata", lines=[line])])
    assert profile.self_times(data) == {"while.1": 50, "dot.2": 50, "add_tanh_fusion": 40}
    kinds = {
        "svd.3": "singular values",
        "geqrf.1": "QR",
        "dot.2": "products",
        "add_tanh_fusion": "elementwise",
        "copy.3": "copies",
        "while.1": "the loop",
    }
    assert {name: profile.kind_of(name) for name in kinds} == kinds
    assert profile.kind_of("ThunkExecutor::Execute") == ""


def test_shares_of_a_step_are_shares():
    found = profile.shares(bench.make_step(bench.OURS, ("lstm", 40, 8, 64)), 2)
    assert found["products"] > 0 and found["elementwise"] > 0 and "waiting" in found
    assert all(0 <= share <= 1 for share in found.values())


def test_the_probe_and_its_way_by_hand_agree(tmp_path):
    """`measure` compares all lags before it says anything."""
    out = tmp_path / "probe.json"
    assert probe.main(["--length", "12", "--hidden", "5", "--repeats", "1", "--out", str(out)]) == 0
    compared, compiling = json.loads(out.read_text())
    assert bool(compared["peers"]) == bool(importlib.util.find_spec("torch")) and compared["ours"] > 0
    assert compiling["met"] is None
    assert bool(compared["profile"]) == (compared["met"] is False)


def test_a_start_is_timed(monkeypatch, tmp_path):
    monkeypatch.setattr(start, "COMMANDS", {"ltd --help": start.COMMANDS["ltd --help"]})
    assert start.main(["--repeats", "1", "--out", str(tmp_path / "start.json")]) == 0
    (row,) = json.loads((tmp_path / "start.json").read_text())
    assert row["ours"] > 0 and row["at_most"] == {"ours": 0.5}


BARE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"jaxtyping", "draccus", "matplotlib", "wandb", "beartype"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in ("jaxtyping", "draccus") else find(name, package)
from benchmarks import gpu
sys.exit(gpu.main(["--quick", "--out", sys.argv[1]]))
"""


def test_the_part_for_a_gpu_needs_jax_flax_optax_and_numpy_alone(tmp_path):
    out = tmp_path / "gpu.json"
    done = subprocess.run([sys.executable, "-c", BARE, str(out)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())
    assert {row["goal"].split(":")[0] for row in rows} == {
        "P5",
        "P6",
        "plan resident",
        "plan chunked, 2 steps written out",
    }
    assert "lanes: left out" in done.stdout
    for row in rows:
        check_goal(row)


def test_a_machine_without_an_accelerator_is_told(capsys):
    with pytest.raises(SystemExit):
        gpu.main([])
    assert "there is no accelerator here" in capsys.readouterr().err
