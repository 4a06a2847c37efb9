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
from catalog.photos.decode import decode_photo
from curation.duplicates import photo_hash as module
from curation.duplicates.photo_hash import SIDE, State, photo_hash, photo_hashes, unreadable
from tests.support.forged_photos import bomb
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
    image = Image.fromarray(decode_photo(photo, SIDE).pixels).convert("YCbCr")
    assert (bits, state) == (int(str(imagehash.phash(image.getchannel(0))), 16), State.HASHED)
    assert [blue, red] == [round(float(np.asarray(image)[..., c].mean())) for c in (1, 2)]


@pytest.mark.parametrize("seed", range(5))
def test_a_photo_encoded_anew_stays_near_and_another_colour_does_not(seed):
    image = drawn(seed)
    bits, blue, red, _ = photo_hash(encoded(image))
    for other in (encoded(image, quality=40), encoded(image, "PNG"), encoded(image.resize((360, 360)))):
        near, other_blue, other_red, _ = photo_hash(other)
        assert (bits ^ near).bit_count() <= 6
        assert max(abs(blue - other_blue), abs(red - other_red)) <= 10
    grey = photo_hash(encoded(image.convert("L").convert("RGB")))
    assert (bits ^ grey[0]).bit_count() <= 4
    assert grey[1:3] == (128, 128)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_photo_that_the_camera_stored_turned_is_its_upright_twin(kind, orientation):
    image = drawn(1).resize((180, 120))
    stored = image
    for turn in STORED[orientation]:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    bits, blue, red, state = photo_hash(encoded(stored, kind, exif=exif))
    other, other_blue, other_red, _ = photo_hash(encoded(image, kind))
    assert state == State.HASHED
    assert (bits ^ other).bit_count() <= (0 if kind == "PNG" else 4)
    assert max(abs(blue - other_blue), abs(red - other_red)) <= 1
    # left as it is stored, it is another picture
    assert (photo_hash(encoded(stored, kind))[0] ^ other).bit_count() > 10


T = Image.Transpose
STORED = {
    2: [T.FLIP_LEFT_RIGHT], 3: [T.ROTATE_180], 4: [T.FLIP_TOP_BOTTOM], 5: [T.TRANSPOSE],
    6: [T.ROTATE_90], 7: [T.TRANSVERSE], 8: [T.ROTATE_270],
}  # fmt: skip
"""By orientation of EXIF: how an upright picture is stored."""


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_a_cut_out_on_nothing_is_the_near_copy_of_its_twin_on_white(kind, seed):
    cut_out = drawn(seed)
    opacity = Image.new("L", (180, 180))
    opacity.paste(255, (40, 30, 150, 140))
    cut_out.putalpha(opacity)
    on_white = Image.new("RGB", cut_out.size, "white")
    on_white.paste(cut_out, mask=opacity)
    bits, blue, red, _ = photo_hash(encoded(cut_out, kind))
    other, other_blue, other_red, _ = photo_hash(encoded(on_white))
    assert (bits ^ other).bit_count() <= 4
    assert max(abs(blue - other_blue), abs(red - other_red)) <= 10


def test_plain_broken_and_huge_photos_have_no_hash():
    for colour in ("white", "black", "#fdfdfd"):
        assert photo_hash(encoded(Image.new("RGB", (180, 180), colour)))[3] == State.PLAIN
    for broken in (b"", b"no photo", make_photo(1)[:200], bomb("png-long-chunk")):
        assert photo_hash(broken)[3] == State.UNREADABLE
    assert photo_hash(bomb("png-60000"))[3] == State.REFUSED


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
    assert [(p.product_id, p.photo) for p in log.named] == [(5, 0), (6, 2)]
    assert {p.detail for p in log.named} == {"this is not a picture"}


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


def test_what_is_refused_as_things_are_is_tried_again(write_bson, monkeypatch):
    """A limit that is raised, a package that is installed: what was refused before is not forgotten."""
    large = {"_id": 9, "imgs": [{"picture": make_photo(9, (700, 600), "PNG")}, {"picture": b"broken"}]}
    catalogue = Catalog(write_bson(make_product(1), large))
    photos = catalogue.photo_index()
    monkeypatch.setattr("catalog.photos.decode.max_decoded_bytes", lambda: 2**20)
    first = photo_hashes(catalogue, photos, n_workers=1)
    assert first["state"][photos.number].tolist() == [State.HASHED, State.REFUSED, State.UNREADABLE]
    log = unreadable(catalogue, photos, first)
    assert [p.detail.split(":")[0] for p in log.named][1] == "this is not a picture"
    assert "RAYONNAGE_MAX_PHOTO_MIB" in log.named[0].detail
    monkeypatch.undo()
    seen: list[bytes] = []
    good = photo_hash
    monkeypatch.setattr(module, "photo_hash", lambda photo: seen.append(photo) or good(photo))
    second = photo_hashes(catalogue, photos, n_workers=1)
    assert second["state"][photos.number].tolist() == [State.HASHED, State.HASHED, State.UNREADABLE]
    assert len(seen) == 1


def test_of_many_unreadable_photos_the_first_have_their_reason(write_bson):
    documents = [{"_id": i, "imgs": [{"picture": b"broken"}]} for i in range(8)]
    catalogue = Catalog(write_bson(*documents))
    log = unreadable(catalogue, catalogue.photo_index(), photo_hashes(catalogue, catalogue.photo_index()))
    assert len(log) == 8
    assert [bool(p.detail) for p in log.named] == [True] * 5 + [False] * 3
