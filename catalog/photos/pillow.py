"""Photos that are not plain, by Pillow: any mode, any profile, cut JPEGs; beside Pillow's picture one copy is held."""

import io
import random
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image, ImageChops

from catalog.photos.colour_profiles import to_srgb
from catalog.photos.confined_job import CUT, Job, divisor
from catalog.photos.headers.exif import ORIENTATION
from catalog.photos.headers.jpeg import END

PLUGINS = {
    "JPEG": ("JPEG", "MPO"), "PNG": ("PNG",), "WEBP": ("WEBP",), "GIF": ("GIF",),
    "AVIF": ("AVIF",), "BMP": ("BMP",), "TIFF": ("TIFF",), "HEIC": ("HEIF",),
}  # fmt: skip
"""Pillow's names of what may be opened: nothing else is, whatever the file holds."""
BOXED = ("AVIF", "HEIC")
STRIP_PIXELS = 2**20
_NO_MARK = bytes([1, *range(1, 255), 254])


class Refused(Exception):
    """Why a photo is not decoded."""


class Decoded(NamedTuple):
    """A photo, decoded.

    Attributes:
        whole: (width, height) of the photo as its header counts it.
        size: (width, height) of the picture, which is not turned yet.
        strips: of its rows, RGB on white in sRGB.
        orientation: EXIF's, 1 to 8, to which it is to be turned.
        n_missing: how many of its last rows are missing.
    """

    whole: tuple[int, int]
    size: tuple[int, int]
    strips: list[bytes]
    orientation: int
    n_missing: int


