"""The index says what the run folders say, whoever reads and writes meanwhile; nothing can be changed through it."""

import contextlib
import csv
import io
import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.cli import main
from ltd import config, index, results
from ltd.config import ConfigError
from ltd.settings import Run

LEVELS = {name: {"loss": 0.5, "metric": 0.5} for name in ("blind", "strict", "optimum")}


def write(root, seed=0, checks=3, status="finished", task=None, cell=None, **fields):
    """A run folder without training."""
    plain = config.plain(Run(seed=seed)) | fields
    plain["task"] = {"type": "copy/arjovsky2016", "gap": 20} | (task or {})
    plain["cell"] = {"type": "lstm", "hidden": 8} | (cell or {})
    folder = Path(root) / config.digest(plain)
    folder.mkdir(parents=True, exist_ok=True)
    head = {"digest": folder.name, "config": plain, "started": "2026-01-02T03:04:05Z", "commit": "abc"}
    (folder / "config.json").write_text(json.dumps(head))
    with open(folder / "metrics.jsonl", "w") as file:
        for i in range(checks):
            file.write(json.dumps({"update": 100.0 * i, "eval/loss": seed + 1 / (i + 1), "rho": 0.5}) + "\n")
    if status == "unfinished":
        (folder / "summary.json").unlink(missing_ok=True)
    else:
        summary = {"status": status, "updates": 200, "eval/loss": seed + 0.25, "rho": 0.9, "rule": "loss at most 1"}
        end = {"levels": LEVELS, "lengths": [{"length": 3}], "seconds": 2.5, "ended": "2026-01-02T03:05:05Z"}
        (folder / "summary.json").write_text(json.dumps(summary | end))
    return folder


def refuse(sentence):
    raise AssertionError(f"a warning nobody expected: {sentence}")


def dump(root, warn=refuse, **options):
    """All runs by digest, without what is null, and all metrics."""
    with index.opened(root, warn, **options) as found:
        columns = found.columns()
        runs = [{c: v for c, v in zip(columns, row, strict=True) if v is not None} for row in found.runs()]
        metrics = found.select('SELECT digest, name, "update", value FROM metrics ORDER BY 1, 2, 3')[1]
    return {row["digest"]: row for row in runs}, metrics


def flat(nested, prefix=""):
    found = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        elif value is not None and not isinstance(value, list):
            found[prefix + name] = int(value) if isinstance(value, bool) else value
    return found


def truth(root):
    """The same from the folders, by another road."""
    runs, metrics = {}, []
    for record in results.read_runs(root, lambda _: None):
        fields = flat(record.config)
        summary = {f"summary.{k}" if k in record.config else k: v for k, v in flat(record.summary).items()}
        core = {"digest": record.digest, "status": record.status, "commit": "abc"}
        runs[record.digest] = core | flat(record.times) | fields | summary
        for row in record.metrics():
            metrics += [(record.digest, name, row["update"], value) for name, value in row.items() if name != "update"]
    return runs, sorted(metrics)


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


# ------------------------------------------------------------------------------------------------ sql

ATTEMPTS = [
    "DELETE FROM runs",
    "DELETE FROM samples",
    "INSERT INTO names (name) VALUES ('x')",
    "UPDATE folders SET stamp = ''",
    "WITH x AS (SELECT 1) DELETE FROM runs",
    "REPLACE INTO names VALUES (1, 'x')",
    "DROP TABLE runs",
    "DROP VIEW metrics",
    "CREATE TABLE mine (x)",
    "CREATE TEMP TABLE mine (x)",
    "CREATE VIEW mine AS SELECT 1",
    "ALTER TABLE runs ADD COLUMN x",
    "CREATE INDEX mine ON runs (status)",
    "ATTACH DATABASE '{}' AS other",
    "ATTACH DATABASE ':memory:' AS other",
    "DETACH DATABASE main",
    "VACUUM",
    "VACUUM INTO '{}'",
    "REINDEX",
    "ANALYZE",
    "PRAGMA query_only = OFF",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 3",
    "PRAGMA writable_schema = ON",
    "SELECT * FROM pragma_user_version(3)",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "SAVEPOINT x",
    "SELECT load_extension('x')",
    "SELECT writefile('{}', 'x')",
    "SELECT 1; DELETE FROM runs",
    "SELECT * FROM runs WHERE",
    "SELECT nothing FROM runs",
    "SELECT * FROM nowhere",
    "SELECT ?",
    "SELECT abs(-9223372036854775808)",
    "SELECT '\0'",
    "SELECT '\ud800'",
    "",
    "-- nothing",
    "; ;",
]


