"""The index says what the run folders say, whoever reads and writes meanwhile."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.cli import main
from ledgers import dump, refuse, truth, write
from ltd import index, results
from ltd.config import ConfigError

# ------------------------------------------------------------------------------------------------ up to date


def test_the_index_is_what_the_folders_are_after_adds_changes_and_removals(tmp_path):
    assert dump(tmp_path) == ({}, [])
    first, second = write(tmp_path, 0), write(tmp_path, 1, status="unfinished", checks=1)
    for step in (
        lambda: None,
        lambda: write(tmp_path, 1, status="solved", checks=5),
        lambda: write(tmp_path, 2, task={"type": "adding/arjovsky2016", "length": 9}),
        lambda: write(tmp_path, 3, cell={"forget_bias": 1.5}),
        lambda: (second / "summary.json").unlink(),
        lambda: write(tmp_path, 1, status="diverged"),
        lambda: shutil.rmtree(first),
        lambda: [shutil.rmtree(p) for p in tmp_path.iterdir() if p.is_dir() and p != second],
        lambda: shutil.rmtree(second),
    ):
        step()
        assert dump(tmp_path) == truth(tmp_path)
        with index.opened(tmp_path, refuse) as found:
            columns = found.columns()
        there = [name for row in truth(tmp_path)[0].values() for name in row]
        assert set(there) <= set(columns)
    assert columns == list(index.CORE)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["unfinished", "finished", "gone"])), max_size=8))
def test_whatever_happened_the_index_is_the_truth(tmp_path_factory, steps):
    root = tmp_path_factory.mktemp("index")
    for seed, status in steps:
        folder = write(root, seed, status="finished" if status == "gone" else status, cell={f"option{seed}": seed})
        if status == "gone":
            shutil.rmtree(folder)
        assert dump(root) == truth(root)
    assert dump(root) == dump(root, afresh=True)


def test_nothing_is_read_again_that_did_not_change(tmp_path, monkeypatch):
    write(tmp_path, 0), write(tmp_path, 1)
    read = []
    monkeypatch.setattr(index, "read_run", lambda folder: read.append(folder) or results.read_run(folder))
    before = dump(tmp_path)
    assert len(read) == 2
    assert dump(tmp_path) == before and len(read) == 2
    write(tmp_path, 1, checks=9)
    dump(tmp_path)
    assert len(read) == 3
    dump(tmp_path, afresh=True)
    assert len(read) == 5


def test_a_clock_that_jumps_back_hides_nothing(tmp_path):
    folder = write(tmp_path, 0)
    dump(tmp_path)
    summary = (folder / "summary.json").read_text()
    (folder / "summary.json").write_text(summary.replace("0.25", "0.75"))  # as long as before
    os.utime(folder / "summary.json", (1000, 1000))
    runs, _ = dump(tmp_path)
    assert runs[folder.name]["eval/loss"] == 0.75


def test_what_is_not_finite_is_null_and_what_is_no_number_is_no_metric(tmp_path):
    folder = write(tmp_path, 0, checks=0)
    rows = [
        '{"update": 0, "a": null, "b": NaN, "c": Infinity, "d": -Infinity, "e": true, "f": 1e308}',
        '{"update": 0.5, "a": "text", "b": [1], "c": {}, "d": 123456789012345678901234567890}',
        '{"update": null, "a": 1}',
        '{"a": 1}',
        "[1, 2]",
        "3",
        '{"update": 7, "a": 1',
    ]
    (folder / "metrics.jsonl").write_text("\n".join(rows))
    _, metrics = dump(tmp_path)
    assert [row[1:] for row in metrics] == [
        ("a", 0, None), ("b", 0, None), ("c", 0, None), ("d", 0, None), ("d", 0.5, 1.2345678901234568e29),
        ("e", 0, 1.0), ("f", 0, 1e308)
    ]  # fmt: skip


def test_odd_names_and_values_are_kept_apart(tmp_path):
    odd = {'say "x"; --': 1, "H": 2, "h": 3, "digest": "x", "big": 2**70, "huge": 10**400, "sur\ud800": "\ud800\0"}
    folder = write(tmp_path, 0, cell=odd)
    runs, _ = dump(tmp_path)
    row = runs[folder.name]
    assert row['cell.say "x"; --'] == 1 and row["cell.H"] == 2 and row["cell.h (2)"] == 3
    assert row["digest"] == folder.name and row["cell.digest"] == "x" and row["cell.big"] == float(2**70)
    assert "cell.sur?" in row and row["cell.sur?"] == "??"
    with index.opened(tmp_path, refuse) as found:
        assert len(found.runs(['cell.say "x"; -- = 1', "cell.h (2) = 3"])) == 1


def test_corrupt_folders_are_named_each_time_and_left_out(tmp_path):
    good, bad, worse = write(tmp_path, 0), write(tmp_path, 1), write(tmp_path, 2)
    (bad / "summary.json").write_text("{")
    (worse / "metrics.jsonl").write_bytes(b"\xff\xfe")
    shutil.copytree(good, tmp_path / "zcopy")
    for _ in range(2):
        said = []
        runs, _ = dump(tmp_path, said.append)
        assert set(runs) == {good.name}
        assert len(said) == 3 and all("\n" not in line for line in said)
        for folder in (bad, worse):
            assert any(line.startswith(f"{folder} is a corrupt run folder") for line in said)
        assert any(f"zcopy holds the same run as {good.name}" in line for line in said)
    write(tmp_path, 1), write(tmp_path, 2), shutil.rmtree(good)
    assert len(dump(tmp_path)[0]) == 3  # the copy takes the place of the one that is gone


# ------------------------------------------------------------------------------------------------ the file


@pytest.mark.parametrize("damage", ["text", "middle", "other", "tables"])
def test_an_index_that_is_none_is_made_anew(tmp_path, damage):
    for seed in range(30):
        write(tmp_path, seed, checks=30)
    before, path = dump(tmp_path), tmp_path / "index.sqlite"
    if damage == "text":
        path.write_text("this is no database, and much longer than a header would be " * 9)
    elif damage == "middle":
        content = bytearray(path.read_bytes())
        content[200:-100] = os.urandom(len(content) - 300)
        path.write_bytes(content)
    else:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("DROP TABLE folders" if damage == "tables" else "PRAGMA user_version = 77")
            other.execute("CREATE TABLE mine (x)")
    said = []
    assert dump(tmp_path, said.append) == before
    assert len(said) == (damage != "other") and all(line.startswith(f"{path} is corrupt") for line in said)
    assert dump(tmp_path) == before


def test_a_page_that_is_found_corrupt_while_asking_is_said_in_one_line(tmp_path):
    for seed in range(30):
        write(tmp_path, seed, checks=300)
    before = dump(tmp_path)
    path = tmp_path / "index.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as other:
        page = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'samples'").fetchone()[0]
        size = other.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"malformed|corrupt"):
        dump(tmp_path)
    assert main(["index", str(tmp_path)]) == 0
    assert dump(tmp_path) == before


@pytest.mark.parametrize("error", ["unable to open database file", "attempt to write a readonly database"])
def test_where_nothing_can_be_written_the_index_is_in_memory(tmp_path, monkeypatch, error, capsys):
    write(tmp_path, 0)
    connect = sqlite3.connect

    def fail(path, *args, **options):
        if path != ":memory:":
            raise sqlite3.OperationalError(error)
        return connect(path, *args, **options)

    monkeypatch.setattr(index.sqlite3, "connect", fail)
    assert dump(tmp_path) == truth(tmp_path)
    write(tmp_path, 1)
    assert dump(tmp_path) == truth(tmp_path)
    assert not (tmp_path / "index.sqlite").exists()
    assert main(["index", str(tmp_path)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_an_index_that_cannot_be_written_any_more_is_left_alone(tmp_path, monkeypatch):
    write(tmp_path, 0)
    dump(tmp_path)
    write(tmp_path, 1)
    update = index._update

    def fail(connection, root, afresh):
        if connection.execute("PRAGMA database_list").fetchone()[2]:
            connection.execute("PRAGMA query_only = ON")  # as a file on a read-only mount
        update(connection, root, afresh)

    monkeypatch.setattr(index, "_update", fail)
    before = (tmp_path / "index.sqlite").read_bytes()
    assert dump(tmp_path) == truth(tmp_path)
    assert (tmp_path / "index.sqlite").read_bytes() == before


READER = """
import sys
from ltd import index
for _ in range(12):
    with index.opened(sys.argv[1], print) as found:
        runs, values = found.counts()
        sql = "SELECT count(DISTINCT digest), count(*) FROM metrics"
        (row,) = found.select(sql)[1]
        assert row[1] == 6 * row[0], row
