"""Size of an encoded photo as its header announces it, so that nothing too large is ever decoded."""

from __future__ import annotations

import io
import warnings

from PIL import Image


class NoPicture(ValueError):
    """The bytes are not a picture in any format that Pillow knows."""


def announced_size(photo: bytes) -> tuple[int, int]:
    """(width, height) in pixels, without decoding; sides of a size that Pillow itself refuses are given as 2**16.

    Raises:
        NoPicture: not a picture.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns over a limit of its own, which is not ours
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(photo)) as header:
                return header.size
    except Image.DecompressionBombError:
        return 2**16, 2**16
    except Exception as error:
        # Pillow's header parsers raise anything on damaged bytes
        raise NoPicture("zero bytes" if not photo else "not a picture") from error
