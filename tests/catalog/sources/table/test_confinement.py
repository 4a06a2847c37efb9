"""Tables that a stranger has sent: nothing outside their own folder is read for them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.product import ProblemKind
from catalog.sources.table.confinement import confine, is_inside
from catalog.sources.table.table import PhotoTable
from tests.support.products import make_photo


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """A folder with one photo, beside a secret one and links to it."""
    (tmp_path / "secret.jpg").write_bytes(make_photo(1))
    folder = tmp_path / "sent"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "own.jpg").write_bytes(make_photo(2))
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "up").symlink_to(tmp_path)
    return folder


def table_of(folder: Path, paths: list[str]) -> Path:
    table = folder / "table.csv"
    confine(table)
    rows = [f'{number},"{path}"' for number, path in enumerate(["in/own.jpg", *paths], 1)]
    table.write_text("\n".join(["product_id,photos", *rows]) + "\n", encoding="utf-8")
    return table


def test_nothing_outside_is_read(sent: Path):
    secret = str(sent.parent / "secret.jpg")
    outside = [
        secret, "../secret.jpg", "in/../../secret.jpg", "..\\secret.jpg", "link.jpg", "up/secret.jpg",
        f"file://{secret}", "/" + secret, "\\\\" + secret.lstrip("/"), "./././../sent/../secret.jpg",
    ]  # fmt: skip
    catalog = Catalog(PhotoTable(table_of(sent, outside)))
    assert {product.product_id: len(product.images) for product in catalog} == {1: 1} | dict.fromkeys(range(2, 12), 0)
    assert catalog.problems.counts[ProblemKind.OUTSIDE_UPLOAD] == len(outside) - 1
    # whether a file exists elsewhere is not told either
    nowhere = Catalog(PhotoTable(table_of(sent, [secret + "x", "../secret.jpgx"])))
    assert nowhere.problems.counts[ProblemKind.OUTSIDE_UPLOAD] == 2


def test_a_list_of_before_the_confinement_counts_no_more(sent: Path):
    table = table_of(sent, [str(sent.parent / "secret.jpg")])
    confined = table.with_name("table.csv.confined")
    confined.unlink()
    assert [len(product.images) for product in Catalog(PhotoTable(table))] == [1, 1]
    confine(table)
    assert [len(product.images) for product in Catalog(PhotoTable(table))] == [1, 0]


def test_what_becomes_a_link_later_is_not_followed(sent: Path):
    catalog = Catalog(PhotoTable(table_of(sent, [])))
    os.replace(sent / "link.jpg", sent / "in" / "own.jpg")
    assert [product.images for product in catalog] == [(b"",)]


@pytest.mark.parametrize(
    ("path", "inside"), [(b"a.jpg", True), (b"a/../b.jpg", True), (b"../a.jpg", False), (b"..", False), (b"", False)]
)
def test_inside(tmp_path: Path, path: bytes, inside: bool):
    assert is_inside(os.fsencode(tmp_path), path) == inside
