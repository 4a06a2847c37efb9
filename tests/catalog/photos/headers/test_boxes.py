"""Sizes in the boxes of AVIF and HEIC."""

import io

import pytest
from PIL import Image

from catalog.photos.decode import decode_photo
from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.boxes import MAX_BOXES, boxes_header
from tests.support.forged_others import box
from tests.support.photo_kinds import photo_of

START = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")


def ispe(width: int, height: int) -> bytes:
    return box(b"ispe", bytes(4), width.to_bytes(4), height.to_bytes(4))


def meta(*properties: bytes) -> bytes:
    return box(b"meta", bytes(4), box(b"iprp", box(b"ipco", *properties)))


def size_of(photo: bytes) -> tuple[int, int]:
    return boxes_header(photo, PhotoFormat.AVIF).upright_size


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_size_is_that_of_the_upright_photo_before_and_after_it_is_decoded(orientation, mode):
    photo = photo_of("AVIF", mode, (60, 40), orientation)
    decoded = decode_photo(photo)
    assert size_of(photo) == decoded.header.upright_size == decoded.pixels.shape[1::-1]
    assert size_of(photo) == ((60, 40) if orientation < 5 else (40, 60))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic_too(orientation):
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    pillow_heif.register_heif_opener()
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    # whole blocks of the encoder: other pictures are cut out of some, which only its decoder knows
    Image.new("RGB", (128, 64)).save(out, "HEIF", exif=exif)
    decoded = decode_photo(out.getvalue())
    size = boxes_header(out.getvalue(), PhotoFormat.HEIC).upright_size
    assert size == decoded.header.upright_size == decoded.pixels.shape[1::-1]


def test_the_largest_size_counts():
    """Tiles and previews stand beside the picture."""
    assert size_of(START + meta(ispe(512, 512), ispe(4032, 3024), ispe(240, 320))) == (4032, 3024)
    assert size_of(START + meta(ispe(512, 512)) + meta(ispe(16384, 16384))) == (16384, 16384)


@pytest.mark.parametrize(("turns", "size"), [(0, (60, 40)), (1, (40, 60)), (2, (60, 40)), (3, (40, 60))])
def test_a_quarter_turn_swaps_the_sides(turns, size):
    assert size_of(START + meta(ispe(60, 40), box(b"irot", bytes([turns])))) == size
    assert size_of(START + meta(box(b"irot"), ispe(60, 40))) == (60, 40)


def test_long_and_open_lengths():
    long = (1).to_bytes(4) + b"free" + (16 + 9).to_bytes(8) + bytes(9)
    until_the_end = bytes(4) + meta(ispe(60, 40))[4:]
    assert size_of(START + long + until_the_end) == (60, 40)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_box_shorter_than_its_head_is_damaged(length):
    with pytest.raises(UnreadablePhoto, match=r"a box of|announces no size"):
        size_of(START + length.to_bytes(4) + b"meta" + bytes(8))


def test_boxes_are_counted_over_the_whole_file():
    """Ten thousand in each of ten thousand would be as many million steps."""
    full = box(b"meta", bytes(4), box(b"free") * (MAX_BOXES // 100))
    assert size_of(START + full * 50 + meta(ispe(60, 40))) == (60, 40)
    with pytest.raises(UnreadablePhoto, match="more than 10,000 boxes"):
        size_of(START + full * 200 + meta(ispe(60, 40)))


@pytest.mark.parametrize(
    "photo", [START, START + meta(), START + meta(ispe(0, 5)), START + meta(box(b"ispe", bytes(9)))]
)
def test_a_photo_without_a_size_is_damaged(photo):
    with pytest.raises(UnreadablePhoto, match="announces no size"):
        size_of(photo)
