"""The look of `rayonnage fit`: what it counts, what it says, and of which catalogues nothing can be learnt."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.files.sidecar import sidecars_aside
from catalog.product import ProblemKind
from curation.cli import main as catalog
from rayonnage.fitting.looking import look as module
from rayonnage.fitting.looking.article_column import links_variants, names_article
from rayonnage.fitting.looking.look import look
from rayonnage.fitting.looking.survey import ShelfSize
from tests.support.command_line import invoke
from tests.support.products import LEAVES, make_photo, make_product

TEA, RICE, CARS = "Food > Tea", "Food > Rice", "Toys > Cars"


def table(folder: Path, rows: list[dict[str, object]], name: str = "shop.csv") -> Path:
    """A CSV of products, each with a photo of its own where it names none."""
    (folder / "photos").mkdir(exist_ok=True)
    for i, row in enumerate(rows):
        if "photos" not in row:
            (folder / "photos" / f"{i}.jpg").write_bytes(make_photo(i))
            row["photos"] = f"photos/{i}.jpg"
    columns = ["product_id", *rows[0]]
    lines = [",".join(columns), *(",".join(map(str, (f"A{i}", *row.values()))) for i, row in enumerate(rows))]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / name


def of_categories(*labels: str) -> list[dict[str, object]]:
    return [{"category_path": label} for label in labels]


def test_everything_is_counted(write_bson, tree_csv):
    shared = make_photo(9000)
    documents = [make_product(i, LEAVES[i % 3][0], 1 + i % 2) for i in range(24)]
    # two of one leaf share a photo, two of different leaves another one
    for i, photo in ((0, shared), (3, shared), (7, make_photo(9001)), (8, make_photo(9001))):
        documents[i]["imgs"][0]["picture"] = photo
    documents += [
        make_product(100),
        make_product(101, 11, 0),
        make_product(102, 99),
        make_product(103, 21) | {"imgs": [{"picture": b"\xff\xd8\xff no photo"}]},
    ]
    survey = look(write_bson(*documents), tree_csv)
    assert (survey.n_products, survey.n_labelled) == (28, 25)
    assert survey.n_by_images == (1, 13, 12, 0, 0)
    assert (survey.n_photos, survey.n_distinct_photos) == (37, 35)
    assert survey.level_names == ("Cat I", "Cat II", "Cat III")
    assert survey.n_nodes == (2, 3, 4)
    assert survey.leaf_sizes == (8, 8, 8, 1)
    assert survey.n_single == 1
    assert survey.shelves == (ShelfSize("LIBRAIRIE", 24, 36, 34, 3), ShelfSize("MUSIQUE", 1, 1, 1, 1))
    assert (survey.n_groups, survey.n_linked) == (23, 4)
    assert survey.n_contradicting == 2
    assert (survey.n_sampled, survey.n_broken) == (35, 1)
    assert survey.megapixels_per_photo == pytest.approx(48 * 48 / 1e6)
    assert survey.problems.counts[ProblemKind.UNKNOWN_CATEGORY] == 1
    assert survey.problems.counts[ProblemKind.NO_PHOTO] == 1
    said = "\n".join(survey.lines())
    assert "28 products, 25 of them to learn from (2 without a known category and 1 without a photo left out)" in said
    assert "1 with a single one" in said
    assert "4 products in 2 lots that share a photo;" in said
    assert "labels that contradict each other: 2 products" in said
    assert "photos that cannot be decoded: 1 of 35" in said
    assert f"`catalog info {survey.address} --tree {tree_csv}` names them" in said
    assert len(survey.lines()) <= 10


def test_titles_link_unless_a_column_names_the_article(tmp_path):
    rows = [{"category_path": (TEA, RICE)[i % 2], "title": f"tin {i // 4}", "parent_sku": ""} for i in range(24)]
    by_title = look(table(tmp_path, rows, "titles.csv"))
    assert (by_title.group_column, by_title.n_groups, by_title.n_linked) == (None, 6, 24)
    assert (by_title.n_titled, by_title.n_distinct_titles) == (24, 6)
    assert "24 products in 6 lots that share a photo or the title" in "\n".join(by_title.lines())
    for i, row in enumerate(rows):
        row["parent_sku"] = f"P{i // 4}-{i % 2}"
    by_column = look(table(tmp_path, rows, "articles.csv"))
    assert (by_column.group_column, by_column.n_groups) == ("parent_sku", 12)
    assert "share a photo or the parent_sku" in "\n".join(by_column.lines())
    # the one that is asked for wins
    assert look(tmp_path / "articles.csv", group="title").n_groups == 6


@pytest.mark.parametrize("column", ["article", "Article_ID", "group", "item_group_id", "parent_sku", "parentSku",
                                    "Modèle", "style no", "Artikel-Nr"])  # fmt: skip
def test_columns_that_name_the_article(column):
    assert names_article(column)


@pytest.mark.parametrize("column", ["colour", "brand", "sku", "product_id", "group price", "parental advice", "item",
                                    "stylesheet", ""])  # fmt: skip
def test_columns_that_do_not(column):
    assert not names_article(column)


def test_values_that_are_no_articles():
    leaf = np.arange(100) // 25
    assert links_variants(np.arange(100) // 3, leaf)
    # every product its own; a supplier; mostly empty; values that cross the categories
    assert not links_variants(np.arange(100), leaf)
    assert not links_variants(np.arange(100) // 60, np.zeros(100, np.int64))
    assert not links_variants(np.where(np.arange(100) < 40, np.arange(100) // 2, -1), leaf)
    assert not links_variants(np.arange(100) % 50, leaf)


def test_titles_that_would_link_more_than_half_of_all_link_nothing_and_the_split_is_told(tmp_path):
    rows = [{"category_path": (TEA, RICE)[i % 2], "title": "tin" if i < 9 else f"tin {i}"} for i in range(16)]
    survey = look(table(tmp_path, rows))
    assert (survey.titles_apart, survey.n_groups, survey.n_linked) == (True, 16, 0)
    assert "products of one title are not kept together" in "\n".join(survey.lines())
    invoke(catalog, "split", tmp_path / "shop.csv", "--workspace", tmp_path / "one", code=1)
    invoke(catalog, "split", tmp_path / "shop.csv", "--no-titles", "--workspace", tmp_path / "other")
    # a group that somebody asks for is no guess
    with pytest.raises(ValueError, match=r"one group by .*title.* has 9 products of 16"):
        look(tmp_path / "shop.csv", group="title")


def test_a_table_without_titles_names_its_other_columns(tmp_path):
    rows = [row | {"colour": "red"} for row in of_categories(*[TEA, RICE] * 6)]
    survey = look(table(tmp_path, rows))
    assert "titles: none; if one of the columns colour has them" in "\n".join(survey.lines())
    assert survey.tree is None
    assert survey.tree_note.startswith("tree of the labels themselves: 2 leaves")


def test_a_second_look_reads_no_photo_but_the_sample(tmp_path, monkeypatch):
    shop = table(tmp_path, of_categories(*[TEA, RICE] * 6))
    first = look(shop)

    def no_reading(*_: object) -> None:
        raise AssertionError("the MD5s were kept")

    monkeypatch.setattr(Catalog, "take", no_reading)
    monkeypatch.setattr(module.DecodedSample, "of", lambda *_, **__: stand_in())
    assert look(shop).fingerprint == first.fingerprint


def stand_in() -> module.DecodedSample:
    return module.DecodedSample([1.0], [1000])


def test_a_look_aside_writes_nothing_beside_the_catalogue(tmp_path, write_bson, tree_csv):
    rows = [row | {"title": f"tin {i}"} for i, row in enumerate(of_categories(*[TEA, RICE] * 6))]
    shops = [(table(tmp_path, rows), None), (write_bson(*[make_product(i, 11 + i % 2) for i in range(12)]), tree_csv)]
    before = sorted(tmp_path.rglob("*"))
    with sidecars_aside():
        aside = [look(*shop) for shop in shops]
        # the second look finds what the first has made
        assert Catalog(shops[1][0]).is_kept
    assert sorted(tmp_path.rglob("*")) == before
    kept = [look(*shop) for shop in shops]
    assert len(list(tmp_path.glob("*.index"))) == 2
    assert [one.fingerprint for one in kept] == [one.fingerprint for one in aside]
    with sidecars_aside():
        # what lies there is used
        assert Catalog(shops[1][0]).is_kept


def broken(n: int) -> list[dict[str, object]]:
    return [row | {"photos": f"photos/b{i}.jpg"} for i, row in enumerate(of_categories(*[TEA, RICE] * (n // 2)))]


def refusal(catalogue: Path, tree: Path | None = None) -> str:
    with pytest.raises(ValueError) as raised:
        look(catalogue, tree)
    return str(raised.value)


@pytest.mark.parametrize(
    ("labels", "said", "way_out"),
    [
        (["", ""] * 6, "labels are missing", "give each product its category"),
        ([TEA] * 12, r"all 12 products to learn from are of one category \(Food > Tea\)", "add products of others"),
        ([TEA, RICE, CARS] * 3, "9 products with a category and a photo are too few", "label 10 or more"),
        ([f"Food > {i}" for i in range(12)], "each of the 12 categories has a single product", "label more products"),
    ],
)
def test_of_which_nothing_can_be_learnt(tmp_path, labels, said, way_out):
    message = refusal(table(tmp_path, of_categories(*labels)))
    assert re.search(said, message)
    assert way_out in message
    assert message.count("\n") == 0


def test_variants_of_one_article_in_each_category_are_one_product(tmp_path):
    rows = [{"category_path": f"Food > {i // 4}", "title": f"tin {i // 4}"} for i in range(16)]
    assert "each of the 4 categories has a single product, or variants of one" in refusal(table(tmp_path, rows))


def test_a_tree_of_other_products(write_bson, tree_csv, tmp_path):
    strangers = write_bson(*[make_product(i, 1000 + i % 4) for i in range(12)])
    message = refusal(strangers, tree_csv)
    assert f"{tree_csv}: this tree knows none of the 12 labelled products of {strangers}, not 1000, 1001" in message
    assert "give the tree of this catalogue (--tree)" in message
    few = write_bson(*[make_product(i, 11 if i < 3 else 1000) for i in range(12)], name="few.bson")
    assert "knows 3 of the 12 labelled products" in refusal(few, tree_csv)
    unlabelled = write_bson(*[make_product(i) for i in range(12)], name="unlabelled.bson")
    assert "labels are missing" in refusal(unlabelled, tree_csv)


def test_all_photos_broken(tmp_path, monkeypatch):
    monkeypatch.setattr("rayonnage.fitting.looking.decoded_sample.N_SAMPLED", 4)
    (tmp_path / "photos").mkdir()
    for i in range(12):
        (tmp_path / "photos" / f"b{i}.jpg").write_bytes(b"\xff\xd8\xff broken %d" % i)
    shop = table(tmp_path, broken(12))
    message = refusal(shop)
    assert "none of the 12 photos can be decoded (the first: photos/b" in message
    assert "JPEG, PNG, WebP" in message
    # one that the sample has passed over is enough
    for i in range(12):
        (tmp_path / "photos" / f"b{i}.jpg").write_bytes(make_photo(i))
        survey = look(shop)
        assert survey.n_sampled - survey.n_broken >= 1
        (tmp_path / "photos" / f"b{i}.jpg").write_bytes(b"\xff\xd8\xff broken %d" % i)


def test_photos_of_nothing(tmp_path, write_bson, tree_csv):
    no_photo = write_bson(*[make_product(i, LEAVES[i % 2][0], 0) for i in range(12)], make_product(99))
    assert "no product with a category has a photo" in refusal(no_photo, tree_csv)
    (tmp_path / "empty.bson").write_bytes(b"")
    assert refusal(tmp_path / "empty.bson", tree_csv)
    with pytest.raises(FileNotFoundError):
        look(tmp_path / "nothing.bson", tree_csv)


def test_a_catalogue_that_changes_while_it_is_looked_at(tmp_path, monkeypatch):
    rows = of_categories(*[TEA, RICE] * 6)
    shop = table(tmp_path, rows)
    whole = module.DecodedSample.of

    def changed_meanwhile(*arguments: object, **options: object) -> object:
        table(tmp_path, of_categories(*[TEA, RICE] * 7))
        return whole(*arguments, **options)

    monkeypatch.setattr(module.DecodedSample, "of", changed_meanwhile)
    message = refusal(shop)
    assert "has changed while it was looked at: run the command again" in message
