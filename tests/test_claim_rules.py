"""The verdicts, numbers and figures that several claims share, on runs that are made up."""

import dataclasses

import numpy as np
import pytest

from experiments import judge_pages
from ltd import stats
from ltd.claims import Line, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import clips, equal, mean_updates, median_curves, share, solved, timely, wins


def test_equal_numbers():
    printed = (Published("a", 10, "", "paper", "t"), Published("b", "some", "", "paper", "t"))
    assert equal({"a": 10}, printed).answer == "supported"
    assert equal({"a": 10.4}, printed, 0.05).answer == "supported"
    assert equal({"a": 10.6}, printed, 0.05).answer == "contradicted"
    assert equal({"a": float("nan")}, printed).answer == "contradicted"
    assert equal({"b": 10}, printed).answer == "inconclusive"


def run(status, rows=(), **summary):
    return Result("d", {}, summary, status, rows)


def test_shares_of_runs():
    runs = [run("solved"), run("solved"), run("diverged"), run("finished")]
    found = solved("solved", runs)
    assert (found.what, found.value, found.n) == ("solved", 0.5, 4)
    assert found.low == pytest.approx(0.150, abs=1e-3) and found.high == pytest.approx(
        0.850, abs=1e-3
    )  # Wilson's tables
    assert share("even", runs, lambda one: one.status == "diverged").value == 0.25


@pytest.mark.parametrize(
    ("ours", "theirs", "answer"),
    [
        ((10, 10), (0, 10), "supported"),
        ((9, 10), (0, 10), "supported"),
        ((9, 10), (1, 10), "inconclusive"),
        ((8, 10), (0, 10), "inconclusive"),
        ((4, 10), (0, 10), "contradicted"),
        ((10, 10), (10, 10), "contradicted"),
    ],
)
def test_who_wins(ours, theirs, answer):
    def found(k, n):
        return solved("", [run("solved")] * k + [run("finished")] * (n - k))

    verdict = wins(found(*ours), found(*theirs), 0.9, "told.")
    assert verdict.answer == answer and len(verdict.numbers) == 2


def test_mean_updates_count_sequences_and_censor_the_unsolved():
    runs = [run("solved", solved_at=t, updates=t) for t in (100, 200, 400)]
    (found,) = mean_updates("t", runs, batch=2)
    assert (found.value, found.low, found.high) == pytest.approx(stats.time_to_success([200, 400, 800]))
    (censored,) = mean_updates("t", [*runs, run("finished", solved_at=None, updates=900)], batch=2)
    assert censored.value > found.value
    assert mean_updates("t", runs[:1]) == ()
    late = [run("finished", solved_at=None, updates=900)] * 4
    assert mean_updates("t", [*runs, *late[:3]]) and mean_updates("t", [*runs, *late]) == ()  # most are unsolved
    assert mean_updates("t", runs[:1] * 3) == (Measured("t", 100, 100, 100, 3),)  # all at one check


@pytest.mark.parametrize(
    ("before", "clipped", "status", "held"),
    [(9.0, 1.0, "finished", True), (9.0, 1.1, "finished", False), (0.5, 0.5, "finished", False),
     (0.0, 0.0, "finished", False), (None, None, "finished", False), (None, None, "diverged", False)],
)  # fmt: skip
def test_clipping_is_seen_in_the_norms(before, clipped, status, held):
    norms = {"train/grad_norm": before, "train/grad_norm_clipped": clipped}
    assert clips([run(status, [{"update": 0}, norms])], 1.0) is held
    cut = run("finished", [{"update": 0}, {"train/grad_norm": 9.0, "train/grad_norm_clipped": 1.0}])
    assert clips([cut, run(status, [{"update": 0}, norms])], 1.0) is (
        status == "diverged" or clipped in (0.0, 0.5, 1.0)
    )


@pytest.mark.parametrize(
    ("time", "answer"),
    [((150, 120, 180), "supported"), ((250, 150, 400), "supported"), ((400, 250, 600), "contradicted"),
     ((30, 20, 45), "contradicted"), ((45, 30, 60), "supported")],
)  # fmt: skip
def test_times_are_within_a_factor_of_the_printed(time, answer):
    printed = (Published("t", 100, "sequences", "paper", ""), Published("u", "late", "", "paper", ""))
    found = Verdict("supported", "So.", (Measured("t", *time, 5), Measured("u", 9.0)))
    judged = timely(found, printed)
    assert judged.answer == answer and judged.numbers == found.numbers
    assert judged.because == ("So." if answer == "supported" else f"So. But t: {time[0] / 100:.2g} times the printed.")
    worse = dataclasses.replace(found, answer="inconclusive")
    assert timely(worse, printed) == worse and timely(found, ()) == found
    untimed = timely(dataclasses.replace(found, numbers=found.numbers[1:]), printed)
    assert untimed.answer == "inconclusive" and untimed.because == "So. But no time: t."


def test_median_curves_keep_the_last_of_a_run_that_is_over():
    rows = [{"update": u, "x": v} for u, v in ((0, 4.0), (10, 2.0), (20, 1.0))]
    short = [{"update": 0, "x": 5.0}, {"update": 10, "x": 3.0}]
    plot = median_curves({"a": [run("finished", rows), run("solved", short)], "none": []}, "x", "X", ("a",))
    (line,) = plot.lines
    assert (plot.x, plot.y, line.name, line.dashed) == ("update", "X", "a", True)
    assert list(line.x) == [0, 10, 20] and list(line.y) == [4.5, 2.5, 2.0]
    assert plot.levels == {}


def test_median_curves_know_what_needs_no_memory():
    def at(blind, strict, losses):
        levels = {"blind": {"loss": blind}, "strict": {"loss": strict}, "optimum": {"loss": 0.0}}
        return run("finished", [{"update": i, "eval/loss": x} for i, x in enumerate(losses)], levels=levels)

    groups = {"a": [at(2.0, 1.0, [4.0, 0.5])], "b": [at(2.0, 1.0, [1.0, 2.0])]}
    plot = median_curves(groups, "eval/loss", "nats")
    assert plot.levels == {"blind": 2.0, "memoryless": 1.0}
    groups["b"] = [at(4.0, 8.0, [1.0, 2.0])]
    with pytest.raises(ValueError, match="relative=True"):
        median_curves(groups, "eval/loss", "nats")
    plot = median_curves(groups, "eval/loss", "ratio", relative=True)
    assert plot.levels == {"memoryless": 1.0}
    assert [list(line.y) for line in plot.lines] == [[4.0, 0.5], [0.25, 0.5]]
    assert list(median_curves({"a": [at(2.0, 1.0, [1.0, None])]}, "eval/loss", "nats").lines[0].y) == [1.0, np.inf]


def test_figures_of_claims_name_their_levels():
    plot = dataclasses.asdict(Plot("x", "y", (Line("a", [0, 1], [1, 2]),), {"blind": 1.5, "memoryless": 1.5}))
    figure, table = judge_pages.lines(plot)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["a", "blind, memoryless: 1.5"]
    assert table["y"] == [1, 2, 1.5, 1.5] and figure.axes[0].get_yscale() == "linear"
    assert judge_pages.lines(plot | {"levels": {"blind": 0.01}})[0].axes[0].get_yscale() == "log"
    del plot["levels"]  # a result of before there were any
    assert len(judge_pages.lines(plot)[0].axes[0].lines) == 1
