"""`ltd judge`: what it lists and refuses, its ledger, its budget, and its report."""

import dataclasses
import json
import re
import textwrap
from pathlib import Path

import pytest

from experiments import judge, judge_pages
from experiments.cli import main
from ltd import claims, runtime

ROOT = Path(__file__).parents[1] / "experiments"

CLAIM = '''
"""A claim of the user's own."""
from pathlib import Path

from ltd.claims import Claim, Control, Line, Measured, Plot, Published, Verdict
from ltd.types import Source

LOG = Path(__file__).parent / "calls"


def measure(size, seed):
    with open(LOG, "a") as file:
        file.write(f"{size} {seed}\\n")
    if (Path(__file__).parent / "broken").exists() and seed == 1:
        raise RuntimeError("no such size")
    return {"area": size * size + 0.001 * seed, "side": size}


def verdict(results):
    ratios = [one.summary["area"] / one.config["size"] ** 2 for one in results]
    worst = max(ratios)
    numbers = (Measured("area / side^2", worst, min(ratios), worst, len(ratios)),)
    answer = "supported" if worst < 1.1 else "contradicted"
    return Verdict(answer, f"the largest ratio is {worst:.4f}", numbers)


CLAIM = Claim(
    key="X1",
    sentence="Areas are squares of sides up to 4 <metres>.",
    reduced="Areas are squares of sides up to 2.",
    source=Source("euclid300", "Euclid (300 BC), Elements, book 1", "r"),
    published=(Published("area / side^2", 1, "", "second", "book 1"),),
    controls=(
        Control("sides are above 0", "every side is above 0", lambda rs: all(r.summary["side"] > 0 for r in rs)),
    ),
    verdict=verdict,
    departures=("Sides are whole.",),
    seeds=3,
    quick={"size": (1, 2)},
    plot=lambda results: Plot("side", "area", (Line("area", [r.config["size"] for r in results],
                                                    [r.summary["area"] for r in results]),)),
)
'''
SWEEP = """\
# What is the area of a square?
program: claim.py
method: grid
parameters:
  size: {values: [1, 2, 3, 4]}
  seed: {values: [7]}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "euclid300_squares"
    path.mkdir()
    (path / "claim.py").write_text(CLAIM)
    (path / "sweep.yaml").write_text(SWEEP)
    return path


def calls(folder):
    return (folder / "calls").read_text().split("\n")[:-1]


def verdict(name="quick"):
    return json.loads(Path(f"out/euclid300_squares/judged_{name}.json").read_text())


def test_the_list_is_complete(capsys):
    assert main(["judge", "--list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["claim"] for row in rows} == {path.name for path in claims.known(ROOT)}
    for row in rows:
        assert set(row) == {"claim", "key", "headline", "sentence", "source", "quick runs", "full runs"}
        assert row["quick runs"] >= 1 and row["sentence"]
    assert [row["headline"] for row in rows][:3] == ["H1"] * 3
    assert main(["judge", "--list"]) == 0
    assert "hochreiter1997_parameters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "judge needs claims by name or path, or --headline, or --all, or --list"),
        ("--all --headline", "one of these"),
        ("H7 --all", "one of these"),
        ("--list H7", "one of these"),
        ("H77", "no claim 'H77'; known: "),
        ("pascanu2013_bond", "Did you mean 'pascanu2013_bound'?"),
        ("nowhere/at_all", "is no claim: it has no claim.py"),
        ("H7 --scale=huge", "scale = 'huge' must be quick"),
        ("H7 --seeds=0", "seeds = 0 must be at least 1"),
        ("H7 --seeds=many", "seeds = 'many': must be a whole number"),
        ("H7 --steps=3", "no option 'steps'"),
        ("H1 --out=file/x", "not a writable folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main(["judge", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and said in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("missing", ["claim.py", "sweep.yaml", "controls", "source"])
def test_folders_that_lack_something_are_refused_by_name(missing, folder, capsys):
    if missing.endswith(("py", "yaml")):
        (folder / missing).unlink()
    else:
        text = (folder / "claim.py").read_text()
        (folder / "claim.py").write_text(re.sub(rf"    {missing}=", f"    {missing}=() and ", text))
    assert main(["judge", str(folder), "--out=out"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and str(folder) in err
    assert missing.removesuffix("s") in err


def test_a_claim_from_the_command_to_the_page(folder, capsys):
    assert main(["judge", str(folder), "--out=out"]) == 0
    out = capsys.readouterr().out
    for word in ("euclid300_squares (X1)", "supported", "1.002 [1, 1.002]", "Areas are squares of sides up to 2."):
        assert word in out
    assert calls(folder) == ["1 0", "2 0", "1 1", "2 1", "1 2", "2 2"]  # the reduced sizes, three seeds
    row = verdict()
    assert (row["answer"], row["scale"], row["seeds"], row["runs"]) == ("supported", "quick", 3, 6)
    page = Path("out/index.html").read_text()
    for word in (
        "Areas are squares of sides up to 4 &lt;metres&gt;",
        "reduced sentence",
        "Euclid (300 BC)",
        "Sides are",
    ):
        assert word in page
    assert all(digest in page for digest in row["digests"])
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    shown = re.findall(r'(?:src|href)="([^"#]+\.(?:png|svg|csv))"', page)
    assert len(shown) == 6 and all(Path("out", name).stat().st_size > 0 for name in shown)
    # at full scale the four sizes; those that quick has measured are not measured again
    assert main(["judge", str(folder), "--out=out", "--scale=full", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == verdict("full") and row["runs"] == 12
    assert calls(folder)[6:] == ["3 0", "4 0", "3 1", "4 1", "3 2", "4 2"]
    assert Path("out/index.html").read_text().count("<h2") == 3


def test_seeds_of_the_command_replace_the_claims(folder):
    assert main(["judge", str(folder), "--out=out", "--seeds=2"]) == 0
    assert verdict()["seeds"] == 2 and verdict()["runs"] == 4


def test_seeds_of_an_exact_claim_are_said_to_have_no_meaning(tmp_path, capsys):
    assert main(["judge", "hochreiter1997_nine_times", f"--out={tmp_path}", "--seeds=2"]) == 0
    out, err = capsys.readouterr()
    assert "is exact, a run per setting: seeds = 2 does not apply" in err and "supported" in out


def test_what_fails_is_missing_and_nothing_is_supported(folder, capsys):
    (folder / "broken").touch()
    assert main(["judge", str(folder), "--out=out"]) == 1
    out, err = capsys.readouterr()
    assert "size 1, seed 1 failed (RuntimeError: no such size)" in err
    row = verdict()
    assert row["answer"] == "inconclusive" and row["missing"] == ["size 1, seed 1", "size 2, seed 1"]
    assert "2 of 6 runs are missing: size 1, seed 1; size 2, seed 1" in out
    assert [one["held"] for one in row["controls"]] == [None]
    assert "Missing: size 1, seed 1; size 2, seed 1." in Path("out/index.html").read_text()
    (folder / "broken").unlink()
    assert main(["judge", str(folder), "--out=out"]) == 0
    assert calls(folder)[6:] == ["1 1", "2 1"]  # the others were there
    assert verdict()["answer"] == "supported"


def test_what_cannot_run_here_is_left_out_and_the_others_are_judged(folder, tmp_path, capsys):
    other = tmp_path / "euclid300_without"
    other.mkdir()
    raising = """def measure(size, seed):
    from ltd.config import ConfigError
    raise ConfigError("no file of squares: fetch it.")