@pytest.mark.parametrize("sql", ATTEMPTS, ids=[ascii(sql) for sql in ATTEMPTS])
def test_sql_changes_nothing_and_fails_in_one_line(tmp_path, sql, capsys):
    root, victim = tmp_path / "runs", tmp_path / "victim"
    write(root, 0)
    before, content = dump(root), (root / "index.sqlite").read_bytes()
    assert main(["runs", str(root), "--sql", sql.format(victim)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("ltd: sql") and said.err.count("\n") == 1
    assert (root / "index.sqlite").read_bytes() == content and not victim.exists()
    assert sorted(p.name for p in root.iterdir() if "sqlite" in p.name) == ["index.sqlite"]
    assert dump(root) == before


def test_sql_looks_at_everything(tmp_path, capsys):
    for seed in range(3):
        write(tmp_path, seed, cell={"hidden": 8 * (seed % 2 + 1)})
    sql = """WITH last AS (SELECT digest, max("update") AS at FROM metrics GROUP BY digest)
        SELECT "cell.hidden", count(*) AS runs, round(avg(value), 3) AS loss
        FROM metrics JOIN last USING (digest) JOIN runs USING (digest)
        WHERE name = 'eval/loss' AND "update" = at GROUP BY 1 ORDER BY 1"""
    assert main(["runs", str(tmp_path), f"--sql={sql}", "--json"]) == 0
    expected = [{"cell.hidden": 8, "runs": 2, "loss": 1.333}, {"cell.hidden": 16, "runs": 1, "loss": 1.333}]
    assert json.loads(capsys.readouterr().out) == expected
    assert main(["runs", str(tmp_path), f"--sql={sql}", "--csv"]) == 0
    assert capsys.readouterr().out == "cell.hidden,runs,loss\n8,2,1.333\n16,1,1.333\n"
    assert main(["runs", str(tmp_path), "--sql=SELECT '[b]x' AS a, 1/3.0, NULL, x'00ff', 9e999"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].replace("│", "").split() == ["[b]x", "0.333333", "-", "00ff", "-"]
    assert main(["runs", str(tmp_path), "--sql", "SELECT name FROM sqlite_master WHERE type = 'view'", "--csv"]) == 0
    assert capsys.readouterr().out == "name\nmetrics\n"
    assert main(["runs", str(tmp_path), "--sql=SELECT 1 WHERE 0"]) == 0
    assert capsys.readouterr().out == "no rows\n"


# ------------------------------------------------------------------------------------------------ conditions

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, -1.5, 2.0, 1e-3]),
    st.sampled_from(["lstm", "gru", "12", "1e3", "Lstm", "l'x", ""]),
)
COMPARE = {"<": float.__lt__, "<=": float.__le__, ">": float.__gt__, ">=": float.__ge__}


def holds(cell, operator, written):
    """The meaning of a condition, on one Python value."""
    value = config.scalar(written)
    if operator in ("=", "!="):
        same = cell == value if not isinstance(cell, str) else cell in (value, written)
        if (cell is None) != (value is None):
            same = False
        return same == (operator == "=")
    if cell is None:
        return False
    if isinstance(cell, str):
        return {"<": cell < written, "<=": cell <= written, ">": cell > written, ">=": cell >= written}[operator]
    return not isinstance(value, str) and COMPARE[operator](float(cell), float(value))


@settings(max_examples=25, deadline=None)
@given(st.data(), st.lists(VALUES, min_size=1, max_size=6))
def test_conditions_pick_the_runs_that_fulfil_them(tmp_path_factory, data, cells):
    root = tmp_path_factory.mktemp("where")
    written = {write(root, seed, checks=0, cell={"x": cell}).name: cell for seed, cell in enumerate(cells)}
    with index.opened(root, refuse) as found:
        for _ in range(12):
            value = data.draw(VALUES)
            operator = data.draw(st.sampled_from(["=", "!=", *COMPARE]))
            if value is None and operator in COMPARE:
                continue
            text = "none" if value is None else str(value)
            chosen = {path.name for path in found.folders([f"cell.x{operator}{text}"])}
            assert chosen == {name for name, cell in written.items() if holds(cell, operator, text)}


