"""What a shop wrote of its products: kept to the letter, beside the catalogue, and found again by position."""

from __future__ import annotations

import pytest

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.files.sidecar import sidecar_path
from tests.support.products import make_photo

PHOTO = make_photo(1, (8, 8), "PNG")


def document(number: int, **fields: object) -> dict:
    return {"_id": number, **fields, "imgs": [{"picture": PHOTO}]}


def test_titles_are_read_beside_the_photos(write_bson):
    path = write_bson(
        document(1, category_id=5, title="Mug, 300 ml", description="White.\nDishwasher-safe."),
        document(2, title="Cafe\u0301"),
        document(3, description="without a title"),
        document(4),
    )
    catalog = Catalog(path)
    texts = catalog.titles()
    expected = ["Mug, 300 ml\nWhite. Dishwasher-safe.", "Caf\u00e9", "\nwithout a title", ""]
    assert (len(texts), list(texts), texts.any) == (4, expected, True)
    assert texts.take([3, 0, 0]) == [expected[3], expected[0], expected[0]]
    assert [texts[position] for position in (0, 1, -1)] == [expected[0], expected[1], expected[3]]
    assert (texts.n_titles, texts.n_descriptions) == (2, 2)
    assert [(p.title, p.description) for p in catalog.take([2, 0])] == [
        ("", "without a title"), ("Mug, 300 ml", "White. Dishwasher-safe."),
    ]  # fmt: skip
    assert Chunk.of(list(catalog), 8).titles == expected
    with pytest.raises(IndexError, match="texts of 4 products"):
        texts[4]


def test_a_catalogue_without_titles_keeps_no_texts(write_bson):
    path = write_bson(document(1), document(2, category_id=5))
    texts = Catalog(path).titles()
    assert (len(texts), texts.any, texts[1], texts.take([0, 1])) == (2, False, "", ["", ""])
    assert not sidecar_path(path, ".texts").exists()
