"""Hashes: what the library says, nothing too large decoded, taken up again where they were left."""

from __future__ import annotations

import io
import multiprocessing

import imagehash
import numpy as np
import pytest
from PIL import Image

from catalog.catalog import Catalog
from catalog.files.sidecar import sidecar_path
from curation.duplicates import photo_hash as module
from curation.duplicates.photo_hash import State, photo_hash, photo_hashes, unreadable
from tests.support.products import make_photo, make_product


def drawn(seed: int, side: int = 180) -> Image.Image:
    """A soft picture: a few coloured spots."""
    pixels = np.random.default_rng(seed).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_bits_and_colour_are_those_of_the_libraries(kind):
    photo = encoded(drawn(1), kind)
    bits, blue, red, state = photo_hash(photo)
    image = Image.open(io.BytesIO(photo))
    image.draft("RGB", (64, 64))
    image = image.convert("RGB").convert("YCbCr")
    assert (bits, state) == (int(str(imagehash.phash(image.getchannel(0))), 16), State.HASHED)
    assert [blue, red] == [round(float(np.asarray(image)[..., c].mean())) for c in (1, 2)]


@pytest.mark.parametrize("seed", range(5))
def test_a_photo_encoded_anew_stays_near_and_another_colour_does_not(seed):
    image = drawn(seed)
    bits, blue, red, _ = photo_hash(encoded(image))
    for other in (encoded(image, quality=40), encoded(image, "PNG"), encoded(image.resize((360, 360)))):
        near, other_blue, other_red, _ = photo_hash(other)
        assert (bits ^ near).bit_count() <= 4
        assert max(abs(blue - other_blue), abs(red - other_red)) <= 10
    grey = photo_hash(encoded(image.convert("L").convert("RGB")))
    assert (bits ^ grey[0]).bit_count() <= 4
    assert grey[1:3] == (128, 128)


def test_plain_broken_and_huge_photos_have_no_hash(monkeypatch):
    for colour in ("white", "black", "#fdfdfd"):
        assert photo_hash(encoded(Image.new("RGB", (180, 180), colour)))[3] == State.PLAIN
    for broken in (b"", b"no photo", make_photo(1)[:200]):
        assert photo_hash(broken)[3] == State.UNREADABLE
    opened = []
    monkeypatch.setattr(Image.Image, "draft", lambda *a: opened.append(1))
    bomb = encoded(Image.new("1", (9000, 9000)), "PNG")
    assert photo_hash(bomb)[3] == State.UNREADABLE
    assert not opened


@pytest.fixture
def catalogue(write_bson) -> Catalog:
    products = [make_product(i, 11, 1 + i % 4) for i in range(30)]
    products[3]["imgs"][1]["picture"] = products[2]["imgs"][0]["picture"]
    products[5]["imgs"][0]["picture"] = b"broken"
    products[6]["imgs"][2]["picture"] = b"broken"
    return Catalog(write_bson(*products))


def test_every_distinct_photo_has_the_hash_of_its_bytes(catalogue, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 7)
    hashes = photo_hashes(catalogue, catalogue.photo_index(), n_workers=2)
    assert not multiprocessing.active_children()
    photos = catalogue.photo_index()
    every = [photo for product in catalogue for photo in product.images]
    assert [hashes[n].tolist() for n in photos.number] == [photo_hash(photo) for photo in every]
    log = unreadable(catalogue, photos, hashes)
    assert [(p.product_id, p.where.split(", ")[1]) for p in log.named] == [(5, "photo 1"), (6, "photo 3")]


def test_what_is_interrupted_goes_on_where_it_was(catalogue, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 7)
    seen: list[bytes] = []
    good = photo_hash
    monkeypatch.setattr(module, "photo_hash", lambda photo: seen.append(photo) or good(photo))

    def interrupt(done: int, total: int) -> None:
        if done >= 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        photo_hashes(catalogue, catalogue.photo_index(), interrupt, n_workers=1)
    assert len(seen) == 14
    hashes = photo_hashes(catalogue, catalogue.photo_index(), n_workers=1)
    n_distinct = len({photo for product in catalogue for photo in product.images})
    assert len(seen) == len(set(seen)) == n_distinct
    again = photo_hashes(catalogue, catalogue.photo_index(), n_workers=1)
    assert len(seen) == n_distinct
    assert again.tolist() == hashes.tolist()
    sidecar_path(catalogue.source.path, ".phash").unlink()
    assert photo_hashes(catalogue, catalogue.photo_index(), n_workers=1).tolist() == hashes.tolist()
