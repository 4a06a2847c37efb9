"""The segments of a JPEG up to its first scan, and how many scans follow (ITU-T T.81, annex B)."""

from dataclasses import dataclass, field

from catalog.photos.formats import PhotoFormat, UnreadablePhoto
from catalog.photos.headers.exif import orientation
from catalog.photos.headers.header import MAX_PROFILE_BYTES, Header, damaged
from catalog.photos.headers.jpeg_scans import scans_of

MAX_SEGMENTS = 1000
"""Before the picture: a profile of 4 MiB has 65, a panorama's description some hundred."""
_BASELINE = 0xC0
PLAIN_FRAMES = (_BASELINE, 0xC1, 0xC2)
"""Baseline, extended and progressive with Huffman codes: what cameras and the web have."""
FRAMES = (*PLAIN_FRAMES, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
# tables, comments, restart intervals and application data
_BEFORE_SCAN = frozenset({0xC4, 0xCC, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)})
_START_OF_SCAN, _APP1, _APP2, _APP14 = 0xDA, 0xE1, 0xE2, 0xEE
_YCBCR_IDS = b"\1\2\3"
_COMMON_FACTORS = (b"\x11\x11\x11", b"\x21\x11\x11", b"\x12\x11\x11", b"\x22\x11\x11")
"""Of Y, Cb and Cr: colours in full (4:4:4), halved across (4:2:2), down (4:4:0) or both ways (4:2:0)."""
END = b"\xff\xd9"
_PROFILE = b"ICC_PROFILE\0"


@dataclass(slots=True)
class _Segments:
    """What was found before the first scan."""

    frame: int = 0
    kind: int = 0
    exif: bytes = b""
    profile: dict[int, bytes] = field(default_factory=dict)
    profile_bytes: int = 0
    scan: int = 0
    is_rgb: bool = False
    """Adobe's mark says that colours are no YCbCr: libjpeg goes by it unless there is JFIF's, others may not."""
    is_clean: bool = True
    """Every marker stands where the last segment ends, and there is one frame: every decoder sees the same."""


def jpeg_header(photo: bytes) -> Header:
    """Raises UnreadablePhoto: damaged before its first scan, of no size, or of more segments than a photo has."""
    try:
        found = _segments(photo)
        frame = found.frame
        if not frame:
            raise damaged("JPEG: it has no frame")
        height, width = photo[frame + 5] << 8 | photo[frame + 6], photo[frame + 7] << 8 | photo[frame + 8]
        length, n_components = photo[frame + 2] << 8 | photo[frame + 3], photo[frame + 9]
        in_first_scan = photo[found.scan + 4]
    except IndexError:
        raise UnreadablePhoto("the JPEG breaks off before its picture begins") from None
    if not width or not height:
        raise damaged(f"JPEG: it announces {width} x {height} pixels")
    if length != 8 + 3 * n_components:
        raise damaged(f"JPEG: its frame has {length} bytes for {n_components} components")
    n_passes, bytes_beside = 1, 0
    if found.kind in PROGRESSIVE or in_first_scan < n_components:
        scans, has_end = scans_of(photo, found.scan)
        n_passes = len(scans)
        bytes_beside = _coefficient_bytes(photo, frame, width * height, n_components)
    else:
        has_end = photo.endswith(END) or photo.rfind(END, found.scan) >= 0
    is_plain = found.is_clean and has_end and n_components in (1, 3) and found.kind in PLAIN_FRAMES
    is_plain_in_8_bits = is_plain and photo[frame + 4] == 8
    return Header(
        PhotoFormat.JPEG, width, height,
        orientation(found.exif) if found.exif else 1,
        is_plain_in_8_bits,
        False,
        _assembled(found) if found.profile else b"",
        # OpenCV holds the picture twice; Pillow, which decodes what is not plain, keeps four bytes
        6 if is_plain else 4,
        bytes_beside, n_passes, not has_end,
        is_plain_in_8_bits and found.kind == _BASELINE and not bytes_beside and not found.is_rgb
        and _has_common_components(photo[frame + 10 : frame + 2 + length]),
    )  # fmt: skip


