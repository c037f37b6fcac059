"""The guessing control: random weights, the task's own rule, and a warning wherever they solve the task."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.cli import main
from ltd import guess as guessing
from ltd import launch, results
from ltd.config import ConfigError
from ltd.settings import Guess

EASY = {"task.type": "parity/arora2024_cumulative", "task.bits": 1, "cell.type": "elman", "cell.hidden": 2}
HARD = {**EASY, "task.bits": 12}


def test_weights_are_uniform_on_the_range():
    sketch = {"U": jax.ShapeDtypeStruct((100, 100), jnp.float32), "b": jax.ShapeDtypeStruct((50,), jnp.float32)}
    found = guessing.draw(sketch, jax.random.key(0), 3.0)
    assert {n: leaf.shape for n, leaf in found.items()} == {"U": (100, 100), "b": (50,)}
    values = np.asarray(found["U"]).ravel()
    assert values.min() < -2.99 and values.max() > 2.99 and abs(values).max() <= 3
    assert np.histogram(values, 10, (-3, 3))[0] == pytest.approx(1000, abs=5 * 30)
    assert not np.allclose(found["b"], guessing.draw(sketch, jax.random.key(1), 3.0)["b"])


def test_a_task_of_one_bit_is_guessed_and_one_of_twelve_is_not(tmp_path):
    easy = launch.guess(launch.configure(Guess, {**EASY, "guesses": 100}), tmp_path)
    hard = launch.guess(launch.configure(Guess, {**HARD, "guesses": 100}), tmp_path)
    assert 3 < easy["solved"] < 90 and easy["low"] < easy["share"] == easy["solved"] / 100 < easy["high"]
    assert hard["solved"] == 0 and hard["first"] is None and hard["high"] < 0.04
    assert "none of 100" in guessing.sentence(hard)
    assert f"{easy['solved']} of 100" in guessing.sentence(easy)


def test_the_number_of_guesses_does_not_change_a_guess(tmp_path):
    """The share among the first 30 is that of 30; a guess is repeated from the ledger."""
    one = launch.configure(Guess, {**EASY, "guesses": 30})
    few = launch.guess(one, tmp_path)
    many = launch.guess(dataclasses.replace(one, guesses=150), tmp_path)
    assert few["first"] == many["first"] and few["solved"] <= many["solved"] <= few["solved"] + 120
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "guesses").iterdir()}
    assert launch.guess(one, tmp_path)["solved"] == few["solved"]
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "guesses").iterdir()} and len(before) == 2


def test_a_guess_must_pass_twice():
    """A rule that holds on the first check alone passes nothing."""
    settings = launch.configure(Guess, {**EASY, "guesses": 8})
    keys = []

    def holds(params, key):
        keys.append(key)
        return jnp.bool_(len(keys) == 1)

    sketch = {"V": jax.ShapeDtypeStruct((2,), jnp.float32)}
    assert guessing.guess(settings, sketch, holds, 2)["solved"] == 0
    assert guessing.guess(settings, sketch, lambda *_: jnp.bool_(True), 2)["solved"] == 8
    assert guessing.guess(settings, sketch, lambda *_: jnp.bool_(True), 2)["first"] == 1


def test_results_say_what_guessing_solves(tmp_path, capsys):
    small = ["--train.steps=2", "--train.eval_every=1", "--train.batch=4", "--train.eval_batch=8"]
    for fields in (EASY, HARD):
        words = [f"--{name}={value}" for name, value in fields.items()]
        assert main(["run", *words, *small, f"--out={tmp_path}"]) == 0
        assert main(["guess", *words, "--guesses=60", f"--out={tmp_path}"]) == 0
    capsys.readouterr()
    assert main(["runs", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "guessed" in text and "0/60" in text
    (warning,) = [line for line in text.splitlines() if "no evidence of memory" in line]
    assert "bits=1:" in warning
    assert main(["runs", str(tmp_path), "--json"]) == 0
    rows = {row["config"]["task"]["bits"]: row["guessed"] for row in json.loads(capsys.readouterr().out)}
    assert rows[12] == [0, 60] and rows[1][0] > 0
    assert main(["plot", str(tmp_path)]) == 0
    svg = (tmp_path / "training.svg").read_text()
    assert svg.count("(random weights solve it)") == 1


def test_a_corrupt_control_is_named_and_skipped(tmp_path):
    launch.guess(launch.configure(Guess, {**EASY, "guesses": 4}), tmp_path)
    (path,) = (tmp_path / "guesses").iterdir()
    path.write_text(path.read_text().replace('"guesses": 4', '"guesses": 5', 1))
    said = []
    assert results.read_guesses(tmp_path, said.append) == []
    assert "is corrupt" in said[0] and "\n" not in said[0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"guesses": 0}, "guesses = 0 must be"), ({"scale": -1}, "scale = -1"), ({"seed": -1}, "seed = -1 must lie")],
)
def test_impossible_guesses_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        launch.configure(Guess, {**EASY, **fields})
