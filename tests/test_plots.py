"""Figures show their tables, say their units, and are saved whole, named by digest, twice the same."""

import csv

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_hex

from ltd import plots, stats

LAG = np.arange(0, 41)
RHOS = (0.5, 0.9, 1.1)
LEVELS = {"blind": 0.5, "strict": 0.5, "optimum": 0.0}


def decay_row(cell, rho, seed, quantity="jacobian", **fields):
    log10 = LAG * (np.log10(rho) - 0.01 * seed) + (2.0 if quantity == "adjoint" else 0.0)
    bound = LAG * np.log10((1.2 + 0.1 * seed) * rho) if cell == "elman" else None
    row = {"cell": cell, "rho": rho, "seed": seed, "lag": LAG, "log10": log10, "bound_log10": bound}
    return {**row, "asymptote": cell == "elman", "quantity": quantity, **fields}


def decay_rows(quantity="jacobian"):
    return [decay_row(cell, rho, seed, quantity) for cell in ("elman", "lstm") for rho in RHOS for seed in range(3)]


def run(label, seed, loss, title="adding", **fields):
    update = 10 * np.arange(len(loss))
    return {"title": title, "label": label, "seed": seed, "update": update, "loss": loss, "levels": LEVELS, **fields}


RUNS = [
    run("lstm", 0, [0.6, 0.4, 0.2, 0.02]),
    run("lstm", 1, [0.6, 0.1]),
    run("lstm", 2, [0.5, 0.3, 0.3, 0.3]),
    run("elman", 0, [0.6, 0.7, 900.0, np.inf]),
    run("elman", 1, [0.6, 0.5, 0.5, 0.5], title="copy"),
]
SHARES = [
    {"rho": rho, "lag": lag, "solved": solved, "total": 10, "diverged": diverged}
    for (rho, lag), (solved, diverged) in {(0.9, 10): (9, 0), (0.9, 100): (0, 0), (1.1, 10): (4, 2)}.items()
]
SLOPES = [{"rho": 0.9, "slope": [-0.05, -0.07, -0.06]}, {"rho": 1.1, "slope": 0.02}, {"rho": 1.1, "slope": 0.04}]
LENGTHS = [
    {"title": "parity", "label": label, "seed": seed, "length": [5, 10, 20], "metric": metric, "trained": 10}
    | {"levels": {"blind": [0.5] * 3, "strict": [0.6, 0.55, 0.52], "optimum": [1.0] * 3}}
    for label, seed, metric in [("lstm", 0, [1.0, 1.0, 0.9]), ("lstm", 1, [1.0, 0.9, 0.7]), ("elman", 0, [1, 0.6, 0.5])]
]
FIGURES = {
    "decay_curves": lambda: plots.decay_curves(decay_rows()),
    "slope_against_rho": lambda: plots.slope_against_rho(decay_rows()),
    "training_curves": lambda: plots.training_curves(RUNS),
    "solved_map": lambda: plots.solved_map(SHARES, SLOPES),
    "length_curves": lambda: plots.length_curves(LENGTHS),
}


def select(table, name, **wanted):
    keep = np.all([np.array(table[k]) == v for k, v in wanted.items()], axis=0)
    return np.array(table[name])[keep]


def lines(axes, **style):
    return [x for x in axes.lines if all(getattr(x, f"get_{name}")() == value for name, value in style.items())]


@pytest.mark.parametrize("name", FIGURES)
def test_figures_have_labelled_axes_and_full_tables(name):
    before = dict(matplotlib.rcParams)
    figure, table = FIGURES[name]()
    assert dict(matplotlib.rcParams) == before
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    units = (
        "(steps)",
        r"\log_{10}",
        "share of runs",
        "(optimizer steps)",
        "(unit of the task)",
        "spectral radius",
        "(size of the task)",
        "(larger is better)",
    )
    assert all(any(names) for names in zip(*labels, strict=True))
    assert all(any(unit in label for unit in units) for names in labels for label in names if label)
    assert len({len(column) for column in table.values()} - {0}) == 1


