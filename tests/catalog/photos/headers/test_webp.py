"""WebPs chunk by chunk."""

import io

import pytest
from PIL import Image, ImageCms

from catalog.photos.formats import UnreadablePhoto
from catalog.photos.headers.header import MAX_PROFILE_BYTES
from catalog.photos.headers.webp import webp_header
from tests.support.forged_photos import bomb
from tests.support.photo_kinds import colours, photo_of

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def webp(size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    out = io.BytesIO()
    colours(size).save(out, "WEBP", **options)
    return out.getvalue()


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A file of these chunks."""
    content = b"".join(name + len(own).to_bytes(4, "little") + own + b"\0" * (len(own) % 2) for name, own in chunks)
    return b"RIFF" + (4 + len(content)).to_bytes(4, "little") + b"WEBP" + content


def canvas(width: int, height: int, flags: int = 0) -> tuple[bytes, bytes]:
    return b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


STILL = (b"VP8L", webp((40, 30), lossless=True)[20:])


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (16383, 1), (1, 16383), (255, 257)])
def test_the_size_is_read_from_the_picture_itself(lossless, size):
    assert webp_header(webp(size, lossless=lossless))[1:3] == size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_stands_beside_the_picture(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    header = webp_header(webp(icc_profile=PROFILE, exif=exif))
    assert (header.profile, header.orientation, header.is_plain, header.has_alpha) == (
        PROFILE,
        orientation,
        True,
        False,
    )
    assert webp_header(webp(icc_profile=bytes(MAX_PROFILE_BYTES + 1))).profile == b""


@pytest.mark.parametrize("mode", ["RGBA", "RGBA-lossless"])
def test_opacity_is_told(mode):
    assert webp_header(photo_of("WEBP", mode, (30, 20))).has_alpha


def test_codes_that_may_fill_the_memory_are_not_plain():
    """Whether a lossless picture brings them is known only once it is decoded: large ones go to the child."""
    assert webp_header(webp((180, 180), lossless=True)).is_plain
    assert webp_header(webp((900, 900))).is_plain
    header = webp_header(bomb("webp-many-codes"))
    assert not header.is_plain
    assert header.bytes_per_pixel == 16


def test_an_animation_has_the_size_of_its_canvas_and_is_not_plain():
    header = webp_header(webp((40, 30), save_all=True, append_images=[colours((40, 30), 1)]))
    assert header[1:3] == (40, 30)
    assert not header.is_plain
    assert header.bytes_per_pixel == 16


@pytest.mark.parametrize("size", [(41, 30), (40, 29), (16384, 16384), (16, 16)])
def test_a_canvas_that_is_not_its_pictures_is_refused(size):
    assert webp_header(riff(canvas(40, 30), STILL))[1:3] == (40, 30)
    with pytest.raises(UnreadablePhoto, match=rf"announces {size[0]} x {size[1]} pixels and holds 40 x 30"):
        webp_header(riff(canvas(*size), STILL))


@pytest.mark.parametrize(
    ("photo", "why"),
    [
        (riff(), "holds no picture"), (riff((b"VP8 ", bytes(20))), "holds no picture"),
        (riff((b"VP8L", b"\x2f")), "holds no picture"), (riff((b"VP8X", b"")), "too short"),
        (riff((b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + bytes(4))), "without pixels"),
        (webp()[:-10], "breaks off"), (webp()[:30], "breaks off"), (webp()[:19], "holds no picture"),
        (riff(*[(b"JUNK", b"")] * 2000), "more than 1000 parts"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_unreadable(photo, why):
    with pytest.raises(UnreadablePhoto, match=why):
        webp_header(photo)


@pytest.mark.parametrize("name", ["webp-canvas-16384", "webp-16-holds-16384"])
def test_a_canvas_hides_no_other_picture(name):
    with pytest.raises(UnreadablePhoto, match="holds"):
        webp_header(bomb(name))
