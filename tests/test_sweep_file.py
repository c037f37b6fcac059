"""Sweep files: what they mean, in which order, the laws that random values follow, and what is refused."""

import json
import math

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ltd import config, launch
from ltd.config import ConfigError
from ltd.settings import Run
from ltd.sweep import parameters, schema
from ltd.sweep.hyperband import Hyperband
from ltd.sweep.schema import Metric

N = 4000


def write(folder, raw, name="sweep.yaml"):
    path = folder / name
    path.write_text(raw if isinstance(raw, str) else yaml.safe_dump(raw, sort_keys=False))
    return path


def grid(**its):
    return {"method": "grid", "parameters": its}


def law(**given):
    (one,) = parameters.read({"p": given})
    return [one.sample(i) for i in range(N)]


# ------------------------------------------------------------------------------------------------ laws

CONTINUOUS = [
    ({"min": 0.5, "max": 2}, stats.uniform(0.5, 1.5)),
    ({"distribution": "uniform", "min": -3, "max": 5}, stats.uniform(-3, 8)),
    ({"distribution": "log_uniform", "min": -5, "max": 2}, stats.loguniform(math.exp(-5), math.exp(2))),
    ({"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}, stats.loguniform(1e-5, 0.1)),
    ({"distribution": "inv_log_uniform", "min": 1, "max": 4}, stats.loguniform(math.exp(-4), math.exp(-1))),
    ({"distribution": "inv_log_uniform_values", "min": 1e-3, "max": 10}, stats.loguniform(1e-3, 10)),
    ({"distribution": "normal"}, stats.norm()),
    ({"distribution": "normal", "mu": 3, "sigma": 0.5}, stats.norm(3, 0.5)),
    ({"distribution": "log_normal"}, stats.lognorm(1)),
    ({"distribution": "log_normal", "mu": -2, "sigma": 0.3}, stats.lognorm(0.3, scale=math.exp(-2))),
    ({"distribution": "beta"}, stats.uniform()),
    ({"distribution": "beta", "a": 2, "b": 5}, stats.beta(2, 5)),
]


@pytest.mark.parametrize(("given", "expected"), CONTINUOUS, ids=lambda v: str(v) if isinstance(v, dict) else "law")
def test_samples_follow_the_law(given, expected):
    found = law(**given)
    assert all(type(value) is float for value in found)
    assert stats.kstest(found, expected.cdf).pvalue > 0.01
    low, high = expected.support()
    assert low * (1 - 1e-12) <= min(found) and max(found) <= high * (1 + 1e-12)


QUANTISED = [
    ({"distribution": "q_uniform", "min": 0, "max": 10}, stats.uniform(0, 10), 1.0),
    ({"distribution": "q_uniform", "min": 2, "max": 20, "q": 4}, stats.uniform(2, 18), 4),
    ({"distribution": "q_log_uniform", "min": 0, "max": 5, "q": 2}, stats.loguniform(1, math.exp(5)), 2),
    ({"distribution": "q_log_uniform_values", "min": 16, "max": 512, "q": 16}, stats.loguniform(16, 512), 16),
    ({"distribution": "q_normal", "mu": 1, "sigma": 3, "q": 0.5}, stats.norm(1, 3), 0.5),
    ({"distribution": "q_log_normal", "mu": 2, "sigma": 0.5}, stats.lognorm(0.5, scale=math.exp(2)), 1.0),
    ({"distribution": "q_beta", "a": 2, "b": 3, "q": 0.1}, stats.beta(2, 3), 0.1),
]


@pytest.mark.parametrize(("given", "expected", "q"), QUANTISED, ids=lambda v: str(v) if isinstance(v, dict) else "law")
def test_quantised_samples_are_multiples_with_the_right_shares(given, expected, q):
    found = law(**given)
    assert all(type(value) is type(q) for value in found)
    steps = [round(value / q) for value in found]
    assert [step * q for step in steps] == found
    counts = np.bincount(np.array(steps) - min(steps))
    edges = [(min(steps) + i - 0.5) * q for i in range(len(counts) + 1)]
    shares = np.diff(expected.cdf(np.array([-np.inf, *edges[1:-1], np.inf])))
    often = N * shares >= 5
    z = (counts - N * shares)[often] / np.sqrt(N * shares * (1 - shares))[often]
    assert np.abs(z).max() < 4


def test_whole_numbers_are_equally_frequent_with_both_ends():
    for found in (law(min=3, max=7), law(distribution="int_uniform", min=3, max=7)):
        assert all(type(value) is int for value in found)
        counts = np.bincount(found)[3:]
        assert len(counts) == 5 and stats.chisquare(counts).pvalue > 0.01


def test_categories_are_as_frequent_as_they_should_be():
    found = law(values=["a", "b", "c"])
    assert stats.chisquare([found.count(v) for v in "abc"]).pvalue > 0.01
    found = law(values=["a", "b", "c", "d"], probabilities=[0.5, 0, 0.4, 0.1])
    assert found.count("b") == 0
    assert stats.chisquare([found.count(v) for v in "acd"], [0.5 * N, 0.4 * N, 0.1 * N]).pvalue > 0.01
    assert law(distribution="categorical_w_probabilities", values=[1, 2], probabilities=[1, 0]) == [1] * N
    assert law(distribution="constant", value="x") == law(value="x") == ["x"] * N


def test_every_distribution_is_held_against_its_law():
    tested = {given.get("distribution", "uniform") for given, *_ in [*CONTINUOUS, *QUANTISED]}
    tested |= {"int_uniform", "constant", "categorical", "categorical_w_probabilities"}
    assert tested == set(parameters.DISTRIBUTIONS)


@settings(max_examples=200, deadline=None)
@given(st.floats(2**-54, 1 - 2**-53), st.floats(1e-6, 10), st.floats(1e-6, 1e6))
def test_no_value_lies_outside_its_bounds(u, low, width):
    for kind in ("uniform", "log_uniform_values", "inv_log_uniform_values"):
        (one,) = parameters.read({"p": {"distribution": kind, "min": low, "max": low + width}})
        assert low <= one.quantile(u) <= low + width
    (one,) = parameters.read({"p": {"min": int(low), "max": int(low + width) + 1}})
    assert int(low) <= one.quantile(u) <= int(low + width) + 1


# ------------------------------------------------------------------------------------------------ random

RANDOM = {
    "method": "random",
    "run_cap": 20,
    "parameters": {
        "optimizer.learning_rate": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-1},
        "cell": {"parameters": {"hidden": {"min": 4, "max": 400}, "type": {"values": ["lstm", "gru"]}}},
    },
}


def test_a_random_sweep_is_the_same_every_time_and_a_larger_cap_keeps_what_was(tmp_path):
    path = write(tmp_path, RANDOM)
    first = schema.read(path)
    assert first == schema.read(path) and len(first.configs) == 20 and first.run_cap == 20
    longer = schema.read(write(tmp_path, {**RANDOM, "run_cap": 50}))
    assert longer.configs[:20] == first.configs and len(longer.configs) == 50


def test_a_further_parameter_leaves_the_others_alone(tmp_path):
    first = schema.read(write(tmp_path, RANDOM)).configs
    more = {**RANDOM, "parameters": {"task.gap": {"min": 1, "max": 9}, **RANDOM["parameters"]}}
    further = schema.read(write(tmp_path, more)).configs
    assert [{k: v for k, v in one.items() if k != "task.gap"} for one in further] == first
    fewer = schema.read(write(tmp_path, RANDOM), {"cell.hidden": 5}).configs
    assert fewer == [{**one, "cell.hidden": 5} for one in first]


def test_parameters_do_not_move_together(tmp_path):
    its = {name: {"min": 0.0, "max": 1.0} for name in ("a", "b", "c")}
    configs = schema.read(write(tmp_path, {"method": "random", "run_cap": N, "parameters": its})).configs
    table = np.array([[one[name] for name in its] for one in configs])
    assert np.abs(np.corrcoef(table, rowvar=False) - np.eye(3)).max() < 4 / math.sqrt(N)
    assert abs(np.corrcoef(table[1:, 0], table[:-1, 0])[0, 1]) < 4 / math.sqrt(N)


def test_equal_draws_are_one_config_and_counted(tmp_path):
    raw = {"method": "random", "run_cap": 50, "parameters": {"seed": {"values": [0, 1, 2]}, "rho": {"value": 0.9}}}
    one = schema.read(write(tmp_path, raw))
    assert len(one.configs) == 3 and one.repeated == 47
    assert sorted(c["seed"] for c in one.configs) == [0, 1, 2] and all(c["rho"] == 0.9 for c in one.configs)


# ------------------------------------------------------------------------------------------------ grids


def test_a_grid_goes_through_sorted_names_the_last_fastest_and_values_as_in_the_file(tmp_path):
    its = {"seed": {"values": [2, 1]}, "cell": {"values": ["lstm", "gru"]}, "rho": {"value": 1.0}}
    one = schema.read(write(tmp_path, grid(**its)))
    assert [(c["cell"], c["seed"]) for c in one.configs] == [("lstm", 2), ("lstm", 1), ("gru", 2), ("gru", 1)]
    assert all(c["rho"] == 1.0 for c in one.configs) and one.repeated == 0
    capped = schema.read(write(tmp_path, {**grid(**its), "run_cap": 3}))
    assert capped.configs == one.configs[:3]


def test_whole_numbers_and_steps_are_enumerated_as_wandb_does(tmp_path):
    its = {"seed": {"min": 3, "max": 5}, "rho": {"distribution": "q_uniform", "min": 0.5, "max": 1.0, "q": 0.25}}
    one = schema.read(write(tmp_path, grid(**its)))
    assert [(c["rho"], c["seed"]) for c in one.configs] == [
        (0.5, 3), (0.5, 4), (0.5, 5), (0.75, 3), (0.75, 4), (0.75, 5)
    ]  # fmt: skip
    (steps,) = parameters.read({"p": {"distribution": "q_uniform", "min": 0, "max": 10, "q": 5}})
    assert list(steps.grid()) == [0, 5]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b.c", "b.d", "e", "f.g.h"]),
        st.lists(st.integers(-5, 5), min_size=1, max_size=4, unique=True),
        min_size=1,
        max_size=4,
    )
)
def test_a_grid_has_every_combination_once(tmp_path_factory, values):
    path = write(tmp_path_factory.getbasetemp(), grid(**{name: {"values": its} for name, its in values.items()}))
    configs = schema.read(path).configs
    assert len(configs) == math.prod(len(its) for its in values.values())
    assert len({json.dumps(one, sort_keys=True) for one in configs}) == len(configs)
    assert all(one[name] in its for one in configs for name, its in values.items())


