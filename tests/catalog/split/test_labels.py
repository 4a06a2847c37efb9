"""True leaves: the catalogue's own, or a CSV's."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.split.labels import true_leaves
from catalog.tree.taxonomy import Taxonomy


def test_the_catalogues_own_labels_and_a_csv_that_wins(tiny_catalog, tree_csv, tmp_path):
    tree = Taxonomy.from_csv(tree_csv)
    own = true_leaves(tiny_catalog, tree)
    assert tree.leaf_ids[own].tolist() == tiny_catalog.category_ids.tolist()
    for column in ("product_id", "_id"):
        (tmp_path / "l.csv").write_text(f"note,category_id,{column}\nx,33,4\ny,11,2\nz,999,3\nw,21,12345\n")
        given = true_leaves(tiny_catalog, tree, tmp_path / "l.csv")
        assert given[[4, 2, 3, 0]].tolist() == [*tree.leaf_index([33, 11]), -1, -1]
        assert (given >= 0).sum() == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"product,category_id\n1,11\n", "l.csv: expected the columns product_id and category_id, got product"),
        (b"", "l.csv lacks the column category_id"),
        (b"_id,category_id\n1,11\n2,many\n", "l.csv, line 3: 'many' is neither a category_id nor"),
        (b"_id,category_id\n1\n", "l.csv, line 2: no category: it is empty"),
        (b"_id,category_id\n1,%d\n" % 10**30, "l.csv, line 2: '1000.* is neither a category_id"),
        (b"_id,category_id\n1,\xff\n", "l.csv"),
        (b"x" * 200_000, "l.csv"),
        (b"_id,category_id\n1,999\n", "no product has a category of this tree in .*l.csv"),
    ],
)
def test_what_cannot_be_used_is_named(tiny_catalog, tree_csv, tmp_path, content, message):
    (tmp_path / "l.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        true_leaves(tiny_catalog, Taxonomy.from_csv(tree_csv), tmp_path / "l.csv")


def test_missing_labels_name_the_option(tiny_catalog, tree_csv, tmp_path):
    with pytest.raises(FileNotFoundError, match="--labels"):
        true_leaves(tiny_catalog, Taxonomy.from_csv(tree_csv), tmp_path / "none.csv")


def test_texts_that_the_tree_lacks_are_unlabelled_and_named(tiny_catalog, tmp_path, caplog):
    tree = Taxonomy([("CAT-7", ("Food", "Tea")), ("CAT-8", ("Food", "Rice"))])
    (tmp_path / "l.csv").write_text("product_id,category_id\n1,CAT-7\n2,Rice\n3,OLD-1\n4,OLD-1\n5,12\n")
    given = true_leaves(tiny_catalog, tree, tmp_path / "l.csv")
    assert given[1:6].tolist() == [*tree.leaf_index(["CAT-7", "CAT-8"]), -1, -1, -1]
    assert "2 labels of 1 category that the tree lacks count as unlabelled: 'OLD-1' (2)" in caplog.text
    (tmp_path / "l.csv").write_text("product_id,category_id\n1,Food\n")
    with pytest.raises(ValueError, match="line 2: Food is no category itself"):
        true_leaves(tiny_catalog, tree, tmp_path / "l.csv")


def test_an_unlabelled_catalogue_is_not_evaluated(write_bson, tree_csv):
    from catalog.catalog import Catalog

    catalog = Catalog(write_bson({"_id": 1, "imgs": []}))
    assert np.array_equal(catalog.category_ids, [-1])
    with pytest.raises(ValueError, match="an evaluation needs labels"):
        true_leaves(catalog, Taxonomy.from_csv(tree_csv))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_spreadsheets_may_separate_by_other_signs(tiny_catalog, tree_csv, tmp_path, separator):
    rows = ["product_id,note,category_id", "3,a cup,31", "5,,13"]
    (tmp_path / "l.csv").write_text("\n".join(rows).replace(",", separator), encoding="utf-8-sig")
    tree = Taxonomy.from_csv(tree_csv)
    given = true_leaves(tiny_catalog, tree, tmp_path / "l.csv")
    assert tree.leaf_ids[given[given >= 0]].tolist() == [31, 13]


def test_categories_may_be_names_and_paths(tiny_catalog, tree_csv, tmp_path):
    tree = Taxonomy.from_csv(tree_csv)
    rows = "1,MUSIQUE > CD > JAZZ\n2,musique/cd/jazz\n3,21\n4,999\n"
    for column in ("category_id", "category_path", "category"):
        (tmp_path / "l.csv").write_text(f"product_id,{column}\n{rows}")
        given = true_leaves(tiny_catalog, tree, tmp_path / "l.csv")
        assert given[1:5].tolist() == [*tree.leaf_index([21, 21, 21]), -1]
        assert (given >= 0).sum() == 3
    # the id says more than the path, the path more than the name
    (tmp_path / "l.csv").write_text("category,category_path,_id,category_id\nJAZZ,MUSIQUE > CD > JAZZ,1,22\n")
    assert true_leaves(tiny_catalog, tree, tmp_path / "l.csv")[1] == tree.leaf_index(22)


def test_names_that_cannot_be_read_are_named_together(tiny_catalog, tree_csv, tmp_path):
    (tmp_path / "l.csv").write_text("product_id,category\n1,JAZZ\n2,21\n3,MUSIQUE\n" + "4,jaz\n" * 9)
    with pytest.raises(ValueError) as error:
        true_leaves(tiny_catalog, Taxonomy.from_csv(tree_csv), tmp_path / "l.csv")
    told = str(error.value).splitlines()
    assert "11 labels cannot be taken" in told[0]
    assert "l.csv, line 2: 'JAZZ' may be 2 categories" in told[1]
    assert "line 4" in told[2]
    assert "MUSIQUE is no category itself" in told[2]
    assert "the nearest are" in told[3]
    assert len(told) == 6
