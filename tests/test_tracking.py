"""The mirror: chosen by the environment, never in the way of training, and sent again from the ledger."""

import importlib.machinery
import json
import math
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest

from experiments.cli import main
from ltd import launch, results, tracking
from ltd.config import ConfigError
from ltd.settings import Run
from ltd.tracking.mirror import Wandb, curves, media, run_id

ROOT = Path(__file__).parents[1]
TINY = {
    "task.type": "copy/arjovsky2016",
    "task.gap": 2,
    "task.pattern": 1,
    "task.symbols": 2,
    "cell.type": "elman",
    "cell.hidden": 2,
    "train.steps": 4,
    "train.batch": 4,
    "train.eval_every": 2,
    "train.eval_batch": 8,
}
STARTED = "2026-01-01T00:00:00Z"


@pytest.fixture
def clean(monkeypatch, tmp_path):
    """No word about W&B in the environment, and an empty home."""
    for name in [name for name in os.environ if name.startswith("WANDB_") or name == "NETRC"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


class Broken(types.ModuleType):
    """A W&B of which every call raises."""

    def __getattr__(self, name):
        raise RuntimeError("nothing works today")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """Two trained runs, and what was told: they were trained while every call of W&B raised."""
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "wandb", Broken("wandb"))
        tracker = tracking.make("offline", "tiny", told.append)
        out = tmp_path_factory.mktemp("ledger")
        records = launch.run(launch.seeds_of(launch.configure(Run, TINY), 2), out, tracker=tracker)
        tracker.close()
    assert [record.status for record in records] == ["finished", "finished"]
    return out, told


# ------------------------------------------------------------------------------------------------ which mode


@pytest.mark.parametrize(
    ("asked", "environment", "expected"),
    [
        (None, {}, "off"),
        ("off", {"WANDB_API_KEY": "k"}, "off"),
        ("offline", {"WANDB_MODE": "online"}, "offline"),
        ("online", {"WANDB_MODE": "disabled", "WANDB_API_KEY": "k"}, "online"),
        (None, {"WANDB_API_KEY": "k"}, "online"),
        (None, {"WANDB_API_KEY": "k", "WANDB_MODE": "disabled"}, "off"),
        (None, {"WANDB_API_KEY": "k", "WANDB_MODE": "dryrun"}, "offline"),
        (None, {"WANDB_MODE": "offline"}, "offline"),
        (None, {"WANDB_API_KEY": "k", "WANDB_MODE": "run"}, "online"),
        (None, {"WANDB_API_KEY": "k", "WANDB_MODE": "shared"}, "online"),
    ],
)
def test_the_mode_is_what_was_asked_for_else_what_the_environment_says(asked, environment, expected, clean):
    for name, value in environment.items():
        clean.setenv(name, value)
    assert tracking.mode(asked) == expected


def test_a_key_in_netrc_counts_if_it_is_for_the_address_of_wandb(clean, tmp_path):
    clean.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine elsewhere login user password k\n")
    assert tracking.mode() == "off"
    (tmp_path / ".netrc").write_text("machine 127.0.0.1:9 login user password k\n")
    assert tracking.mode() == "online"
    (tmp_path / ".netrc").write_text("machine")
    assert tracking.mode() == "off"


