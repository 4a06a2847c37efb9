"""Reading products: each distinct photo once, under the MD5 that the caller knows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from catalog.chunk import Chunk
from catalog.experts import PhotoBox
from catalog.photos.photo_index import photo_md5
from catalog.product import Problem, ProblemKind, Product
from ocr import expert
from ocr.expert import Reading, TextExpert, read_products
from ocr.transcript import OcrFailure, Transcript, Word

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


class Branch:
    """Finds one photo of the first product that it is asked for unreadable, and each photo of the others."""

    def fetch(self, products, routed, md5s):
        self.asked = (products, routed, md5s)
        failure = OcrFailure("the reading process was lost: killed by SIGSEGV")
        words = Transcript((Word("crime", 1.0, (0, 0, 1, 1)),))
        return [Reading((words, failure)), None, Reading((failure,))]

    def predict(self, products, readings):
        self.told = [product.product_id for product in products], [one is not None for one in readings]


def test_an_opinion_shows_what_was_read_and_names_photos_that_could_be_seen_but_not_read():
    branch, products = Branch(), [Product(5, (b"a", b"b")), Product(3, ()), Product(6, (b"bad",))]
    undecoded = Problem(ProblemKind.UNREADABLE_PHOTO, "", 6, "damaged picture", 0)
    chunk = Chunk(products, {}, [tuple(map(photo_md5, product.images)) for product in products], [undecoded])
    of_photos = SimpleNamespace(probabilities="of the photos")
    route = SimpleNamespace(of=lambda probabilities: probabilities == "of the photos")
    opinion = TextExpert(branch, route).predict(chunk, [of_photos, None])
    assert branch.asked == (products, True, chunk.md5s)
    assert branch.told == ([5, 3, 6], [True, False, True])
    assert [opinion.quote(row) and opinion.quote(row).text for row in range(3)] == ["crime", None, ""]
    assert opinion.boxes(0) == [PhotoBox(0, (0, 0, 1, 1), "crime", 1.0)]
    assert opinion.boxes(1) == opinion.boxes(2) == []
    [problem] = opinion.problems
    assert (problem.product_id, problem.photo, problem.kind) == (5, 1, ProblemKind.UNREAD_TEXT)
    assert "SIGSEGV" in str(problem)