def test_equal_configs_of_a_grid_appear_once(tmp_path):
    its = {"rho": {"values": [1, 1.0, "1e0", 0.5]}, "train.stop": {"values": [True, 1]}}
    one = schema.read(write(tmp_path, grid(**its)))
    assert [(c["rho"], c["train.stop"]) for c in one.configs] == [(1, True), (1, 1), (0.5, True), (0.5, 1)]
    assert one.repeated == 4
    assert len(schema.read(write(tmp_path, {**grid(**its), "run_cap": 3})).configs) == 3


def test_text_of_the_file_is_read_as_the_command_line_reads_it(tmp_path):
    text = "method: grid\nparameters:\n  rho: {values: [1e-3, none, '0.5', 1.0e-3, 50..60]}\n"
    assert [c["rho"] for c in schema.read(write(tmp_path, text)).configs] == [1e-3, None, 0.5, "50..60"]


# ------------------------------------------------------------------------------------------------ fields


def test_nested_parameters_and_values_that_hold_fields_become_dotted(tmp_path):
    its = {
        "net": {
            "parameters": {"type": {"value": "stacked"}, "inner": {"parameters": {"type": {"values": ["x", "y"]}}}}
        },
        "task": {"values": [{"type": "copy/arjovsky2016", "gap": 20}, {"type": "latch/variant2"}]},
    }
    assert schema.read(write(tmp_path, grid(**its))).configs[:2] == [
        {"net.inner.type": "x", "net.type": "stacked", "task.type": "copy/arjovsky2016", "task.gap": 20},
        {"net.inner.type": "x", "net.type": "stacked", "task.type": "latch/variant2"},
    ]


