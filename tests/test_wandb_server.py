"""The real client of W&B against a server on the loopback: runs online, a server that dies, sweeps and their agents."""

import math
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ltd import config, launch, results
from ltd.settings import Run
from ltd.tracking.mirror import noted, run_id
from wandb_server import Server, grid

ROOT = Path(__file__).parents[1]


@pytest.fixture
def environment(tmp_path):
    """An environment for the client: a home of its own, our code, and the address of a server."""

    def environment(address):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
        ours = {
            "HOME": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "JAX_COMPILATION_CACHE_DIR": os.environ.get("JAX_COMPILATION_CACHE_DIR", str(tmp_path.parent / "jax")),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "WANDB_BASE_URL": address,
            "WANDB_API_KEY": "k" * 40,
            "WANDB_DIR": str(tmp_path / "mirror"),
        }
        (tmp_path / "mirror").mkdir(exist_ok=True)
        return kept | ours

    return environment


def python(code, *words, env):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], env=env, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# ------------------------------------------------------------------------------------------------ runs

TWO_AT_ONCE = """
from pathlib import Path
import math, sys
from ltd import tracking
out = Path(sys.argv[1])
tracker = tracking.make(tracking.mode(), "together", print)
digests = ["a" * 12, "b" * 12]
for digest in digests:
    tracker.start(digest, {"seed": 1, "task": {"type": "copy", "gap": 2}}, "2026-01-01T00:00:00Z")
for update in (0.0, 5.0, 10.0):
    for digest in digests:
        tracker.log(digest, {"update": update, "eval/loss": update / 2 if update else math.nan})
for digest in digests:
    (out / digest).mkdir()
    tracker.finish(digest, {"status": "solved", "solved_at": 10, "levels": {"blind": {"loss": 2.0}}}, out / digest)
tracker.close()
print("arrived", *tracker.arrived.items())
"""


def test_runs_that_are_open_at_once_arrive_whole(environment, tmp_path):
    with Server() as server:
        lines = python(TWO_AT_ONCE, tmp_path, env=environment(server.address))
    assert lines == ["arrived ('aaaaaaaaaaaa', 'online') ('bbbbbbbbbbbb', 'online')"]
    assert set(server.runs) == {run_id(c * 12, "2026-01-01T00:00:00Z") for c in "ab"}
    for name, run in server.runs.items():
        assert run.complete and run.told["groupName"] == "together" and run.told["project"] == "ltd"
        assert run.config["task"] == {"type": "copy", "gap": 2} and run.config["digest"] == name[:12]
        assert [row["update"] for row in run.history] == [0, 5, 10]
        assert [float(row["eval/loss"]) for row in run.history[1:]] == [2.5, 5]
        assert math.isnan(float(run.history[0]["eval/loss"]))
        assert (run.summary["status"], run.summary["solved_at"]) == ("solved", 10)
        assert run.summary["levels"] == {"blind": {"loss": 2.0}}
        assert noted(tmp_path / name[:12]) == {"online": {"id": name, "project": "ltd"}}


SYNC = """
import sys
from experiments.cli import main
print(*[main(["sync", sys.argv[1], "--wandb=online", *more]) for more in ([], [], ["--all"])])
"""


def test_a_ledger_sent_again_makes_no_second_run_and_no_second_history(environment, tmp_path):
    folder = results.RunFolder(tmp_path / "ledger", Run())
    for update in (0.0, 100.0):
        folder.append({"update": update, "eval/loss": 1.0 if update else math.nan})
    folder.finish({"status": "finished", "lengths": [{"length": 5, "loss": 0.5}]}, {})
    results.RunFolder(tmp_path / "ledger", Run(seed=1))  # unfinished
    with Server() as server:
        lines = python(SYNC, tmp_path / "ledger", env=environment(server.address))
    assert lines == [
        "wandb online: 1 sent, 0 sent before, 1 unfinished, 0 failed",
        "wandb online: 0 sent, 1 sent before, 1 unfinished, 0 failed",
        "wandb online: 1 sent, 0 sent before, 1 unfinished, 0 failed",
        "0 0 0",
    ]
    ((name, run),) = server.runs.items()
    assert name == run_id(folder.digest, folder.started) and run.told["groupName"] == "ledger"
    assert [row["update"] for row in run.history if "eval/loss" in row] == [0, 100]
    assert any("media/table/lengths" in path for path in run.files)
    assert run.summary["status"] == "finished"


DIES = """
from pathlib import Path
import sys
from ltd import tracking
from ltd.tracking import mirror
mirror.INIT_SECONDS = mirror.FINISH_SECONDS = 1
out = Path(sys.argv[1])
tracker = tracking.make(tracking.mode(), None, print)
for c in "ac":
    tracker.start(c * 12, {}, "2026-01-01T00:00:00Z")
tracker.flush()
print("begun", flush=True)
sys.stdin.readline()
tracker.log("a" * 12, {"update": 1.0, "eval/loss": 1.0})
tracker.finish("a" * 12, {"status": "finished"}, out)
tracker.start("b" * 12, {}, "2026-01-01T00:00:00Z")
tracker.finish("b" * 12, {"status": "finished"}, out)
tracker.finish("c" * 12, {"status": "finished"}, out)
tracker.close()
print("arrived", *tracker.arrived.items())
"""