def test_modes_that_cannot_be_are_refused_in_one_line(clean, capsys):
    for asked, environment, message in [
        ("maybe", {}, "wandb = 'maybe': must be one of off, offline, online"),
        ("online", {}, "needs an API key"),
        (None, {"WANDB_MODE": "ofline"}, "Did you mean 'offline'?"),
    ]:
        for name, value in environment.items():
            clean.setenv(name, value)
        with pytest.raises(ConfigError, match=re.escape(message)):
            tracking.mode(asked)
    clean.delenv("WANDB_MODE")
    assert main(["run", "--wandb=maybe"]) == 2
    assert main(["sync", "."]) == 2
    assert main(["sync", "nowhere", "--wandb=offline"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and "must be one of off" in lines[0] and "wandb is off" in lines[1]
    assert "nowhere is not a folder" in lines[2]


def test_without_the_package_it_is_off_unless_asked_for(clean, tmp_path):
    clean.setenv("WANDB_API_KEY", "k")
    (tmp_path / "wandb").mkdir()  # as offline runs leave it: a folder is no package
    clean.setattr(sys, "path", [str(tmp_path)])
    clean.delitem(sys.modules, "wandb", raising=False)
    assert tracking.mode() == "off" and tracking.mode("off") == "off"
    with pytest.raises(ConfigError, match="pip install wandb"):
        tracking.mode("offline")
    (tmp_path / "wandb").rmdir()
    sys.path_importer_cache.pop(str(tmp_path), None)
    assert tracking.mode() == "off"


def test_under_an_agent_a_process_is_one_run(clean, capsys):
    clean.setenv("WANDB_SWEEP_ID", "s")
    clean.setenv("WANDB_MODE", "offline")
    assert main(["run", "--seeds=2"]) == 2
    assert "make seed a parameter of the sweep" in capsys.readouterr().err
    tracking.check("off", 2)
    tracking.check("offline", 1)


# ------------------------------------------------------------------------------------------------ a W&B of ours


class Made:
    """What was done to a run."""

    starting_step = 0

    def __init__(self, given):
        self.id, self.project, self.given = given.get("id"), "p", given
        self.rows, self.summary, self.ended = [], {}, None

    def define_metric(self, *words, **options):
        pass

    def log(self, row, step, commit=None):
        self.rows.append((step, row))

    def finish(self, exit_code):
        self.ended = exit_code


class Fake(types.ModuleType):
    """W&B as far as the mirror uses it. `online` is called before an online run is made."""

    Settings = dict
    run = None

    def __init__(self, online=lambda: None):
        super().__init__("wandb")
        self.__spec__ = importlib.machinery.ModuleSpec("wandb", None, origin="here")
        self.made, self.online, self.torn = [], online, 0

    def setup(self, settings):
        pass

    def teardown(self):
        self.torn += 1

    def init(self, **given):
        if given["mode"] == "online":
            self.online()
        self.made.append(Made(given))
        return self.made[-1]


@pytest.fixture
def fake(clean):
    wandb = Fake()
    clean.setitem(sys.modules, "wandb", wandb)
    return wandb


def fail(words):
    def online():
        raise RuntimeError(words)

    return online


def one_run(tracker, folder, digest="d" * 12):
    tracker.start(digest, {"seed": 3, "cell": {"type": "elman"}}, STARTED)
    tracker.log(digest, {"update": 2.0, "loss": math.nan})
    tracker.finish(digest, {"status": "solved"}, folder)


def test_training_goes_on_when_every_call_raises(ledger):
    _, told = ledger
    assert len(told) == 1 and "did not get 2 of 2 runs" in told[0] and "nothing works today" in told[0]


def test_a_run_keeps_its_id_and_says_what_it_is(fake, tmp_path):
    tracker = Wandb("offline", "sweep", pytest.fail, "mine")
    one_run(tracker, tmp_path)
    tracker.close()
    (made,) = fake.made
    assert made.given["id"] == run_id("d" * 12, STARTED) != run_id("d" * 12, "2026-01-01T00:00:01Z")
    assert made.given["name"] == "elman seed 3 " + "d" * 12
    assert (made.given["group"], made.given["project"], made.given["resume"]) == ("sweep", "mine", "allow")
    assert made.given["config"]["cell"] == {"type": "elman"} and made.given["config"]["versions"]["jax"]
    assert made.rows[0][0] == 2 and math.isnan(made.rows[0][1]["loss"])
    assert made.summary == {"status": "solved"} and made.ended == 0
    assert json.loads((tmp_path / "wandb.json").read_text()) == {"offline": {"id": made.id, "project": "p"}}


def test_under_an_agent_the_run_is_the_agents(fake, clean, tmp_path):
    clean.setenv("WANDB_SWEEP_ID", "s")
    tracker = Wandb("offline", "sweep", pytest.fail)
    one_run(tracker, tmp_path)
    tracker.close()
    assert not {"id", "project", "entity"} & set(fake.made[0].given)


def test_a_run_that_an_agent_asks_for_again_is_sent_from_the_ledger(fake, clean, ledger, capsys):
    out, _ = ledger
    clean.setenv("WANDB_SWEEP_ID", "s")
    words = [f"--{name}={value}" for name, value in TINY.items()]
    before = [record.times for record in results.read_runs(out, pytest.fail)]
    assert main(["run", *words, f"--out={out}", "--wandb=offline"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"ledger: {out}   wandb: offline   there already: 1 of 1"
    assert [record.times for record in results.read_runs(out, pytest.fail)] == before
    (made,) = fake.made
    assert [step for step, _ in made.rows] == [0, 2, 4, 4] and made.summary["status"] == "finished"
    assert "id" not in made.given


def test_a_server_that_does_not_answer_is_told_once_and_left(fake, tmp_path):
    told = []
    fake.online = fail("closed port")
    tracker = Wandb("online", None, told.append)
    one_run(tracker, tmp_path, "a" * 12)
    one_run(tracker, tmp_path, "b" * 12)
    tracker.close()
    assert len(told) == 1 and "going on offline" in told[0] and "closed port" in told[0]
    assert [made.given["mode"] for made in fake.made] == ["offline", "offline"]
    assert set(tracker.arrived.values()) == {"offline"}
    assert fake.torn == 1  # else W&B would call the id taken


def test_pictures_that_fail_do_not_take_the_numbers_along(fake, tmp_path):
    told = []
    (tmp_path / "decay.png").write_text("no picture")
    tracker = Wandb("offline", None, told.append)
    one_run(tracker, tmp_path)
    tracker.close()
    (made,) = fake.made
    assert made.summary == {"status": "solved"} and made.ended == 0 and made.rows[-1] == (2, {"update": 2})
    assert "Image" in told[0] and not (tmp_path / "wandb.json").exists()


def test_a_replay_does_not_fall_back(fake, ledger, tmp_path):
    told = []
    fake.online = fail("closed port")
    out, _ = ledger
    assert tracking.sync(out, "online", told.append) == (0, 0, 0, 2)
    assert fake.made == [] and len(told) == 1 and "closed port" in told[0]


def test_what_hangs_is_not_waited_for(fake, tmp_path):
    told, held = [], threading.Event()
    fake.online = held.wait
    tracker = Wandb("online", None, told.append)
    one_run(tracker, tmp_path)
    tracker.close(timeout=0.1)
    assert len(told) == 1 and "did not get 1 of 1 runs" in told[0]
    held.set()
    tracker._thread.join()


def test_a_run_that_was_interrupted_is_closed_and_named(fake):
    told = []
    tracker = Wandb("offline", None, told.append)
    tracker.start("d" * 12, {}, STARTED)
    tracker.close()
    assert fake.made[0].ended == 1 and "unfinished" in told[0]


def test_curves_are_tables(tmp_path):
    import numpy as np

    assert curves(tmp_path) is None
    np.savez(tmp_path / "curves.npz", a=np.array([1.0, 2.0]), b=np.array([3, 4]), c=np.ones((2, 2)), d=np.ones(1))
    assert curves(tmp_path) == (["index", "a", "b"], [[0, 1.0, 3], [1, 2.0, 4]])
    (tmp_path / "curves.csv").write_text("cell,lag,value\nelman,1,\nelman,2,-3.5\n")
    assert curves(tmp_path) == (["cell", "lag", "value"], [["elman", 1.0, None], ["elman", 2.0, -3.5]])


# ------------------------------------------------------------------------------------------------ the real W&B

OFFLINE = """
import sys
reached = []
def watch(event, given):
    if event == "socket.connect" and not isinstance(given[1], (str, bytes)):
        reached.append(given[1])
sys.addaudithook(watch)
from experiments.cli import main
codes = [main(["sync", sys.argv[1], "--wandb=offline", *more]) for more in ([], [], ["--all"])]
print(codes, reached)
"""


def read_back(path):
    """The records of a `.wandb` file: blocks of 32 KiB of (checksum, length, kind, bytes) after a header of 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    raw, at, parts, records = path.read_bytes(), 7, b"", []
    while at + 7 <= len(raw):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", raw[at : at + 7])
        parts += raw[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            parts = b""
            records.append(record)
    return records


def values(items):
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def content(path):
    """(run, its config, rows of the history, summary) of a `.wandb` file."""
    records = read_back(path)
    (run,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    rows = [values(record.history.item) for record in records if record.WhichOneof("record_type") == "history"]
    summary = {}
    for record in records:
        if record.WhichOneof("record_type") == "summary":
            summary |= values(record.summary.update)
    return run, values(run.config.update), rows, summary


@pytest.fixture(scope="module")
def offline(ledger, tmp_path_factory):
    """The ledger sent three times by `ltd sync`, offline, while a listener stands where the server would."""
    out, _ = ledger
    mirror = tmp_path_factory.mktemp("mirror")
    first = sorted(path for path in out.glob("[!.]*") if path.is_dir())[0]
    (first / "curves.csv").write_text("cell,lag,adjoint_log10\nelman,1,-0.5\n")
    import matplotlib.pyplot as plt

    plt.imsave(first / "decay.png", [[0.0, 1.0]])
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        env = {**os.environ, "PYTHONPATH": str(ROOT), "WANDB_DIR": str(mirror), "WANDB_BASE_URL": address}
        env["WANDB_API_KEY"] = "k" * 40
        code = [sys.executable, "-c", OFFLINE, str(out)]
        done = subprocess.run(code, capture_output=True, text=True, env=env, cwd=mirror, check=True)
        with pytest.raises(BlockingIOError):
            server.accept()
    return done, mirror / "wandb", out


def test_a_second_sync_sends_only_what_is_new(offline):
    done, folder, out = offline
    lines = done.stdout.splitlines()
    assert lines[-4:-1] == [
        "wandb offline: 2 sent, 0 sent before, 0 unfinished, 0 failed",
        "wandb offline: 0 sent, 2 sent before, 0 unfinished, 0 failed",
        "wandb offline: 2 sent, 0 sent before, 0 unfinished, 0 failed",
    ]
    ids = {path.stem.removeprefix("run-") for path in folder.glob("offline-run-*/*.wandb")}
    assert ids == {run_id(record.digest, record.times["started"]) for record in results.read_runs(out, pytest.fail)}


def test_offline_opens_no_connection(offline):
    assert offline[0].stdout.splitlines()[-1] == "[0, 0, 0] []"


def test_offline_files_hold_config_history_and_summary(offline):
    _, folder, out = offline
    for record in results.read_runs(out, pytest.fail):
        path = next(folder.glob(f"offline-run-*/run-{run_id(record.digest, record.times['started'])}.wandb"))
        run, config, rows, summary = content(path)
        assert (run.project, run.run_group) == ("ltd", out.name)
        assert {name: config[name] for name in record.config} == record.config
        assert config["digest"] == record.digest and config["versions"]["jax"] and "commit" in config
        kept = record.metrics()
        assert [row["update"] for row in rows] == [row["update"] for row in kept] == [0, 2, 4]
        assert [row["eval/loss"] for row in rows] == pytest.approx([row["eval/loss"] for row in kept])
        assert summary["status"] == "finished" and summary["solved_at"] is None
        assert summary["levels"] == record.summary["levels"]


def test_curves_and_figures_of_the_folder_are_sent(offline):
    _, folder, out = offline
    first = results.read_runs(out, pytest.fail)[0]
    path = next(folder.glob(f"offline-run-*/run-{run_id(first.digest, first.times['started'])}.wandb"))
    last = content(path)[2][-1]
    assert last["update"] == 4
    assert any(name.startswith("curves") for name in last) and any(name.startswith("figures/decay") for name in last)
    table = next((path.parent / "files").rglob("*.table.json"))
    assert json.loads(table.read_text())["data"] == [["elman", 1.0, -0.5]]
    assert list((path.parent / "files").rglob("*.png"))


def test_figures_may_be_handed_over(clean, tmp_path):
    wandb = Fake()
    wandb.Image = lambda path: path
    clean.setitem(sys.modules, "wandb", wandb)
    assert media(None, tmp_path, [Path("x/map.png")]) == {"figures/map": "x/map.png"}
