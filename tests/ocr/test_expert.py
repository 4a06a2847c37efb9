"""Reading products: each distinct photo once, under the MD5 that the caller knows."""

from __future__ import annotations

import pytest

from catalog.catalog import photo_md5
from catalog.product import Product
from ocr import expert
from ocr.expert import read_products
from ocr.transcript import Transcript, Word

PRODUCTS = [Product(1, (b"a", b"b")), Product(2, ()), Product(3, (b"b",))]


class Reader:
    """Reads the photo's own bytes."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def read(self, photos: dict[bytes, bytes]) -> dict[bytes, Transcript]:
        self.asked += photos.values()
        assert list(photos) == [photo_md5(photo) for photo in photos.values()]
        return {md5: Transcript((Word(photo.decode(), 1.0, (0, 0, 1, 1)),)) for md5, photo in photos.items()}


@pytest.mark.parametrize("handed_over", [True, False])
def test_each_photo_is_read_once_and_not_hashed_again(monkeypatch, handed_over):
    md5s = [[photo_md5(photo) for photo in product.images] for product in PRODUCTS]
    hashed = []
    monkeypatch.setattr(expert, "photo_md5", lambda photo: hashed.append(photo) or photo_md5(photo))
    reader = Reader()
    readings = read_products(reader, PRODUCTS, md5s if handed_over else None)
    assert [reading.text for reading in readings] == ["a | b", "", "b"]
    assert sorted(reader.asked) == [b"a", b"b"]
    assert hashed == ([] if handed_over else [b"a", b"b", b"b"])
