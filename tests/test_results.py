"""The ledger: written so that a kill loses nothing finished, read so that nothing corrupt passes."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from ltd import config, launch, results
from ltd.config import ConfigError
from ltd.model import load, make_task
from ltd.settings import Run
from ltd.train import Trainer

FIELDS = {
    "task": {"type": "copy/arjovsky2016", "gap": 2, "pattern": 1, "symbols": 2},
    "cell": {"type": "lstm", "hidden": 3},
    "train": {"steps": 6, "batch": 4, "eval_every": 3, "eval_batch": 8},
    "initial": {"type": "learned"},
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    root = tmp_path_factory.mktemp("ledger")
    runs = launch.seeds_of(launch.configure(Run, FIELDS), 2)
    return root, runs, launch.run(runs, root)


def test_a_run_is_recorded_whole(ledger):
    root, runs, records = ledger
    assert [r.digest for r in records] == [config.digest(one) for one in runs]
    assert sorted(p.name for p in root.glob("[!.]*")) == sorted(r.digest for r in records)
    record = records[0]
    assert sorted(p.name for p in record.folder.iterdir()) == [
        "config.json", "metrics.jsonl", "params.npz", "summary.json"
    ]  # fmt: skip
    head = json.loads((record.folder / "config.json").read_text())
    assert {"jax", "flax", "jaxlib", "numpy", "python"} <= set(head["versions"])
    assert "commit" in head and "started" in head
    assert [row["update"] for row in record.metrics()] == [0, 3, 6]
    assert {"eval/loss", "eval/metric", "rho", "train/loss", "train/grad_norm"} <= set(record.metrics()[-1])
    assert record.summary["levels"]["blind"]["loss"] == pytest.approx(make_task(runs[0].task).levels().blind.loss)
    assert config.decode(Run, record.config) == runs[0]


def test_finished_runs_are_not_repeated_and_unfinished_ones_are(ledger):
    root, runs, records = ledger
    stamps = [(r.folder / "summary.json").stat().st_mtime_ns for r in records]
    (records[1].folder / "summary.json").unlink()
    assert results.read_run(records[1].folder).status == "unfinished"
    again = launch.run(runs, root)
    assert (again[0].folder / "summary.json").stat().st_mtime_ns == stamps[0]
    assert (again[1].folder / "summary.json").stat().st_mtime_ns != stamps[1]
    scores = ("eval/loss", "train/loss", "eval/metric")
    assert [again[1].summary[s] for s in scores] == [records[1].summary[s] for s in scores]


def test_saved_parameters_load_back_with_one_call(ledger):
    _, runs, records = ledger
    model, run, task = load(records[0].folder)
    assert run == runs[0] and task == make_task(runs[0].task)
    trainer = Trainer(run, task)
    found = trainer.evaluate(jax.tree.map(jax.numpy.asarray, launch_params(model)))
    assert float(found["eval/loss"]) == pytest.approx(records[0].summary["eval/loss"], rel=1e-5)
    assert model(task.sample(jax.random.key(1), 5).inputs).shape == (task.steps, 5, task.outputs)


def launch_params(model):
    from ltd.trees import disassemble

    return disassemble(model)[1]


@pytest.mark.parametrize("damage", ["config", "truncated", "digest", "list", "summary"])
def test_a_corrupt_folder_is_named_and_skipped(damage, ledger, tmp_path):
    _, _, records = ledger
    good, bad = tmp_path / records[0].digest, tmp_path / records[1].digest
    for source, target in ((records[0].folder, good), (records[1].folder, bad)):
        target.mkdir()
        for file in source.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
    text = (bad / "config.json").read_text()
    spoiled = {"config": "{", "truncated": text[: len(text) // 2], "list": "[]"}
    spoiled["digest"] = text.replace('"seed": 1', '"seed": 7')
    if damage == "summary":
        (bad / "summary.json").write_bytes(b"\xff\xfe{")
    else:
        assert spoiled[damage] != text
        (bad / "config.json").write_text(spoiled[damage])
    warnings = []
    assert [r.digest for r in results.read_runs(tmp_path, warnings.append)] == [good.name]
    assert len(warnings) == 1 and bad.name in warnings[0] and "\n" not in warnings[0]
    with pytest.raises(ConfigError, match="corrupt run folder"):
        results.read_run(bad)


@pytest.mark.parametrize("damage", ["truncated", "missing", "pickle", "other"])
def test_corrupt_parameters_are_refused(damage, ledger, tmp_path):
    _, _, records = ledger
    folder = tmp_path / records[0].digest
    folder.mkdir()
    for file in records[0].folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    params = folder / "params.npz"
    if damage == "truncated":
        params.write_bytes(params.read_bytes()[:100])
    elif damage == "missing":
        params.unlink()
    elif damage == "pickle":
        np.savez(params, **{"net.U": np.array([{}], dtype=object)}, allow_pickle=True)
    else:
        np.savez(params, **{"net.U": np.zeros((1, 1))})
    with pytest.raises(ConfigError, match=r"params\.npz"):
        load(folder)


def test_metrics_cut_off_by_a_kill_are_read_to_the_last_whole_line(ledger, tmp_path):
    _, _, records = ledger
    whole = (records[0].folder / "metrics.jsonl").read_text()
    record = dataclasses.replace(records[0], folder=tmp_path)
    (tmp_path / "metrics.jsonl").write_text(whole[:-20])
    assert len(record.metrics()) == 2


def test_what_is_not_finite_becomes_null(tmp_path):
    results.write_json(
        tmp_path / "x.json", {"a": float("nan"), "b": [np.float32(1.5), float("-inf")], "c": np.int64(3)}
    )
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": [1.5, None], "c": 3}


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "x.json"
    results.write_json(path, {"a": 1})

    def broken(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        results.write_atomically(path, broken)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_out_under_a_file_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="not a writable folder"):
        results.writable(tmp_path / "file" / "runs")
    assert results.writable(tmp_path / "new" / "runs") and not (tmp_path / "new").exists()