"""
    (other / "claim.py").write_text(re.sub(r"def measure.*?(?=\n\n\ndef verdict)", raising, CLAIM, flags=re.DOTALL))
    (other / "sweep.yaml").write_text(SWEEP)
    assert main(["judge", str(other), str(folder), "--out=out"]) == 1
    out, err = capsys.readouterr()
    assert err.count("euclid300_without is left out: no file of squares: fetch it.") == 1
    assert verdict()["answer"] == "supported" and "euclid300_without" not in out
    assert not Path("out/euclid300_without").exists()
    # alone, or where none can run, it is bad input
    assert main(["judge", str(other), "--out=out"]) == 2
    assert capsys.readouterr().err.endswith("ltd: no file of squares: fetch it.\n")


def test_killed_it_goes_on(folder, monkeypatch, capsys):
    """Stopped before the fourth run: three lie in the ledger, and the same command does the other three."""
    once = []

    def stop():
        once.append(0)
        if len(once) == 4:
            raise runtime.Stopped(15)

    monkeypatch.setattr(judge, "stop_if_asked", stop)
    assert main(["judge", str(folder), "--out=out"]) == 128 + 15
    assert "the same command goes on" in capsys.readouterr().err
    assert len(calls(folder)) == 3 and not Path("out/euclid300_squares/judged_quick.json").exists()
    assert main(["judge", str(folder), "--out=out"]) == 0
    assert len(calls(folder)) == 6 and verdict()["answer"] == "supported"


def test_a_damaged_measurement_is_said_and_repeated(folder, capsys):
    assert main(["judge", str(folder), "--out=out"]) == 0
    first, second, *_ = sorted(Path("out/euclid300_squares").glob("*/measured.json"))
    first.write_text("{")
    second.write_text(second.read_text().replace('"size": ', '"size": 1'))
    capsys.readouterr()
    assert main(["judge", str(folder), "--out=out"]) == 0
    err = capsys.readouterr().err
    assert "is corrupt" in err and "its config does not match its digest" in err
    assert len(calls(folder)) == 8


def test_measured_under_other_code_is_said(folder, capsys):
    assert main(["judge", str(folder), "--out=out"]) == 0
    path = next(Path("out/euclid300_squares").glob("*/measured.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"commit": "0123456789ab"}))
    capsys.readouterr()
    assert main(["judge", str(folder), "--out=out"]) == 0
    assert "measured under other code (0123456789ab)" in capsys.readouterr().err


def test_a_spent_budget_is_inconclusive_and_goes_on(folder, monkeypatch, capsys):
    now = iter(range(0, 10_000, 250))
    monkeypatch.setattr(judge.time, "monotonic", lambda: next(now))
    assert main(["judge", str(folder), "--out=out"]) == 1
    assert "the budget of 600 s ran out; the same command goes on" in capsys.readouterr().err
    row, done = verdict(), len(calls(folder))
    assert row["answer"] == "inconclusive" and 0 < done < 6 and "budget" in row["because"]
    while main(["judge", str(folder), "--out=out"]) == 1:
        assert len(calls(folder)) > done
        done = len(calls(folder))
    assert len(calls(folder)) == 6 and verdict()["answer"] == "supported"


def test_a_failed_control_is_said_first(folder, capsys):
    text = (folder / "claim.py").read_text()
    (folder / "claim.py").write_text(text.replace('r.summary["side"] > 0', 'r.summary["side"] > 1'))
    assert main(["judge", str(folder), "--out=out"]) == 1
    assert "the control 'sides are above 0' failed" in capsys.readouterr().out
    assert "FAILED" in Path("out/index.html").read_text()


TRAINED = """\
# Does an LSTM copy?
program: experiments/cli.py
method: grid
parameters:
  task.type: {value: copy/arjovsky2016}
  task.gap: {value: 2}
  task.pattern: {value: 1}
  task.symbols: {value: 2}
  cell.type: {value: elman}
  cell.hidden: {value: 3}
  train.steps: {value: 6}
  train.batch: {value: 4}
  train.eval_every: {value: 3}
  train.eval_batch: {value: 8}
  seed: {values: [0]}
