"""The page is well-formed, escaped, self-contained, and written whole."""

from html.parser import HTMLParser

import numpy as np
import pytest

from ltd.report import Link, Picture, Section, page, write_page

NASTY = """<script>alert("1 & '2'")</script>"""
VOID = {"meta", "link", "img"}


class Reader(HTMLParser):
    """Checks nesting; collects tags, text and table cells."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.cells, self.text = [], [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append(["", dict(attrs).get("class")])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1][0] += data
        if self.open and self.open[-1] != "style":
            self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def sections(*parts):
    return [Section("Decay", parts)]


def test_everything_is_escaped():
    rows = [{NASTY: NASTY}]
    picture = Picture('figures/a "b" & <c>', NASTY, NASTY)
    html = page(NASTY, NASTY, [Section(NASTY, [NASTY, rows, picture])] * 3)
    read = Reader(html)
    assert read.all("script") == []
    assert "<script" not in html
    # title, h1 and intro once; in each section contents, h2, paragraph, column, field and caption
    assert read.text.count(NASTY) == 3 + 3 * 6
    assert [image["alt"] for image in read.all("img")] == [NASTY] * 3
    assert read.all("img")[0]["src"] == "figures/a%20%22b%22%20%26%20%3Cc%3E.png"


def test_a_picture_links_to_its_drawing_and_its_data():
    read = Reader(page("t", "", sections(Picture("figures/decay", "curves that fall", "Falling."))))
    assert [link["href"] for link in read.all("a")] == ["figures/decay.svg", "figures/decay.csv"]
    (image,) = read.all("img")
    assert (image["src"], image["alt"]) == ("figures/decay.png", "curves that fall")
    names = [name for name, _ in read.tags]
    assert names[names.index("figure") :][:3] == ["figure", "a", "img"]


def test_nothing_is_fetched_from_elsewhere():
    html = page("t", "i", sections("p", [{"a": 1}], Picture("f", "x", "y")))
    addresses = [v for _, attrs in Reader(html).tags for k, v in attrs.items() if k in ("href", "src")]
    assert addresses == ["data:,", "f.svg", "f.png", "f.csv"]
    assert "//" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_tables_align_numbers_and_say_what_is_absent():
    rows = [
        {"cell": "lstm", "rho": 0.123456, "seeds": 10, "solved": True},
        {"cell": "elman", "rho": np.float32(1.0), "solved": np.False_, "note": 3},
        {"cell": "gru", "rho": None, "seeds": np.int64(12000), "solved": True, "note": "late"},
    ]
    read = Reader(page("t", "i", sections(rows)))
    assert read.cells[:5] == [["cell", None], ["rho", "number"], ["seeds", "number"], ["solved", None], ["note", None]]
    body = [[text for text, _ in read.cells[i : i + 5]] for i in (5, 10, 15)]
    assert body == [
        ["lstm", "0.1235", "10", "yes", "–"],
        ["elman", "1", "–", "no", "3"],
        ["gru", "–", "12000", "yes", "late"],
    ]
    assert [kind for _, kind in read.cells[5:10]] == [None, "number", "number", None, None]


def test_empty_lines_part_paragraphs():
    read = Reader(page("t", "one\ntwo\n\nthree", sections("four")))
    assert len(read.all("p")) == 3


@pytest.mark.parametrize(("count", "links"), [(2, 0), (3, 3)])
def test_contents_list_leads_to_each_section(count, links):
    read = Reader(page("t", "i", [Section(f"part {i}", ["words"]) for i in range(count)]))
    ids = [heading["id"] for heading in read.all("h2")]
    assert len(set(ids)) == count
    assert [link["href"] for link in read.all("a")] == [f"#{id}" for id in ids][:links]


def test_a_table_with_links_stands_for_the_contents_list():
    rows = [{"part": Link(NASTY, i)} for i in (1, 2)]
    read = Reader(page("t", "i", [Section("all", [rows]), Section("one", ["words"]), Section("two", ["words"])]))
    ids = [heading["id"] for heading in read.all("h2")]
    assert [link["href"] for link in read.all("a")] == [f"#{id}" for id in ids[1:]] and not read.all("nav")
    assert read.text.count(NASTY) == 2


def test_page_adapts_to_width_and_darkness():
    html = page("t", "i", [])
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in Reader(html).all("meta")
    assert "prefers-color-scheme: dark" in html


def test_write_page_writes_that_page_and_nothing_else(tmp_path):
    path = write_page(tmp_path / "out" / "index.html", "Größe", "i", sections("words"))
    assert path.read_text(encoding="utf-8") == page("Größe", "i", sections("words"))
    assert [file.name for file in path.parent.iterdir()] == ["index.html"]


def test_write_page_refuses_a_picture_that_is_not_there(tmp_path):
    shown = sections(Picture("decay", "curves", "Falling."))
    (tmp_path / "decay.png").touch()
    (tmp_path / "decay.svg").touch()
    with pytest.raises(FileNotFoundError, match=r"decay\.csv: write it"):
        write_page(tmp_path / "index.html", "t", "i", shown)
    (tmp_path / "decay.csv").touch()
    assert write_page(tmp_path / "index.html", "t", "i", shown).is_file()
