"""Some products that are predicted together."""

from catalog.chunk import Chunk
from catalog.photos.decode import decode_photo
from catalog.photos.photo_index import photo_md5
from catalog.product import ProblemKind, Product
from tests.support.products import make_photo


def test_a_chunk_decodes_each_photo_once_and_names_what_is_wrong(monkeypatch):
    good, other = make_photo(1), make_photo(2)
    cut, broken = good[:-2], good[:300]
    seen = []

    def counted(photo, size):
        seen.append(photo)
        return decode_photo(photo, size)

    monkeypatch.setattr("catalog.photos.batch.decode_photo", counted)
    chunk = Chunk.of([Product(1, (good, broken)), Product(2, (good, cut, other)), Product(3, ())], 32)
    assert sorted(seen) == sorted({good, broken, cut, other})
    assert chunk.readable == [(photo_md5(good),), (photo_md5(good), photo_md5(cut), photo_md5(other)), ()]
    assert chunk.n_readable.tolist() == [1, 3, 0]
    assert chunk.md5s[0] == (photo_md5(good), photo_md5(broken))
    assert [(p.kind, p.photo, p.product_id) for p in chunk.problems] == [
        (ProblemKind.UNREADABLE_PHOTO, 1, 1),
        (ProblemKind.DAMAGED_PHOTO, 1, 2),
    ]
    assert chunk.problems[1].detail == "the end mark of the JPEG is missing"
    assert {picture.shape for picture in chunk.pictures.values()} == {chunk.pictures[photo_md5(other)].shape}
