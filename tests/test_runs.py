"""Questions to many runs: SQL that can only read, conditions, tables, JSON and CSV."""

import csv
import io
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.cli import main
from ledgers import dump, refuse, write
from ltd import config, index, results

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
            kinds = {isinstance(cell, str) for cell in written.values() if cell is not None}
            if operator in COMPARE and isinstance(config.scalar(text), str) and kinds == {False}:
                with pytest.raises(config.ConfigError, match=r"cell\.x holds numbers, and .* is none"):
                    found.folders([f"cell.x{operator}{text}"])
                continue
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
        assert seeds("eval/loss<1") == seeds("loss<1") == [0] and seeds("blind=0.5", "best=0.5") == [0, 1, 2]
        assert seeds("task=copy/arjovsky2016", "cell.type>k") == [0, 1, 2, 3]
        assert seeds("eval/loss=none") == [3]
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
        ("lost<3", "no column 'lost'; near: "),
        ("network=lstm", "no column 'network'; near: net"),
        ("task.gap>>3", "where = 'task.gap>>3': task.gap holds numbers, and '>3' is none"),
        ("task.gap>abc", "task.gap holds numbers, and 'abc' is none"),
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


def test_the_table_goes_by_network_and_seed(tmp_path, capsys):
    for seed in range(6):
        write(tmp_path, seed, cell={"hidden": 8 + seed % 2})
    assert main(["runs", str(tmp_path)]) == 0
    lines = [line.split("│") for line in capsys.readouterr().out.splitlines() if "finished" in line]
    order = [f"{cells[1].split()[1]} {cells[3].strip()}" for cells in lines]
    assert order == [f"hidden={h} {seed}" for h in (8, 9) for seed in range(h - 8, 6, 2)]


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
        (["runs", "."], ". holds no runs"),
        (["runs", ".", "--json"], ". holds no runs"),
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
