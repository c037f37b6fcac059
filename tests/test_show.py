"""Looking at tasks: one example in text and picture, and levels held against counting."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import show
from experiments.cli import main
from ltd import levels
from ltd.types import Batch, Levels, Score
from tasks import TASKS
from tasks.base import Classes
from tasks.parity import SOURCES


def test_a_copied_example_reads_as_it_was_drawn(tmp_path, capsys):
    assert main(["tasks", "show", "copy/arjovsky2016", "--gap=5", "--pattern=3", f"--out={tmp_path}/one.png"]) == 0
    text = capsys.readouterr().out
    inputs, targets = (line.split()[1:] for line in text.splitlines() if line.startswith(("input", "target")))
    assert len(inputs) == 11 and inputs[3:7] == ["0"] * 4 and inputs[7] == "9"
    assert targets[-3:] == inputs[:3] and targets[:8] == ["0"] * 8
    assert "lag 8" in text and "Arjovsky" in text and "blind" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.csv", "one.png", "one.svg"]


def test_padding_and_steps_without_score_are_marked():
    task = TASKS["adding/hochreiter1997"](length=20)
    one = next(one for one in (show.example(task, seed) for seed in range(20)) if not one.valid.all())
    rows = dict(show.cells(task, one))
    last = int(one.valid.sum()) - 1
    assert rows["target"][:last] == ["."] * last and rows["target"][last + 1 :] == ["_"] * (21 - last)
    assert float(rows["target"][last]) == pytest.approx(float(one.targets[last, 0]), abs=0.005)
    assert rows["input 1"][0] == rows["input 1"][last] == "-1"


def test_long_examples_are_wrapped():
    blocks = show.text([("input", ["10"] * 50), ("target", ["."] * 50)], width=40).split("\n\n")
    assert len(blocks) > 3 and max(len(line) for block in blocks for line in block.splitlines()) <= 40


def test_every_dialect_draws_an_example_that_can_be_built():
    for name in TASKS:
        assert show.drawn(name), name
        assert TASKS[name](**show.drawn_sizes(name)).name == name


def test_every_task_can_be_shown():
    """The cells depend on what kinds of numbers a class of tasks draws."""
    embedded = {build.func: name for name, build in TASKS.items() if not build().file}
    assert len(embedded) > 30
    for name in embedded.values():
        task = TASKS[name](**show.drawn_sizes(name))
        rows = show.cells(task, show.example(task, 0))
        assert all(len(line) == task.steps for _, line in rows) and len(rows) >= 2


@dataclasses.dataclass(frozen=True)
class Skewed(Classes):
    """One of three classes with probabilities 1/2, 1/4, 1/4; the input tells the first from the others."""

    variant: str = "own"
    lie: float = 0.0

    task, size, sources, inputs, outputs, steps, lag = "skewed", "", {"own": None}, 2, 3, 3, (0, 0)

    def sample(self, key, batch):
        classes = jnp.maximum(jax.random.randint(key, (3, batch), 0, 4, jnp.int32) - 1, 0)
        scored = jnp.ones((3, batch), bool)
        return Batch(jax.nn.one_hot(jnp.minimum(classes, 1), 2), classes, scored, scored)

    def levels(self):
        blind, strict = 1.5 * np.log(2) + self.lie, 0.5 * np.log(2)
        return Levels(Score(blind, 0.5), Score(strict, 0.75), Score(0.0, 1.0))


def test_counting_finds_entropies_and_conditional_entropies():
    found = levels.estimate(Skewed(), jax.random.key(1), 20_000)
    for name, loss, metric in [("blind", 1.5 * np.log(2), 0.5), ("strict", 0.5 * np.log(2), 0.75), ("optimum", 0, 1)]:
        assert found[name].loss == pytest.approx(loss, abs=4 * found[name].loss_error + 1e-6)
        assert found[name].metric == pytest.approx(metric, abs=4 * found[name].metric_error + 1e-6)
        assert name == "optimum" or 0 < found[name].loss_error < 0.02


@pytest.mark.parametrize(
    ("name", "size"),
    [("reber/embedded_hochreiter1997", {"length": 30}), ("long_lag/hochreiter1997_2b", {"length": 6}),
     ("temporal_order/hochreiter1997_6a", {"length": 20})],
)  # fmt: skip
def test_levels_of_logistic_units_are_counted(name, size):
    rows = {row["level"]: row for row in show.check(TASKS[name](**size, logistic=True), jax.random.key(3), 20_000)}
    assert all(row["ok"] for row in rows.values())


def test_a_level_that_is_wrong_by_two_per_cent_is_found():
    rows = {row["level"]: row for row in show.check(Skewed(lie=0.02), jax.random.key(1), 40_000)}
    assert not rows["blind"]["ok"] and rows["strict"]["ok"] and rows["optimum"]["ok"]
    assert all(row["ok"] for row in show.check(Skewed(), jax.random.key(1), 40_000))


def test_numbers_are_regressed_on_what_is_shown():
    """In adding the last step may show its own marked value: the count finds (1/6)(1 - 1/T), not 1/6."""
    task = TASKS["adding/bai2018"](length=3)
    found = levels.estimate(task, jax.random.key(2), 40_000)
    assert found["strict"].loss == pytest.approx(1 / 6 * (1 - 1 / 3), abs=4 * found["strict"].loss_error)
    assert found["blind"].loss == pytest.approx(1 / 6, abs=4 * found["blind"].loss_error)


def test_steps_without_a_word_on_padding_are_all_valid(monkeypatch):
    task = TASKS["adding/bai2018"](length=3)
    before = show.example(task, 0)
    half = jax.tree.map(lambda array: np.asarray(array)[None], task.sample(jax.random.key(1), 50))
    np.testing.assert_array_equal(levels._edges(half._replace(valid=None)), levels._edges(half))
    sample = type(task).sample
    monkeypatch.setattr(type(task), "sample", lambda *given: sample(*given)._replace(valid=None))
    jax.tree.map(np.testing.assert_array_equal, show.example(task, 0), before)


def test_rows_of_digits_are_judged_without_memory_by_the_last_row_alone():
    """Their strict level is counted, does not depend on what was shown before, and no image is known by its row."""
    task = TASKS["digits8/rows"](split="test")
    assert all(row["ok"] for row in show.check(task, jax.random.key(4), 4_000))
    batch = jax.device_get(task.sample(jax.random.key(5), 200))
    forgotten = batch._replace(inputs=np.where(np.arange(8)[:, None, None] < 7, 0.0, batch.inputs))
    np.testing.assert_array_equal(task.glance(batch), task.glance(forgotten))
    assert float(task.metric(task.glance(batch), batch)) < 0.7  # a table of the rows names 0.98 of them


def test_check_prints_and_fails(monkeypatch, capsys):
    assert main(["tasks", "check", "parity/arora2024", "--samples=2000", "--seed=3"]) == 0
    assert "3 levels of 1 dialects, 0 over" in capsys.readouterr().out
    monkeypatch.setitem(TASKS, "parity/arora2024", lambda **_: Skewed(lie=0.5))
    assert main(["tasks", "check", "parity/arora2024", "--samples=2000"]) == 1
    assert "OVER" in capsys.readouterr().out


def test_a_users_own_task_is_shown_and_checked(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(Skewed, "sources", {"own": SOURCES["arora2024"]})
    assert main(["tasks", "check", "test_show:Skewed", "--samples=2000", "--seed=3"]) == 0
    assert "3 levels of 1 dialects, 0 over" in capsys.readouterr().out
    assert main(["tasks", "check", "test_show:Skewed", "--samples=2000", "--task.lie=0.5"]) == 1
    assert main(["tasks", "show", "test_show:Skewed", f"--out={tmp_path}/a"]) == 0
    assert "skewed/own" in capsys.readouterr().out
    assert main(["tasks", "check", "test_show:Nothing"]) == 2
    assert "task 'test_show:Nothing' cannot be imported" in capsys.readouterr().err


def test_fields_of_a_task_may_be_written_as_elsewhere(tmp_path, capsys):
    said = []
    for words in (["--gap=2", "--pattern=2"], ["--task.gap=2", "--task.pattern=2"]):
        assert main(["tasks", "show", "copy/arjovsky2016", *words, f"--out={tmp_path}/one"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show"], "tasks needs what to do"),
        (["look", "copy/bai2018"], "tasks needs what to do"),
        (["show", "copy/nobody"], "no task 'copy/nobody'"),
        (["show", "copy/bai2018", "--gap=0"], "gap = 0 must be at least 1"),
        (["show", "copy/bai2018", "--gab=5"], "no field 'task.gab'"),
        (["show", "copy/bai2018", "--task.gab=5"], "no field 'task.gab'"),
        (["show", "copy/bai2018", "--out=README.md"], "out = README.md must end in .png or .svg, or in neither"),
        (["check", "nothing"], "no task 'nothing'"),
        (["check", "mnist"], "mnist: its dialects read data files"),
        (["check", "--samples=10"], "samples = 10 must be at least 2000"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(words, message, capsys):
    assert main(["tasks", *words]) == 2
    said = capsys.readouterr()
    assert message in said.err and said.err.count("\n") == 1 and not said.out
