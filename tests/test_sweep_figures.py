"""Which figure answers a sweep, that it shows its rows, and that every sweep file of ours can be run."""

import csv
from pathlib import Path

import numpy as np
import pytest

from experiments import sweep_figures, sweep_pages
from experiments.cli import main
from experiments.figures import draw, draw_looks, draw_training
from experiments.sweep import summary
from ltd import config, launch, stats
from ltd.config import ConfigError
from ltd.plots import sweeps
from ltd.results import Record
from ltd.settings import Run
from ltd.sweep import schema
from ltd.types import Curves

ROOT = Path(__file__).parents[1]
FILES = [f for f in sorted((ROOT / "experiments").glob("*/sweep.yaml")) if not (f.parent / "claim.py").exists()]
LEVELS = {"blind": {"loss": 2.5}, "strict": {"loss": 2.0}, "optimum": {"loss": 0.0}}  # 1 is the strict level
PLAIN = {"task.type": "copy/arjovsky2016", "cell.type": "elman", "cell.hidden": 4}


def record(loss, status="finished", **fields):
    """A run that ended with this loss; fields with __ for the dot."""
    given = PLAIN | {name.replace("__", "."): value for name, value in fields.items()}
    one = launch.configure(Run, given)
    summary = {"levels": LEVELS, "eval/loss": loss, "eval/metric": 0.0, "solved": status == "solved"}
    return Record(config.digest(one), status, config.plain(one), {} if status == "failed" else summary, {}, Path())


def seeds(*losses, **fields):
    """A run per loss: below 0.2 it is solved, None diverged, "failed" failed."""
    found = []
    for seed, loss in enumerate(losses):
        failed, diverged = loss == "failed", loss is None
        status = "failed" if failed else "diverged" if diverged else "solved" if loss < 0.2 else "finished"
        found.append(record(None if failed else loss, status, seed=seed, **fields))
    return found


def drawn(folder, records, told=None):
    """The table of the figure as it lies on the disk."""
    paths = sweep_figures.draw_sweep(folder, records, [], (told if told is not None else []).append)
    assert [path.name for path in paths] == ["sweep.png", "sweep.svg", "sweep.csv"]
    with open(paths[2], newline="") as file:
        return list(csv.DictReader(file))


def choice(records):
    return sweep_figures.choose(sweep_figures.settings(records))


# ------------------------------------------------------------------------------------------------ what is drawn

RATE, CLIP, GAP = "optimizer__learning_rate", "optimizer__clip_norm", "task__gap"


def product(**fields):
    """One run for all combinations; what is not a list stays."""
    its = [{}]
    for name, values in fields.items():
        its = [{**one, name: v} for one in its for v in (values if isinstance(values, list) else [values])]
    return [record(1.0, **one) for one in its]


CHOICES = {
    "two numbers": ({"rho": [0.5, 1.0], CLIP: [0.1, 1.0, None]}, ("grid", (CLIP, "rho"), None, ())),
    "the task stands upright": ({GAP: [2, 4, 8], RATE: [0.1, 1.0]}, ("grid", (RATE, GAP), None, ())),
    "one number": ({RATE: [0.1, 1.0], "cell__type": ["elman", "lstm"]}, ("curve", (RATE,), None, ())),
    "a number, few words": (
        {RATE: [0.1, 1.0, 2.0], "initial__type": ["zero", "learned"]},
        ("curve", (RATE,), "initial__type", ()),
    ),
    "words": ({"cell__init": ["identity", "gaussian", "orthogonal"]}, ("dots", ("cell__init",), None, ())),
    "words, few numbers": (
        {"cell__init": ["identity", "gaussian", "orthogonal"], GAP: [2, 4]},
        ("dots", ("cell__init",), GAP, ()),
    ),
    "one number and off": ({CLIP: [1.0, None]}, ("dots", (CLIP,), None, ())),
    "three numbers": (
        {GAP: [2, 4, 8], RATE: [0.1, 1.0, 2.0], "rho": [0.5, 1.0]},
        ("grid", (RATE, GAP), "rho", ()),
    ),
    "a fourth is folded": (
        {GAP: [2, 4, 8], RATE: [0.1, 1.0, 2.0], "rho": [0.5, 1.0], "initial__type": ["zero", "learned"]},
        ("grid", (RATE, GAP), "initial__type", ("rho",)),
    ),
    "many values": ({RATE: [0.1 * i for i in range(1, 20)]}, ("sampled", (RATE,), None, ())),
}