def test_a_server_that_dies_is_told_once_and_the_rest_goes_on_offline(environment, tmp_path):
    with Server() as server:
        words = [sys.executable, "-c", DIES, str(tmp_path)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(words, env=environment(server.address), cwd=ROOT, **pipes) as child:
            assert child.stdout.readline() == "begun\n"
            server.die()
            out, error = child.communicate("\n")
    lines = out.splitlines()
    assert child.returncode == 0, error
    assert len(lines) == 3 and "going on offline" in lines[0]
    assert "did not get 2 of 3 runs" in lines[1] and "ltd sync DIR" in lines[1]
    assert lines[2] == "arrived ('bbbbbbbbbbbb', 'offline')"
    assert noted(tmp_path)["offline"]["id"].startswith("b" * 12)
    assert list((tmp_path / "mirror").glob("wandb/offline-run-*/*.wandb"))


CLOSED = """
from pathlib import Path
import sys
from ltd import tracking
from ltd.tracking import mirror
mirror.INIT_SECONDS = 1
tracker = tracking.make(tracking.mode(), None, print)
for c in "ab":
    tracker.start(c * 12, {}, "2026-01-01T00:00:00Z")
    tracker.finish(c * 12, {"status": "finished"}, Path(sys.argv[1]))
tracker.close()
print("arrived", *tracker.arrived.values())
"""


def test_a_closed_port_is_told_once_and_all_goes_on_offline(environment, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    lines = python(CLOSED, tmp_path, env=environment(address))
    assert len(lines) == 2 and "W&B did not take a run" in lines[0] and "going on offline" in lines[0]
    assert lines[1] == "arrived offline offline"
    assert len(list((tmp_path / "mirror").glob("wandb/offline-run-*/*.wandb"))) == 2


# ------------------------------------------------------------------------------------------------ sweeps and agents

FIXED = {
    "cell.type": "elman",
    "cell.hidden": 2,
    "train.steps": 4,
    "train.batch": 4,
    "train.eval_every": 2,
    "train.eval_batch": 8,
}
TASK = {"type": "copy/arjovsky2016", "gap": 2, "pattern": 1, "symbols": 2}
WANDB = """
import sys
from wandb.wandb_agent import Agent
from wandb.cli.cli import cli
Agent.POLL_INTERVAL = 0.5  # else it looks every five seconds
cli(sys.argv[1:])
"""


def sweep_file(folder, seeds):
    """A sweep as W&B reads it: dotted names, and one nested parameter."""
    parameters = {
        **{name: {"value": value} for name, value in FIXED.items()},
        "task": {"parameters": {name: {"value": value} for name, value in TASK.items()}},
        "seed": {"values": seeds},
    }
    command = ["${env}", "${interpreter}", "${program}", "${args}", f"--out={folder / 'ledger'}"]
    sweep = {"program": "experiments/cli.py", "method": "grid", "command": command, "parameters": parameters}
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    return folder / "sweep.yaml"


def check(server, folder, seeds):
    """Every config was run once, lies in the ledger, and its history is the server's under the agent's run id."""
    wanted = [launch.configure(Run, {**FIXED, "task": TASK, "seed": seed}) for seed in seeds]
    records = {record.digest: record for record in results.read_runs(folder / "ledger", pytest.fail)}
    assert set(records) == {config.digest(one) for one in wanted}
    assert sorted(run.config["seed"] for run in server.runs.values()) == seeds
    for name, run in server.runs.items():
        record = records[run.config["digest"]]
        assert name.startswith("sweep0-") and run.told["sweep"] == "sweep0" and run.complete
        assert {key: run.config[key] for key in record.config} == record.config
        assert run.config["cell.hidden"] == 2  # the sweep's own parameters are kept beside
        assert [row["eval/loss"] for row in run.history] == pytest.approx(
            [row["eval/loss"] for row in record.metrics()]
        )
        assert run.summary["status"] == record.status == "finished"
        assert run.told["groupName"] == "ledger"


def test_the_servers_grid_nests():
    parameters = {"a": {"values": [1, 2]}, "b": {"parameters": {"c": {"value": 3}, "d": {"values": [4, 5]}}}}
    assert [(one["a"], one["b"]["d"]) for one in grid(parameters)] == [(1, 4), (1, 5), (2, 4), (2, 5)]


def test_an_agent_runs_a_sweep_file(environment, tmp_path):
    with Server() as server:
        env = environment(server.address)
        python(WANDB, "sweep", "--project=ltd", sweep_file(tmp_path, [0, 1]), env=env)
        python(WANDB, "agent", "us/ltd/sweep0", env=env)
    check(server, tmp_path, [0, 1])


def test_two_agents_share_a_sweep(environment, tmp_path):
    with Server(crowd=2) as server:
        env = environment(server.address)
        python(WANDB, "sweep", "--project=ltd", sweep_file(tmp_path, [2, 3]), env=env)
        words = [sys.executable, "-c", WANDB, "agent", "us/ltd/sweep0"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        agents = [subprocess.Popen(words, env=env, cwd=ROOT, **quiet) for _ in range(2)]
        assert [agent.wait() for agent in agents] == [0, 0]
    check(server, tmp_path, [2, 3])
    assert {name.rpartition("-")[0] for name in server.runs} == set(server.agents)
