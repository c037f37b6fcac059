"""Claims: what each shipped one says, the verdicts that made-up results get, and what a claim is refused for."""

import dataclasses
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from claim_cases import CASES
from experiments import docs, judge_pages
from ltd import claims, config, report
from ltd.claims import Claim, Control, Published, Result, Verdict
from ltd.claims.rules import chosen, numbers_of
from ltd.config import ConfigError
from ltd.types import Source

ROOT = Path(__file__).parents[1] / "experiments"
FOLDERS = {path.name: claims.load(path) for path in claims.known(ROOT)}
SOURCE = Source("somebody2001", "Somebody (2001), Something, Journal 1(1), 1-2", "p")


def result(summary, **fields):
    plain = {name.replace("__", "."): value for name, value in fields.items()}
    return Result(config.digest(plain), plain, summary, commit="abc", seconds=0.5)


def claim(**changed):
    fields = {
        "key": "B-X1",
        "sentence": "More is more.",
        "source": SOURCE,
        "controls": (Control("sane", "x is there", lambda results: all("x" in one.summary for one in results)),),
        "verdict": lambda results: Verdict("supported", "it is so", ()),
    }
    return Claim(**{**fields, **changed})


# ------------------------------------------------------------------------------------------------ shipped ones


def test_there_are_claims_and_each_has_its_cases():
    assert {"hochreiter1997_parameters", "pascanu2013_bound", "survey2016_ten_steps"} <= set(FOLDERS)
    assert set(CASES) == set(FOLDERS)
    keys = [one.claim.key for one in FOLDERS.values()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", FOLDERS)
def test_what_a_claim_says_is_complete(name):
    one = FOLDERS[name].claim
    assert name.startswith(one.source.key + "_")
    assert len(one.source.reference) > 30 and one.source.evidence
    assert one.published and all(printed.where for printed in one.published)
    assert one.sentence.endswith(".") and all(text.endswith(".") for text in one.departures)
    names = [printed.what for printed in one.published]
    assert len(set(names)) == len(names)
    if one.quick:
        assert one.reduced != one.sentence


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("scale", claims.SCALES)
def test_sweep_files_load_at_both_scales(name, scale):
    folder = FOLDERS[name]
    found = folder.sweep(scale, 3)
    assert found.name == name and found.repeated == 0
    assert folder.file.read_text().splitlines()[0].endswith("?")
    assert f"program: experiments/{name}/claim.py" in folder.file.read_text() or folder.measure is None
    seeds = {fields.get("seed") for fields in found.configs}
    assert seeds == ({0, 1, 2} if folder.seeded else {None})
    own = {fields.get("seed") for fields in folder.sweep(scale).configs}
    assert own == (set(range(folder.claim.seeds)) if folder.seeded else {None})


@pytest.mark.parametrize("answer", ["supported", "contradicted", "inconclusive"])
@pytest.mark.parametrize("name", FOLDERS)
def test_verdicts_of_made_up_results(name, answer):
    """The verdict function itself gives all three answers, and each through `judge` where the controls hold."""
    one = FOLDERS[name].claim
    results = CASES[name](answer)
    found = one.verdict(results)
    assert found.answer == answer, found.because
    assert found.because
    judged = claims.judge(one, results, "full")
    assert all(judged.controls), judged.verdict.because
    assert judged.verdict == found
    if answer == "supported":
        printed = {p.what for p in one.published}
        assert printed & {number.what for number in found.numbers}, "no number of ours stands beside a published one"


@pytest.mark.parametrize("name", FOLDERS)
def test_a_broken_harness_confirms_nothing(name):
    """Results that would support the claim, with every number that a control reads set to zero."""
    one = FOLDERS[name].claim
    results = CASES[name]("broken")
    judged = claims.judge(one, results, "full")
    assert judged.verdict.answer == "inconclusive"
    assert "control" in judged.verdict.because and False in judged.controls


@pytest.mark.parametrize("name", FOLDERS)
def test_plots_are_plain(name):
    folder = FOLDERS[name]
    row = claims.plain(name, claims.judge(folder.claim, CASES[name]("supported"), "full"))
    assert (row["plot"] is None) == (folder.claim.plot is None)
    if row["plot"]:
        figure, table = judge_pages.lines(row["plot"])
        assert figure.axes[0].get_xlabel() and len(table["x"]) == len(table["y"]) > 1


def made_up(name, change):
    """The verdict on the results that support a claim, each changed."""
    return claims.judge(FOLDERS[name].claim, [change(one) for one in CASES[name]("supported")], "full")


def test_what_diverged_does_not_stay_at_the_memoryless_level():
    judged = made_up(
        "arjovsky2016_copy",
        lambda one: dataclasses.replace(one, status="diverged") if one.config["cell.type"] == "lstm" else one,
    )
    assert judged.controls[0] is False and judged.verdict.answer == "inconclusive"

    def some(one):
        bad = one.config["cell.type"] == "lstm" and one.config["seed"] < 2
        return dataclasses.replace(one, status="diverged") if bad else one

    judged = made_up("arjovsky2016_copy", some)
    assert judged.verdict.answer == "inconclusive"
    assert "LSTM at gap 100: 8 of 10 (median 1.000) (2 diverged)" in judged.verdict.because


@pytest.mark.parametrize(("online", "answer"), [((True,), "supported"), ((), "contradicted"), ((False,), "supported")])
def test_one_reading_of_online_has_to_do(online, answer):
    def failed(one):
        fails = one.config["cell.type"] == "lstm1997" and bool(one.config.get("gradient.online")) not in online
        return dataclasses.replace(one, status="finished", summary=one.summary | {"solved_at": None}) if fails else one

    assert made_up("hochreiter1997_reber", failed).verdict.answer == answer


@pytest.mark.parametrize(
    ("string", "symbol", "answer"),
    [
        (("all", 5), ("some", 1), "inconclusive"),
        (("some", 1), ("all", 5), "inconclusive"),
        (("all", 5), ("all", 1), "supported"),
        (("all", 5), ("all", 5), "contradicted"),
        (("all", 5), ("none", 1), "contradicted"),
    ],
)
def test_both_readings_of_online_must_fail(string, symbol, answer):
    """Each of them solved by all runs, some or none, at so many times the paper's sequences."""

    def changed(one):
        if one.config["cell.type"] != "lstm1997":
            return one
        share, slow = symbol if one.config.get("gradient.online") else string
        good = one.config["seed"] < {"all": 30, "some": 24, "none": 3}[share]
        at = slow * one.summary["solved_at"] if good else None
        return dataclasses.replace(
            one, status="solved" if good else "finished", summary=one.summary | {"solved_at": at}
        )

    judged = made_up("hochreiter1997_reber", changed)
    assert judged.verdict.answer == answer
    if answer == "supported":
        assert "times the printed" not in judged.verdict.because


def test_what_diverges_has_not_forgotten():
    def changed(one):
        lost = not one.config["cell.forget_gate"] and "continual" in one.config["task.type"]
        return dataclasses.replace(one, status="diverged") if lost else one

    judged = made_up("gers2000_forget_gate", changed)
    assert judged.verdict.answer == "inconclusive" and "10 of these diverged" in judged.verdict.because


def test_there_is_no_ratio_of_times_that_nobody_reached():
    def never(one):
        own = one.config["cell.chrono"] is not None
        return dataclasses.replace(one, rows=[{**row, "eval/loss": 0.17} for row in one.rows]) if own else one

    verdict = made_up("tallec2018_chrono", never).verdict
    assert verdict.answer == "contradicted"
    assert [one.what for one in verdict.numbers] == ["updates to half the loss, forget bias 1"]


@pytest.mark.parametrize(("solved_", "answer"), [(5, "inconclusive"), (2, "contradicted"), (8, "supported")])
def test_thresholds_that_may_differ_are_no_support(solved_, answer):
    def some(one):
        bad = one.config["optimizer.clip_norm"] < 0.2 and one.config["seed"] >= solved_
        return dataclasses.replace(one, status="finished") if bad else one

    assert made_up("pascanu2013_threshold", some).verdict.answer == answer


@pytest.mark.parametrize(("beside", "answer"), [(0.0, "supported"), (0.03, "contradicted"), (0.0095, "inconclusive")])
def test_what_learning_the_decay_gains_beside_a_fast_layer_is_small_or_not(beside, answer):
    def gain(one):
        less = beside if one.config["cell.fast"] and one.config["cell.learned"] else 0.0
        return dataclasses.replace(one, summary={**one.summary, "eval/loss": one.summary["eval/loss"] - less})

    assert made_up("mikolov2014_learned_decay", gain).verdict.answer == answer


@pytest.mark.parametrize(
    ("off", "answer"),
    [(lambda seed: 0.0, "supported"), (lambda seed: -0.02 * (seed % 2), "inconclusive"),
     (lambda seed: -0.02, "contradicted"), (lambda seed: -0.07 * (seed == 0), "inconclusive")],
)  # fmt: skip
def test_mean_field_is_held_against_the_interval_and_every_draw_must_be_chaotic(off, answer):
    def moved(one):
        at = one.summary["exponent"] + (off(one.config["seed"]) if one.config["g"] == 1.5 else 0.0)
        return dataclasses.replace(one, summary={**one.summary, "exponent": at})

    assert made_up("engelken2020_onset", moved).verdict.answer == answer


@pytest.mark.parametrize(("ends", "answer"), [(1.5, "inconclusive"), (0.5, "contradicted")])
def test_a_network_above_the_memoryless_level_is_badly_trained_and_remembers_nothing(ends, answer):
    def other(one):
        bad = one.config["cell.type"] == "irnn" and one.config["seed"] < 4
        return dataclasses.replace(one, summary={**one.summary, "eval/loss": ends}) if bad else one

    name = "arjovsky2016_copy"
    found = FOLDERS[name].claim.verdict([other(one) for one in CASES[name]("supported")])
    assert found.answer == answer and "IRNN at gap 100: 6 of 10" in found.because


def test_readmes_and_tables_are_fresh():
    for name, folder in FOLDERS.items():
        expected = judge_pages.readme(folder, judge_pages.committed(folder.path))
        assert (folder.path / "README.md").read_text() == expected, "run python -m experiments.judge_pages"
        row = judge_pages.committed(folder.path)
        if row is not None:
            assert row["name"] == name and row["key"] == folder.claim.key and not row["missing"]
            assert row["sentence"] == folder.claim.judged(row["scale"])
    assert not any(f"`{name}`" in text for name in FOLDERS for text in map(str, docs.sweeps()))
    shown = report.page(*judge_pages.contents(judge_pages.all_committed(), drawn=False))
    assert (judge_pages.PAGE / "index.html").read_text() == shown, "run python -m experiments.judge_pages"
    files = [path for path in judge_pages.PAGE.rglob("*") if path.is_file()]
    assert len(files) > 20 and all(path.stat().st_size < 2**20 for path in files)


def test_the_mean_field_of_chaos_is_that_of_an_adaptive_integral():
    """The fixed point of the variance and the exponent by scipy's quadrature; the values of an independent run."""
    from scipy.integrate import quad
    from scipy.optimize import brentq
    from scipy.stats import norm

    found = sys.modules["claim_engelken2020_onset"].mean_field
    for g, printed in ((1.5, 0.065), (2.0, 0.155), (4.0, 0.434)):

        def mean(f, s):
            return quad(lambda z: f(s * z) * norm.pdf(z), -12, 12, points=[0.0], limit=400)[0]

        s = brentq(lambda s, g=g: s**2 - g**2 * mean(lambda a: np.tanh(a) ** 2, s), 0.3, 2 * g)
        wanted = 0.5 * np.log(g**2 * mean(lambda a: (1 - np.tanh(a) ** 2) ** 2, s))
        assert found(g) == pytest.approx(wanted, abs=1e-5)
        assert found(g) == pytest.approx(printed, abs=2e-3)
    assert found(1.0) == pytest.approx(0, abs=2e-3)


# ------------------------------------------------------------------------------------------------ judging


def test_missing_runs_come_first():
    found = claims.judge(claim(), [result({"x": 1}, seed=0)], "full", ["seed 1", "seed 2"])
    assert found.verdict.answer == "inconclusive" and found.controls == (None,)
    assert found.verdict.because == "2 of 3 runs are missing: seed 1; seed 2"
    assert claims.judge(claim(), [], "full").verdict.answer == "inconclusive"
    many = claims.judge(claim(), [result({"x": 1})], "full", [f"seed {i}" for i in range(9)])
    assert many.verdict.because.endswith("seed 4 and others")


def test_a_failed_control_comes_before_the_verdict():
    found = claims.judge(claim(), [result({})], "full")
    assert found.verdict.answer == "inconclusive" and found.controls == (False,) and not found.whole
    assert "'sane' failed, which should be: x is there" in found.verdict.because
    found = claims.judge(claim(), [result({"x": 1})], "full")
    assert found.verdict.answer == "supported" and found.whole


def test_a_figure_that_raises_takes_no_verdict_away():
    found = claims.judge(claim(plot=lambda results: results[0].summary["y"]), [result({"x": 1})], "full")
    row = claims.plain("mine", found)
    assert row["answer"] == "supported" and row["plot"] is None
    assert row["because"] == "it is so (its figure cannot be drawn: KeyError: 'y')"


def test_what_raises_is_inconclusive():
    raising = claim(verdict=lambda results: results[0].summary["y"])
    assert "KeyError: 'y'" in claims.judge(raising, [result({"x": 1})], "full").verdict.because
    broken = claim(controls=(Control("c", "w", lambda results: 1 / 0),))
    assert "ZeroDivisionError" in claims.judge(broken, [result({"x": 1})], "full").verdict.because


def test_quick_judges_its_reduced_sentence():
    one = claim(quick={"steps": 3}, reduced="Within 3 updates more is more.")
    assert one.judged("quick") == "Within 3 updates more is more." and one.judged("full") == "More is more."
    assert claim().judged("quick") == "More is more."


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sentence": " "}, "has no sentence"),
        ({"source": None}, "has no source"),
        ({"source": Source("x", "", "p")}, "has no source"),
        ({"controls": ()}, "has no control"),
        ({"quick": {"steps": 3}}, "quick and reduced belong together"),
        ({"reduced": "Less."}, "quick and reduced belong together"),
        ({"seeds": 0}, "seeds = 0"),
        ({"budget": 0.0}, "budget = 0.0"),
    ],
)
def test_claims_that_lack_something_are_refused(changed, words):
    with pytest.raises(ValueError, match=words):
        claim(**changed)


