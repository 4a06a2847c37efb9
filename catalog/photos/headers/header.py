"""What the bytes of a photo announce."""

from typing import NamedTuple

from catalog.photos.formats import PhotoFormat, UnreadablePhoto

MAX_PROFILE_BYTES = 4 * 2**20
"""A colour profile that is larger is not looked at: those of printing presses have 2 MiB."""


class Header(NamedTuple):
    """What a photo announces, and what its structure lets its decoder expect.

    Attributes:
        format: by the first bytes.
        width, height: in pixels, before `orientation`.
        orientation: EXIF's 1 to 8; of AVIF, HEIC and TIFF, which Pillow turns by itself, always 1.
        is_plain: OpenCV gives the right picture, and the structure holds nothing that costs more than its size says;
            what is not plain is decoded apart (`catalog.photos.confined`).
        has_alpha: it has opacity, which OpenCV must be asked for.
        profile: the embedded colour profile (ICC), empty where there is none.
        bytes_per_pixel: memory that the decoder takes for a pixel of the picture that it hands out.
        bytes_beside: memory that it takes besides, whatever the size asked for (coefficients of progressive JPEGs).
        n_passes: how often the pixels are gone through (the scans of a JPEG).
        is_cut: the end of the file is missing.
        is_baseline: a plain JPEG that hardware decodes too, to the same colours: baseline, one scan, grey or YCbCr.
    """

    format: PhotoFormat
    width: int
    height: int
    orientation: int = 1
    is_plain: bool = False
    has_alpha: bool = False
    profile: bytes = b""
    bytes_per_pixel: int = 4
    bytes_beside: int = 0
    n_passes: int = 1
    is_cut: bool = False
    is_baseline: bool = False

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) as people see it."""
        return (self.height, self.width) if self.orientation > 4 else (self.width, self.height)


def damaged(what: str) -> UnreadablePhoto:
    """The error of a header whose bytes contradict its format."""
    return UnreadablePhoto(f"damaged {what}")