def test_the_command_line_replaces_parameters_and_does_not_multiply_the_grid(tmp_path):
    its = {"cell.type": {"values": ["lstm", "gru"]}, "cell.hidden": {"values": [4, 8]}, "seed": {"values": [0, 1]}}
    path = write(tmp_path, grid(**its))
    one = schema.read(path, {"seed": 7, "rho": 0.9})
    assert len(one.configs) == 4 and one.repeated == 0
    assert all(c["seed"] == 7 and c["rho"] == 0.9 for c in one.configs)
    for cell in ({"cell": "elman"}, {"cell.type": "elman"}, {"cell": {"type": "elman"}}):
        one = schema.read(path, cell)
        assert [(c["cell.hidden"], c["cell.type"]) for c in one.configs] == [(4, "elman")] * 2 + [(8, "elman")] * 2
    everything = schema.read(path, {"cell.type": "gru", "cell.hidden": 3, "seed": 0})
    assert everything.configs == [{"cell.type": "gru", "cell.hidden": 3, "seed": 0}]


def test_the_command_line_reaches_into_values_that_hold_fields(tmp_path):
    its = {"task": {"values": [{"type": "a", "gap": 1}, {"type": "a", "gap": 2}, {"type": "b", "gap": 1}]}}
    one = schema.read(write(tmp_path, grid(**its)), {"task.gap": 9})
    assert one.configs == [{"task.type": "a", "task.gap": 9}, {"task.type": "b", "task.gap": 9}] and one.repeated == 1
    assert schema.read(write(tmp_path, grid(**its)), {"task": "c", "task.gap": 3}).configs == [
        {"task.type": "c", "task.gap": 3}
    ]


