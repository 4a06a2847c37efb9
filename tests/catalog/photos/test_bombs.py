"""Hostile photos: each is decoded or refused at a bounded cost, and the photo after it is decoded as ever.

`bench/photo_bombs.py` shows what they cost, and what they cost every command.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pytest
from PIL import Image

from tests.support import forged_animations as animations
from tests.support import forged_jpegs as jpegs
from tests.support import forged_others as others
from tests.support import forged_pngs as pngs
from tests.support.decoding_child import DECODED, DecodingChild, Outcome
from tests.support.forged_photos import BOMBS, bomb, ordinary

AT_MOST = 180


def cost_of(photo: bytes) -> Outcome:
    """What becomes of it in a fresh process that has decoded an ordinary photo, and decodes one after it."""
    with DecodingChild() as child:
        assert child.decode(ordinary(), AT_MOST).result == DECODED
        child.forget()
        outcome = child.decode(photo, AT_MOST)
        assert child.decode(ordinary(), AT_MOST).result == DECODED
    return outcome


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_little_and_harms_nobody(name: str) -> None:
    outcome = cost_of(bomb(name))
    assert not outcome.complaint, outcome


@pytest.mark.slow
@pytest.mark.parametrize("name", ["avif-16384-ispe16.avif", "png-idat-2g.png", "slow-500.jpg"])
def test_real_bombs(shared_data: Path, name: str) -> None:
    outcome = cost_of((shared_data / "cases/bombs" / name).read_bytes())
    assert not outcome.complaint, outcome


SMALL = {
    "PNG": pngs.png(30, 30),
    "PNG with transparency": pngs.rgba(30),
    "PNG of 16 bits": pngs.rgba_16_bits(30),
    "PNG with a palette": pngs.palette(30),
    "interlaced PNG": pngs.interlaced(30),
    "animated PNG": pngs.animated(3, 30),
    "JPEG of many scans": jpegs.many_scans(30, 5),
    "JPEG of separate scans": jpegs.separate_scans(16),
    "GIF": animations.gif(30, 30),
    "GIF of many frames": animations.gif_of_many_frames(3),
    "WebP": animations.webp(30),
    "WebP of many codes": animations.webp_of_many_codes(40),
    "WebP on a canvas": animations.webp_canvas(30, 30),
    "animated WebP": animations.animated_webp(30, 30, 3),
    "TIFF": others.deflated_tiff(30),
    "faxed TIFF": others.faxed_tiff(30),
    "TIFF of many strips": others.tiff_of_many_strips(30),
    "TIFF of many pages": others.tiff_of_many_pages(3),
    "BMP of run lengths": others.run_length_bmp(30),
    "AVIF": others.avif(16),
    "icon": others.icon(30),
}


@pytest.mark.parametrize("name", SMALL)
def test_small_ones_of_the_same_build_are_sound(name: str) -> None:
    # a bomb that every parser turns away at the door would prove nothing
    with warnings.catch_warnings():
        # Pillow has something to say of palettes and icons
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(SMALL[name])) as picture:
            colours = picture.convert("RGB").getcolors()

    assert colours is not None
    assert len(colours) == 1