"""


@pytest.fixture
def trained(folder):
    (folder / "sweep.yaml").write_text(TRAINED)
    text = (folder / "claim.py").read_text().replace("def measure", "def unused")
    text = text.replace('r.summary["side"] > 0', 'r.rows[-1]["update"] == 6 and r.config["task.gap"] == 2')
    text = text.replace('one.summary["area"] / one.config["size"] ** 2', 'one.summary["eval/loss"]')
    text = re.sub(r"    plot=.*?\),\n\)\n", ")\n", text, flags=re.DOTALL)
    (folder / "claim.py").write_text(text.replace('quick={"size": (1, 2)}', 'quick={"cell.hidden": 2}'))
    return folder


def test_a_claim_on_trained_networks(trained, capsys):
    assert main(["judge", str(trained), "--out=out", "--seeds=2"]) == 0
    row = verdict()
    assert row["runs"] == 2 and row["numbers"][0]["n"] == 2 and row["seconds"] > 0
    heads = [json.loads(path.read_text()) for path in Path("out/euclid300_squares").glob("*/config.json")]
    assert {head["digest"] for head in heads} == set(row["digests"])
    assert {head["config"]["cell"]["hidden"] for head in heads} == {2}
    ends = {path: path.stat().st_mtime_ns for path in Path("out/euclid300_squares").glob("*/summary.json")}
    assert main(["judge", str(trained), "--out=out", "--seeds=2"]) == 0
    assert {path: path.stat().st_mtime_ns for path in ends} == ends


def test_a_training_that_does_not_end_in_time_goes_on(trained, monkeypatch, capsys):
    left = [0]

    def monotonic():  # the first look sets the limit; the budget is spent at the fourth
        left[0] += 1
        return 0 if left[0] < 4 else 10_000

    with monkeypatch.context() as hurried:  # undone alone: the folder that the tests stand in stays
        hurried.setattr(judge.time, "monotonic", monotonic)
        assert main(["judge", str(trained), "--out=out", "--seeds=2"]) == 1
    row = verdict()
    assert row["answer"] == "inconclusive" and "seed 0 (the budget of 600 s ran out" in row["because"]
    assert main(["judge", str(trained), "--out=out", "--seeds=2"]) == 0
    assert verdict()["runs"] == 2


SHORT = {"train.steps": 2, "train.eval_every": 1, "train.eval_batch": 8}
MINIATURES = {  # of each claim whose full scale takes hours one of its networks, smaller
    "hochreiter1997_lag": {"task.length": 5, "task.tail": 2},
    "pascanu2013_clipping_omega": {"task.length": 20, "optimizer.clip_norm": 1.0, "regularizer.omega": 4.0},
    "tallec2018_chrono": {"task.length": 12, "cell.hidden": 4, "cell.chrono": 12.0},
    "tallec2018_warps": {"preset": "tallec2018_warp_gated", "task.length": 12, "task.warp": 3},
    "arjovsky2016_copy": {"preset": "arjovsky2016_copy_urnn", "task.gap": 4},
}


@pytest.mark.parametrize("name", MINIATURES)
def test_claims_of_hours_run_in_miniature(name, tmp_path):
    """From the sweep file of the paper's setting to a verdict, which so little cannot carry."""
    one = claims.load(ROOT / name)
    changed = {**SHORT, **MINIATURES[name]}
    small = dataclasses.replace(one, claim=dataclasses.replace(one.claim, quick=changed, seeds=2, budget=1e6))
    said = []
    judge.judge([small], "quick", None, tmp_path, True, said.append)
    row = json.loads((tmp_path / name / "judged_quick.json").read_text())
    assert row["answer"] == "inconclusive" and not row["missing"] and row["runs"] >= 2, (row["because"], said)
    assert len(list((tmp_path / name).glob("*/params.npz"))) == row["runs"]
    assert row["judged"]["versions"]["jax"] and row["judged"]["date"].startswith("20")


