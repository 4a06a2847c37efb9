"""A network in 8 bits, for CPUs: calibrated on photos, with what that costs."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mosaic.photos import decode, resize
from rayonnage.demo.categories import LEAVES
from rayonnage.demo.copies import Picture
from rayonnage.demo.draw import draw_picture

Mosaic = NDArray[np.uint8]
DRAWN = 80
"""Drawn photos that calibrate where no real ones are at hand: two of each shelf of the demo catalogue."""
FIRST = 1 / 6
"""Share of the convolutions, from the input on, that stay in full precision: most of what 8 bits lose is lost there."""


def quantize(model: Any, mosaics: Sequence[Mosaic]) -> Any:
    """8-bit copy of an `openvino.Model`, calibrated on `(H, W, 3)` uint8 mosaics of any widths.

    Raises:
        ValueError: nncf is not installed.
    """
    # nncf would report its use to its vendor
    os.environ.setdefault("NNCF_CI", "1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import nncf
    except ImportError:
        raise ValueError("inference.int8 needs nncf: pip install 'rayonnage[int8]', or set it to false") from None
    # not nncf.set_log_level: it also silences handlers that are not nncf's own
    logging.getLogger("nncf").setLevel(logging.ERROR)
    kinds = ("Convolution", "GroupConvolution")
    layers = [op.get_friendly_name() for op in model.get_ordered_ops() if op.get_type_name() in kinds]
    # its progress bars go to stdout, which is for results
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nncf.quantize(
            model.clone(),
            nncf.Dataset([mosaic[None] for mosaic in mosaics]),
            subset_size=len(mosaics),
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice.CPU,
            ignored_scope=nncf.IgnoredScope(names=layers[: round(FIRST * len(layers))]),
        )


def drawn_mosaics(size: int) -> list[Mosaic]:
    """Single photos of the demo catalogue, `(size, size, 3)` uint8; the same at every call."""
    photos = [draw_picture(0, LEAVES[i % len(LEAVES)], Picture(owner=i, rank=1)) for i in range(DRAWN)]
    return [resize(decode(photo, 10**6), size) for photo in photos]
