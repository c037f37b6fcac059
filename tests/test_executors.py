"""Sweeps in other processes: the same ledger as here, whatever dies on the way; and no process is left behind."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from experiments.cli import main
from ltd import launch, results
from ltd.config import ConfigError
from ltd.executors import ATTEMPTS, Pool, environment
from pool_jobs import CELLS, CLUSTER, act

ROOT = Path(__file__).parents[1]
FILE = """
program: experiments/cli.py
name: small
method: grid
parameters:
  task.type: {value: copy/arjovsky2016}
  task.gap: {value: 2}
  task.pattern: {value: 1}
  task.symbols: {value: 2}
  cell.type: {values: [%s]}
  cell.hidden: {value: 3}
  train.steps: {value: %d}
  train.batch: {value: 4}
  train.eval_every: {value: 4}
  train.eval_batch: {value: 8}
  seed: {values: [%s]}
"""
PATIENCE = 120  # seconds, of a machine that has much else to do


def eventually(what, why):
    """What `what()` finds, once it finds something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError(f"in vain: {why}")


def processes(fits):
    """The processes that fit."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if fits(folder):
                found.append(int(folder.name))
    return found


def holding(path):
    """The processes that have the file open."""
    return processes(lambda folder: any(os.path.realpath(fd) == str(path) for fd in (folder / "fd").iterdir()))


def alive(pid):
    with contextlib.suppress(OSError):
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def kill(pids, how=signal.SIGKILL):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)


@pytest.fixture
def command(tmp_path):
    """Starts `ltd` in a folder of its own; what is left of it dies at the end of the test, known by its environment."""
    mark = f"LTD_TEST={tmp_path}"
    shared = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    shared |= {"PYTHONPATH": str(ROOT), "LTD_TEST": str(tmp_path), "HOME": str(tmp_path)}

    started = []

    def start(*words, **env):
        with open(tmp_path / "stderr", "a") as errors:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors, "text": True}
            started.append(subprocess.Popen([sys.executable, *words], cwd=tmp_path, env=shared | env, **pipes))
        return started[-1]

    yield start
    left = eventually_gone(lambda: processes(lambda f: mark.encode() in (f / "environ").read_bytes().split(b"\0")))
    for process in started:
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    assert not left


def eventually_gone(find):
    """What is still there after it was killed."""
    for _ in range(50):
        if not (left := [pid for pid in find() if alive(pid)]):
            return []
        kill(left)
        time.sleep(0.1)
    return left


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The ledger of the small sweep, made in this process."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "small.yaml").write_text(FILE % ("elman, lstm", 240, "0, 1, 2, 3"))
    records = launch.sweep(*launch.expand(folder / "small.yaml"), folder / "runs")
    assert len(records) == 8 and all(record.status != "failed" for record in records)
    return folder / "small.yaml", {record.digest: record for record in records}


def same(out, there):
    """The ledger is complete, and its first 20 updates are those of the other."""
    for digest, record in there.items():
        found = results.read_run(out / digest)
        rows, others = found.metrics(), record.metrics()
        assert [row["update"] for row in rows] == [row["update"] for row in others] and len(rows) > 6
        for row, other in zip(rows[:6], others[:6], strict=True):
            assert row.keys() == other.keys()
            np.testing.assert_allclose(list(row.values()), list(other.values()), rtol=1e-5, atol=1e-5)
    assert not list((out / results.FOLDER).glob("*.npz"))
    return True


def stopped_in_the_middle(out):
    """The processes that train, stopped; once one run has ended and another stands in a checkpoint."""
    pids = holding(out / results.FOLDER / "lock") if (out / results.FOLDER / "lock").exists() else []
    kill(pids, signal.SIGSTOP)
    heads = [results.load(path, lambda _: None, whole=False) for path in results.checkpoints(out)]
    reached = {digest: done for head in heads if head for digest, done in head.updates.items()}
    ends = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/summary.json")}
    if ends and any(done and digest not in ends for digest, done in reached.items()):
        return pids, ends
    kill(pids, signal.SIGCONT)
    return None


def resumed(out):
    heads = [json.loads(path.read_text()) for path in out.glob("[!.]*/config.json")]
    return [each["update"] for head in heads for each in head.get("resumed", [])]


def ended_at(out, digests):
    return {digest: (out / digest / "summary.json").stat().st_mtime_ns for digest in digests}


# ------------------------------------------------------------------------------------------------ pool


def run_pool(folder, names, workers=2):
    said, looks = [], []
    jobs = [str(folder / name) for name in names]
    Pool(workers)(act, jobs, lambda: looks.append(1), said.append)
    assert looks
    return {name: (folder / name).read_text().splitlines() for name in names}, said


def test_a_process_that_dies_is_started_again_and_given_up_in_the_end(tmp_path):
    attempts, said = run_pool(tmp_path, ["dies", "dies once", "raises", "good"])
    assert {name: len(lines) for name, lines in attempts.items()} == {
        "dies": ATTEMPTS, "dies once": 2, "raises": 1, "good": 1,
    }  # fmt: skip
    assert {"good is done", "dies once is done", "attempt 1", f"attempt {ATTEMPTS}"} <= {*said}
    assert sum("dies: given up," in s and "signal 9" in s for s in said) == 1
    assert sum("raises: given up (RuntimeError: no luck)" in s for s in said) == 1
    assert sum("started again" in s for s in said) == ATTEMPTS
    assert not any(alive(int(line.split()[0])) for lines in attempts.values() for line in lines)


def test_a_job_that_cannot_start_ends_the_sweep_and_its_other_processes(tmp_path):
    with pytest.raises(ConfigError, match="jax finds none"):
        run_pool(tmp_path, ["sleeps", "refuses"])
    for path in tmp_path.iterdir():
        assert not any(alive(int(line.split()[0])) for line in path.read_text().splitlines())


def test_workers_end_with_their_parent(tmp_path, command):
    program = "import sys; sys.path.append(sys.argv[1]); from pool_jobs import act; from ltd.executors import Pool\n"
    program += "Pool(2)(act, sys.argv[2:], lambda: None, print)"
    jobs = [tmp_path / "sleeps 1", tmp_path / "sleeps 2"]
    parent = command("-c", program, str(ROOT / "tests"), *map(str, jobs))
    pids = eventually(lambda: all(job.exists() for job in jobs) and [j.read_text().split() for j in jobs], "workers")
    pids = [int(words[0]) for words in pids]
    assert all(map(alive, pids))
    parent.kill()
    parent.wait()
    eventually(lambda: not any(map(alive, pids)), "the end of the workers")


@pytest.mark.parametrize(
    ("workers", "gpus", "devices", "share"),
    [
        (2, [], [None, None], None),
        (1, ["0"], ["0"], "0.900"),
        (3, ["0"], ["0", "0", "0"], "0.300"),
        (3, ["a", "b"], ["a", "b", "a"], "0.450"),
        (4, ["0", "1"], ["0", "1", "0", "1"], "0.450"),
        (2, ["0", "1", "2"], ["0,2", "1"], "0.900"),
    ],
)
def test_workers_share_the_gpus_and_their_memory(workers, gpus, devices, share):
    found = [environment(i, workers, gpus, {}) for i in range(workers)]
    assert [env.get("CUDA_VISIBLE_DEVICES") for env in found] == devices
    assert {env.get("XLA_CLIENT_MEM_FRACTION") for env in found} == {share}
    if gpus:  # what the user says of the memory stands
        given = environment(0, workers, gpus, {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.1"})
        assert given == {"CUDA_VISIBLE_DEVICES": devices[0]}


def test_each_worker_of_a_pool_has_its_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7, 5")
    attempts, _ = run_pool(tmp_path, ["one", "two"])
    assert {lines[0].split()[1] for lines in attempts.values()} == {"7", "5"}


def test_a_pool_whose_workers_are_killed_makes_the_ledger_of_one_process(here, tmp_path, command):
    file, there = here
    out = tmp_path / "runs"
    words = ("--out=runs", "--executor=pool", "--workers=2", "--lanes=1", "--device=cpu")
    parent = command("-m", "ltd", "sweep", str(file), *words)
    pids, ends = eventually(lambda: stopped_in_the_middle(out), "a run that has ended and one in the middle")
    assert pids and parent.pid not in pids
    kill(pids)
    assert parent.wait(PATIENCE) == 0
    assert same(out, there) and ended_at(out, ends) == ends
    assert any(update > 0 for update in resumed(out))
    assert "started again" in (tmp_path / "stderr").read_text()


def test_a_cell_that_raises_or_kills_its_process_spoils_no_other_run(tmp_path, command):
    (tmp_path / "cells.py").write_text(CELLS)
    (tmp_path / "bad.yaml").write_text(FILE % ("elman, cells:Raises, cells:Dies", 8, "0, 1"))
    parent = command("-m", "ltd", "sweep", "bad.yaml", "--out=runs", "--executor=pool", "--workers=3")
    assert parent.wait(2 * PATIENCE) == 1
    said = (tmp_path / "stderr").read_text()
    records = results.read_runs(tmp_path / "runs", lambda _: None)
    ends = {record.config["cell"]["type"]: record for record in records}
    assert [r.status for r in records if r.config["cell"]["type"] == "elman"] == ["finished"] * 2
    assert [r.status for r in records if r.config["cell"]["type"] == "cells:Raises"] == ["failed"] * 2
    assert "as it was asked to" in (ends["cells:Raises"].folder / "error.txt").read_text()
    assert "cells:Dies" not in ends
    assert "2 runs failed (RuntimeError: as it was asked to)" in said
    assert said.count("given up") == 1 and "2 runs failed, 2 were not reached" in said


# ------------------------------------------------------------------------------------------------ Ray


needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 2}


@needs_ray
def test_a_cluster_that_loses_workers_and_a_node_makes_the_ledger_of_one_process(here, tmp_path, command):
    file, there = here
    out, session = tmp_path / "runs", tempfile.mkdtemp(prefix="ltd", dir="/tmp")  # short: it holds sockets
    for name in ("tasks", "ltd"):  # in the user's folder, and not meant
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('not this one')")
    try:
        cluster = command("-c", CLUSTER, session, **TOKEN)
        address = cluster.stdout.readline().strip()
        assert address, (tmp_path / "stderr").read_text()
        begin = (str(ROOT / "experiments/cli.py"), "sweep", str(file), "--out=runs", "--executor=ray")
        begin = (*begin, f"--ray-address={address}", "--lanes=1")
        stranger = command(*begin)
        assert stranger.wait(PATIENCE) == 2
        said = (tmp_path / "stderr").read_text().splitlines()
        assert address in said[-1] and "RAY_AUTH_TOKEN" in said[-1]
        driver = command(*begin, **TOKEN)
        pids, ends = eventually(lambda: stopped_in_the_middle(out), "a run that has ended and one in the middle")
        assert pids and driver.pid not in pids
        kill(pids)
        eventually(lambda: resumed(out), "a run that goes on")
        cluster.stdin.write("remove\n")
        cluster.stdin.flush()
        assert cluster.stdout.readline().strip() == "removed"
        assert driver.wait(2 * PATIENCE) == 0
        assert same(out, there) and ended_at(out, ends) == ends
        assert any(update > 0 for update in resumed(out))
        cluster.stdin.close()
        assert cluster.wait(PATIENCE) == 0
    finally:
        shutil.rmtree(session, ignore_errors=True)


# ------------------------------------------------------------------------------------------------ bad input


REFUSED = {
    "--executor=slurm": "no executor 'slurm'; known: process, pool, ray",
    "--workers=2": "workers = 2 has no meaning for executor = process",
    "--executor=pool --workers=0": "workers = 0 must be at least 1",
    "--executor=pool --ray-address=auto": "ray-address = 'auto' has no meaning for executor = pool",
    "--executor=ray --ray-address=": "ray-address = '' names no cluster",
    "--executor=pool --gpus=1": "gpus = 1 has no meaning for executor = pool",
    "--executor=ray --gpus=1.5": "gpus = 1.5 must be a part of one GPU",
    "--executor=ray --gpus=-1": "gpus = -1 must be",
    "--executor=ray --workers=2": "workers = 2 has no meaning for executor = ray",
    "--executor=pool --device=abacus": "device = 'abacus': must be one of",
}


@pytest.mark.parametrize("words", REFUSED)
def test_bad_input_is_refused_in_one_line(words, here, tmp_path, capsys):
    assert main(["sweep", str(here[0]), f"--out={tmp_path / 'runs'}", *words.split()]) == 2
    said = capsys.readouterr().err
    assert REFUSED[words] in said and said.count("\n") == 1 and not (tmp_path / "runs").exists()


def test_without_ray_the_way_out_is_said(here, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["sweep", str(here[0]), f"--out={tmp_path / 'runs'}", "--executor=ray"]) == 2
    said = capsys.readouterr().err
    assert "pip install 'ltd[ray]'" in said and said.strip().count("\n") == 0


@needs_ray
def test_an_address_where_nobody_answers_is_said_in_one_line(here, tmp_path, command):
    words = ("--out=runs", "--executor=ray", "--ray-address=127.0.0.1:1")
    driver = command("-m", "ltd", "sweep", str(here[0]), *words)
    assert driver.wait(PATIENCE) == 2
    said = (tmp_path / "stderr").read_text().strip()
    assert "ray-address = '127.0.0.1:1'" in said and "Connection refused" in said and "\n" not in said