def decode(job: Job, photo: bytes) -> Decoded:
    """Decode, and shrink by a whole number: the longer side still has `job.finer` times `job.at_most` pixels."""
    n_missing = 0
    if job.is_cut:
        photo, n_missing = photo + END, missing_rows(job, photo)
    with opened(job, photo) as picture:
        size = picture.size
        picture.draft(picture.mode, (max(1, size[0] // job.scale), max(1, size[1] // job.scale)))
        picture.load()
        factor = divisor(max(picture.size), job.at_most, job.finer)
        strips = list(_on_white(picture, factor))
        # TIFF and HEIC were turned while they were loaded; of an AVIF, Pillow says how its boxes turn it. Of others it
        # would also believe their XMP, and refuse those whose EXIF is damaged, both unlike what is plain
        orientation = picture.getexif().get(ORIENTATION, 1) if job.name == "AVIF" else job.orientation
        if orientation not in range(1, 9):
            orientation = 1
        if job.name == "AVIF" and orientation > 4:
            size = size[::-1]
        small = -(-picture.width // factor), -(-picture.height // factor)
        return Decoded(size, small, strips, orientation, n_missing)


def opened(job: Job, photo: bytes) -> Image.Image:
    """The photo, not loaded yet, where it has the size that it announced."""
    if job.name == "HEIC":
        _know_heic()
    picture = Image.open(io.BytesIO(photo), formats=PLUGINS[job.name])
    if not _fits(picture.size, job):
        raise Refused(f"it announces {job.width} x {job.height} pixels and holds {picture.width} x {picture.height}")
    if job.name == "PNG" and "transparency" in picture.info:
        picture.info["transparency"] = _as_pixels(picture.info["transparency"], picture.mode, photo[24])
    return picture


def _as_pixels(transparent: bytes | int | tuple[int, ...], mode: str, depth: int) -> bytes | int | tuple[int, ...]:
    """A PNG's transparent colour, which has the bits of the file, in those that Pillow's pixels have."""
    if depth == 16 and isinstance(transparent, tuple):
        return tuple(value >> 8 for value in transparent)
    if depth < 8 and mode in ("1", "L") and isinstance(transparent, int):
        most = 2**depth - 1
        return (transparent & most) * 255 // most
    return transparent


def _fits(size: tuple[int, int], job: Job) -> bool:
    """Whether a photo has the size that it announced: HEIC may be cut to less, and is turned by Pillow."""
    announced = (job.width, job.height)
    if job.name in BOXED:
        return all(side <= most for side, most in zip(sorted(size), sorted(announced), strict=True))
    return size == announced


def missing_rows(job: Job, photo: bytes) -> int:
    """Of a JPEG that is cut: the rows that depend on what is put in the place of what is missing."""
    # no byte that begins a mark, and none that belongs to one
    filler = random.Random(0).randbytes(max(4096, len(photo) // 4)).translate(_NO_MARK)
    pictures = []
    for rest in (b"", filler):
        picture = opened(job, photo + rest + END)
        if job.is_cut == CUT:
            # an eighth is enough: rows are coded eight or sixteen at a time
            picture.draft("L", (max(1, job.width // 8), max(1, job.height // 8)))
        picture.load()
        pictures.append(picture)
    changed = ImageChops.difference(*pictures).getbbox()
    return 0 if changed is None else -(-(pictures[0].height - changed[1]) * job.height // pictures[0].height)


def _on_white(picture: Image.Image, factor: int) -> Iterator[bytes]:
    """Strips of rows, RGB on white in sRGB, each side divided by `factor`."""
    transform = to_srgb(picture)
    _set_palette_on_white(picture)
    rows = factor * max(1, STRIP_PIXELS // (picture.width * factor))
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        colour = _colour(strip) if picture.mode != "CMYK" or transform is None else strip
        if factor > 1:
            colour = colour.reduce(factor)
        if transform is not None:
            colour = transform.apply(colour.convert(transform.input_mode))
        yield colour.convert("RGB").tobytes()


def _set_palette_on_white(picture: Image.Image) -> None:
    """Blend 256 colours instead of every pixel: a palette of partial opacity took 18 ns a pixel, one without 3."""
    if picture.mode != "P" or not picture.has_transparency_data:
        return
    picture.apply_transparency()
    colours = bytes(picture.getpalette("RGBA") or b"")
    layers = Image.frombytes("RGBA", (len(colours) // 4, 1), colours)
    blended = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
    picture.putpalette(blended.convert("RGB").tobytes())


def _colour(strip: Image.Image) -> Image.Image:
    """RGB on white of any mode with up to 16 bits."""
    if strip.mode.startswith("I;16"):
        return _of_16_bits(strip)
    if strip.mode in ("I", "F"):
        raise Refused("its pixels have 32 bits: save it with 8 or 16")
    if not strip.has_transparency_data:
        return strip.convert("RGB")
    transparent = strip.info.get("transparency")
    if strip.mode in ("1", "L") and isinstance(transparent, int):
        # five times as fast as a layer of opacity
        white = [255 if grey == transparent else grey for grey in range(256)]
        return strip.convert("L").point(white).convert("RGB")
    layers = strip.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")


def _of_16_bits(strip: Image.Image) -> Image.Image:
    """The upper eight bits, as Pillow takes them of colours; its own conversion of grey cuts off all above 255."""
    pixels = strip.tobytes()
    if strip.mode == "I;16B":
        upper, lower = pixels[::2], pixels[1::2]
    else:
        upper, lower = pixels[1::2], pixels[::2]
    grey = Image.frombytes("L", strip.size, upper)
    transparent = strip.info.get("transparency")
    if isinstance(transparent, int):
        differs = ImageChops.lighter(
            grey.point([255 * (value != transparent >> 8) for value in range(256)]),
            Image.frombytes("L", strip.size, lower).point([255 * (value != transparent & 255) for value in range(256)]),
        )
        grey = Image.composite(grey, Image.new("L", grey.size, 255), differs)
    return grey.convert("RGB")


def _know_heic() -> None:
    """HEIC is the one format that Pillow needs a plugin for; of its file the main picture alone is unpacked."""
    import pillow_heif

    pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