def test_decay_curves_draw_their_table():
    figure, table = plots.decay_curves(decay_rows())
    elman, lstm = figure.axes
    assert (elman.get_title(), lstm.get_title()) == ("elman", "lstm")
    for axes, cell in ((elman, "elman"), (lstm, "lstm")):
        for rho, line in zip(RHOS, lines(axes, zorder=3), strict=True):
            np.testing.assert_allclose(line.get_xdata(), select(table, "lag", cell=cell, rho=rho))
            np.testing.assert_allclose(line.get_ydata(), select(table, "median", cell=cell, rho=rho))
            np.testing.assert_allclose(line.get_ydata(), LAG * (np.log10(rho) - 0.01), atol=1e-12)
        bands = [band.get_paths()[0].vertices for band in axes.collections]
        for rho, band in zip(RHOS, bands, strict=True):
            assert band[:, 1].min() == pytest.approx(min(select(table, "low", cell=cell, rho=rho)))
            assert band[:, 1].max() == pytest.approx(max(select(table, "high", cell=cell, rho=rho)))
    bound, asymptote = elman.lines[1:3]
    np.testing.assert_allclose(bound.get_ydata(), select(table, "bound", cell="elman", rho=0.5).astype(float))
    np.testing.assert_allclose(bound.get_ydata(), LAG * np.log10(1.4 * 0.5))  # the loosest of the seeds
    np.testing.assert_allclose(asymptote.get_ydata(), LAG * np.log10(0.5))
    assert set(select(table, "bound", cell="lstm")) == {None}
    assert len(lines(lstm, zorder=3)) == len(lstm.lines) - 1  # no bound, no rho^k, but the threshold
    assert [line.get_ydata()[0] for line in (elman.lines[-1], lstm.lines[-1])] == [-3, -3]


def test_rho_keeps_its_colour_and_its_order_across_cells():
    figure, _ = plots.decay_curves(decay_rows()[::-1])
    colours = [{to_hex(line.get_color()) for line in lines(axes, zorder=3)} for axes in figure.axes]
    assert colours[0] == colours[1]
    assert len(colours[0]) == 3
    handles = figure.legends[0].legend_handles[:3]
    assert [handle.get_label() for handle in handles] == [rf"$\rho$ = {rho}" for rho in RHOS]
    brightness = [np.mean(handle.get_color()[:3]) for handle in handles]
    assert brightness == sorted(brightness)


def test_adjoints_are_drawn_relative_to_their_first_lag():
    _, table = plots.decay_curves(decay_rows("adjoint"))
    np.testing.assert_allclose(select(table, "median", lag=0), 0)
    np.testing.assert_allclose(select(table, "low", lag=40, cell="lstm", rho=0.9), 40 * (np.log10(0.9) - 0.02))


def test_one_deep_curve_leaves_the_frame_and_a_lone_one_fills_it():
    deep = decay_row("linear", 0.01, 0, log10=-8.25 * LAG)
    among, _ = plots.decay_curves([*decay_rows(), deep])
    alone, _ = plots.decay_curves([deep])
    assert among.axes[0].get_ylim() == among.axes[2].get_ylim()
    assert -60 < among.axes[0].get_ylim()[0] < 40 * np.log10(0.5)
    assert alone.axes[0].get_ylim()[0] < -330
    assert plots.decay_curves([deep], limits=(-20, 1))[0].axes[0].get_ylim() == (-20, 1)


def test_gradients_that_are_exactly_zero_are_drawn_and_kept():
    dead = [decay_row("relu", 0.9, s, log10=np.where(10 + s > LAG, 0.0, -np.inf)) for s in range(2)]
    _, table = plots.decay_curves(dead)
    assert table["median"][9:12] == [0.0, -np.inf, -np.inf]
    figure, table = plots.slope_against_rho(dead)
    assert table["median"] == [-np.inf]
    (triangle,) = lines(figure.axes[0], marker="v")
    assert triangle.get_xydata().tolist() == [[0.9, 0.0]]


