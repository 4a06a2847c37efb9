"""Photos of every format, mode, orientation and size, and the picture that Pillow makes of them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, ImageOps

from catalog.photos.headers.png import SIGNATURE

MODES = {
    "JPEG": ("RGB", "L", "CMYK"),
    "PNG": ("RGB", "L", "1", "P", "P-transparent", "RGBA", "LA", "RGB-transparent", "L-transparent"),
    "WEBP": ("RGB", "RGBA", "RGBA-lossless"),
    "GIF": ("P", "P-transparent", "animated"),
    "AVIF": ("RGB", "RGBA"),
    "BMP": ("RGB", "L", "1", "P", "RGBA"),
    "TIFF": ("RGB", "L", "1", "P", "RGBA", "LA", "CMYK"),
}
"""What Pillow writes of each format; after the dash, how."""
SIZES = ((1, 1), (2, 3), (1, 5000), (5000, 1), (17, 8), (64, 64), (65, 31))
WITH_EXIF = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")


def colours(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """An RGB picture of smooth, strong colours: codecs keep it, and a turned one is told apart."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def photo_of(kind: str, mode: str, size: tuple[int, int], orientation: int = 1, seed: int = 0) -> bytes:
    """An encoded photo; where the mode is transparent, black lies below what cannot be seen."""
    mode, _, how = mode.partition("-")
    picture = colours(size, seed)
    options: dict[str, object] = {}
    if mode in ("RGBA", "LA"):
        opacity = Image.linear_gradient("L").resize(size)
        picture = picture.convert("RGB" if mode == "RGBA" else "L")
        picture.putalpha(opacity)
    elif mode == "animated":
        options |= {"save_all": True, "append_images": [colours(size, seed + 1)]}
    elif mode != "RGB":
        picture = picture.convert(mode)
    if how == "transparent":
        options["transparency"] = picture.getpixel((0, 0))
    if how == "lossless":
        options |= {"lossless": True, "exact": True}
    if kind in WITH_EXIF and orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png_of(width: int, height: int, depth: int, colour: int, rows: bytes, *others: tuple[bytes, bytes]) -> bytes:
    """A PNG by hand: `rows` unfiltered with their first bytes; `others`: (name, content) of chunks before them."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *others, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(*one) for one in chunks)


def pillows_picture(photo: bytes) -> np.ndarray:
    """`(H, W, 3)` uint8: what a page would show, made by Pillow's own conversions in one piece."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(photo)))
    profile = picture.info.get("icc_profile")
    if picture.has_transparency_data:
        layers = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")
    if profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        picture = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return np.asarray(picture.convert("RGB"))