def dotted(names):
    return tuple(name.replace("__", ".") for name in names)


@pytest.mark.parametrize("name", CHOICES)
def test_the_fields_choose_the_figure(name):
    fields, (kind, axes, facet, folded) = CHOICES[name]
    facet = facet and facet.replace("__", ".")
    assert choice(product(**fields)) == sweep_figures.Drawing(kind, dotted(axes), facet, dotted(folded))


def test_seeds_networks_and_tasks_alone_are_no_fields():
    records = product(seed=[0, 1], cell__type=["elman", "lstm"])
    records += [record(1.0, task__type="adding/arjovsky2016", task__length=20, test__lengths="20,30")]
    assert sweep_figures.settings(records) == {}
    assert choice(records) is None
    assert sweep_figures.draw_sweep(Path("nowhere"), records, [], print) == []


@pytest.mark.parametrize(
    ("field", "values", "shown"),
    [
        ("gradient__type", ["bptt", "elman"], ["bptt", "elman"]),
        ("gradient__online", [False, True], [False, True]),
        ("regularizer__omega", [None, 4.0], [None, 4.0]),
        ("feedback", ["none", "free"], ["none", "free"]),
        ("task__logistic", [False, True], ["-", True]),
    ],
)
def test_a_field_that_a_config_leaves_out_at_its_default_is_varied_all_the_same(field, values, shown):
    """Else runs of two gradients were seeds of one setting."""
    like = {"gradient__type": "rtrl"} if field == "gradient__online" else {}
    like |= {"task__type": "temporal_order/hochreiter1997_6a"} if field.startswith("task") else {}
    records = [r for value in values for r in seeds(0.1, 1.0, **like, **{field: value})]
    assert sweep_figures.settings(records) == {field.replace("__", "."): [s for s in shown for _ in range(2)]}
    rows = summary(records)
    assert [row["solved"][:3] for row in rows] == ["1/2", "1/2"]


def test_a_probe_that_looks_on_makes_no_setting():
    plain = seeds(0.1, 1.0, 0.1)
    watched = seeds(0.1, probe__type="gradient", probe__every=100)
    assert sweep_figures.settings([*plain, *watched]) == {}
    assert [row["solved"][:3] for row in summary([*plain, *watched])] == ["2/3"], "seed 0 is one run"


def test_the_figure_of_an_attached_probe_tells_settings_apart(tmp_path, monkeypatch):
    watched = {"probe__type": "gradient", "probe__every": 100}
    records = [r for g in ("bptt", "elman") for r in seeds(0.1, 1.0, gradient__type=g, **watched)]
    axes = {"update": ("check",), "adjoint_log10": ("check", "lag")}
    looks = Curves({"update": np.array([0, 100]), "adjoint_log10": np.zeros((2, 4))}, axes)
    monkeypatch.setattr("experiments.figures.read_looks", lambda folder: looks)
    draw_looks(tmp_path, records, print)
    with open(tmp_path / "probe_gradient.csv", newline="") as file:
        titles = {row["title"].splitlines()[-1] for row in csv.DictReader(file)}
    assert titles == {"elman tanh, gradient.type bptt", "elman tanh, gradient.type elman"}


def test_options_that_another_cell_does_not_have_are_no_fields():
    records = [r for cell in ("elman", "scrn", "lstm") for r in seeds(0.1, 1.0, cell__type=cell)]
    assert sweep_figures.settings(records) == {}
    assert len(summary(records)) == 3


# ------------------------------------------------------------------------------------------------ the tables


