"""One static HTML page: paragraphs, tables and figures, readable on a phone, in the dark and offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from numbers import Integral, Real
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from ltd.results import write_atomically


@dataclass(frozen=True)
class Picture:
    """A figure as `plots.save` left it: `stem`.png, .svg and .csv, relative to the page; `drawn`: the .svg is kept."""

    stem: str  # "figures/decay"
    alt: str  # what it shows, for those who cannot see it
    caption: str
    drawn: bool = True

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of the files that the page links to."""
        return ("png", "svg", "csv") if self.drawn else ("png", "csv")


@dataclass(frozen=True)
class Link:
    """A cell of a table that leads to a section of the page, counted from 0."""

    text: str
    section: int


Part = str | Picture | Sequence[Mapping[str, Any]]  # a paragraph, a figure, or the rows of a table


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, in order."""

    heading: str
    parts: Sequence[Part]


STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #667; --line: #d5d9e0; --link: #0b5cad }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ec; --paper: #14171c; --faint: #9aa3b2; --line: #343a46; --link: #7db7f5 } }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 54rem; background: var(--paper); color: var(--ink);
       font: 1rem/1.55 system-ui, sans-serif }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem }
a { color: var(--link) } p { max-width: 42rem; overflow-wrap: anywhere }
.wide { overflow-x: auto; margin: 1rem 0 }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
th { color: var(--faint); font-weight: 600 } .number { text-align: right; white-space: nowrap }
figure { margin: 1.5rem 0 }
img { max-width: 100%; height: auto; box-sizing: border-box; padding: .5rem; background: #fff;
      border: 1px solid var(--line); border-radius: 4px }
figcaption { color: var(--faint); font-size: .9rem; max-width: 42rem }
"""


def page(title: str, intro: str, sections: Sequence[Section]) -> str:
    """The whole page as HTML. Every word is escaped; nothing is fetched but the pictures beside it.

    In `intro` and in paragraphs an empty line begins a new one. With three sections or more there is a contents list,
    unless a table has links to them.
    """
    rows = [row for s in sections for part in s.parts if not isinstance(part, str | Picture) for row in part]
    linked = any(isinstance(value, Link) for row in rows for value in row.values())
    contents = "".join(f'<li><a href="#s{i}">{escape(s.heading)}</a></li>\n' for i, s in enumerate(sections))
    body = "".join(
        f'<h2 id="s{i}">{escape(section.heading)}</h2>\n' + "".join(_part(part) for part in section.parts)
        for i, section in enumerate(sections)
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{_part(intro)}{f"<nav><ul>{contents}</ul></nav>" if len(sections) > 2 and not linked else ""}
{body}</body>
</html>
"""


def write_page(path: Path | str, title: str, intro: str, sections: Sequence[Section]) -> Path:
    """Write the page at once or not at all; a picture that does not lie beside it is an error."""
    path = Path(path)
    pictures = [part for section in sections for part in section.parts if isinstance(part, Picture)]
    files = [path.parent / f"{picture.stem}.{kind}" for picture in pictures for kind in picture.kinds]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(f"the page shows {', '.join(missing)}: write it with ltd.plots.save before the page.")
    text = page(title, intro, sections)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: file.write(text.encode()))
    return path


def _part(part: Part) -> str:
    if isinstance(part, str):
        return "".join(f"<p>{escape(text.strip())}</p>\n" for text in part.split("\n\n") if text.strip())
    return _figure(part) if isinstance(part, Picture) else _table(part)


def _figure(picture: Picture) -> str:
    png, svg, table = (escape(f"{quote(picture.stem)}.{kind}") for kind in ("png", "svg", "csv"))
    image = (
        f'<a href="{svg if picture.drawn else png}"><img src="{png}" alt="{escape(picture.alt)}" loading="lazy"></a>'
    )
    return f'<figure>{image}\n<figcaption>{escape(picture.caption)} <a href="{table}">Data</a></figcaption></figure>\n'


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Columns in order of appearance; one that holds only numbers (or nothing) is set flush right."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = {name: all(_is_number(row[name]) for row in rows if row.get(name) is not None) for name in names}
    kind = {name: ' class="number"' if numeric[name] else "" for name in names}
    head = "".join(f'<th scope="col"{kind[name]}>{escape(str(name))}</th>' for name in names)
    lines = ["".join(f"<td{kind[name]}>{_cell(row.get(name))}</td>" for name in names) for row in rows]
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n'


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if isinstance(value, Link):
        return f'<a href="#s{value.section}">{escape(value.text)}</a>'
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if _is_number(value) and not isinstance(value, Integral):
        return f"{value:.4g}"
    return "–" if value is None else escape(str(value))