def _segments(photo: bytes) -> _Segments:
    """Walk to the first scan; raises IndexError where the bytes end before it."""
    found, place = _Segments(), 2
    for _ in range(MAX_SEGMENTS):
        if photo[place] != 0xFF:
            # decoders skip what stands between segments, each in its own way
            found.is_clean = False
            place = photo.find(b"\xff", place)
            if place < 0:
                raise IndexError
        marker = photo[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == _START_OF_SCAN:
            found.scan = place
            return found
        length = photo[place + 2] << 8 | photo[place + 3]
        if marker in _BEFORE_SCAN:
            if marker in (_APP1, _APP2, _APP14):
                _take_application_data(found, marker, photo[place + 4 : place + 2 + length])
        elif marker in FRAMES:
            found.is_clean = found.is_clean and not found.frame
            found.frame, found.kind = found.frame or place, found.kind or marker
        else:
            found.is_clean = False
        place += 2 + length
    raise UnreadablePhoto(f"a JPEG with more than {MAX_SEGMENTS} segments before its picture")


def _take_application_data(found: _Segments, marker: int, data: bytes) -> None:
    if marker == _APP1 and data.startswith(b"Exif\0\0") and not found.exif:
        found.exif = data
    elif marker == _APP2 and data.startswith(_PROFILE) and len(data) > 14:
        found.profile_bytes += len(data)
        if found.profile_bytes <= MAX_PROFILE_BYTES:
            found.profile[data[12]] = data[14:]
    elif marker == _APP14 and data.startswith(b"Adobe") and data[11:12] != b"\1":
        found.is_rgb = True


def _has_common_components(components: bytes) -> bool:
    """Whether every decoder takes a frame's components, three bytes each, for the same grey or YCbCr."""
    if len(components) == 3:
        return components[1] == 0x11
    return components[::3] == _YCBCR_IDS and components[1::3] in _COMMON_FACTORS


def _assembled(found: _Segments) -> bytes:
    """The profile, where all of its parts (numbered from 1) are there and it is no larger than profiles are."""
    parts = found.profile
    if found.profile_bytes > MAX_PROFILE_BYTES or max(parts) != len(parts):
        return b""
    return b"".join(parts[number] for number in sorted(parts))


def _coefficient_bytes(photo: bytes, frame: int, n_pixels: int, n_components: int) -> int:
    """Memory of all coefficients, two bytes each, which several scans refine."""
    factors = [photo[frame + 11 + 3 * component] for component in range(n_components)]
    areas = [(factor >> 4) * (factor & 15) for factor in factors]
    largest = max(areas, default=0)
    return 2 * n_pixels * sum(areas) // largest if largest else 2 * n_pixels * n_components


def begun_scans(photo: bytes) -> tuple[bool, bool]:
    """Of a JPEG of several scans that is cut: whether all are begun; whether the last refines what is known already.

    Where both hold, only finest detail is missing; where the first does not, colours or most of the detail may be.
    Section G.1.1.1 of T.81: a coefficient is known exactly where a scan of it with the bit position 0 was read.
    """
    found = _segments(photo)
    start = found.frame
    rest = {(photo[start + 10 + 3 * component], k) for component in range(photo[start + 9]) for k in range(64)}
    is_refinement = False
    for place in scans_of(photo, found.scan)[0]:
        # marker, length, number of components, two bytes for each, first and last coefficient, bit positions
        n = int.from_bytes(photo[place + 4 : place + 5])
        scan = photo[place + 5 : place + 8 + 2 * n]
        if len(scan) < 2 * n + 3:
            break
        first, last, bits = scan[2 * n :]
        is_refinement = bits >> 4 > 0
        if bits & 15 == 0:
            rest -= {(component, k) for component in scan[: 2 * n : 2] for k in range(first, min(last, 63) + 1)}
    return not rest, is_refinement
