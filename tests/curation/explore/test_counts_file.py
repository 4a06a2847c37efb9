"""Counts by category: any of the usual CSVs, the right level, nothing dropped unsaid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.reports.page import Card
from catalog.tree.taxonomy import Taxonomy
from curation.explore.counts_file import levels_above, read_counts
from curation.explore.explore import explore_counts, write_exploration
from curation.explore.levels import homonyms
from tests.support.pages import read_page
from tests.support.products import TAXONOMY


@pytest.fixture
def tree(tree_csv: Path) -> Taxonomy:
    return Taxonomy.from_csv(tree_csv)


def written(tmp_path: Path, text: str, name: str = "counts.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("header", ["", "category_id,count\n", "\ufeffcategory_id;products\n"])
def test_counts_by_id_keep_leaves_of_one_name_apart(tmp_path, tree, header):
    separator = ";" if ";" in header else ","
    rows = "".join(f"{i}{separator}{n}\n" for i, n in ((21, 5), (22, 7), (99, 2)))
    found = read_counts(written(tmp_path, header + rows), tree)
    assert found.counts.level == 3
    counts = dict(zip(found.counts.names, found.counts.counts.tolist(), strict=True))
    assert (counts["MUSIQUE > CD > JAZZ"], counts["MUSIQUE > VINYLE > JAZZ"]) == (5, 7)
    assert found.unknown == [("99", 2)]
    above = [dict(zip(own.names, own.counts.tolist(), strict=True)) for own in levels_above(found.counts, tree)]
    assert above[0] == {"CUISINE": 0, "LIBRAIRIE": 0, "MUSIQUE": 12}
    assert (above[1]["MUSIQUE > CD"], above[1]["MUSIQUE > VINYLE"], sum(above[1].values())) == (5, 7, 12)
    levels = explore_counts(tree, [found.path], "products").to_json()["tree"]["levels"]
    assert [own["used"] for own in levels.values()] == [1, 2, 2]
    assert len(found.missing) == 6


def test_counts_by_ids_that_are_texts(tmp_path):
    tree = Taxonomy([("C-01", ("Men", "Tees")), ("007", ("Men", "Pants")), ("=1+1", ("Women", "Tees"))])
    found = read_counts(written(tmp_path, "C-01,3\n'007,4\n'=1+1,5\nC-99,2\n"), tree)
    assert dict(zip(found.counts.names, found.counts.counts.tolist(), strict=True)) == {
        "Men > Tees": 3, "Men > Pants": 4, "Women > Tees": 5
    }  # fmt: skip
    assert found.unknown == [("C-99", 2)]
    by_name = read_counts(written(tmp_path, "Tees,3\nPants,4\n"), tree)
    assert by_name.merged == ["Tees"]


def test_counts_by_name_merge_what_bears_one_name(tmp_path, tree):
    rows = "ROMAN,3\nPOESIE,1\nGUIDE,4\nJAZZ,9\nMUG,2\nB\u00d4L,1\nPO\ufffdLE,6\nLAMPE,5\n"
    found = read_counts(written(tmp_path, rows), tree)
    counts = dict(zip(found.counts.names, found.counts.counts.tolist(), strict=True))
    assert (counts["JAZZ"], len(counts), found.counts.n_nodes) == (9, 7, 8)
    assert found.merged == ["JAZZ"]
    assert levels_above(found.counts, tree) == []
    assert found.unknown == [("B\u00d4L", 1), ("PO\ufffdLE", 6), ("LAMPE", 5)]
    assert set(found.missing) == {"BOL", "POELE"}


@pytest.mark.parametrize("rows", ["ROMAN,3\nGUIDE,1\nROMAN,4\n", "11,3\n13,1\n11,4\n"])
def test_a_category_that_stands_there_twice_has_both_counts(tmp_path, tree, rows):
    found = read_counts(written(tmp_path, rows), tree)
    assert int(found.counts.counts.sum()) == 8
    assert int(found.counts.counts.max()) == 7


def test_a_name_whose_other_characters_are_damaged_is_found_by_its_letters(tmp_path):
    tree = Taxonomy([(1, ("A", "B", "GROS \u0152UVRE")), (2, ("A", "B", "GROS")), (3, ("A", "C", "D\u2019ACCES")),
                     (4, ("A", "C", "CAF\u00c9"))])  # fmt: skip
    found = read_counts(written(tmp_path, "GROS\x85 UVRE,4\nGROS,5\nD\ufffdACCES,6\nCAFE\u0301,7\n"), tree)
    counts = dict(zip(found.counts.names, found.counts.counts.tolist(), strict=True))
    assert counts == {"GROS \u0152UVRE": 4, "GROS": 5, "D\u2019ACCES": 6, "CAF\u00c9": 7}
    assert found.loosely == ["GROS\x85 UVRE", "D\ufffdACCES", "CAFE\u0301"]


@given(st.lists(st.integers(0, 10**9), min_size=8, max_size=8))
def test_each_level_is_recognised_and_sums_up(tmp_path_factory, values):
    tmp_path = tmp_path_factory.mktemp("counts")
    tree = TAXONOMY
    for level in (1, 2, 3):
        sums: dict[str, int] = {}
        for path, n in zip(tree.paths, values, strict=True):
            sums[path[level - 1]] = sums.get(path[level - 1], 0) + n
        found = read_counts(written(tmp_path, "".join(f"{k},{v}\n" for k, v in sums.items())), tree)
        assert found.counts.level == level
        assert dict(zip(found.counts.names, found.counts.counts.tolist(), strict=True)) == sums
        assert [found.unknown, found.missing, found.loosely] == [[], [], []]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no counts"),
        ("name,count\n", "holds no counts"),
        ("ROMAN,3\nPOESIE\n", "line 2: expected a category and its count"),
        ("ROMAN,3\nPOESIE,many\n", "line 2"),
        ("ROMAN,3\nPOESIE,-1\n", "line 2"),
        ("ROMAN,3\nPOESIE,1,2\n", "line 2"),
        ("ROMAN,3\nPOESIE,9999999999999\n", "line 2"),
        ("LAMPE,3\n", "not one of its 1 categories, such as 'LAMPE', is in the tree"),
        ("4711,3\n", "not one of its 1 categories"),
    ],
)
def test_what_is_no_file_of_counts_is_refused(tmp_path, tree, text, message):
    with pytest.raises(ValueError, match=message):
        read_counts(written(tmp_path, text), tree)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path, tree):
    with pytest.raises(FileNotFoundError, match="--counts"):
        read_counts(tmp_path / "none.csv", tree)
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="UTF-8"):
        read_counts(tmp_path / "bad.csv", tree)


def test_counts_alone_make_a_page(tmp_path, tree):
    leaves = written(tmp_path, "ROMAN,30\nGUIDE,4\nJAZZ,9\nMUG,2\nCOR <b>,5\n", "leaves.csv")
    roots = written(tmp_path, "LIBRAIRIE,34\nMUSIQUE,9\nCUISINE,2\n", "roots.csv")
    page = explore_counts(tree, [leaves, roots], "photos")
    figures = page.to_json()
    assert figures["tree"]["levels"]["Cat I"] == {"nodes": 3, "names": 3, "used": 3, "held": 45, "photos": None}
    assert figures["tree"]["levels"]["Cat II"]["used"] is None
    assert figures["tree"]["levels"]["Cat III"] == {"nodes": 8, "names": 7, "used": 4, "held": 45, "photos": None}
    assert figures["fit"]["Cat III"]["unknown"] == [["COR <b>", 5]]
    text = read_page(write_exploration(page, tmp_path / "out"))
    assert "COR &lt;b&gt;" in text
    assert "<b>, " not in text
    assert "not in the tree: 5 photos in no figure" in text
    assert Card("Cat III", "4", "of 7 names in the tree (8 categories)") in page.cards
    assert Card("Cat I", "3", "of 3 in the tree") in page.cards
    said = page.text()
    assert "3 names of leaves" not in said.partition("Photos per category")[2]
    assert "3 names of the tree hold nothing here" in said
    assert "Cat III: 1 name, not in the tree: 5 photos in no figure." in said.partition("Counts and tree")[2]
    with pytest.raises(ValueError, match="both count Cat III"):
        explore_counts(tree, [leaves, written(tmp_path, "ROMAN,1\nJAZZ,2\nMUG,2\n", "more.csv")], "photos")


def test_cdiscounts_published_facts(shared_data, tmp_path):
    """What the challenge's pages and the dataset's article say, from its own tree and its counts of photos."""
    folder = shared_data / "cdiscount"
    tree = Taxonomy.from_csv(folder / "category_names.csv")
    files = [folder / f"category_count_level{level}.csv" for level in (1, 2, 3)]
    figures = explore_counts(tree, files, "photos").to_json()
    levels = figures["tree"]["levels"]
    assert [levels[f"Cat {n}"]["nodes"] for n in ("I", "II", "III")] == [49, 486, 5270]
    assert [levels[f"Cat {n}"]["names"] for n in ("I", "II", "III")] == [49, 483, 5263]
    assert [levels[f"Cat {n}"]["used"] for n in ("I", "II", "III")] == [49, 483, 5263]
    assert {levels[f"Cat {n}"]["held"] for n in ("I", "II", "III")} == {12_371_293}
    pairs = [h for h in figures["tree"]["homonyms"] if h["level"] == "Cat III"]
    assert sorted(h["name"] for h in pairs) == [
        "CONFORT URINAIRE", "FONTAINE A EAU", "FUSIBLE", "GUIDON", "PELUCHE", "PROTEGE ECRAN - FILM DE PROTECTION",
        "VOITURE",
    ]  # fmt: skip
    assert all(len(h["paths"]) == 2 for h in pairs)
    assert [len(homonyms(tree, level)) for level in (1, 2, 3)] == [0, 3, 7]
    leaves = figures["spread"]["levels"]["Cat III"]
    # published of products: 75 % and 10 %
    assert leaves["largest_hold"]["0.1"] == pytest.approx(0.75, abs=0.001)
    assert leaves["least_hold"]["0.75"] == pytest.approx(0.106, abs=0.001)
    # the names of which the counts have lost characters are found again
    assert not figures["fit"]["Cat III"]["unknown"]
    assert not figures["fit"]["Cat III"]["missing"]
    assert sum(b["held"] for b in leaves["histogram"]) == 12_371_293
    assert np.all(np.diff(np.array(leaves["cumulative"]), axis=0) >= 0)