def test_rows_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="different lags"):
        plots.decay_curves([decay_row("lstm", 0.9, 0), decay_row("lstm", 0.9, 1, lag=LAG + 1)])
    with pytest.raises(ValueError, match="do not share an axis"):
        plots.decay_curves([decay_row("lstm", 0.9, 0), decay_row("lstm", 0.9, 1, "adjoint")])
    with pytest.raises(ValueError, match="no rows"):
        plots.training_curves([])


def test_slopes_are_those_of_stats_and_meet_log_rho():
    figure, table = plots.slope_against_rho(decay_rows())
    expected = [stats.decay_slope(LAG, decay_row("elman", 0.9, seed)["log10"]) for seed in range(3)]
    (at,) = (i for i in range(6) if (table["cell"][i], table["rho"][i]) == ("elman", 0.9))
    assert [table[k][at] for k in ("low", "median", "high")] == sorted(expected)
    elman, lstm = (container.lines[0] for container in figure.axes[0].containers)
    np.testing.assert_allclose(elman.get_xydata(), np.stack([RHOS, select(table, "median", cell="elman")], axis=1))
    np.testing.assert_allclose(lstm.get_ydata(), select(table, "median", cell="lstm"))
    (linear,) = lines(figure.axes[0], linestyle=":")
    np.testing.assert_allclose(linear.get_xydata(), np.stack([RHOS, np.log10(RHOS)], axis=1))


def test_training_curves_draw_their_table_and_an_honest_median():
    figure, table = plots.training_curves(RUNS)
    adding, copying = figure.axes
    thin = lines(adding, linewidth=0.5)
    for (label, seed), line in zip((("lstm", 0), ("lstm", 1), ("lstm", 2), ("elman", 0)), thin, strict=True):
        loss = select(table, "loss", title="adding", label=label, seed=seed)
        np.testing.assert_allclose(line.get_ydata(), loss[np.isfinite(loss)])
    lstm, elman = lines(adding, linewidth=1.6)
    np.testing.assert_allclose(lstm.get_ydata(), [0.6, 0.3, 0.2, 0.1])  # seed 1 stopped at 0.1 and keeps it
    assert elman.get_ydata().tolist() == [0.6, 0.7, 900.0, np.inf]
    (cross,) = lines(adding, marker="x")
    assert cross.get_xdata().tolist() == [20]
    assert lines(copying, marker="x") == []
    assert select(table, "diverged", label="elman", title="adding").all()
    assert not select(table, "diverged", label="lstm").any()


def test_training_curves_name_their_levels_at_their_height():
    figure, _ = plots.training_curves(RUNS)
    adding = figure.axes[0]
    assert adding.get_yscale() == "log"
    assert 10 * LEVELS["blind"] <= adding.get_ylim()[1] < 900
    words = {text.get_text(): text.get_position()[1] for text in adding.texts}
    assert words.keys() == {"blind\nstrict 0.5", "optimum 0"}
    bottom, top = np.log(adding.get_ylim())
    assert words["blind\nstrict 0.5"] == pytest.approx((np.log(0.5) - bottom) / (top - bottom), abs=1e-6)
    assert words["optimum 0"] == 0.0


def test_losses_below_zero_get_a_linear_axis():
    levels = {"blind": -0.5, "strict": -0.6, "optimum": -2.0}
    figure, _ = plots.training_curves([run("lstm", 0, [1e6, -0.4, -1.5], levels=levels)])
    (axes,) = figure.axes
    assert axes.get_yscale() == "linear"
    assert -3 < axes.get_ylim()[0] < -2 < 1 < axes.get_ylim()[1] < 10


