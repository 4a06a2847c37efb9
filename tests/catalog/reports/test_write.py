"""Any page becomes one HTML file in ASCII; nothing that is given becomes markup."""

from __future__ import annotations

import json

import numpy as np
import pytest

from catalog.reports.estimate import Estimate
from catalog.reports.page import Card, Example, Gallery, Matrix, Page, Plot, Section, Table, TableCell
from catalog.reports.plots import drawing, svg
from catalog.reports.write import with_commands, write_page
from tests.support.pages import check_fetches_nothing, read_page, text_of
from tests.support.products import make_photo

EVIL = "<script>é</script>"


def test_a_page_of_every_part_keeps_its_text_and_its_order(tmp_path):
    left = Example([make_photo(1)], [f"left {EVIL}"], title="2 bits apart", beside=Example([make_photo(2)], ["right"]))
    sections = [
        Section("one", f"One {EVIL}", [f"Said {EVIL}."], [
            Table("Spanned", ["", "a", "b"], [["x", 1, Estimate(0.5, 0.25, 0.75)], ["y", 2.5, TableCell("z", "below")]],
                  note="before", more="after", spans=[("", 1), ("both", 2)], groups={1: "the second"}, leads=True),
            Matrix("Put", ["A", EVIL], np.array([4, 2]), np.array([[0.75, 0.25], [0.0, 1.0]])),
            Gallery("Photos", [left], "note"),
        ]),
        Section("folded", "Folded", parts=[Table("Inner", (), [["k", "v"]], folded=True)], folded=True),
        Section("nothing", "Nothing", figures={"n": 1}),
    ]  # fmt: skip
    facts = {"seed": 0, "config": {"a": {"b": EVIL}}}
    page = Page("Title", "sub", [Card("what", "1", "below")], sections, facts, ["Mind `this --way`"])
    path = write_page(tmp_path / "new" / "page.html", page, page.to_json())
    html = read_page(path)
    check_fetches_nothing(html)
    assert text_of(path) == (
        f"Title Title sub Mind this --way what 1 below One {EVIL} How this was made One {EVIL} Said {EVIL}. Spanned "
        "before both a b x 1 50.0 25.0–75.0 the second y 2.5 z below after Put products 1 2 1 A 4 75 25 "
        f"2 {EVIL} 2 100 Photos note 2 bits apart left {EVIL} right Folded Inner k v How this was made seed 0 config "
        f"a.b {EVIL}"
    )
    assert html.count("<details") == 3
    assert json.loads(path.with_suffix(".json").read_text()) == {
        "title": "Title", "facts": facts, "warnings": ["Mind `this --way`"],
        "one": {}, "folded": {}, "nothing": {"n": 1},
    }  # fmt: skip


def test_a_drawing_follows_the_colours_of_the_page_and_is_drawn_the_same_twice():
    def draw() -> str:
        with drawing(2, 2) as figure:
            figure.subplots().plot([0, 1], [1, 0])
            return svg(figure)

    assert "var(--ink)" in draw()
    assert draw() == draw()
    assert draw().startswith("<svg")


def test_a_page_of_a_plot_holds_it_as_it_is(tmp_path):
    sections = [Section("plot", "Plot", parts=[Plot("Own", "caption", "<svg></svg>")])]
    page = read_page(write_page(tmp_path / "page.html", Page("t", sections=sections)))
    assert "<svg></svg>" in page
    assert not (tmp_path / "page.json").exists()


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("run `catalog split --folds 5`, then", "run <code>catalog split --folds 5</code>, then"),
        ("`a<b` & `c`", "<code>a&lt;b</code> &amp; <code>c</code>"),
        ("of o`neill.bson <1>", "of o`neill.bson &lt;1&gt;"),
        ("", ""),
    ],
)
def test_commands_stand_out_and_nothing_else_becomes_markup(text, html):
    assert str(with_commands(text)) == html