def test_a_grid_shows_its_rows(tmp_path):
    records = seeds(0.1, 0.1, 1.0, rho=0.5, task__gap=2) + seeds(2.0, None, None, rho=1.5, task__gap=2)
    records += seeds(1.0, "failed", rho=1.5, task__gap=9) + seeds("failed", rho=1.0, task__gap=9)
    rows = {(r["x"], r["y"]): r for r in drawn(tmp_path, records[::-1])}
    assert set(rows) == {("0.5", "2"), ("1.5", "2"), ("1.5", "9"), ("1", "9")}  # 0.5 and 9 were not run
    low, high = stats.wilson(2, 3)
    first = rows["0.5", "2"]
    assert [first[n] for n in ("panel", "solved", "total", "diverged", "failed")] == ["elman tanh", "2", "3", "0", "0"]
    assert [float(first[n]) for n in ("share", "low", "high")] == [2 / 3, low, high]
    assert [float(first[n]) for n in ("loss_median", "loss_low", "loss_high")] == [0.05, 0.05, 0.5]
    assert rows["1.5", "2"]["loss_median"] == "inf" and rows["1.5", "2"]["diverged"] == "2"
    assert (rows["1.5", "9"]["total"], rows["1.5", "9"]["failed"]) == ("1", "1")
    assert (rows["1", "9"]["total"], rows["1", "9"]["share"]) == ("0", "")


def test_a_grid_prints_its_numbers():
    runs = [
        {"panel": "lstm", "label": "lstm", "seed": s, "x": x, "y": y, "loss": loss, "solved": loss < 0.1}
        | {"diverged": np.isinf(loss), "blind": 1.2, "strict": 1.0}
        for x, y, losses in ((0.1, 2, (0.0, 0.4)), (None, 2, (np.inf, np.inf)), (0.1, 3, (0.7, 0.9)))
        for s, loss in enumerate(losses)
    ]
    figure, table = sweeps.solved_grid(runs, "threshold", "gap")
    above, below, *_ = figure.axes
    assert {text.get_text() for text in above.texts} >= {"1/2", "0/2"}
    assert {text.get_text() for text in below.texts} == {"0.20", "0.80", r"$\infty$", r"2$\times$"}
    assert [tick.get_text() for tick in below.get_xticklabels()] == ["0.1", "off"]
    shown = above.collections[0].get_array().reshape(2, 2)
    np.testing.assert_allclose(shown.filled(np.nan), [[0.5, 0.0], [0.0, np.nan]])
    assert table["x"] == ["0.1", "off", "0.1"] and table["share"] == [0.5, 0.0, 0.0]


def test_a_curve_shows_its_rows_and_keeps_off_apart(tmp_path):
    records = []
    for cell in ("elman", "lstm"):
        for clip, losses in ((0.1, (0.1, 0.1)), (1.0, (0.1, 1.0)), (10.0, (1.0, None)), (None, (2.0, "failed"))):
            records += seeds(*losses, optimizer__clip_norm=clip, cell__type=cell)
    rows = drawn(tmp_path, records)
    assert [r["x"] for r in rows if r["label"] == "lstm"] == ["0.1", "1", "10", "off"]
    by = {r["x"]: r for r in rows if r["label"] == "elman tanh"}
    assert [by[x]["share"] for x in ("0.1", "1", "10", "off")] == ["1.0", "0.5", "0.0", "0.0"]
    assert [float(by["1"][n]) for n in ("loss_median", "loss_low", "loss_high")] == [0.275, 0.05, 0.5]
    assert (by["off"]["total"], by["off"]["failed"]) == ("1", "1")
    runs = sweep_figures.sweep_rows(records, sweep_figures.settings(records), choice(records), [])
    above, below = sweeps.solved_curve(runs, "x")[0].axes
    joined = [line for line in above.lines if line.get_linestyle() == "-" and line.get_marker() == "o"]
    np.testing.assert_allclose(joined[0].get_ydata(), [1.0, 0.5, 0.0])  # not joined with off
    assert [tick.get_text() for tick in below.get_xticklabels()] == ["0.1", "1", "10", "off"]
    gaps = np.diff(below.get_xticks())
    assert gaps[0] == pytest.approx(gaps[1]) and gaps[2] > gaps[1]


def test_dots_show_every_seed_and_the_panel_of_its_facet(tmp_path):
    records = seeds(0.1, 0.6, 4.0, cell__init="identity", task__gap=2) + seeds(None, 2.0, cell__init="gaussian")
    records += seeds(1.0, "failed", cell__init="orthogonal", task__gap=2)
    rows = drawn(tmp_path, records)
    assert len(rows) == len(records)
    assert {r["panel"] for r in rows} == {"gap = 2", "gap = 100"}
    mine = [r for r in rows if r["x"] == "identity"]
    assert [float(r["loss"]) for r in mine] == [0.05, 0.3, 2.0]
    assert {(r["solved"], r["total"], float(r["loss_median"])) for r in mine} == {("1", "3", 0.3)}
    assert [r["loss"] for r in rows if r["x"] == "orthogonal"] == ["0.5", ""]
    assert [r["loss"] for r in rows if r["x"] == "gaussian"] == ["inf", "1.0"]