def test_several_conditions_are_and_ed(tmp_path):
    for seed in range(4):
        write(tmp_path, seed, status="finished" if seed < 3 else "unfinished", task={"gap": 20 * seed})
    with index.opened(tmp_path, refuse) as found:

        def seeds(*conditions):
            column = found.columns().index("seed")
            return sorted(row[column] for row in found.runs(conditions))

        assert seeds() == [0, 1, 2, 3]
        assert seeds("task.gap>=40") == [2, 3]
        assert seeds("task.gap >= 40", "status != unfinished") == [2]
        assert seeds("eval/loss<1") == [0] and seeds("eval/loss=none") == [3]
        assert seeds("net=none") == [0, 1, 2, 3] and seeds("net!=stacked") == [0, 1, 2, 3] and seeds("net!=none") == []
        assert seeds("train.stop=true", "levels.blind.loss=0.5") == [0, 1, 2]
        assert seeds("started>=2026", "started<2026-01-03") == [0, 1, 2, 3]
        assert seeds("summary.rho=0.9", "rho=none") == [0, 1, 2]
        digest = results.read_runs(tmp_path, refuse)[0].digest
        assert len(seeds(f"digest={digest}")) == 1 and len(seeds(f"digest!={digest}")) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("task.gap", "must be a name, one of"),
        ("", "must be a name, one of"),
        ("=3", "must be a name, one of"),
        ("task.gpa=3", "no column 'task.gpa'; near: task.gap"),
        ("loss<3", "no column 'loss'; near: "),
        ("qqqqqqqq=1", "none is near"),
        ("eval/loss<none", "null has no order"),
        ("eval/loss=nan", "what is not finite is null"),
        ("eval/loss<inf", "what is not finite is null"),
        ('"; DROP TABLE runs; --=1', "no column"),
    ],
)
def test_conditions_that_cannot_be_meant_are_refused(tmp_path, text, words, capsys):
    write(tmp_path, 0)
    assert main(["runs", str(tmp_path), f"--where={text}"]) == 2
    said = capsys.readouterr().err
    assert words in said and said.startswith("ltd: where") and said.count("\n") == 1


# ------------------------------------------------------------------------------------------------ the command


def test_runs_are_shown_as_table_json_or_csv_and_filtered(tmp_path, capsys):
    folders = [write(tmp_path, seed, status="solved" if seed else "unfinished") for seed in range(3)]
    assert main(["runs", str(tmp_path), "--where=seed>=1", "--where", "status=solved"]) == 0
    shown = capsys.readouterr().out
    assert [folder.name in shown for folder in folders] == [False, True, True]
    assert main(["runs", str(tmp_path), "--json"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert main(["runs", str(tmp_path), "--json", "--where=seed>=1"]) == 0
    assert json.loads(capsys.readouterr().out) == [row for row in everything if row["config"]["seed"] >= 1]
    assert main(["runs", str(tmp_path), "--csv", "--where=seed>=1"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sorted(row["seed"] for row in rows) == ["1", "2"] and rows[0]["net"] == "" and rows[0]["train.stop"] == "1"
    assert {"digest", "cell.type", "eval/loss", "levels.blind.loss", "commit"} <= set(rows[0])
    assert math.isclose(float(rows[0]["eval/loss"]), float(rows[0]["seed"]) + 0.25)
    assert main(["runs", str(tmp_path), "--where=seed=9"]) == 0
    assert "none of 3 runs fulfils seed=9" in capsys.readouterr().err


def test_the_index_is_made_anew_and_counted(tmp_path, capsys):
    for seed in range(2):
        write(tmp_path, seed)
    assert main(["index", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/index.sqlite: 2 runs, 12 metrics\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["index"], "index needs one folder"),
        (["index", "nowhere"], "nowhere is not a folder"),
        (["runs"], "runs needs one folder"),
        (["runs", "a", "b"], "runs needs one folder"),
        (["runs", ".", "--jsn"], "Did you mean '--json'"),
        (["runs", ".", "--json=3"], "no option of runs '--json=3'"),
        (["runs", ".", "--json", "--csv"], "do not go together"),
        (["runs", ".", "--sql=SELECT 1", "--where=seed=1"], "do not go together"),
        (["runs", ".", "--sql=SELECT 1", "--sql=SELECT 2"], "do not go together"),
        (["runs", ".", "--where"], "--where has no value"),
        (["runs", ".", "--csv"], ". holds no runs"),
        (["runs", ".", "--where=seed=1"], ". holds no runs"),
        (["runs", ".", "--sql=SELECT 1"], ". holds no runs"),
    ],
    ids=" ".join,
)
def test_wrong_words_are_refused_in_one_line(tmp_path, monkeypatch, words, said, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
