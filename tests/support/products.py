"""A small tree, and products of it with photos of noise."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from catalog.tree.taxonomy import Taxonomy

TREE = """category_id,category_level1,category_level2,category_level3
11,LIBRAIRIE,LITTERATURE,ROMAN
12,LIBRAIRIE,LITTERATURE,POESIE
13,LIBRAIRIE,TOURISME,GUIDE
21,MUSIQUE,CD,JAZZ
22,MUSIQUE,VINYLE,JAZZ
31,CUISINE,TASSES,MUG
32,CUISINE,TASSES,BOL
33,CUISINE,CUISSON,POELE
"""
LEAVES = [(int(i), tuple(names)) for i, *names in (line.split(",") for line in TREE.splitlines()[1:])]
TAXONOMY = Taxonomy(LEAVES)


def make_photo(seed: int = 0, size: tuple[int, int] = (48, 48), kind: str = "JPEG", mode: str = "RGB") -> bytes:
    """An encoded photo of noise."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, kind)
    return out.getvalue()


def make_product(i: int, category: int | None = None, n: int = 1) -> dict:
    """A document with n distinct photos."""
    label = {} if category is None else {"category_id": category}
    return {"_id": i, **label, "imgs": [{"picture": make_photo(10 * i + k)} for k in range(n)]}
