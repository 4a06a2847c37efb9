"""What the page of an exploration says of titles."""

from __future__ import annotations

import json
from functools import partial

import pytest

from curation.cli import main
from tests.support.command_line import output_of
from tests.support.pages import text_of
from tests.support.text_shop import TextProduct, write_shop

call = partial(output_of, main, "explore")
PATHS = ("Men > Tees", "Men > Pants", "Women > Skirts")


def explored(folder, products):
    """What is said, and the figures."""
    said = call(write_shop(folder / "shop", products), "--decode", "none", "--output", folder / "out")
    return said, json.loads((folder / "out" / "explore.json").read_text())


def test_titles_are_counted(tmp_path):
    products = [
        TextProduct("a-1", PATHS[0], "A tee", "long <i>words</i>", (1,)),
        TextProduct("a-2", PATHS[0], "a  TEE", "", (2,)),
        TextProduct("b", PATHS[1], "Warm pants of wool", "", (3,)),
        TextProduct("c", PATHS[2], "", "", (4,)),
    ]
    said, figures = explored(tmp_path, products)
    titles = figures["titles"]
    assert (titles["titles"], titles["descriptions"], titles["distinct"]) == (3, 1, 2)
    assert titles["characters"] == {"shortest": 5, "median": 6, "longest": 18}
    assert "3 products have a title (75.0 %), 1 a description." in said
    assert "2 titles are distinct" in said
    rows = {row["category"]: row for row in titles["categories"]}
    assert (rows["Men > Tees"]["products"], rows["Men > Tees"]["distinct"]) == (2, 1)
    assert rows["Men > Pants"]["examples"] == ["Warm pants of wool"]
    assert "Women > Skirts" not in rows
    assert "Warm pants of wool" in text_of(tmp_path / "out" / "explore.html")


@pytest.mark.parametrize("copied", [True, False])
def test_titles_made_of_their_category_are_told(tmp_path, copied):
    products = [
        TextProduct(f"p{i}", path := PATHS[i % 3], f"{path.split()[-1] if copied else 'Model'} {i}", "", (i,))
        for i in range(12)
    ]
    said, figures = explored(tmp_path, products)
    assert ("hold the whole name of their own category" in said) is copied
    assert figures["titles"]["names_own_category"] == float(copied)


def test_without_titles_nothing_is_said_of_them(tmp_path):
    said, figures = explored(
        tmp_path, [TextProduct("a", PATHS[0], "", "", (1,)), TextProduct("b", PATHS[1], "", "", (2,))]
    )
    assert "titles" not in figures
    assert "Titles" not in said
