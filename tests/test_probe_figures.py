"""Figures of probes draw what their tables say."""

import numpy as np
import pytest

from ltd import plots

CELL = {"cell": "elman"}
LAG = np.arange(4)


def rows(**columns):
    """Two rho, three seeds; every column shifted by both."""
    return [
        {**CELL, "rho": rho, "seed": seed} | {name: make(rho, seed) for name, make in columns.items()}
        for rho in (0.5, 1.0)
        for seed in range(3)
    ]


EXPONENTS = rows(rank=lambda r, s: LAG + 1, lyapunov=lambda r, s: np.array([r - 0.1 * s, -1, -2, -np.inf]))
MEMORY = rows(
    lag=lambda r, s: LAG,
    memory=lambda r, s: np.array([1, r, 0.1 * s, 0]),
    chance=lambda r, s: np.full(4, 0.02 * (s + 1)),
)
SHARES = rows(
    **{
        "step": lambda r, s: LAG,
        "f/left": lambda r, s: r * LAG / 10 + s,
        "f/right": lambda r, s: r * LAG / 20,
        "f/zero": lambda r, s: 0.0 * LAG,
        "g/saturated": lambda r, s: LAG / 10,
    }
)
VALUES = rows(
    block=lambda r, s: np.array(["i", "i", "f"]),
    real=lambda r, s: np.array([r, -r, 0.1]),
    imaginary=lambda r, s: np.array([0.2, -0.2, s]),
)
MAPS = [
    {"title": "lstm", "name": "", "seed": s, "update": np.arange(0, 30 - 10 * s, 10)}
    | {"values": np.array([[0, -1 - s, -30], [0, -2, -np.inf], [0, -3, -4]], float)[: 3 - s]}
    for s in range(2)
]
LINES = [
    {"title": t, "name": n, "seed": s, "update": np.array([0, 10]), "values": np.array([1.0, 2.0 + s])}
    for t in ("lstm", "gru")
    for n in ("U/rho", "U/sigma")
    for s in range(3)
]
FIGURES = {
    "exponents": lambda: plots.exponents(EXPONENTS),
    "memory_curves": lambda: plots.memory_curves(MEMORY),
    "unit_shares": lambda: plots.unit_shares(SHARES),
    "eigenvalues": lambda: plots.eigenvalues(VALUES),
    "looks": lambda: plots.looks(MAPS, "lag (steps)", "log10", 16.0),
    "looks in lines": lambda: plots.looks(LINES, "", "of the block"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_labelled_tables_full_and_files_written(name, tmp_path):
    figure, table = FIGURES[name]()
    assert len({len(column) for column in table.values()}) == 1 and len(next(iter(table.values()))) > 2
    for axes in figure.axes:
        assert axes.get_ylabel() or axes.get_xlabel()
    assert any(axes.get_title() for axes in figure.axes)
    assert all(path.stat().st_size > 0 for path in plots.save(figure, tmp_path / "figure", table, ["c0ffee"]))


def select(table, column, /, **wanted):
    keep = np.all([np.array(table[k]) == v for k, v in wanted.items()], axis=0)
    return np.array(table[column])[keep]


def test_exponents_are_medians_and_what_is_lost_is_in_the_table_alone():
    figure, table = FIGURES["exponents"]()
    first, second = (line for line in figure.axes[0].lines if len(line.get_xdata()) == 4)
    for rho, line in ((0.5, first), (1.0, second)):
        median = select(table, "median", rho=rho)
        assert median.tolist() == pytest.approx([rho - 0.1, -1, -2, -np.inf])
        np.testing.assert_allclose(line.get_ydata()[:3], median[:3])
        assert np.isnan(line.get_ydata()[3])
    assert select(table, "low", rho=0.5)[0] == pytest.approx(0.3) and select(table, "seeds", rho=0.5)[0] == 3


def test_memory_is_drawn_with_the_level_of_chance():
    figure, table = FIGURES["memory_curves"]()
    assert select(table, "median", rho=1.0).tolist() == pytest.approx([1, 1, 0.1, 0])
    assert table["chance"] == pytest.approx([0.04] * 8)
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert [line.get_ydata().tolist() for line in dashed] == [pytest.approx([0.04] * 4)] * 2


def test_units_have_a_panel_each():
    figure, table = FIGURES["unit_shares"]()
    assert [axes.get_title() for axes in figure.axes] == ["f", "g"]
    assert len(figure.axes[0].lines) == 6 and len(figure.axes[1].lines) == 2
    assert select(table, "share", rho=1.0, unit="f", end="left").tolist() == pytest.approx([1, 1.1, 1.2, 1.3])


def test_eigenvalues_stand_in_the_plane_of_their_block():
    figure, table = FIGURES["eigenvalues"]()
    assert [axes.get_title() for axes in figure.axes] == ["i", "f"]
    drawn = [line for line in figure.axes[0].lines if line.get_marker() == "."]
    assert len(drawn) == 6 and sorted(drawn[0].get_xdata()) == [-0.5, 0.5]
    assert len(table["real"]) == 18 and select(table, "imaginary", block="f", rho=0.5).tolist() == [0, 1, 2]
    circle = figure.axes[0].lines[0]
    np.testing.assert_allclose(np.hypot(*circle.get_xydata().T), 1)


def test_a_map_is_the_median_of_what_still_trained_and_as_deep_as_asked():
    figure, table = FIGURES["looks"]()
    shown = figure.axes[0].collections[0]
    values = np.array([[0, -1.5, -30], [0, -2, -np.inf], [0, -3, -4]])
    np.testing.assert_allclose(np.array(table["median"]).reshape(3, 3), values)
    np.testing.assert_allclose(shown.get_array().reshape(3, 3), values.clip(-16, 0).T)
    assert shown.get_clim() == (-16, 0) and table["update"] == [0] * 3 + [10] * 3 + [20] * 3


def test_numbers_are_lines():
    figure, table = FIGURES["looks in lines"]()
    assert [axes.get_title() for axes in figure.axes] == ["lstm", "gru"]
    thick = [line for line in figure.axes[1].lines if line.get_linewidth() == 1.6]
    assert [line.get_ydata().tolist() for line in thick] == [[1, 3], [1, 3]]
    assert select(table, "median", title="gru", name="U/rho").tolist() == [1, 3]
