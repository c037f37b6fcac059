"""The report of `ltd judge`: verdicts with their figures, and the README of a claim's folder.

Both are made from the plain values of a verdict (`ltd.claims.plain`), as they lie in the ledger.
`python -m experiments.judge_pages --out=DIR` takes the verdicts of DIR at their largest scale into the claim folders
that come with the package, `result.json`, unless one of a larger scale lies there, and writes their READMEs and the
report on all, `docs/results/claims`.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.tables import markdown, number
from ltd import claims, config, report
from ltd.config import ConfigError
from ltd.plots.common import DASHED, FULL, NAMES, Table, extend, save, styled
from ltd.plots.training import LEVELS
from ltd.results import writable, write_json

ROOT = Path(__file__).resolve().parent
PAGE = ROOT.parent / "docs" / "results" / "claims"
WIDE = 50  # largest over smallest value from which on an axis is logarithmic
FEW = 12  # points of a line up to which each is marked
Row = Mapping[str, Any]
ANSWERS = {
    "supported": "The results support the sentence.",
    "contradicted": "The results contradict the sentence.",
    "inconclusive": "Nothing can be said.",
}


def verdicts(out: Path) -> list[Row]:
    """All verdicts of a folder, headlines first."""
    found = [json.loads(path.read_text()) for path in sorted(out.glob("*/judged_*.json"))]
    return sorted(found, key=lambda row: (*claims.rank(row["headline"], row["key"]), row["scale"]))


def write_report(rows: Sequence[Row], out: Path, drawn: bool = True) -> Path:
    """The page on these verdicts in a folder, its figures beside it, with their .svg where they are `drawn`."""
    for row in rows:
        for stem, (draw, *_) in figures(row).items():
            figure, table = draw()
            paths = save(figure, out / stem, table, row["digests"])
            if not drawn:
                paths[1].unlink()
    return report.write_page(out / "index.html", *contents(rows, drawn))


def contents(rows: Sequence[Row], drawn: bool = True) -> tuple[str, str, list[report.Section]]:
    """Title, introduction and sections of the page."""
    overview = [
        {
            "claim": report.Link(f"{row['name']} ({row['key']})", place),
            "scale": row["scale"],
            "verdict": row["answer"],
            "why": row["because"],
            "seeds": row["seeds"],
            "seconds": round(row["seconds"]) if row["seconds"] >= 1000 else row["seconds"],
        }
        for place, row in enumerate(rows, 1)
    ]
    sections = [report.Section("Verdicts", [overview]), *(section(row, drawn) for row in rows)]
    intro = (
        "What was published, and what a measurement here says of it. A claim is judged only if every control held and "
        "no run is missing; else it is inconclusive.\n\nTags of published numbers: "
        + "; ".join(f"{tag}: {meaning}" for tag, meaning in claims.TAGS.items())
        + ".\n\nIntervals are of 95 %, over seeds: Wilson's for a share, Student's for a mean, of a log-normal for a "
        "mean time, by the bootstrap for medians, ratios and slopes; (range) marks the least and the greatest value "
        "instead. The seeds of a run are evaluated on the same sequences, whose own noise is not in an interval."
    )
    return "Claims and verdicts", intro, sections


def figures(row: Row) -> dict[str, tuple[Callable[[], tuple[Figure, Table]], str, str]]:
    """The figures of a verdict by where they lie: how each is drawn, what it shows, its caption."""
    found: dict[str, tuple[Callable[[], tuple[Figure, Table]], str, str]] = {}
    stem, plot = f"figures/{row['name']}_{row['scale']}", row["plot"]
    if compared(row):
        what = f"{row['name']}: published numbers beside ours"
        found[stem] = (lambda: comparison(row), what, "Published numbers (squares) beside ours (dots), with intervals.")
    if plot:
        what = f"{plot['y']} over {plot['x']}: {', '.join(one['name'] for one in plot['lines'])}"
        found[f"{stem}_plot"] = (lambda: lines(plot), what, f"{plot['y']} over {plot['x']}.")
    return found


def section(row: Row, drawn: bool = True) -> report.Section:
    """What the page says of one verdict."""
    parts: list[report.Part] = [f"“{row['sentence']}”"]
    if row["sentence"] != row["whole_sentence"]:
        parts.append(f"This is the reduced sentence of the scale {row['scale']}. Of the whole one, “"
                     f"{row['whole_sentence']}”, it says only so much.")  # fmt: skip
    parts += [f"{row['answer'].capitalize()}: {row['because']}", f"Source: {row['source']['reference']}"]
    parts += [report.Picture(stem, what, caption, drawn) for stem, (_, what, caption) in figures(row).items()]
    parts += [
        numbers(row),
        [{"control": c["name"], "must hold": c["what"], "held": _held(c["held"])} for c in row["controls"]],
    ]
    parts += [f"Departures: {' '.join(row['departures']) or 'none.'}", origin(row)]
    if row["missing"]:
        parts.append(f"Missing: {'; '.join(row['missing'])}.")
    return report.Section(f"{row['headline'] + ' ' if row['headline'] else ''}{row['name']}, {row['scale']}", parts)


def _held(held: bool | None) -> str:
    return {True: "held", False: "FAILED", None: "not checked"}[held]


def origin(row: Row, most: int | None = None) -> str:
    """How many runs, their cost, code and digests, or the first ones."""
    more = f" and {row['runs'] - most} more in result.json" if most and row["runs"] > most else ""
    judged = row.get("judged")
    where = ""
    if judged:
        versions = ", ".join(f"{name} {version}" for name, version in judged["versions"].items())
        where = f"{judged['date']}; {judged['machine']['cores']} cores {judged['machine']['node']}; {versions}; "
    return (
        f"{row['runs']} runs, {row['seeds']} seeds, {row['seconds']:.1f} s; commit {', '.join(row['commits']) or '-'}; "
        f"{where}digests: {' '.join(row['digests'][:most]) or 'none'}{more}"
    )


def numbers(row: Row) -> list[dict[str, Any]]:
    """Published and measured side by side."""
    ours = {one["what"]: one for one in row["numbers"]}
    theirs = {one["what"]: one for one in row["published"]}
    found = []
    for what in dict.fromkeys([*theirs, *ours]):
        printed = theirs.get(what)
        found.append(
            {
                "number": what,
                "published": f"{exact(printed['value'])} {printed['unit']}".strip() if printed else "–",
                "tag": printed["tag"] if printed else "–",
                "where": printed["where"] if printed else "–",
                "measured": interval(ours[what]) if what in ours else "–",
                "n": ours[what]["n"] if what in ours else "–",
            }
        )
    return found


def interval(one: Row) -> str:
    """A measured number, with its interval where it has one."""
    if one["value"] is None:
        return "not finite"
    value = exact(one["value"])
    if one["low"] is None:
        return value
    return f"{value} [{exact(one['low'])}, {exact(one['high'])}]" + (" (range)" if one.get("range") else "")


def exact(value: float | str) -> str:
    """A count in full, another number to four digits, text as it is."""
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e9 else number(value)


def compared(row: Row) -> list[str]:
    """The numbers that a figure can show: ours that stand beside a published one, or all of ours where none does."""
    printed = [one["what"] for one in row["published"] if not isinstance(one["value"], str)]
    ours = [one["what"] for one in row["numbers"] if one["value"] is not None]
    return [name for name in printed if name in ours] or ours  # the others are of the table


@styled
def comparison(row: Row) -> tuple[Figure, Table]:
    """A line per number, a panel per unit: the published value a square, ours a dot with its interval."""
    names = compared(row)
    said = {one["what"]: one for one in row["published"] if not isinstance(one["value"], str)}
    ours = {one["what"]: one for one in row["numbers"] if one["what"] in names}
    units: dict[str, list[str]] = {}
    for name in names:
        units.setdefault(said[name]["unit"] if name in said else "", []).append(name)
    figure = Figure(figsize=(FULL, 0.2 + 0.4 * len(units) + 0.22 * len(names)), layout="constrained")
    heights = [len(its) + 0.2 for its in units.values()]
    panels = figure.subplots(len(units), squeeze=False, height_ratios=heights)[:, 0]
    table = Table()
    for axes, (unit, its) in zip(panels, units.items(), strict=True):
        values = []
        for place, name in enumerate(reversed(its)):
            if name in said:
                axes.plot(said[name]["value"], place, "s", color=NAMES[1], markersize=6, fillstyle="none")
                values.append(said[name]["value"])
            if name in ours:
                one = ours[name]
                axes.plot(one["value"], place, "o", color=NAMES[0])
                values.append(one["value"])
                if one["low"] is not None:
                    axes.plot([one["low"], one["high"]], [place, place], color=NAMES[0])
        if min(values) > 0 and max(values) > WIDE * min(values):
            axes.set_xscale("log")
        axes.set_yticks(range(len(its)), list(reversed(its)))
        axes.set_ylim(-0.6, len(its) - 0.4)
        axes.set_xlabel(unit or "value")
        axes.grid(axis="x", linewidth=0.3)
    for name in names:
        one = ours.get(name, {})
        extend(table, number=[name], published=said.get(name, {}).get("value"), measured=one.get("value"),
               low=one.get("low"), high=one.get("high"), n=one.get("n"))  # fmt: skip
    marks = [Line2D([], [], marker="o", linestyle="", color=NAMES[0], label="measured")]
    if said.keys() & set(names):
        square = Line2D([], [], marker="s", markersize=6, fillstyle="none", linestyle="", color=NAMES[1])
        square.set_label("published")
        marks.insert(0, square)
    panels[0].legend(handles=marks, loc="upper left", bbox_to_anchor=(1, 1))
    return figure, table


@styled
def lines(plot: Row) -> tuple[Figure, Table]:
    """A claim's own figure."""
    figure = Figure(figsize=(FULL, 3.0), layout="constrained")
    axes = figure.subplots()
    table, few = Table(), all(len(one["x"]) <= FEW for one in plot["lines"])
    for place, one in enumerate(plot["lines"]):
        x, y = np.array(one["x"], float), np.array(one["y"], float)
        colour = NAMES[(place // 2 if _paired(plot) else place) % len(NAMES)]
        axes.plot(
            x, y, marker="o" if few else "", linestyle=DASHED if one["dashed"] else "-", label=one["name"], color=colour
        )
        extend(table, line=[one["name"]] * len(x), x=list(x), y=list(y))
    levels: dict[float, list[str]] = {}
    for name, level in plot.get("levels", {}).items():
        levels.setdefault(level, []).append(name)
        extend(table, line=[name], x=[None], y=[level])
    for style, (level, words) in zip(LEVELS, levels.items(), strict=False):
        label = f"{', '.join(words)}: {level:.3g}"
        axes.axhline(level, color="0.45", linestyle=style, linewidth=0.9, zorder=1, label=label)
    shown = np.array([value for value in table["y"] if value is not None and math.isfinite(value)])
    if levels and shown.size and min(shown) > 0 and max(shown) > WIDE * min(shown):
        axes.set_yscale("log")
    at = np.array([x for x in table["x"] if x is not None])
    if few and at.size and min(at) > 0 and max(at) > WIDE * min(at):
        axes.set_xscale("log")
    else:
        axes.locator_params(axis="x", nbins=5)  # a legend of long names leaves little width
    axes.set(xlabel=plot["x"], ylabel=plot["y"])
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure, table


def _paired(plot: Row) -> bool:
    """Whether every second of several lines is the dashed bound of the one before it."""
    return len(plot["lines"]) > 2 and [one["dashed"] for one in plot["lines"]] == [False, True] * (
        len(plot["lines"]) // 2
    )


# ------------------------------------------------------------------------------------------------ READMEs


def readme(folder: claims.Folder, row: Row | None) -> str:
    """The README of a claim's folder, with its committed verdict."""
    claim = folder.claim
    reduced = [f"At the scale quick: {claim.reduced}", ""] if claim.reduced else []
    lines_ = [
        f"# {claim.headline + ': ' if claim.headline else ''}{folder.name} ({claim.key})",
        "",
        f"Generated by `python -m experiments.judge_pages`; `ltd judge {folder.name}` judges it anew.",
        "",
        claim.sentence,
        "",
        *reduced,
        f"Source: {claim.source.reference}",
        "",
        *(f"- {one.name}: {one.what}" for one in claim.controls),
        "",
        f"Departures: {' '.join(claim.departures) or 'none.'}",
        "",
    ]
    if row is None:
        return "\n".join([*lines_, "Not judged yet.", ""])
    said = f"**{row['answer'].capitalize()}** (scale {row['scale']}): {row['because']}"
    return "\n".join([*lines_, said, "", markdown(numbers(row)), origin(row, 3), ""])


def committed(path: Path) -> Row | None:
    """The verdict that lies in a claim's folder."""
    file = path / "result.json"
    return json.loads(file.read_text()) if file.is_file() else None


def all_committed() -> list[Row]:
    """The verdicts of all claim folders, headlines first."""
    found = [row for path in claims.known(ROOT) if (row := committed(path)) is not None]
    return sorted(found, key=lambda row: claims.rank(row["headline"], row["key"]))


def replaces(row: Row, old: Row | None) -> bool:
    """Whether a verdict takes the place of the one before: a whole one, at no smaller scale."""
    scale = claims.SCALES.index
    return not row["missing"] and (old is None or scale(row["scale"]) >= scale(old["scale"]))


def main(arguments: Sequence[str]) -> int:
    """Take the verdicts of a folder, where one is given; write every README."""
    fields = config.parse(arguments)
    out = fields.pop("out", None)
    if fields:
        raise ConfigError(config.unknown("field", next(iter(fields)), ["out"]))
    for row in reversed(verdicts(Path(out)) if out is not None else []):  # quick first, so that full stands over it
        path = ROOT / row["name"]
        if (path / claims.OWN).is_file() and replaces(row, committed(path)):
            write_json(writable(path) / "result.json", row)
    for path in claims.known(ROOT):
        (path / "README.md").write_text(readme(claims.load(path), committed(path)))
    for path in PAGE.glob("figures/*"):
        path.unlink()
    write_report(all_committed(), PAGE, drawn=False)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ConfigError as error:
        print(f"judge_pages: {error}", file=sys.stderr)
        sys.exit(2)