def test_a_remembered_number_is_never_published():
    with pytest.raises(ValueError, match="tag = 'memory' must be one of paper, second, measured"):
        Published("perplexity", 115, "", "memory", "Table 1")


def test_results_are_chosen_by_dotted_fields():
    its = [result({"x": i}, task__gap=i % 2, seed=i) for i in range(4)]
    assert numbers_of(its, "x", task__gap=1) == [1, 3]
    assert chosen(its, task__gap=0, seed=2) == [its[2]]


# ------------------------------------------------------------------------------------------------ folders


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "hochreiter1997_nine_times"
    shutil.copytree(ROOT / path.name, path)
    return path


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_folder_anywhere_is_a_claim(folder):
    found = claims.load(folder)
    assert found.claim.key == "B-H14" and found.path == folder.resolve()
    assert found.measure(hidden=3) == {"plain": 9, "lstm": 81, "two units": 36}
    (again,) = claims.find(str(folder), ROOT)
    assert again.path == folder.resolve()


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("claim.py", "CLAIM = ", "OTHER = ", "CLAIM = None must be a ltd.claims.Claim"),
        ("claim.py", "def measure(", "def other(", "has no function measure"),
        ("claim.py", "controls=(", "controls=() and (", "has no control"),
        ("claim.py", "import Source", "import Sauce", "claim.py: ImportError"),
        ("claim.py", '"hochreiter1997",', '"",', "has no source"),
        ("claim.py", 'headline="H1",', 'headlin="H1",', "claim.py: TypeError"),
        (
            "claim.py",
            "headline=",
            "quick={'size': 3}, reduced='Less.', headline=",
            "no parameter 'size'",
        ),
        ("sweep.yaml", "claim.py", "other.py", "must be experiments/cli.py or claim.py"),
        ("sweep.yaml", "method: grid", "method: bayes", "method = bayes"),
    ],
)
def test_damaged_folders_are_refused_in_one_line(file, old, new, words, folder):
    change(folder / file, old, new)
    with pytest.raises(ConfigError, match=words.replace("(", r"\(")) as error:
        claims.load(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


@pytest.mark.parametrize("name", ["claim.py", "sweep.yaml"])
def test_folders_that_lack_a_file_are_refused_by_name(name, folder):
    (folder / name).unlink()
    with pytest.raises(ConfigError, match=rf"is no claim: it has no {name}\."):
        claims.load(folder)


def test_claims_are_found_by_folder_key_and_headline():
    assert [one.name for one in claims.find("B-H1", ROOT)] == ["hochreiter1997_parameters"]
    assert {one.claim.headline for one in claims.find("H7", ROOT)} == {"H7"}
    assert len(claims.find("H7", ROOT)) == 3
    with pytest.raises(ConfigError, match=r"no claim 'pascanu2013_bund'; known: .*Did you mean 'pascanu2013_bound'\?"):
        claims.find("pascanu2013_bund", ROOT)


def test_other_settings_have_other_names_in_the_ledger():
    bound, conditions = FOLDERS["pascanu2013_bound"], FOLDERS["pascanu2013_conditions"]
    fields = {"activation": "tanh", "c": 0.5, "seed": 0}
    assert bound.name_of(fields) != conditions.name_of(fields) != conditions.name_of({**fields, "seed": 1})


def test_measures_give_what_their_verdicts_read():
    """One config each of the quickest; its numbers have the names that the cases have."""
    for name in ("hochreiter1997_parameters", "survey2016_four_times"):
        folder = FOLDERS[name]
        fields, nested = folder.sweep("quick").configs[0], {}
        for field, value in fields.items():
            config.put(nested, field, value)
        found = folder.measure(**nested)
        assert set(found) == set(CASES[name]("supported")[0].summary)


def test_jacobians_of_claims_against_products_by_hand():
    from experiments.measuring import elman_norms

    norms = elman_norms(3, "linear", "orthogonal", sigma=0.5, hidden=4, length=6, batch=2)
    np.testing.assert_allclose(norms, np.arange(7)[:, None] * np.log10(0.5) * np.ones(2), atol=1e-12)
    shrunk = elman_norms(3, "logistic", "orthogonal", sigma=0.5, hidden=4, length=6, batch=2)
    assert np.all(shrunk[1:] <= np.arange(1, 7)[:, None] * np.log10(0.125) + 1e-12)


def test_claims_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        claim().key = "other"
