"""JPEGs up to their first scan: what OpenCV may decode, what is cut, what comes before the picture."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.photos.formats import UnreadablePhoto
from catalog.photos.headers.header import MAX_PROFILE_BYTES
from catalog.photos.headers.jpeg import END, begun_scans, jpeg_header
from tests.support import forged_jpegs as forged
from tests.support.photo_kinds import colours, photo_of


def jpeg(size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    colours(size).convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


@given(
    st.integers(1, 300), st.integers(1, 300), st.sampled_from(["RGB", "L", "CMYK"]), st.booleans(),
    st.integers(0, 2), st.binary(min_size=1, max_size=300), st.text(max_size=40),
)  # fmt: skip
def test_whatever_stands_before_the_picture_its_size_is_found(
    width, height, mode, progressive, sampling, profile, comment
):
    options = {"subsampling": sampling} if mode == "RGB" else {}
    photo = jpeg((width, height), mode, progressive=progressive, icc_profile=profile, comment=comment, **options)
    header = jpeg_header(photo)
    assert (header.width, header.height, header.profile) == (width, height, profile)
    assert header.is_plain == (mode != "CMYK")
    assert (header.n_passes > 1) == (header.bytes_beside > 0) == progressive


def test_a_profile_in_several_parts_is_put_together_and_one_that_is_too_large_is_none():
    profile = np.random.default_rng(0).bytes(200_000)
    assert jpeg_header(jpeg(icc_profile=profile)).profile == profile
    photo = jpeg(icc_profile=profile)
    first = photo.index(b"\xff\xe2")
    second = first + 2 + int.from_bytes(photo[first + 2 : first + 4])
    assert jpeg_header(photo[:first] + photo[second:]).profile == b""
    assert jpeg_header(forged.large_profile(MAX_PROFILE_BYTES + 1)).profile == b""


@pytest.mark.parametrize(
    "name",
    [
        "jpeg-arithmetic", "jpeg-lossless", "jpeg-length-past-end", "jpeg-length-0", "jpeg-length-1",
        "two frames", "a byte between", "12 bits", "cmyk", "cut",
    ],
)  # fmt: skip
def test_what_decoders_see_differently_is_not_plain(name):
    photo = jpeg()
    assert jpeg_header(photo).is_plain
    frame = photo.index(b"\xff\xc0")
    length = 2 + int.from_bytes(photo[frame + 2 : frame + 4])
    odd = {
        "jpeg-arithmetic": forged.arithmetic, "jpeg-lossless": forged.lossless,
        "jpeg-length-past-end": lambda: forged.wrong_length(65535), "jpeg-length-0": lambda: forged.wrong_length(0),
        "jpeg-length-1": lambda: forged.wrong_length(1),
        "two frames": lambda: photo[:frame] + 2 * photo[frame : frame + length] + photo[frame + length :],
        "a byte between": lambda: photo[:frame] + b"\0" + photo[frame:],
        "12 bits": lambda: photo[: frame + 4] + b"\x0c" + photo[frame + 5 :],
        "cmyk": lambda: jpeg(mode="CMYK"), "cut": lambda: photo[:-2],
    }[name]()  # fmt: skip
    with contextlib.suppress(UnreadablePhoto):
        assert not jpeg_header(odd).is_plain


@pytest.mark.parametrize("progressive", [False, True])
def test_a_photo_is_cut_where_no_end_follows_its_scans(progressive):
    photo = jpeg(progressive=progressive)
    assert not jpeg_header(photo).is_cut
    assert not jpeg_header(photo + b"notes of a phone").is_cut
    assert not jpeg_header(photo + photo).is_cut
    assert jpeg_header(photo[:-2]).is_cut
    with_preview = forged.with_segments(forged.segment(0xE1, b"Exif\0\0" + photo), photo)
    assert jpeg_header(with_preview[:-2]).is_cut


def test_an_end_within_a_comment_hides_no_scans():
    """10 s in this process for 5 MB, before scans were counted from mark to mark."""
    photo = forged.many_scans(64, 500)
    second = photo.index(b"\xff\xc4", photo.index(b"\xff\xda"))
    hidden = photo[:second] + forged.segment(forged.COMMENT, END) + photo[second:-2]
    header = jpeg_header(hidden)
    assert header.n_passes >= 500
    assert header.is_cut


def test_more_scans_than_any_photo_has_are_refused():
    with pytest.raises(UnreadablePhoto, match="more than 1,000 scans"):
        jpeg_header(forged.many_scans(1, 50_000))


def test_a_progressive_photo_is_whole_once_every_last_refinement_has_begun():
    photo = jpeg((160, 120), progressive=True)
    scans = [place for place in range(len(photo)) if photo[place : place + 2] == b"\xff\xda"]
    for place in scans:
        # up to and with the mark and its head, and a byte of data
        head = 2 + int.from_bytes(photo[place + 2 : place + 4])
        assert begun_scans(photo[: place + head + 1]) == (place == scans[-1], photo[place + head - 1] >> 4 > 0)
        assert not begun_scans(photo[: place + 3])[0]


@pytest.mark.parametrize("photo", [photo_of("JPEG", "RGB", (30, 20), 6), jpeg(progressive=True), jpeg(mode="CMYK")])
def test_wherever_it_is_cut_it_is_unreadable_or_said_to_be_cut(photo):
    for n in range(len(photo) - 1):
        try:
            header = jpeg_header(photo[:n])
        except UnreadablePhoto:
            continue
        assert header.is_cut


def test_the_memory_of_coefficients_is_counted_by_sampling():
    full, halved = (jpeg((400, 300), progressive=True, subsampling=sampling) for sampling in (0, 2))
    assert jpeg_header(full).bytes_beside == 2 * 3 * 400 * 300
    assert jpeg_header(halved).bytes_beside == 2 * 1.5 * 400 * 300


@pytest.mark.parametrize(
    "photo", [b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\x00", b"\xff\xd8\xff\xd9", b"\xff\xd8" + b"\xff" * 99]
)
def test_what_has_no_picture_breaks_off(photo):
    with pytest.raises(UnreadablePhoto, match="breaks off"):
        jpeg_header(photo)


def test_a_photo_without_pixels_is_damaged():
    for width, height in ((0, 9), (9, 0)):
        with pytest.raises(UnreadablePhoto, match=f"announces {width} x {height}"):
            jpeg_header(forged.resized(jpeg(), width, height))


def test_a_photo_of_a_stereo_camera_is_its_first_picture():
    out = io.BytesIO()
    Image.new("RGB", (50, 40)).save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (90, 80))])
    assert jpeg_header(out.getvalue())[1:3] == (50, 40)


def test_a_frame_whose_length_is_not_that_of_its_components_is_damaged():
    photo = jpeg()
    frame = photo.index(b"\xff\xc0")
    with pytest.raises(UnreadablePhoto, match="17 bytes for 200 components"):
        jpeg_header(photo[: frame + 9] + b"\xc8" + photo[frame + 10 :])