def test_settings_drawn_at_random_are_points(tmp_path):
    records = [
        record(0.1 * i, "solved" if i < 2 else "finished", optimizer__learning_rate=10 ** (-i / 9), rho=0.5 + 0.05 * i)
        for i in range(1, 20)
    ]
    rows = drawn(tmp_path, records)
    assert len(rows) == 19
    by = {r["rho"]: r for r in rows}
    assert by["0.55"]["solved"] == "True" and float(by["0.55"]["loss"]) == pytest.approx(0.05)
    assert by["0.95"]["optimizer.learning_rate"] == "0.1"


def test_what_is_folded_is_said(tmp_path):
    fields, _ = CHOICES["a fourth is folded"]
    told = []
    rows = drawn(tmp_path, product(**fields), told)
    assert told == ["sweep: runs that differ in rho are counted as seeds of one setting"]
    assert {r["total"] for r in rows} == {"2"}


def test_axes_know_logarithms():
    assert sweeps.logarithmic([0.001, 0.01, 0.1]) and sweeps.logarithmic([4, 8, 16, 32])
    assert not sweeps.logarithmic([0.5, 0.75, 1.0, 1.25]) and not sweeps.logarithmic([0, 1, 10])
    assert not sweeps.logarithmic([10, 20, 30, 40, 50])
    at, log = sweeps.places([None, 100.0, 1.0, "-", 10.0])
    assert log and list(at) == [1.0, 10.0, 100.0, "-", None]
    np.testing.assert_allclose([*at.values()][:3], [0, 1, 2])
    assert sweeps.ordered([None, 2, "b", 1, "a"]) == [1, 2, "b", "a", None]


# ------------------------------------------------------------------------------------------------ the files


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_shipped_sweep_files_expand_and_say_what_they_ask(file):
    found, runs = launch.expand(file)
    head = [line for line in file.read_text().splitlines() if line.startswith("#")]
    assert head[0].rstrip().endswith("?") and any("Fixed before looking" in line for line in head)
    assert any(line.startswith("# Plot:") for line in head) and any(line.startswith("# Cost:") for line in head)
    assert found.name == file.parent.name and schema.read(file).repeated == 0
    assert len({one.seed for one in runs}) == 5
    assert len(runs) % 5 == 0 and all(len(one.task.options) for one in runs)


def test_there_are_sweep_files():
    assert {file.parent.name for file in FILES} >= {"rho_lag_copy", "rho_lag_adding", "clipping", "initialisation"}


def test_a_reduced_sweep_runs_and_is_drawn(tmp_path, capsys):
    small = "--cell.hidden=3 --train.steps=4 --train.eval_every=2 --train.eval_batch=4 --train.batch=2 --seed=0"
    words = [*small.split(), "--task.gap=2"]
    file = str(ROOT / "experiments/rho_lag_copy/sweep.yaml")
    assert main(["sweep", file, *words, "--cell.type=elman", f"--out={tmp_path}/runs"]) == 0
    assert main(["plot", f"{tmp_path}/runs"]) == 0
    capsys.readouterr()
    names = {path.name for path in (tmp_path / "runs").glob("*.png")}
    assert names == {"training.png", "sweep.png", "map.png"}
    with open(tmp_path / "runs/sweep.csv", newline="") as rows:
        found = [(row["label"], row["x"], row["total"]) for row in csv.DictReader(rows)]
    assert found == [("elman tanh", rho, "1") for rho in ("0.5", "0.75", "1", "1.25", "1.5")]


def test_a_folder_of_failed_runs_is_drawn_without_its_curves(tmp_path, monkeypatch):
    records = seeds("failed", "failed", optimizer__learning_rate=0.1) + seeds("failed", optimizer__learning_rate=1.0)
    monkeypatch.setattr("experiments.figures.read_runs", lambda folder, warn: records)
    assert {path.name for path in draw(tmp_path, print)} == {"sweep.png", "sweep.svg", "sweep.csv"}


