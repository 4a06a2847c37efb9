"""Sound photos of every format and mode, and damaged ones made of them: the same number gives the same damage."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageCms

from catalog.photos.formats import format_of
from tests.support import forged_animations, forged_others, forged_pngs
from tests.support.decoding_child import DecodingChild, Outcome

LARGEST = 100_000
"""Bytes of a real photo that is damaged here: in larger ones, most damage would hit pixels alone."""
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Numbers at which lengths go wrong."""
SIZES = (None, 180, 20, 1)
"""Sizes that are asked for in turn."""
NOTABLE_MIB = 16
HEADER = 400
"""Bytes at the start that get half of the damage."""


class Sound(NamedTuple):
    """An undamaged photo and what it is called."""

    name: str
    photo: bytes


def picture(mode: str, width: int = 37, height: int = 23) -> Image.Image:
    """Something of every colour, in a mode of Pillow."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 4), dtype=np.uint8))
    large = small.resize((width, height), Image.Resampling.BICUBIC)
    if mode == "I;16":
        return Image.fromarray(np.asarray(large)[..., 0].astype(np.uint16) * 257)
    if mode in ("RGBA", "LA"):
        return large.convert(mode)
    return large.convert("RGB").convert(mode)


def encoded(kind: str, mode: str, n_frames: int = 1, **options: Any) -> bytes:
    """By Pillow."""
    out = io.BytesIO()
    if n_frames > 1:
        options |= {"save_all": True, "append_images": [picture(mode).rotate(90 * i) for i in range(1, n_frames)]}
    picture(mode).save(out, kind, **options)
    return out.getvalue()


def sound_photos() -> list[Sound]:
    """One of each way to store a photo that Pillow writes, and some that are made by hand."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    ways: list[tuple[str, str, dict[str, Any]]] = [
        *(("JPEG", mode, {}) for mode in ("L", "RGB", "CMYK")),
        ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
        ("JPEG", "RGB", {"exif": exif, "icc_profile": profile, "restart_marker_rows": 1}),
        ("MPO", "RGB", {"n_frames": 3}),
        *(("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        ("PNG", "P", {"transparency": 3}),
        ("PNG", "RGB", {"exif": exif, "icc_profile": profile, "transparency": (1, 2, 3), "dpi": (72, 72)}),
        ("PNG", "RGB", {"n_frames": 3}),
        *(("WEBP", mode, {"method": 0}) for mode in ("RGB", "RGBA")),
        ("WEBP", "RGBA", {"lossless": True, "exif": exif, "icc_profile": profile}),
        ("WEBP", "RGB", {"n_frames": 3}),
        *(("GIF", mode, {}) for mode in ("1", "L", "P")),
        ("GIF", "P", {"transparency": 3, "interlace": 1}),
        ("GIF", "RGB", {"n_frames": 3}),
        *(("AVIF", mode, {"speed": 10}) for mode in ("L", "RGB", "RGBA")),
        ("AVIF", "RGB", {"speed": 10, "exif": exif, "icc_profile": profile}),
        ("AVIF", "RGB", {"speed": 10, "n_frames": 3}),
        *(("BMP", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")),
        *(("TIFF", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "LAB")),
        *(("TIFF", "RGB", {"compression": name}) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        ("TIFF", "1", {"compression": "group4"}),
        ("TIFF", "RGB", {"exif": exif, "icc_profile": profile}),
        ("TIFF", "RGB", {"n_frames": 3}),
    ]
    by_hand = {
        "PNG interlaced": forged_pngs.interlaced(19),
        "GIF of one colour": forged_animations.gif(30, 30),
        "WebP of one colour on a canvas": forged_animations.webp_canvas(30, 30),
        "BMP of run lengths": forged_others.run_length_bmp(30),
        "BMP upside down": forged_others.bmp(16, -16, data=bytes(768)),
        "HEIC garbage": forged_others.heic_garbage()[:400],
        "an icon": forged_others.icon(40),
    }
    made = [
        Sound(" ".join([kind, mode, *sorted(options)]), encoded(kind, mode, **options)) for kind, mode, options in ways
    ]
    return made + [Sound(name, photo) for name, photo in by_hand.items()]


def real_photos(folder: Path) -> list[Sound]:
    """Every small photo below a folder; none where it is absent."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size <= LARGEST)
    photos = ((path.name, path.read_bytes()) for path in files)
    return [Sound(name, photo) for name, photo in photos if format_of(photo) is not None]


def balanced(photos: Sequence[Sound]) -> list[Sound]:
    """The same, some several times, so that every format is met about as often."""
    of_format: dict[object, list[Sound]] = {}
    for sound in photos:
        of_format.setdefault(format_of(sound.photo), []).append(sound)
    most = max(map(len, of_format.values()))
    return [sound for same in of_format.values() for sound in same * round(most / len(same))]


class Damaged(NamedTuple):
    """A damaged photo, what it was and what was done to it."""

    name: str
    photo: bytes


def damaged(photos: Sequence[Sound], seed: int, number: int) -> Damaged:
    """The damaged photo of that number: one to four kinds of damage, one after the other."""
    rng = random.Random(f"{seed} {number}")
    name, photo = rng.choice(photos)
    done = []
    for _ in range(rng.choice((1, 1, 2, 4))):
        change = rng.choice(CHANGES)
        done.append(change.__name__)
        photo = change(photo, rng.choice(photos).photo, rng) or b"\0"
    if photo.startswith(forged_pngs.SIGNATURE) and rng.random() < 0.7:
        # a wrong checksum would stop nearly every one at the door
        photo = resealed(photo)
        done.append("resealed")
    return Damaged(f"{number}: {name}, {', '.join(done)}", photo)


def fuzzed(
    child: DecodingChild, photos: Sequence[Sound], seed: int, numbers: Iterable[int]
) -> Iterator[tuple[Damaged, Outcome]]:
    """Damaged photos, each at one of some sizes, and what became of them."""
    for number in numbers:
        photo = damaged(photos, seed, number)
        outcome = child.decode(photo.photo, SIZES[number % len(SIZES)])
        yield photo, outcome
        if outcome.mib > NOTABLE_MIB:
            # a peak stays until it is forgotten: it is not the next photo's
            child.forget()


def place_in(photo: bytes, rng: random.Random) -> int:
    """Anywhere, half of the time near the start."""
    return rng.randrange(min(len(photo), HEADER) if rng.random() < 0.5 else len(photo))


def bits_flipped(photo: bytes, _: bytes, rng: random.Random) -> bytes:
    changed = bytearray(photo)
    for _ in range(rng.choice((1, 2, 8, 40))):
        changed[place_in(photo, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def bytes_changed(photo: bytes, _: bytes, rng: random.Random) -> bytes:
    changed = bytearray(photo)
    for _ in range(rng.choice((1, 2, 8))):
        changed[place_in(photo, rng)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(changed)


def number_changed(photo: bytes, _: bytes, rng: random.Random) -> bytes:
    """Two or four bytes at once, as lengths, sizes and places are stored."""
    place, size = place_in(photo, rng), rng.choice((2, 4))
    number = (rng.choice(EDGES) + rng.choice((-1, 0, 0, 1))) % 256**size
    return photo[:place] + number.to_bytes(size, rng.choice(("little", "big"))) + photo[place + size :]


def cut(photo: bytes, _: bytes, rng: random.Random) -> bytes:
    return photo[: place_in(photo, rng)]


def part_removed(photo: bytes, _: bytes, rng: random.Random) -> bytes:
    place = place_in(photo, rng)
    return photo[:place] + photo[place + rng.choice((1, 2, 4, 12, 100)) :]


def part_repeated(photo: bytes, _: bytes, rng: random.Random) -> bytes:
    place, size = place_in(photo, rng), rng.choice((1, 4, 12, 100, 1000))
    return photo[:place] + photo[place : place + size] * rng.choice((2, 3, 50)) + photo[place + size :]


def spliced(photo: bytes, other: bytes, rng: random.Random) -> bytes:
    """The start of one, the rest of another."""
    return photo[: place_in(photo, rng)] + other[place_in(other, rng) :]


def part_of_another(photo: bytes, other: bytes, rng: random.Random) -> bytes:
    place, start = place_in(photo, rng), place_in(other, rng)
    size = rng.choice((2, 4, 12, 100))
    return photo[:place] + other[start : start + size] + photo[place + size :]


def header_of_another(photo: bytes, other: bytes, rng: random.Random) -> bytes:
    size = rng.choice((4, 8, 12, 16, 30))
    return other[:size] + photo[size:]


def zeros_in_between(photo: bytes, _: bytes, rng: random.Random) -> bytes:
    place, size = place_in(photo, rng), rng.choice((4, 64, 4096))
    return photo[:place] + bytes(size) + photo[place + rng.choice((0, size)) :]


CHANGES: tuple[Callable[[bytes, bytes, random.Random], bytes], ...] = (
    bits_flipped, bytes_changed, number_changed, number_changed, cut, part_removed, part_repeated, spliced,
    part_of_another, header_of_another, zeros_in_between,
)  # fmt: skip
"""Numbers are changed twice as often: sizes and lengths are where decoders are attacked."""


def resealed(photo: bytes) -> bytes:
    """A PNG whose chunks have the right checksums, as far as their lengths make sense."""
    out, place = [photo[:8]], 8
    while place + 12 <= len(photo):
        end = place + 8 + int.from_bytes(photo[place : place + 4])
        if end + 4 > len(photo):
            break
        out += [photo[place:end], zlib.crc32(photo[place + 4 : end]).to_bytes(4)]
        place = end + 4
    return b"".join([*out, photo[place:]])
