"""Curricula over lengths, and tests at lengths that were not trained on."""

import dataclasses
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.cli import main
from ltd import config, launch
from ltd.block import fit
from ltd.config import ConfigError
from ltd.lengths import Curriculum, at, batch_of, padded
from ltd.model import load, make_task
from ltd.settings import Lengths, Run, Train
from ltd.train import Trainer
from tasks import TASKS

SMALL = {
    "task": {"type": "parity/arora2024_cumulative", "bits": 4},
    "cell": {"type": "elman", "hidden": 4},
    "train": {"steps": 8, "batch": 4, "eval_every": 4, "eval_batch": 8},
}


def run_of(**fields):
    nested = {**SMALL, **fields}
    return launch.configure(Run, {**nested, "train": {**SMALL["train"], **fields.get("train", {})}})


def drawn(curriculum, updates):
    """How many real steps the batches of these updates have."""
    keys = jax.random.split(jax.random.key(0), len(updates))
    batches = jax.jit(jax.vmap(curriculum.sample))(keys, jnp.asarray(updates))
    steps = np.asarray(batches.valid.sum(axis=1))
    assert np.all(steps == steps[:, :1]), "all sequences of a batch are equally long"
    return steps[:, 0]


def test_uniform_lengths():
    """Every length between the two ends, each equally often: 600 draws of 4, chi-squared below 16.3 (p = 0.001)."""
    curriculum = Curriculum(
        make_task(config.Choice("parity/arora2024", {"bits": 6})), Train(curriculum="uniform", shortest=3)
    )
    found = Counter(drawn(curriculum, [0] * 600) - 1)  # the end token is a step
    assert set(found) == {3, 4, 5, 6}
    assert sum((n - 150) ** 2 / 150 for n in found.values()) < 16.3


def test_growing_lengths():
    task = TASKS["parity/arora2024_cumulative"](bits=8)
    curriculum = Curriculum(task, Train(steps=100, curriculum="growing", shortest=2))
    updates = np.repeat([0, 25, 50, 99], 200)
    found = drawn(curriculum, updates)
    for update, longest in [(0, 2), (25, 5), (50, 8), (99, 8)]:
        its = found[updates == update]
        assert (its.min(), its.max()) == (2, longest)


def test_many_lengths_are_thinned():
    curriculum = Curriculum(TASKS["parity/arora2024"](bits=500), Train(curriculum="uniform", shortest=1))
    assert len(curriculum.lengths) == 64 and (curriculum.lengths[0], curriculum.lengths[-1]) == (1, 500)
    assert np.ptp(np.diff(curriculum.lengths)) <= 1


def test_a_batch_of_one_length_is_that_of_the_task():
    """Padding changes neither content nor targets."""
    key, task = jax.random.key(3), TASKS["copy/arjovsky2016"](gap=5)
    short = task.at(2)
    grown = padded(short.sample(key, 3), task.steps)
    for name, field in short.sample(key, 3)._asdict().items():
        np.testing.assert_array_equal(getattr(grown, name)[: short.steps], field)
        assert not np.any(getattr(grown, name)[short.steps :])


def test_a_curriculum_trains_lanes_as_it_trains_one_alone():
    one = run_of(train={"curriculum": "uniform", "shortest": 2})
    lanes = [config.split(dataclasses.replace(one, seed=s))[1] for s in range(3)]
    together, (alone,) = fit(one, make_task(one.task), lanes), fit(one, make_task(one.task), lanes[1:2])
    np.testing.assert_allclose(
        [r["eval/loss"] for r in together[1].records], [r["eval/loss"] for r in alone.records], rtol=1e-5
    )
    fixed = fit(run_of(), make_task(one.task), lanes[1:2])[0]
    assert not np.allclose(fixed.records[-1]["eval/loss"], alone.records[-1]["eval/loss"], rtol=1e-4)


@pytest.mark.parametrize("cell", ["elman", "lru"])
def test_scores_at_other_lengths(cell, tmp_path):
    """The padded program gives what the network says at each length on its own; levels are those of that length."""
    one = run_of(cell={"type": cell, "hidden": 6}, test={"lengths": "3,4..6..2", "batch": 16})
    (record,) = launch.run([one], tmp_path)
    rows = record.summary["lengths"]
    assert [row["length"] for row in rows] == [3, 4, 6]
    model, _, task = load(tmp_path / record.digest)
    for row in rows:
        there = at(task, row["length"], "test.lengths")
        levels = there.levels()
        assert (row["blind"], row["strict"], row["optimum"]) == tuple(level.loss for level in levels)
        assert row["blind/metric"] == levels.blind.metric
        from ltd.streams import stream
        from ltd.train import EVAL_SEED

        batch = batch_of(there, stream(jax.random.key(EVAL_SEED), f"test at {row['length']}"), 16)
        outputs = model(batch.inputs)
        assert row["loss"] == pytest.approx(float(there.loss(outputs, batch)), rel=1e-4)
        assert row["metric"] == pytest.approx(float(there.metric(outputs, batch)), abs=1e-6)
    assert record.summary["test/metric"] == pytest.approx(np.mean([row["metric"] for row in rows]))
    assert record.summary["test/loss"] == pytest.approx(np.mean([row["loss"] for row in rows]))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("5", [5]), ("5,3,5", [3, 5]), ("41..44", [41, 42, 43, 44]), ("1,10..20..5", [1, 10, 15, 20]), (7, [7])],
)
def test_lengths_are_read(text, wanted):
    assert config.lengths(text, "lengths") == wanted
    assert config.decode(Lengths, {"lengths": text}).lengths == str(text)


@pytest.mark.parametrize("text", ["", "a", "5..", "9..3", "1..5..0", "-3", "1.5"])
def test_no_lengths(text):
    with pytest.raises(ConfigError, match="lengths = "):
        config.decode(Lengths, {"lengths": text})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"train": {"curriculum": "uniform"}}, "uniform and growing need a shortest"),
        ({"train": {"shortest": 3}}, "uniform and growing need a shortest"),
        ({"train": {"curriculum": "growing", "shortest": 7}}, r"train.shortest = 7 must be at most .* bits = 4"),
        ({"test": {"lengths": "0"}}, "test.lengths: bits = 0 must be at least 1"),
        (
            {"task": {"type": "copy/arjovsky2016"}, "train": {"curriculum": "uniform", "shortest": 0}},
            "shortest = 0 must be a finite number above 0",
        ),
    ],
)
def test_impossible_lengths_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        launch.check_run(run_of(**fields))


def test_a_task_of_ones_own_without_lengths_is_refused():
    class Odd:
        name = "odd"

    with pytest.raises(ConfigError, match="odd has no length that could be varied"):
        at(Odd(), 3, "test.lengths")


def test_a_run_prints_its_curve_over_lengths(tmp_path, capsys):
    words = ["--task.type=parity/arora2024", "--task.bits=3", "--cell.type=elman", "--cell.hidden=2", "--seeds=3"]
    small = ["--train.steps=2", "--train.eval_every=1", "--train.batch=4", "--train.eval_batch=8", f"--out={tmp_path}"]
    assert main(["run", *words, *small, "--test.lengths=2,9", "--test.batch=8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if "at other lengths, medians over seeds" in line)
    assert [line.split()[0] for line in lines[start + 3 : start + 5]] == ["2", "9"]


def test_a_curriculum_evaluates_at_the_tasks_own_length():
    trainer = Trainer(one := run_of(train={"curriculum": "growing", "shortest": 2}), make_task(run_of().task))
    assert trainer.levels == make_task(one.task).levels()