def test_configs_become_runs(tmp_path):
    raw = """
program: experiments/cli.py
method: grid
metric: {name: eval/loss, goal: minimize}
parameters:
  task: {values: [{type: copy/arjovsky2016, gap: 4}, {type: adding/arjovsky2016, length: 6}]}
  cell: {value: gru_after}
  cell.hidden: {values: [3, 4]}
  optimizer.learning_rate: {value: 1e-3}
  train.stop: {value: false}
"""
    runs = [launch.configure(Run, fields) for fields in schema.read(write(tmp_path, raw)).configs]
    assert [(one.cell.options["hidden"], one.task.type) for one in runs] == [
        (3, "copy/arjovsky2016"), (3, "adding/arjovsky2016"), (4, "copy/arjovsky2016"), (4, "adding/arjovsky2016")
    ]  # fmt: skip
    assert len({config.digest(one) for one in runs}) == 4
    assert all(one.optimizer.learning_rate == 1e-3 and one.train.stop is False for one in runs)


# ------------------------------------------------------------------------------------------------ the file


def test_what_changes_nothing_here_is_accepted(tmp_path):
    raw = {
        "program": "./experiments/cli.py",
        "name": "lags",
        "description": "d",
        "project": "p",
        "entity": "e",
        "command": ["${env}", "${program}", "${args}"],
        "controller": {"type": "local"},
        "method": "grid",
        "metric": {"name": "eval/metric", "goal": "maximize"},
        "early_terminate": {"type": "hyperband", "min_iter": 2, "eta": 2},
        "run_cap": 1,
        "parameters": {"seed": {"values": [0, 1]}},
    }
    one = schema.read(write(tmp_path, raw))
    assert (one.name, one.method, one.run_cap, one.configs) == ("lags", "grid", 1, [{"seed": 0}])
    assert one.metric == Metric("eval/metric", "maximize") and one.stop == Hyperband(min_iter=2, eta=2)