def test_maps_do_not_mix_networks(tmp_path, monkeypatch):
    records = [r for cell in ("elman", "lstm") for rho in (0.5, 1.0) for r in seeds(0.1, 1.0, cell__type=cell, rho=rho)]
    monkeypatch.setattr("experiments.figures.fresh_slopes", lambda records: [{"rho": 0.5, "slope": -0.1}])
    monkeypatch.setattr(
        "experiments.figures.training_row",
        lambda r: {"title": "", "label": "", "seed": 0, "update": [0], "loss": [1.0], "levels": {"blind": 1.0}},
    )
    names = {path.name for path in draw_training(tmp_path, records)}
    assert {"map_elman_tanh.csv", "map_lstm.csv"} <= names and "map.csv" not in names
    with open(tmp_path / "map_lstm.csv", newline="") as file:
        shares = [row for row in csv.DictReader(file) if row["panel"] == "share"]
    assert [(r["rho"], r["solved"], r["total"]) for r in shares] == [("0.5", "1", "2"), ("1.0", "1", "2")]


def test_only_seeds_share_a_median_and_a_map(tmp_path, monkeypatch):
    rhos = [0.5, 1.0]
    of_two = [r for rho in rhos for g in ("bptt", "elman") for r in seeds(0.1, 1.0, rho=rho, gradient__type=g)]
    monkeypatch.setattr(Record, "metrics", lambda self: [{"update": 0, "eval/loss": self.summary["eval/loss"]}])

    def training(records):
        assert "map.csv" not in {path.name for path in draw_training(tmp_path, records)}
        with open(tmp_path / "training.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert all(row["seed"] in "01" for row in rows)
        return rows

    def labels_of(rows):
        return list(dict.fromkeys(row["label"] for row in rows))

    assert labels_of(training(of_two)) == [
        f"elman tanh, gradient.type {gradient}, rho {rho}" for rho in rhos for gradient in ("bptt", "elman")
    ]
    many = [r for rate in np.geomspace(1e-3, 1, 10) for r in seeds(0.1, 1.0, optimizer__learning_rate=float(rate))]
    rows = training(many)
    assert labels_of(rows) == ["elman tanh"] and len({row["setting"] for row in rows}) == 10


def test_a_page_says_what_was_asked_and_where_its_numbers_come_from(tmp_path, capsys):
    file = tmp_path / "rates" / "sweep.yaml"
    file.parent.mkdir()
    file.write_text(
        "# Which rate?\n# Fixed before looking: all.\nmethod: grid\nparameters:\n"
        "  task.type: {value: formal/even_pairs_deletang2023}\n  task.length: {value: 4}\n  cell.hidden: {value: 3}\n"
        "  optimizer.learning_rate: {values: [0.01, 0.1]}\n  seed: {values: [0, 1]}\n"
        '  train.steps: {value: 2}\n  train.eval_every: {value: 1}\n  test.lengths: {value: "4,6"}\n'
        "  train.batch: {value: 2}\n  train.eval_batch: {value: 4}\n  test.batch: {value: 4}\n"
    )
    with pytest.raises(ConfigError, match="not a run folder"):
        sweep_pages.main([str(file), f"--out={tmp_path}/runs", f"--docs={tmp_path}/docs"])
    assert main(["sweep", str(file), f"--out={tmp_path}/runs"]) == 0
    assert sweep_pages.main([str(file), f"--out={tmp_path}/runs", f"--docs={tmp_path}/docs"]) == 0
    capsys.readouterr()
    text = (tmp_path / "docs/rates.md").read_text()
    assert text.startswith("# Which rate?\n") and "Fixed before looking: all." in text
    assert "| 0.01 |" in text and "metric at 6" in text and "4 runs, the last ended on 20" in text and "jax " in text
    pictures = {path.name for path in (tmp_path / "docs").iterdir()}
    assert pictures == {"rates.md", *(f"rates_{n}.{k}" for n in ("sweep", "lengths") for k in ("png", "csv"))}
    assert all(name in text for name in pictures if name.endswith(".png"))


def test_the_committed_pages_are_of_the_files_as_they_stand():
    for path in (ROOT / "docs/results/sweeps").glob("*.md"):
        question, said = sweep_pages.head(ROOT / f"experiments/{path.stem}/sweep.yaml")
        text = path.read_text()
        assert text.startswith(f"# {question}\n") and said in text
        for picture in (ROOT / "docs/results/sweeps").glob(f"{path.stem}_*.png"):
            assert f"({picture.name})" in text