"""


def test_readers_and_a_writer_at_the_same_time(tmp_path):
    """Processes open the index while runs come and go; each sees whole runs, and at the end all see the truth."""
    write(tmp_path, 0)
    over = threading.Event()
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    failures = []

    def read():
        try:
            while not over.is_set():
                (row,) = query(tmp_path, "SELECT count(DISTINCT digest), count(*) FROM metrics")
                assert row[1] == 6 * row[0]
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for seed in range(1, 40):
            beside = tmp_path.with_name("beside")
            folder = write(beside, seed)
            os.replace(folder, tmp_path / folder.name)
            if seed % 5 == 0:
                os.replace(tmp_path / folder.name, beside / "gone")
                shutil.rmtree(beside / "gone")
        done = [reader.communicate(timeout=120) for reader in readers]
    finally:
        over.set()
        thread.join()
        for reader in readers:
            reader.kill()
    assert failures == []
    for reader, (out, err) in zip(readers, done, strict=True):
        assert reader.returncode == 0, (out, err)
    assert dump(tmp_path) == truth(tmp_path)
    assert len(truth(tmp_path)[0]) == 33


def query(root, sql):
    def warn(sentence):  # a folder may go while it is being read
        assert "is a corrupt run folder" in sentence or "is not a run folder" in sentence

    with index.opened(root, warn) as found:
        return found.select(sql)[1]