def test_a_sweep_file_of_a_claim_is_not_for_ltd_sweep(capsys):
    assert main(["sweep", str(ROOT / "pascanu2013_bound/sweep.yaml"), "--dry-run"]) == 2
    assert "`ltd judge` runs a claim's" in capsys.readouterr().err


def test_numbers_side_by_side():
    row = {
        "published": [
            {"what": "a", "value": 30001, "unit": "steps", "tag": "paper", "where": "Table 1"},
            {"what": "b", "value": "some", "unit": "", "tag": "second", "where": "p. 2"},
        ],
        "numbers": [
            {"what": "a", "value": 3.5, "low": 3.25, "high": 4, "n": 5},
            {"what": "c", "value": None, "low": None, "high": None, "n": 1},
        ],
    }
    a, b, c = judge_pages.numbers(row)
    assert (a["published"], a["measured"], a["n"]) == ("30001 steps", "3.5 [3.25, 4]", 5)
    assert (b["published"], b["measured"]) == ("some", "–")
    assert (c["published"], c["measured"], c["tag"]) == ("–", "not finite", "–")
    figure, table = judge_pages.comparison(row)
    assert table["number"] == ["a"] and table["published"] == [30001] and table["low"] == [3.25]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["a"]


def test_a_committed_verdict_gives_way_to_a_whole_one_of_no_smaller_scale():
    quick, full = {"scale": "quick", "missing": []}, {"scale": "full", "missing": []}
    assert all(judge_pages.replaces(*pair) for pair in ((quick, None), (quick, quick), (full, quick), (full, full)))
    assert not judge_pages.replaces(quick, full)
    assert not judge_pages.replaces({"scale": "full", "missing": ["seed 3"]}, quick)


def test_the_usage_says_it(capsys):
    assert main(["judge", "--help"]) == 0
    out = capsys.readouterr().out
    assert textwrap.dedent(out).startswith("ltd judge")