def test_a_sweep_is_named_by_its_file_or_by_its_folder(tmp_path, monkeypatch):
    raw = grid(seed={"value": 0})
    (tmp_path / "pascanu2013_rho").mkdir()
    path = write(tmp_path / "pascanu2013_rho", raw)
    assert schema.read(path).name == "pascanu2013_rho"
    monkeypatch.chdir(path.parent)
    assert schema.read("sweep.yaml").name == "pascanu2013_rho"
    assert schema.read(write(tmp_path, raw, "lags.yaml")).name == "lags"
    assert schema.read(path).metric is None and schema.read(path).stop is None


GRID = "method: grid\nparameters: {seed: {value: 0}}\n"

BAD = [
    ("", "is empty"),
    ("# nothing\n", "is empty"),
    ("- a\n- b\n", "must hold fields"),
    ("just text", "must hold fields"),
    ("method: [grid\n", "is not YAML (line 2"),
    ("method: !!python/object:os.system x\n", "is not YAML (line 1"),
    ("a: 1\n---\nb: 2\n", "is not YAML"),
    ("method: grid\nmethod: random\n", "'method' is given twice, again in line 2"),
    ("method: grid\nparameters:\n  seed: {value: 0}\n  seed: {value: 1}\n", "'seed' is given twice, again in line 4"),
    ("method: grid\nparameters: &a\n  seed: {value: *a}\n", "is not plain YAML"),
    ("parameters: {seed: {value: 0}}", "method = None must be grid or random"),
    (GRID + "methods: grid", "no key 'methods'; known: apiVersion, command, controller"),
    (GRID + "3: grid", "no key '3'"),
    (GRID + "job: x", "job is for W&B's server"),
    (GRID + "image_uri: x", "image_uri is for W&B's server"),
    (GRID + "imageuri: x", "imageuri is for W&B's server"),
    (GRID + "resource: x", "resource is for W&B's server"),
    (GRID + "template: x", "template is for W&B's server"),
    (GRID + "scheduler: {engine: optuna}", "scheduler is for W&B's server"),
    (GRID + "program: train.py", "program = 'train.py' must be experiments/cli.py"),
    (GRID + "program: [x]", "must be experiments/cli.py"),
    (GRID + "controller: {type: launch}", "controller = {'type': 'launch'} must be type: local"),
    (GRID + "command: run", "command = 'run' must be a list"),
    (GRID + "description: 3", "description = 3 must be text"),
    (GRID + "kind: run", "kind = 'run' must be sweep"),
    (GRID + "name: 3", "name = 3 must be text"),
    (GRID + "name: ''", "name = '' must be text"),
    (GRID + "run_cap: 0", "run_cap = 0 must be a whole number"),
    (GRID + "run_cap: 2.5", "run_cap = 2.5 must be a whole number"),
    (GRID + "run_cap: true", "run_cap = True must be a whole number"),
    (GRID + "metric: loss", "metric = 'loss' must hold its name"),
    (GRID + "metric: {goal: minimize}", "must hold its name"),
    (GRID + "metric: {name: loss, goal: least}", "metric.goal = 'least' must be minimize or maximize"),
    (GRID + "metric: {name: loss, target: 0.1}", "metric.target ends a whole sweep"),
    (GRID + "metric: {name: loss, goals: minimize}", "Did you mean 'metric.goal'"),
    (GRID + "early_terminate: {type: hyperband, min_iter: 3}", "early_terminate needs metric"),
    (GRID + "metric: {name: x}\nearly_terminate: {type: hyperband, min_iter: 0}", "early_terminate: min_iter = 0"),
    ("method: bayes\nparameters: {seed: {value: 0}}", "method = bayes is W&B's"),
    ("method: custom\nparameters: {seed: {value: 0}}", "method = 'custom' must be grid or random"),
    ("method: random\nparameters: {seed: {value: 0}}", "give run_cap"),
    ("method: random\nrun_cap: 1000000\nparameters: {seed: {value: 0}}", "1000000 configs are too many"),
    ("method: grid", "parameters = None must hold fields"),
    ("method: grid\nparameters: {}", "parameters = {} must hold fields"),
    ("method: grid\nparameters: {seed: 0}", "parameters.seed = 0 must hold fields: write value: 0"),
    ("method: grid\nparameters: {1: {value: 0}}", "1 is no name of a field"),
    ("method: grid\nparameters: {a b: {value: 0}}", "'a b' is no name of a field"),
    ("method: grid\nparameters: {a..b: {value: 0}}", "'a..b' is no name of a field"),
    ("method: grid\nparameters: {seed: {}}", "parameters.seed = {} needs value, values"),
    ("method: grid\nparameters: {seed: {min: 0}}", "needs value, values"),
    ("method: grid\nparameters: {seed: {mu: 0}}", "needs value, values"),
    ("method: grid\nparameters: {seed: {value: 0, values: [1]}}", "no field of constant 'parameters.seed.values'"),
    ("method: grid\nparameters: {seed: {values: []}}", "parameters.seed.values = [] must be a list"),
    ("method: grid\nparameters: {seed: {values: 3}}", "parameters.seed.values = 3 must be a list"),
    ("method: grid\nparameters: {seed: {values: [2020-01-01]}}", "put it into quotes"),
    ("method: grid\nparameters: {seed: {value: {1: 2}}}", "1 is no name of a field"),
    ("method: grid\nparameters: {seed: {value: [2020-01-01]}}", "put it into quotes"),
    ("method: grid\nparameters: {seed: {values: [1], probabilities: [1]}}", "cannot go through the distribution"),
    ("method: grid\nparameters: {rho: {min: 0.0, max: 1.0}}", "parameters.rho: a grid cannot go through"),
    ("method: grid\nparameters: {rho: {distribution: normal}}", "the distribution normal: give values"),
    ("method: grid\nparameters: {seed: {min: 0, max: 1000000}}", "1000001 values are too many for a grid"),
    ("method: grid\nparameters: {a: {min: 1, max: 999}, b: {min: 1, max: 999}}", "998001 configs are too many"),
    ("method: grid\nparameters: {cell: {value: a}, cell.type: {value: b}}", "both set cell.type: leave one out"),
    ("method: grid\nparameters: {a: {value: {b: 1}}, a.b: {value: 2}}", "parameters.a and parameters.a.b both set a.b"),
    ("method: grid\nparameters: {a: {parameters: {}}}", "parameters.a = {} must hold fields"),
    ("method: grid\nparameters: {a: {parameters: {b: {value: 1}}, value: 3}}", "parameters.a holds parameters"),
]

