"""Settings of papers by name: each is a run that can be trained, what is said beside it wins, and no trace is left."""

import jax
import numpy as np
import pytest

from experiments.cli import main
from experiments.training import do_run
from ltd import config, launch
from ltd.config import ConfigError
from ltd.model import make_model, make_task
from ltd.presets import PRESETS, filled
from ltd.settings import Measure, Run
from tasks import TASKS


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_run_with_its_fields(name):
    one = launch.configure(Run, {"preset": name})
    whole = config.plain(one, whole=True)
    for field, value in PRESETS[name].fields.items():
        group, inner = field.split(".")
        assert whole[group][inner] == value, field
    assert len(PRESETS[name].source) > 10 and PRESETS[name].departures.endswith((".", "*"))
    if not TASKS[one.task.type]().file:
        launch.check_run(one)


def test_a_preset_leaves_no_trace():
    named, spelt = launch.configure(Run, {"preset": "hochreiter1997_task4"}), PRESETS["hochreiter1997_task4"].fields
    assert named == launch.configure(Run, spelt)
    assert config.digest(named) == config.digest(launch.configure(Run, spelt))
    assert "preset" not in config.plain(named)


def test_logistic_outputs_leave_no_trace_where_they_are_off():
    """A run from before there was the option keeps its digest."""
    name = "long_lag/hochreiter1997_2c"
    off = launch.configure(Run, {"task": name, "cell": "elman", "task.logistic": False})
    on = launch.configure(Run, {"task": name, "cell": "elman", "task.logistic": True})
    assert "logistic" not in config.plain(off)["task"] and config.plain(on)["task"]["logistic"] is True
    assert off == launch.configure(Run, {"task": name, "cell": "elman"}) != on
    assert config.decode(Run, config.plain(on)) == on and config.digest(on) != config.digest(off)
    assert config.plain(launch.configure(Run, {"preset": "hochreiter1997_task2c"}))["task"]["logistic"] is True
    assert "logistic" not in config.plain(launch.configure(Run, {"preset": "hochreiter1997_task4"}))["task"]


def test_what_is_said_beside_a_preset_wins():
    one = launch.configure(
        Run,
        {
            "preset": "pascanu2013_smart_tanh",
            "optimizer.learning_rate": 0.1,
            "optimizer.clip_norm": None,
            "regularizer.omega": None,
            "cell.hidden": 10,
            "seed": 3,
        },
    )
    assert (one.optimizer.learning_rate, one.optimizer.clip_norm, one.optimizer.type) == (0.1, None, "sgd")
    assert (one.cell.options["hidden"], one.cell.options["init"]) == (10, "pascanu2013_smart_tanh")
    assert one.seed == 3 and "regularizer" not in config.plain(one)
    whole = launch.configure(Run, {"preset": "hochreiter1997_task4", "gradient": "bptt"})
    assert whole.gradient.type == "bptt" and whole.cell.options["block"] == 2


def test_another_cell_or_task_takes_no_options_of_the_preset():
    one = launch.configure(Run, {"preset": "hochreiter1997_task4", "cell.type": "gru_after", "gradient.type": "bptt"})
    assert one.cell.options["hidden"] == 64 and one.task.options["length"] == 100
    assert launch.configure(Run, {"preset": "tallec2018_copy", "task": "adding/bai2018"}).task.type == "adding/bai2018"
    again = launch.configure(Run, {"preset": "tallec2018_copy", "cell.type": "lstm", "cell.hidden": 5})
    assert (again.cell.options["hidden"], again.cell.options["chrono"]) == (5, 750.0)
    assert filled({"preset": "tallec2018_copy", "cell": None})["cell"] is None
    assert filled({"seed": 1}) == {"seed": 1}


def test_the_networks_of_1997_start_as_in_the_paper():
    one = launch.configure(Run, {"preset": "hochreiter1997_task4"})
    model = make_model(one, make_task(one.task))(jax.random.key(0))
    cell = model.net
    np.testing.assert_array_equal(cell.b[...][:2], [-3, -6])
    weights = np.concatenate([np.ravel(p[...]) for p in (cell.W, cell.U, cell.b[...][2:])])
    assert 0.09 < np.max(np.abs(weights)) <= 0.1
    assert (
        sum(p.size for p in jax.tree.leaves(jax.tree.map(np.asarray, [cell.W[...], cell.U[...], cell.b[...]]))) + 5
        == 93
    )


def test_refusals(capsys, tmp_path):
    with pytest.raises(ConfigError, match=r"no preset 'hochreiter97'; known: hochreiter1997_task1.*Did you mean"):
        launch.configure(Run, {"preset": "hochreiter97"})
    with pytest.raises(ConfigError, match="no field 'preset'"):
        launch.configure(Measure, {"preset": "tallec2018_copy"})
    assert main(["run", "--preset=nothing", f"--out={tmp_path}"]) == 2
    assert "no preset 'nothing'" in capsys.readouterr().err


def test_a_preset_runs_from_the_command_line_and_is_listed(capsys, tmp_path):
    words = ["--preset=hochreiter1997_task4", "--task.length=20", "--train.steps=4", "--train.eval_every=2"]
    assert do_run([*words, "--train.eval_batch=4", f"--out={tmp_path}", "--wandb=off"]) == 0
    assert main(["list", "presets"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in PRESETS)
