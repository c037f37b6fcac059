"""What the README says holds: its tables are the registries', its commands run, its links lead somewhere."""

import dataclasses
import re
import shlex
from pathlib import Path

import pytest

from experiments import docs, performance, survey
from experiments.catalogue import KINDS, catalogue
from experiments.cli import VERBS, main
from ltd import config, launch
from ltd.settings import Guess, Measure, Optimizer, Run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ACCELERATORS = (ROOT / "docs/accelerators.md").read_text()


def commands_of(text):
    blocks = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]


COMMANDS = commands_of(README)
FURTHER = [command for command in commands_of(ACCELERATORS) if command.startswith(".venv/bin/ltd")]
REDUCED = {
    "run": "--cell.hidden=3 --train.steps=4 --train.eval_every=2 --train.eval_batch=4 --seeds=2 --task.length=20",
    "probe": "--cell.hidden=3 --length=6 --seeds=2",
    "guess": "--guesses=8 --task.length=5",
}
SWEEP = (
    "--cell.hidden=3 --train.steps=4 --train.eval_every=2 --train.eval_batch=4 --seed=0 --task.length=10 "
    "--optimizer.clip_norm=1"
)


def test_generated_tables_are_fresh():
    assert docs.generated(README) == README, "run python -m experiments.docs"
    assert set(re.findall(r"<!-- generated: (\w+) -->", README)) == set(docs.TABLES)
    assert (ROOT / "docs/tasks.md").read_text() == docs.task_page(), "run python -m experiments.docs"
    assert (ROOT / "docs/reliability.md").read_text() == docs.reliability_page(), "run python -m experiments.docs"
    assert (ROOT / "docs/performance.md").read_text() == performance.page(), "run python -m experiments.docs"
    assert (ROOT / "docs/survey.md").read_text() == survey.page(), "run python -m experiments.docs"


def test_the_page_on_the_survey_names_what_there_is():
    """Every correction once, every name in backticks a registered one, every judged claim with its verdict."""
    statements = [one for section in survey.SECTIONS.values() for one in section]
    assert sorted(one.corrects for one in statements if one.corrects) == list(range(1, 29))
    known = {row["name"] for row in catalogue([*KINDS], levels=False)} | {
        path.parent.name for path in ROOT.glob("experiments/*/sweep.yaml")
    }
    known |= {f.name for f in dataclasses.fields(Optimizer)} | {"after", "before"}
    named = {name for one in statements for name in re.findall(r"`(\w+)`", one.so)}
    assert named <= known, named - known
    keys = {key for one in statements for key in one.claims.split()}
    assert all(re.fullmatch(r"B-[SC]\d+", key) for key in keys)
    judged = {key for key in survey.verdicts() if key.startswith(("B-S", "B-C"))}
    assert judged <= keys, judged - keys


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", README + (ROOT / "CONTRIBUTING.md").read_text()):
        assert (ROOT / link).exists(), link
    for link in re.findall(r"\]\(([^)#]+)\)", ACCELERATORS):
        assert (ROOT / "docs" / link).exists(), link


def test_a_cluster_is_told_only_what_it_knows():
    (cluster,) = [command for command in FURTHER if "--executor=ray" in command]
    fields = config.parse([word for word in cluster.split() if word.startswith("--")])
    assert fields == {"executor": "ray", "ray-address": "auto", "gpus": 1, "out": "/shared/runs/rho_lag"}


def test_the_two_commands_are_targets_of_the_makefile():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    made = [command.split()[1] for command in COMMANDS if command.startswith("make ")]
    assert made == ["demo", "test"] and set(made) <= set(targets)
    assert "make test" in (ROOT / ".ci/run").read_text()


def test_every_command_is_known():
    for command in COMMANDS + FURTHER:
        words = command.split()
        assert words[0] in ("make", ".venv/bin/ltd"), command
        assert words[0] == "make" or words[1] in VERBS, command
        assert all((ROOT / word).is_file() for word in words if word.endswith(".yaml")), command


@pytest.mark.parametrize("command", [c for c in COMMANDS + FURTHER if c.split()[1] in REDUCED])
def test_long_commands_parse_as_they_stand(command):
    words = shlex.split(command)[2:]
    kind = {"run": Run, "probe": Measure, "guess": Guess}[command.split()[1]]
    words = words[1:] if kind is Measure else words
    fields = config.parse(words)
    for option in ("out", "seeds", "rho", "device", "mesh"):
        fields.pop(option, None)
    assert isinstance(launch.configure(kind, fields), kind)


@pytest.mark.parametrize("part", ["sweeps", "others"])
def test_commands_run_in_order_reduced(part, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for command in (c for c in COMMANDS if ("clipping" in c) == (part == "sweeps")):
        words = shlex.split(command)
        if words[0] == "make" or words[1] == "doctor":  # the doctor has tests of its own
            continue
        reduced = {**REDUCED, "sweep": SWEEP}.get(words[1], "").split()
        words = [str(ROOT / word) if word.endswith(".yaml") else word for word in words]
        assert main([*words[1:], *reduced]) == 0, command
    made = {"sweeps": ["runs/clipping/sweep.csv"], "others": ["runs/elman/decay.png", "runs/adding/training.svg"]}
    assert all((tmp_path / name).exists() for name in made[part])


def test_the_python_example_of_the_package_runs(tmp_path, monkeypatch):
    import ltd

    monkeypatch.chdir(tmp_path)
    lines = [line.strip() for line in ltd.__doc__.splitlines() if line.startswith("    ")]
    source = "\n".join(lines).replace('"cell": "lstm"', '"cell": {"type": "lstm", "hidden": 2}, **small')
    small = {"train.steps": 2, "train.eval_every": 1, "train.eval_batch": 4, "task.length": 6}
    space = {"small": small}
    exec(source, space)
    assert len(space["records"]) == 5 and (tmp_path / "runs/adding").is_dir()


def test_the_task_of_the_contributing_guide_is_complete(tmp_path, monkeypatch, capsys):
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "my_task.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    commands = [command.split()[1:] for command in commands_of(guide.replace(f"```python\n{source}```", ""))]
    assert [words[0] for words in commands] == ["tasks", "tasks", "run"]
    small = ["--cell.hidden=3", "--train.steps=4", "--train.eval_every=2", "--task.gap=5"]
    for words in commands:
        assert main([*words, *(small if words[0] == "run" else [])]) == 0, capsys.readouterr().err
    assert "3 levels of 1 dialects, 0 over" in capsys.readouterr().out


def test_the_names_of_the_package_resolve():
    import ltd

    assert 10 <= len(ltd.__all__) <= 18
    for name in ltd.__all__:
        assert getattr(ltd, name) is not None
    with pytest.raises(AttributeError, match="it offers"):
        ltd.nonsense
