"""Every hostile photo by its name: what a seller, or somebody else, might send to a page that is open to all."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache, partial

import numpy as np
from PIL import Image

from tests.support import forged_animations as animations
from tests.support import forged_jpegs as jpegs
from tests.support import forged_others as others
from tests.support import forged_pngs as pngs

NAMED = ("png-long-chunk", "png-rgba-7000", "jpeg-500-scans", "avif-16-holds-16384", "icon-13300")
"""The five that were known, with their cost, before there was one decoder."""

BOMBS: dict[str, Callable[[], bytes]] = {
    "png-long-chunk": pngs.long_chunk,
    "png-rgba-7000": partial(pngs.rgba, 7000),
    "png-rgba-16-bits-5000": partial(pngs.rgba_16_bits, 5000),
    "png-60000": pngs.huge,
    "png-one-bit-9000": partial(pngs.one_bit, 9000),
    "png-one-bit-16000": partial(pngs.one_bit, 16000),
    "png-row-of-80000000": partial(pngs.png, 80_000_000, 1),
    "png-column-of-80000000": partial(pngs.png, 1, 80_000_000, colour=pngs.GREY),
    "png-column-of-1000000": partial(pngs.png, 40, 1_000_000),
    "png-palette-9000": partial(pngs.palette, 9000),
    "png-profile-bomb": pngs.profile_bomb,
    "png-text-bomb": pngs.text_bomb,
    "png-international-text-bomb": pngs.international_text_bomb,
    "png-many-texts": pngs.many_texts,
    "png-many-unknown-chunks": pngs.many_unknown_chunks,
    "png-many-pieces": pngs.many_pieces,
    "png-more-than-announced": pngs.more_than_announced,
    "png-interlaced-8000": partial(pngs.interlaced, 8000),
    "png-many-frames": pngs.animated,
    "png-frames-in-words": pngs.animated_in_words,
    "jpeg-500-scans": partial(jpegs.many_scans, 7000, 500),
    "jpeg-small-50000-scans": partial(jpegs.many_scans, 64, 50_000),
    "jpeg-2000-with-3000-scans": partial(jpegs.many_scans, 2000, 3000),
    "jpeg-scans-at-the-limit": partial(jpegs.many_scans, 7000, 3),
    "jpeg-arithmetic-scans": jpegs.arithmetic_scans,
    "jpeg-65535": jpegs.huge,
    "jpeg-larger-than-said": partial(jpegs.larger_than_said, 9000),
    "jpeg-smaller-than-said": jpegs.smaller_than_said,
    "jpeg-coefficients-9000": partial(jpegs.coefficients, 9000),
    "jpeg-separate-scans-9000": partial(jpegs.separate_scans, 9000),
    "jpeg-height-to-follow": jpegs.height_to_follow,
    "jpeg-cmyk-7500": partial(jpegs.cmyk, 7500),
    "jpeg-lossless": jpegs.lossless,
    "jpeg-arithmetic": jpegs.arithmetic,
    "jpeg-many-comments": jpegs.many_comments,
    "jpeg-many-tables": jpegs.many_tables,
    "jpeg-large-profile": jpegs.large_profile,
    "jpeg-profile-that-counts": jpegs.profile_that_counts,
    "jpeg-length-0": partial(jpegs.wrong_length, 0),
    "jpeg-length-1": partial(jpegs.wrong_length, 1),
    "jpeg-length-past-end": partial(jpegs.wrong_length, 65535),
    "jpeg-filled-up": jpegs.filled_up,
    "jpeg-exif-in-a-circle": jpegs.exif_in_a_circle,
    "jpeg-exif-that-counts": jpegs.exif_that_counts,
    "gif-screen-65535": partial(animations.gif, 65535, 1),
    "gif-frame-outside": partial(animations.gif, 16, 16000),
    "gif-9000": partial(animations.gif, 9000, 9000),
    "gif-16000": partial(animations.gif, 16000, 16000),
    "gif-many-frames": animations.gif_of_many_frames,
    "gif-without-end": animations.gif_without_end,
    "webp-canvas-16384": partial(animations.webp_canvas, 16384, 16),
    "webp-16-holds-16384": partial(animations.webp_canvas, 16, 16384),
    "webp-5600": partial(animations.webp, 5600),
    "webp-9000": partial(animations.webp, 9000),
    "webp-16384": partial(animations.webp, 16384),
    "webp-many-codes": partial(animations.webp_of_many_codes, 1024),
    "webp-lossy-16383": partial(animations.lossy_webp, 16383),
    "webp-animated-canvas-16384": partial(animations.animated_webp, 16384, 16, 2),
    "webp-animated-4096": partial(animations.animated_webp, 4096, 4096, 2000),
    "webp-many-frames": partial(animations.animated_webp, 16, 16, 50_000),
    "webp-many-chunks": animations.webp_of_many_chunks,
    "tiff-2-31": others.tiff_of_2_31,
    "tiff-in-a-circle": others.tiff_in_a_circle,
    "tiff-many-strips": others.tiff_of_many_strips,
    "tiff-counted-strips": others.tiff_of_counted_strips,
    "tiff-bomb": others.tiff_bomb,
    "tiff-9000": partial(others.deflated_tiff, 9000),
    "tiff-16000": partial(others.deflated_tiff, 16000),
    "tiff-tile-2-30": others.tiff_of_one_tile,
    "tiff-tile-16384": others.tiff_of_large_tiles,
    "tiff-fax-9000": partial(others.faxed_tiff, 9000),
    "tiff-fax-16000": partial(others.faxed_tiff, 16000),
    "tiff-many-samples": others.tiff_of_many_samples,
    "tiff-many-pages": others.tiff_of_many_pages,
    "bmp-long": others.long_bmp,
    "bmp-lowest": others.lowest_bmp,
    "bmp-run-lengths-9000": partial(others.run_length_bmp, 9000),
    "bmp-empty-16000": partial(others.empty_run_length_bmp, 16000, 16000),
    "bmp-column-of-80000000": partial(others.empty_run_length_bmp, 1, 80_000_000),
    "avif-16-holds-16384": partial(others.avif, 16),
    "avif-16384": partial(others.avif, 16384),
    "avif-65536": partial(others.avif, 65536),
    "avif-that-counts": others.avif_that_counts,
    "avif-many-boxes": others.avif_of_boxes,
    "avif-wrong-lengths": others.avif_of_wrong_lengths,
    "heic-garbage": others.heic_garbage,
    "icon-13300": partial(others.icon, 13300),
    "netpbm-30000": others.netpbm,
    "postscript": others.postscript,
    "svg": others.drawing,
}
"""Name -> what makes it."""


@cache
def bomb(name: str) -> bytes:
    """The photo of that name, made once."""
    return BOMBS[name]()


@cache
def ordinary() -> bytes:
    """A shop's photo: a JPEG of 180 x 180 pixels with something on it."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    out = io.BytesIO()
    small.resize((180, 180), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()
