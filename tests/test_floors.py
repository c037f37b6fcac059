"""Imports point down, never sideways and never up; and nothing draws from a global random stream."""

import ast
import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = {
    -1: "ltd.types ltd.config ltd.linalg ltd.streams ltd.trees",  # what the ground floor stands on
    0: "ltd.settings ltd.runtime ltd.activations ltd.initializers ltd.losses ltd.stats ltd.doctor ltd.data ltd.presets",
    1: "ltd.cells ltd.unroll ltd.optimizers ltd.sweep ltd.executors ltd.results ltd.lengths ltd.levels ltd.yours tasks",
    2: "ltd.nets ltd.claims ltd.plots ltd.tracking ltd.index ltd.gradients ltd.regularizers",
    3: "ltd.model ltd.probes ltd.feedback ltd.online",
    4: "ltd.train ltd.report ltd.guess ltd.conformance ltd.measure",
    4.2: "ltd.block",  # many runs in one program
    4.25: "ltd.attached",  # a probe that looks at them
    4.3: "ltd.work",  # and through the ledger
    4.4: "ltd.preview",  # what it will cost
    4.5: "ltd.launch",  # puts training, measuring and the ledger together, for the command line and for notebooks
    5: "experiments",
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms.split()}


def modules(*packages):
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
    }


OURS = modules("ltd", "tasks", "experiments")


def room(module):
    """`ltd.cells.lstm` stands in `ltd.cells`, `tasks.adding` in `tasks`, and the back door where it leads."""
    if module == "ltd.__main__":
        return "experiments"
    parts = module.split(".")
    return parts[0] if parts[0] != "ltd" else ".".join(parts[:2])


def imports(source, module, known):
    """Every module of ours that the source imports, at its head or inside a function: (line, module)."""
    package = module if known.get(module, Path()).name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{start}.{a.name}" if f"{start}.{a.name}" in known else start for a in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] in ("ltd", "tasks", "experiments"):
                yield node.lineno, name


def offences(source, module, known):
    """Imports that do not point down."""
    here = room(module)
    return [
        f"line {line}: {here} (floor {FLOOR[here]}) imports {name} (floor {FLOOR.get(room(name), 'unknown')})"
        for line, name in imports(source, module, known)
        if room(name) != here and not FLOOR.get(room(name), 99) < FLOOR[here]
    ]


def globals_drawn(source):
    """Uses of the global generators of `random` and numpy; a `Generator` made from a seed is nobody's global."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr not in ("default_rng", "Generator", "RandomState"):
            owner = node.value
            inner = isinstance(owner, ast.Attribute) and owner.attr == "random" and isinstance(owner.value, ast.Name)
            if inner and owner.value.id in ("np", "numpy"):
                found.append(f"line {node.lineno}: {owner.value.id}.random.{node.attr}")
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [f"line {node.lineno}: imports {n}" for n in names if n in ("random", "numpy.random")]
    return found


@pytest.mark.parametrize("module", [name for name in OURS if name != "ltd"])
def test_imports_point_down(module):
    assert room(module) in FLOOR, f"{module} stands on no floor: add {room(module)} to FLOORS"
    assert offences(OURS[module].read_text(), module, OURS) == []


@pytest.mark.parametrize("module", [name for name in OURS if room(name) == "tasks"])
def test_tasks_know_the_ground_floor_alone(module):
    for line, name in imports(OURS[module].read_text(), module, OURS):
        assert room(name) == "tasks" or FLOOR[room(name)] <= 0, f"line {line}: {name}"


def test_the_library_says_where_its_names_live():
    ltd = importlib.import_module("ltd")
    assert list(imports(OURS["ltd"].read_text(), "ltd", OURS)) == []
    for name in ltd.__all__:
        assert getattr(ltd, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'; it offers CELLS"):
        ltd.nothing


@pytest.mark.parametrize("module", list(modules("ltd", "tasks")))
def test_every_random_number_comes_from_a_key(module):
    assert globals_drawn(OURS[module].read_text()) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ltd.cells.x", "from ltd.model import Model"),
        ("ltd.cells.x", "from ltd import unroll"),
        ("ltd.unroll", "def late():\n    import ltd.cells.lstm"),
        ("ltd.cells", "from ..model import load"),
        ("tasks.adding", "from experiments import cli"),
        ("ltd.settings", "import ltd.runtime"),
        ("ltd.train", "import ltd.nowhere"),
    ],
)
def test_this_test_finds_what_points_up_or_sideways(module, source):
    assert len(offences(source, module, OURS)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ltd.cells.x", "from ltd.cells.base import zeros\nfrom ltd import config"),
        ("ltd.cells", "from . import lstm\nfrom ..config import decode"),
        ("experiments.cli", "import tasks\nfrom experiments.tables import bar"),
        ("ltd.model", "import jax, os"),
    ],
)
def test_this_test_lets_pass_what_points_down(module, source):
    assert offences(source, module, OURS) == []


def test_this_test_finds_global_generators():
    assert len(globals_drawn("import random")) == 1
    assert len(globals_drawn("from random import choice")) == 1
    assert len(globals_drawn("import numpy as np\nnp.random.normal(3)\nnp.random.seed(1)")) == 2
    assert globals_drawn("rng = np.random.default_rng(3)\njax.random.normal(key)") == []


def test_every_file_is_found():
    assert {"ltd.cells.lstm", "tasks.copying", "experiments.cli", "ltd.__main__", "ltd"} <= set(OURS)
    assert "ltd" in sys.modules
