"""Known copies, shown by the photo that they share."""

from __future__ import annotations

from catalog.photos.photo_index import photo_md5
from catalog.product import Product
from rayonnage.web.browsing.known_copies import KnownCopy, known_copies

KNOWN = {5: Product(5, (b"one", b"two")), 6: Product(6, (b"one",)), 7: Product(7, ())}


class Shelf:
    """Stands for the training catalogue; `fault`: why it cannot be opened."""

    def __init__(self, fault: Exception | None = None) -> None:
        self._fault = fault

    def get(self, product_id: int) -> Product | None:
        if self._fault is not None:
            raise self._fault
        return KNOWN.get(product_id)


def test_the_photo_that_is_shared_is_shown_else_the_first_one():
    copies = known_copies([5, 6, 7, 8], Shelf(), [photo_md5(b"two")])
    assert [one.photo.partition("?")[0] for one in copies] == ["photos/5/2", "photos/6/1", "", ""]
    assert all("catalog=training" in one.small for one in copies[:2])


def test_a_catalogue_that_is_gone_leaves_the_ids():
    for fault in (OSError("gone"), ValueError("changed")):
        assert known_copies([5], Shelf(fault), [photo_md5(b"two")]) == (KnownCopy(5),)
