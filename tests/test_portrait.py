"""The family portrait: every cell measured once, one picture, and what does not fit every cell refused."""

import json

import numpy as np
import pytest

from experiments import portrait as portraits
from experiments.cli import main
from ltd import launch, plots
from ltd.cells import CELLS


@pytest.fixture
def few(monkeypatch, tmp_path):
    some = {name: CELLS[name] for name in ("elman", "lru", "lstm")}
    monkeypatch.setattr(portraits, "CELLS", some)
    monkeypatch.chdir(tmp_path)
    return some


def test_every_cell_is_measured_once_and_drawn(few, tmp_path, monkeypatch, capsys):
    command = "probe jacobian --cell.type=all --cell.hidden=3 --length=6 --seeds=2 --out=por".split()
    assert main(command) == 0
    assert capsys.readouterr().out.split() == [f"por/portrait.{kind}" for kind in ("png", "svg", "csv")]
    for name in few:
        lanes = json.loads((tmp_path / "por" / name / "summary.json").read_text())["lanes"]
        assert [lane["cell"] for lane in lanes] == [name, name]
    table = (tmp_path / "por/portrait.csv").read_text()
    assert {line.split(",")[0] for line in table.splitlines()[1:]} == set(few)
    before = (tmp_path / "por/portrait.png").read_bytes()

    def never(*_):
        raise AssertionError("measured twice")

    monkeypatch.setattr(launch, "probe", never)
    assert main(command) == 0
    assert (tmp_path / "por/portrait.png").read_bytes() == before
    with pytest.raises(AssertionError, match="measured twice"):
        main([word.replace("--length=6", "--length=7") for word in command])


def row(cell, slope, seed=0):
    lag = np.arange(1, 20)
    return {"cell": cell, "seed": seed, "lag": lag, "log10": slope * lag, "quantity": "jacobian", "rho": np.nan}


def test_panels_are_sorted_by_what_is_left_and_say_how_much():
    dead = row("dead", -1.0)
    dead["log10"] = np.where(dead["lag"] > 5, -np.inf, 0.0)
    figure, table = plots.portrait([row("fast", -2.0), row("kept", 0.0), dead, row("slow", -0.1), row("slow", -0.3, 1)])
    assert [axes.get_title() for axes in figure.axes] == ["kept", "slow", "fast", "dead"]
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["0.0", "-3.8", "-38.0", "exactly 0"]
    assert list(dict.fromkeys(table["cell"])) == ["kept", "slow", "fast", "dead"]
    assert figure.axes[0].get_ylim() == (-12, 3)
