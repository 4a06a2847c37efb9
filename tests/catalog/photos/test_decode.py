"""One picture of every photo: within two grey levels of Pillow's, upright, on white, in sRGB."""

import contextlib
import io
import os
import resource
import signal
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from catalog.photos import confined
from catalog.photos.decode import _in_flight, decode_photo, why_unreadable
from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.limits import max_decoded_bytes
from tests.support.forged_jpegs import segment, with_segments
from tests.support.photo_kinds import MODES, SIZES, WITH_EXIF, colours, photo_of, pillows_picture, png_of

CASES = Path(__file__).parents[4] / "shared/data/cases"
KINDS = [(kind, mode) for kind, modes in MODES.items() for mode in modes]


def furthest(picture: np.ndarray, expected: np.ndarray) -> int:
    assert picture.dtype == np.uint8
    assert picture.shape == expected.shape
    return int(np.abs(picture.astype(int) - expected).max())


@pytest.mark.parametrize(("kind", "mode"), KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_every_format_mode_and_size_is_pillows_picture(kind, mode, size):
    photo = photo_of(kind, mode, size)
    decoded = decode_photo(photo)
    assert furthest(decoded.pixels, pillows_picture(photo)) <= 2
    assert decoded.header.format == kind
    assert (decoded.header.width, decoded.header.height) == size
    assert decoded.remark == ""


@pytest.mark.parametrize("kind", WITH_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_stand_upright(kind, orientation):
    photo = photo_of(kind, "RGB", (40, 24), orientation)
    assert furthest(decode_photo(photo).pixels, pillows_picture(photo)) <= 2


def test_the_orientations_differ():
    """What the test above rests on: a decoder that turns nothing fails it."""
    pictures = {decode_photo(photo_of("PNG", "RGB", (24, 24), n)).pixels.tobytes() for n in range(1, 9)}
    assert len(pictures) == 8


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_how_a_photo_is_turned_does_not_depend_on_who_decodes_it(mode):
    """EXIF alone turns: not a note of an editor (XMP), and damaged EXIF turns nothing and is no reason to refuse."""
    xmp = b"http://ns.adobe.com/xap/1.0/\0<rdf:Description tiff:Orientation='6'/>".replace(b"'", b'"')
    for notes in (xmp, b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"):
        photo = with_segments(segment(0xE1, notes), photo_of("JPEG", mode, (40, 24)))
        assert decode_photo(photo).pixels.shape == (24, 40, 3)


@pytest.mark.parametrize("depth", [8, 16])
def test_damaged_exif_of_a_png_turns_nothing(depth):
    photo = png_of(2, 1, depth, 0, bytes(1 + 2 * depth // 8), (b"eXIf", b"garbage"))
    assert decode_photo(photo).pixels.shape == (1, 2, 3)


@given(st.sampled_from(KINDS), st.tuples(st.integers(1, 90), st.integers(1, 90)), st.integers(1, 8), st.integers(0, 99))
def test_any_photo_is_pillows_picture(kind_and_mode, size, orientation, seed):
    photo = photo_of(*kind_and_mode, size, orientation, seed)
    assert furthest(decode_photo(photo).pixels, pillows_picture(photo)) <= 2


@given(
    st.sampled_from(KINDS), st.tuples(st.integers(1, 400), st.integers(1, 400)), st.integers(1, 8), st.integers(1, 300)
)
def test_a_shrunk_photo_has_the_side_that_was_asked_for(kind_and_mode, size, orientation, at_most):
    decoded = decode_photo(photo_of(*kind_and_mode, size, orientation), at_most)
    assert max(decoded.pixels.shape[:2]) == min(at_most, max(size))
    turned = orientation > 4 and kind_and_mode[0] in WITH_EXIF
    assert decoded.pixels.shape[0] == pytest.approx((size[0] if turned else size[1]) / decoded.enlargement, abs=1)


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("GIF", "P"), ("WEBP", "RGB")]
)
@pytest.mark.parametrize("at_most", [300, 160, 97, 12])
def test_a_shrunk_photo_is_the_average_of_the_whole(kind, mode, at_most):
    """JPEGs are shrunk by libjpeg on the way, others in one or two steps: the picture is the same but for detail."""
    photo = photo_of(kind, mode, (803, 600))
    expected = Image.fromarray(pillows_picture(photo))
    height = decode_photo(photo, at_most).pixels.shape[0]
    expected = np.asarray(expected.resize((at_most, height), Image.Resampling.BOX))
    # a GIF is dithered: neighbours differ by much, and cells do not fall together
    assert np.abs(decode_photo(photo, at_most).pixels.astype(int) - expected).mean() < (8 if kind == "GIF" else 2)


@pytest.mark.parametrize("bits", [0xABCD, 0x00FF, 0xFF00])
def test_sixteen_bits_are_scaled_not_cut(bits):
    grey = png_of(2, 1, 16, 0, b"\0" + bits.to_bytes(2) * 2)
    colour = png_of(1, 1, 16, 2, b"\0" + bits.to_bytes(2) * 3)
    with_opacity = png_of(1, 1, 16, 6, b"\0" + bits.to_bytes(2) * 3 + b"\xff\xff")
    for photo in (grey, colour, with_opacity):
        assert np.abs(decode_photo(photo).pixels.astype(int) - bits / 257).max() <= 1


def test_a_sixteen_bit_tiff_is_scaled():
    for order in ("<", ">"):
        out = io.BytesIO()
        values = np.linspace(0, 65535, 50).astype(order + "u2").reshape(1, 50)
        mode = "I;16" if order == "<" else "I;16B"
        Image.frombytes(mode, (50, 1), values.tobytes()).save(out, "TIFF")
        assert np.abs(decode_photo(out.getvalue()).pixels[..., 0] - values / 257).max() <= 1


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("colour", [0, 2])
def test_a_transparent_colour_is_white(depth, colour):
    """One colour that counts as transparent, with black beside it that stays."""
    n = 1 if colour == 0 else 3
    value = b"\x12\x34" if depth == 16 else b"\x34"
    named = (b"\x12\x34" if depth == 16 else b"\0\x34") * n
    photo = png_of(2, 1, depth, colour, b"\0" + value * n + b"\0" * len(value) * n, (b"tRNS", named))
    assert decode_photo(photo).pixels.tolist() == [[[255] * 3, [0] * 3]]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_transparent_grey_of_few_bits_is_white(depth):
    """Pillow compares it with pixels that it has scaled to 255, and finds none."""
    most = 2**depth - 1
    greys = list(range(most + 1))
    row = int("".join(f"{grey:0{depth}b}" for grey in greys).ljust(8, "0"), 2)
    n_bytes = max(1, len(greys) * depth // 8)
    for transparent in {0, most // 2, most}:
        named = (b"tRNS", transparent.to_bytes(2))
        photo = png_of(len(greys), 1, depth, 0, b"\0" + row.to_bytes(n_bytes), named)
        expected = [255 if grey == transparent else grey * 255 // most for grey in greys]
        assert decode_photo(photo).pixels[0, :, 0].tolist() == expected


def grey_profile() -> bytes:
    """Of grey pictures with a gamma of 1.8, the least that the standard (ICC.1) asks for."""

    def number(value: float) -> bytes:
        return round(value * 65536).to_bytes(4)

    white = number(0.9642) + number(1) + number(0.8249)
    tags = {
        b"wtpt": b"XYZ " + bytes(4) + white,
        b"kTRC": b"curv" + bytes(4) + (1).to_bytes(4) + (461).to_bytes(2) + bytes(2),
    }
    start = 128 + 4 + 12 * len(tags)
    table, content = len(tags).to_bytes(4), b""
    for name, tag in tags.items():
        table += name + (start + len(content)).to_bytes(4) + len(tag).to_bytes(4)
        content += tag
    head = (start + len(content)).to_bytes(4) + b"lcms" + bytes.fromhex("02100000") + b"mntrGRAYXYZ "
    head += bytes(12) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + content


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_profile_of_greys_turns_no_colour_photo_grey(kind):
    out = io.BytesIO()
    colours((60, 40)).save(out, kind, icc_profile=grey_profile())
    bare = np.asarray(Image.open(io.BytesIO(out.getvalue())).convert("RGB"))
    assert furthest(decode_photo(out.getvalue()).pixels, bare) <= 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_profile_of_greys_holds_for_grey_photos(kind):
    out = io.BytesIO()
    colours((60, 40)).convert("L").save(out, kind, icc_profile=grey_profile())
    decoded = decode_photo(out.getvalue()).pixels
    assert furthest(decoded, pillows_picture(out.getvalue())) <= 2
    assert furthest(decoded, np.asarray(Image.open(io.BytesIO(out.getvalue())).convert("RGB"))) > 5


def profile_of(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def wide_gamut_profile() -> bytes:
    """sRGB's profile with green where Display P3 has it: the same numbers are a stronger green."""
    profile = bytearray(profile_of("sRGB"))
    place = profile.index(b"gXYZ")
    start = int.from_bytes(profile[place + 4 : place + 8])
    x, y, z = 0.2919, 0.6922, 0.0419
    profile[start + 8 : start + 20] = b"".join(round(v * 65536).to_bytes(4) for v in (x, y, z))
    return bytes(profile)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_colours_of_another_profile_become_srgb(kind):
    out = io.BytesIO()
    options = {"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}
    colours((60, 40)).save(out, kind, icc_profile=wide_gamut_profile(), **options)
    photo = out.getvalue()
    bare = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"))
    decoded = decode_photo(photo).pixels
    assert furthest(decoded, pillows_picture(photo)) <= 2
    # of every colour with green in it something changes
    assert furthest(decoded, bare) > 10


def test_a_photo_in_srgb_is_left_as_it_is():
    """Most editors embed it: such photos take the quick way, and no rounding."""
    plain, embedded = io.BytesIO(), io.BytesIO()
    colours((60, 40)).save(plain, "JPEG")
    colours((60, 40)).save(embedded, "JPEG", icc_profile=profile_of("sRGB"))
    assert (decode_photo(plain.getvalue()).pixels == decode_photo(embedded.getvalue()).pixels).all()


@pytest.mark.parametrize("profile", [b"no profile", b"\0" * 200, profile_of("LAB"), profile_of("XYZ")])
def test_a_profile_that_cannot_be_applied_is_none(profile):
    out = io.BytesIO()
    colours((20, 20)).save(out, "PNG", icc_profile=profile)
    assert (decode_photo(out.getvalue()).pixels == np.asarray(colours((20, 20)))).all()


def jpeg(size: tuple[int, int] = (160, 240), **options: object) -> bytes:
    out = io.BytesIO()
    noisy = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(noisy).save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_is_taken_and_said(progressive):
    whole = jpeg(progressive=progressive)
    decoded = decode_photo(whole[:-2])
    assert (decoded.pixels == decode_photo(whole).pixels).all()
    assert decoded.remark.endswith("within its finest details" if progressive else "is missing")
    assert why_unreadable(whole[:-2], 64) == decoded.remark
    assert why_unreadable(whole, 64) == ""


def jpeg_of_separate_scans(side: int) -> bytes:
    """Baseline, its three components one after the other, as some scanners write them."""
    start = jpeg((side, side), subsampling=0)
    scans = []
    for number in (1, 2, 3):
        out = io.BytesIO()
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (side, side), np.uint8)).save(out, "JPEG")
        grey = out.getvalue()
        coded = grey[grey.index(b"\xff\xda") + 10 : -2]
        scans.append(segment(0xDA, bytes([1, number, 0, 0, 63, 0])) + coded)
    return start[: start.index(b"\xff\xda")] + b"".join(scans) + b"\xff\xd9"


def test_a_jpeg_of_separate_scans_may_lack_its_end_but_no_colour():
    """Its last scan is the only one of its colour: cut there, a photo would turn green."""
    whole = jpeg_of_separate_scans(160)
    assert furthest(decode_photo(whole).pixels, pillows_picture(whole)) <= 2
    decoded = decode_photo(whole[:-2])
    assert decoded.remark == "the end mark of the JPEG is missing"
    assert (decoded.pixels == decode_photo(whole).pixels).all()
    assert "in its last" in decode_photo(whole[: -len(whole) // 100]).remark
    last = whole.rindex(b"\xff\xda")
    for end in (last, last + 10, last + 3000):
        with pytest.raises(UnreadablePhoto, match="breaks off"):
            decode_photo(whole[:end])


def test_a_jpeg_that_breaks_off_in_its_last_rows_keeps_the_others():
    whole = jpeg()
    decoded = decode_photo(whole[: -len(whole) // 20])
    assert "breaks off in its last" in decoded.remark
    # chroma of the next rows is blended into the last good one
    assert (decoded.pixels[:190] == decode_photo(whole).pixels[:190]).all()


@pytest.mark.parametrize(("share", "progressive"), [(0.1, False), (0.5, False), (0.8, False), (0.1, True), (0.6, True)])
def test_a_jpeg_that_breaks_off_early_is_a_problem(share, progressive):
    whole = jpeg(progressive=progressive)
    with pytest.raises(UnreadablePhoto, match="breaks off"):
        decode_photo(whole[: int(share * len(whole))])


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_other_photos_that_break_off_are_problems(kind, share):
    photo = photo_of(kind, "P" if kind == "GIF" else "RGB", (90, 70))
    with pytest.raises(UnreadablePhoto):
        decode_photo(photo[: max(1, int(share * len(photo)))])


@pytest.mark.parametrize("colour", [0, 2, 6])
def test_a_png_that_ends_early_but_properly_is_a_problem(colour):
    """Its last part is there, but half of the rows are not: OpenCV leaves those black."""
    n = {0: 1, 2: 3, 6: 4}[colour]
    rows = b"".join(b"\0" + bytes([200]) * n * 10 for _ in range(20))
    assert decode_photo(png_of(10, 20, 8, colour, rows)).pixels.shape == (20, 10, 3)
    with pytest.raises(UnreadablePhoto):
        decode_photo(png_of(10, 20, 8, colour, rows[: len(rows) // 2]))


def test_a_black_last_row_is_no_missing_one():
    rows = b"".join(b"\0" + bytes([200 if row < 19 else 0]) * 30 for row in range(20))
    pixels = decode_photo(png_of(10, 20, 8, 2, rows)).pixels
    assert (pixels[:19] == 200).all()
    assert (pixels[19] == 0).all()


def test_what_follows_a_jpeg_does_not_matter():
    whole = jpeg()
    for trailer in (b"\0" * 500, b"notes of a phone", whole, b"\xff\xd9" * 3):
        assert (decode_photo(whole + trailer).pixels == decode_photo(whole).pixels).all()
        assert decode_photo(whole + trailer).remark == ""


@pytest.mark.parametrize(
    ("photo", "why"),
    [
        (b"", "an empty file"),
        (b"%PDF-1.4 ...", "a PDF document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript program"),
        (b"hello", "not a picture"),
        (b"\xff\xd8\xff\xe0 jpeg?", "JPEG breaks off"),
        (b"GIF89a", "GIF breaks off"),
    ],
)
def test_what_is_no_photo_is_told_by_its_kind(photo, why):
    with pytest.raises(UnreadablePhoto, match=why):
        decode_photo(photo)


def test_a_banner_and_the_photo_of_a_phone_pass():
    for size in ((7500, 1200), (8064, 6048)):
        out = io.BytesIO()
        Image.new("RGB", size, (200, 30, 30)).save(out, "JPEG")
        for at_most in (180, 3000):
            decoded = decode_photo(out.getvalue(), at_most)
            assert max(decoded.pixels.shape[:2]) == at_most
            assert np.abs(decoded.pixels.astype(int) - (200, 30, 30)).max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "palette", "CMYK"])
@pytest.mark.parametrize("at_most", [180, 2000, None])
def test_large_photos_that_are_not_plain_pass_at_any_size(kind, at_most):
    """What the child hands out counts beside what it decodes: otherwise it has the memory for small pictures alone."""
    colour = {"palette": 3, "CMYK": (55, 225, 225, 0)}.get(kind, (200, 30, 30))
    picture = Image.new({"palette": "P", "CMYK": "CMYK"}.get(kind, "RGB"), (4500, 4500), colour)
    if kind == "palette":
        picture.putpalette(bytes((200, 30, 30)) * 256)
    out = io.BytesIO()
    compression = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    picture.save(out, {"palette": "PNG", "CMYK": "JPEG"}.get(kind, kind), **compression)
    decoded = decode_photo(out.getvalue(), at_most)
    assert decoded.pixels.shape == (at_most or 4500, at_most or 4500, 3)
    assert np.abs(decoded.pixels[0, 0].astype(int) - (200, 30, 30)).max() <= 2


def test_heic_is_named_where_its_package_is_missing(monkeypatch):
    monkeypatch.setattr("catalog.photos.headers.read.find_spec", lambda name: None)
    with pytest.raises(UnreadablePhoto, match=r"pip install 'rayonnage\[heic\]'") as caught:
        decode_photo(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100)
    assert not caught.value.is_lasting


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_is_decoded_where_its_package_is_there(orientation):
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    pillow_heif.register_heif_opener()
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    colours((64, 48)).save(out, "HEIF", quality=95, exif=exif)
    decoded = decode_photo(out.getvalue())
    assert decoded.header.format == PhotoFormat.HEIC
    assert furthest(decoded.pixels, pillows_picture(out.getvalue())) <= 2


def test_what_opencv_refuses_has_no_more_memory_in_the_child_than_a_photo_may_have(monkeypatch):
    """Pillow wants 16 bytes for a pixel of a WebP, OpenCV 6: a damaged one of 33 megapixels was given 576 MiB."""
    out = io.BytesIO()
    Image.new("RGB", (6000, 5500), (9, 99, 200)).save(out, "WEBP", method=0)
    given = []

    def decode_confined(photo, header, plan, at_most):
        given.append(plan.n_bytes)
        raise UnreadablePhoto("damaged")

    monkeypatch.setattr("catalog.photos.decode.decode_plain", lambda *_: None)
    monkeypatch.setattr("catalog.photos.decode.decode_confined", decode_confined)
    with pytest.raises(UnreadablePhoto, match="damaged"):
        decode_photo(out.getvalue(), 180)
    assert given == [max_decoded_bytes()]


def test_a_child_that_was_killed_is_replaced():
    photo = photo_of("GIF", "P", (30, 30))
    first = decode_photo(photo).pixels
    with confined._children().child() as child:
        os.kill(child._process.pid, 9)
        child._process.wait()
    assert (decode_photo(photo).pixels == first).all()


def test_a_profile_nobody_could_look_at_is_looked_at_again(monkeypatch):
    """What went wrong in the machine would else turn the colours of all photos of that phone."""
    out = io.BytesIO()
    colours((60, 40)).save(out, "JPEG", icc_profile=wide_gamut_profile() + bytes(8))

    def busy(*_: object) -> None:
        raise UnreadablePhoto("its decoder does not start", is_lasting=False)

    with monkeypatch.context() as patched:
        patched.setattr(confined, "_answer", busy)
        with pytest.raises(UnreadablePhoto, match="does not start"):
            decode_photo(out.getvalue())
    assert furthest(decode_photo(out.getvalue()).pixels, pillows_picture(out.getvalue())) <= 2


@pytest.mark.parametrize("error", [MemoryError(), cv2.error("Insufficient memory")])
@pytest.mark.parametrize("where", ["upright", "decode_confined"])
def test_want_of_memory_is_that_photos_problem(monkeypatch, error, where):
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(f"catalog.photos.decode.{where}", full)
    with pytest.raises(UnreadablePhoto, match="not enough memory") as caught:
        decode_photo(photo_of("JPEG", "RGB" if where == "upright" else "CMYK", (30, 20)))
    assert not caught.value.is_lasting


def test_a_process_without_a_file_to_spare_still_asks_its_decoder():
    photo = photo_of("GIF", "P", (30, 30))
    first = decode_photo(photo).pixels
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limit[1]))
        with contextlib.suppress(OSError):
            for _ in range(256):
                held.append(os.dup(0))
        assert (decode_photo(photo).pixels == first).all()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        for file in held:
            os.close(file)


def test_a_fork_waits_for_no_thread_of_its_parent():
    """Data loaders fork: what other threads were decoding at that moment never comes to an end there."""
    photo = jpeg((1000, 1000))
    with _in_flight.take(2**30, 2**30):
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            os._exit(int(decode_photo(photo).pixels.shape != (1000, 1000, 3)))
        assert os.waitpid(child, 0)[1] == 0


def test_threads_share_the_decoder():
    photos = [photo_of(kind, mode, (50, 40), seed=n) for n, (kind, mode) in enumerate(KINDS)]
    expected = [decode_photo(photo).pixels for photo in photos]
    wrong = []

    def work() -> None:
        wrong.extend(n for n, photo in enumerate(photos) if (decode_photo(photo).pixels != expected[n]).any())

    team = [threading.Thread(target=work) for _ in range(4)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared data is not here")
@pytest.mark.parametrize("name", ["exif", "transparent", "endings"])
def test_real_files_are_pillows_picture(name):
    for path in sorted(path for path in (CASES / name).rglob("*") if path.is_file()):
        if path.suffix in (".heic", ".db"):
            continue
        assert furthest(decode_photo(path.read_bytes()).pixels, pillows_picture(path.read_bytes())) <= 2, path


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared data is not here")
def test_the_real_jpeg_without_its_end_is_taken():
    decoded = decode_photo((CASES / "jpeg-without-eoi/trunc_last2.jpg").read_bytes())
    assert decoded.pixels.shape == (300, 420, 3)
    assert decoded.remark == "the end mark of the JPEG is missing"
