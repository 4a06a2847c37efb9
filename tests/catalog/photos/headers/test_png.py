"""PNGs chunk by chunk: what OpenCV may decode, and what is cut out before it does."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from catalog.photos.formats import UnreadablePhoto
from catalog.photos.headers.header import MAX_PROFILE_BYTES
from catalog.photos.headers.png import MAX_CHUNKS, only_pixels, png_header
from tests.support import forged_pngs as forged
from tests.support.forged_photos import bomb
from tests.support.photo_kinds import colours, photo_of, png_of

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def png(mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    out = io.BytesIO()
    colours(size).convert(mode).save(out, "PNG", **options)
    return out.getvalue()


def dressed(photo: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """With further chunks before its pixels."""
    place = photo.index(b"IDAT") - 4
    return photo[:place] + b"".join(forged.chunk(*own) for own in chunks) + photo[place:]


@pytest.mark.parametrize(
    ("photo", "is_plain", "has_alpha"),
    [
        (png(), True, False), (png("L"), True, False), (png("1"), True, False), (png("P"), True, False),
        (png("RGBA"), True, True), (png("LA"), True, True), (photo_of("PNG", "P-transparent", (9, 9)), True, True),
        # OpenCV leaves these colours as they are
        (photo_of("PNG", "RGB-transparent", (9, 9)), False, True),
        (photo_of("PNG", "L-transparent", (9, 9)), False, True),
        # and cuts 16 bits in its own way
        (png("I;16"), False, False), (png_of(1, 1, 16, 2, bytes(7)), False, False),
        (png_of(1, 1, 16, 6, bytes(9)), False, True),
    ],
)  # fmt: skip
def test_what_opencv_gets_wrong_is_not_plain(photo, is_plain, has_alpha):
    header = png_header(photo)
    assert (header.is_plain, header.has_alpha, header.is_cut) == (is_plain, has_alpha, False)


@given(st.lists(st.tuples(st.sampled_from([b"tEXt", b"zTXt", b"raYn", b"acTL"]), st.binary(max_size=99)), max_size=8))
def test_what_only_describes_a_picture_is_cut_out_and_the_picture_stays(chunks):
    photo = png("P")
    whole = dressed(photo, *chunks)
    assert only_pixels(whole) == only_pixels(photo)
    bare = Image.open(io.BytesIO(only_pixels(whole)))
    bare.load()
    assert bare.format == "PNG"
    assert (np.asarray(bare.convert("RGB")) == np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"))).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "P-transparent", "RGBA", "LA"])
def test_the_bare_picture_is_a_sound_png(mode):
    photo = dressed(photo_of("PNG", mode, (33, 21)), (b"tIME", bytes(7)), (b"tEXt", b"a\0b")) + b"notes behind the end"
    bare = only_pixels(photo)
    place = 8
    while place < len(bare):
        length = int.from_bytes(bare[place : place + 4])
        content = bare[place + 4 : place + 8 + length]
        assert zlib.crc32(content).to_bytes(4) == bare[place + 8 + length : place + 12 + length]
        place += 12 + length
    assert place == len(bare)
    assert bare.endswith(forged.chunk(b"IEND"))
    layers = [Image.open(io.BytesIO(own)).convert("RGBA") for own in (bare, photo)]
    assert (np.asarray(layers[0]) == np.asarray(layers[1])).all()


@pytest.mark.slow
def test_a_profile_is_unpacked_within_bounds():
    assert png_header(png(icc_profile=PROFILE)).profile == PROFILE
    for profile in (bytes(MAX_PROFILE_BYTES + 1), bytes(60 * 2**20)):
        assert png_header(png(icc_profile=profile)).profile == b""
    assert png_header(bomb("png-profile-bomb")).profile == b""
    packed = zlib.compress(PROFILE)
    for content in (b"", b"name", b"name\0\0", b"name\0\0" + packed[:-5], b"name\0\0no zlib", b"name" + packed):
        assert png_header(dressed(png(), (b"iCCP", content))).profile == b""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_may_stand_behind_the_pixels(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = png()
    behind = photo[:-12] + forged.chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) + photo[-12:]
    assert png_header(behind).orientation == orientation


@pytest.mark.parametrize(
    ("photo", "why"),
    [
        (png()[:-30], "breaks off"),
        (png()[:33] + (2**31 - 1).to_bytes(4) + b"IDAT" + bytes(99), "a part of 2,147,483,647 bytes|begin 2,147"),
        (png()[:33] + (2**32 - 1).to_bytes(4) + b"IDAT" + bytes(99), "a part of 4,294,967,295 bytes, 107 are left"),
        (png()[:33] + (500).to_bytes(4) + b"tEXt" + bytes(99), "a part of 500 bytes, 107 are left"),
        (forged.SIGNATURE, "does not begin with its size"),
        (forged.SIGNATURE + forged.chunk(b"IHDR", bytes(5)), "does not begin with its size"),
        (forged.header(0, 5), "announces 0 x 5"), (forged.header(2**31, 5), "announces 2147483648 x 5"),
        (forged.header(5, 5, depth=3), "3 bits"), (forged.header(5, 5, colour=5), "of kind 5"),
        (forged.header(5, 5) + forged.chunk(b"raYn") * MAX_CHUNKS, "more than 50,000 parts"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_unreadable(photo, why):
    with pytest.raises(UnreadablePhoto, match=why):
        png_header(photo)


def test_a_photo_without_its_end_is_cut():
    assert png_header(png()[:-12]).is_cut
    assert not png_header(png()[:-12]).is_plain