def test_solved_map_prints_its_counts_and_intervals():
    figure, table = plots.solved_map(SHARES, SLOPES)
    above, below, _ = figure.axes
    low, high = stats.wilson(9, 10)
    words = {text.get_text(): text.get_position() for text in above.texts}
    assert {"9/10", "0/10", "4/10", f"{low:.2f} to {high:.2f}", r"2$\times$"} <= words.keys()
    assert words["4/10"][0] == 1  # the second rho
    shown = above.collections[0].get_array().reshape(2, 2)
    np.testing.assert_allclose(shown.filled(np.nan), [[0.9, 0.4], [0.0, np.nan]])
    assert table["panel"] == ["share"] * 3 + ["slope"] * 2
    assert table["value"] == pytest.approx([0.9, 0.0, 0.4, -0.06, 0.03])
    assert table["low"][:1] + table["high"][:1] == pytest.approx([low, high])
    assert table["total"] == [10, 10, 10, 3, 2]
    assert table["lag"][3:] == [None, None]
    np.testing.assert_allclose(below.containers[0].lines[0].get_xydata(), [[0, -0.06], [1, 0.03]])
    assert [tick.get_text() for tick in below.get_xticklabels()] == ["0.9", "1.1"]
    assert above.get_xlim() == below.get_xlim()


def test_solved_map_of_column_width_leaves_the_intervals_to_the_table():
    many = [{**row, "rho": row["rho"] + i} for i in range(4) for row in SHARES]
    figure, table = plots.solved_map(many, SLOPES, width=plots.common.COLUMN)
    assert not any(" to " in text.get_text() for text in figure.axes[0].texts)
    assert None not in table["low"]


@pytest.mark.parametrize("name", FIGURES)
def test_saved_files_hold_the_digests_and_are_reproducible(name, tmp_path):
    first, second = (
        plots.save(*FIGURES[name]()[:1], tmp_path / d / "fig", {"rho": [0.9, 1.1]}, ["c0ffee", "beef"])
        for d in ("one", "two")
    )
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["fig.csv", "fig.png", "fig.svg"]
    assert [a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True)] == [True] * 3
    png, svg, text = first
    assert b"tEXtltd:digests\x00c0ffee beef" in png.read_bytes()
    assert "ltd:digests c0ffee beef" in svg.read_text()
    assert matplotlib.image.imread(png).shape[1] in (int(200 * plots.common.COLUMN), int(200 * plots.common.FULL))
    assert text.read_text() == "rho,digests\n0.9,c0ffee beef\n1.1,\n"


def test_saved_tables_keep_every_digit_and_their_own_digests(tmp_path):
    figure, table = FIGURES["decay_curves"]()
    table |= {"digest": ["d1"] * len(table["lag"])}
    plots.save(figure, tmp_path / "fig", table, ["d1"])
    with open(tmp_path / "fig.csv") as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == list(table)
    assert [float(row["median"]) for row in read] == table["median"]
    assert {row["bound"] for row in read if row["cell"] == "lstm"} == {""}


def test_a_save_that_fails_leaves_nothing(tmp_path, monkeypatch):
    figure, table = FIGURES["decay_curves"]()
    monkeypatch.setattr(figure, "savefig", lambda file, **_: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        plots.save(figure, tmp_path / "fig", table, [])
    assert list(tmp_path.iterdir()) == []


def test_length_curves_draw_median_range_levels_and_the_longest_trained():
    figure, table = plots.length_curves(LENGTHS)
    (axes,) = figure.axes
    lstm = next(line for line in axes.lines if line.get_color() == plots.common.NAMES[0])
    np.testing.assert_allclose(lstm.get_ydata(), [1.0, 0.95, 0.8])
    np.testing.assert_allclose(select(table, "low", label="lstm"), [1.0, 0.9, 0.7])
    assert [line.get_xdata()[0] for line in lines(axes, linestyle=":")] == [10]
    np.testing.assert_allclose(select(table, "strict", label="elman"), [0.6, 0.55, 0.52])