BAD_LAWS = [
    ({"distribution": "gaussian"}, "no distribution of parameters.p 'gaussian'; known: constant"),
    ({"distribution": "norml"}, "Did you mean 'normal'"),
    ({"distribution": None}, "no distribution of parameters.p 'None'"),
    ({"distribution": ["normal"]}, "no distribution"),
    ({"distribution": "uniform", "min": 0}, "uniform needs max"),
    ({"distribution": "uniform", "min": 0, "max": 1, "q": 2}, "no field of uniform 'parameters.p.q'"),
    ({"distribution": "normal", "mean": 2}, "no field of normal 'parameters.p.mean'"),
    ({"distribution": "constant", "values": [1]}, "no field of constant"),
    ({"distribution": "categorical", "values": [1], "probabilities": [1]}, "no field of categorical"),
    ({"distribution": "categorical_w_probabilities", "values": [1]}, "needs probabilities"),
    ({"distribution": "int_uniform", "min": 0, "max": 1.5}, "max = 1.5 must be a whole number"),
    ({"min": 3, "max": 3}, "min = 3 must be below max = 3"),
    ({"min": 3.0, "max": 1.0}, "min = 3.0 must be below max = 1.0"),
    ({"min": True, "max": 3}, "min = True must be a finite number"),
    ({"min": 0.0, "max": math.inf}, "max = inf must be a finite number"),
    ({"min": 0.0, "max": math.nan}, "max = nan must be a finite number"),
    ({"min": None, "max": 1.0}, "min = None must be a finite number"),
    ({"min": "1e-5", "max": 1.0}, "min = '1e-5' is text in YAML: write 1.0e-05"),
    ({"min": "low", "max": 1.0}, "min = 'low' must be a finite number"),
    ({"distribution": "log_uniform_values", "min": 0, "max": 1}, "min = 0 must be above 0"),
    ({"distribution": "inv_log_uniform_values", "min": -1, "max": 1}, "min = -1 must be above 0"),
    ({"distribution": "q_log_uniform_values", "min": 0, "max": 1}, "min = 0 must be above 0"),
    ({"distribution": "log_uniform", "min": 800, "max": 900}, "too large for a number"),
    ({"distribution": "q_log_normal", "mu": 900}, "too large for a number"),
    ({"distribution": "normal", "mu": 1e308, "sigma": 1e308}, "too large for a number"),
    ({"distribution": "normal", "sigma": -1}, "sigma = -1 must not be below 0"),
    ({"distribution": "q_normal", "q": 0}, "q = 0 must be above 0"),
    ({"distribution": "beta", "a": 0}, "a = 0 must be above 0"),
    ({"distribution": "q_beta", "b": -1}, "b = -1 must be above 0"),
    ({"values": [1, 2], "probabilities": [0.5]}, "must be a list as long as values: 2"),
    ({"values": [1, 2], "probabilities": 1}, "must be a list as long as values: 2"),
    ({"values": [1, 2], "probabilities": [0.5, 0.6]}, "add up to 1.1"),
    ({"values": [1, 2], "probabilities": [1.5, -0.5]}, "-0.5 must not be below 0"),
    ({"values": [1, 2], "probabilities": ["a", 1]}, "must be a finite number"),
]


def refused(path, words):
    with pytest.raises(ConfigError) as error:
        schema.read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and words in message and "\n" not in message


@pytest.mark.parametrize(("text", "words"), BAD, ids=[text.replace("\n", " ")[:60] for text, _ in BAD])
def test_a_file_that_cannot_be_meant_is_refused_in_one_line(tmp_path, text, words):
    refused(write(tmp_path, text), words)


@pytest.mark.parametrize(("given", "words"), BAD_LAWS, ids=str)
def test_a_distribution_that_cannot_be_meant_is_refused_in_one_line(tmp_path, given, words):
    refused(write(tmp_path, {"method": "random", "run_cap": 9, "parameters": {"p": given}}), words)


def test_a_file_that_is_none_is_refused_in_one_line(tmp_path):
    refused(tmp_path / "absent.yaml", "there is no such file")
    refused(tmp_path, "cannot be read")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: Jürgen\n".encode("latin-1"))
    refused(latin, "is not UTF-8 text (byte 7)")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\x00\x01")
    refused(binary, "is not YAML")
    deep = write(tmp_path, "[" * 5000, "deep.yaml")
    refused(deep, "YAML")
