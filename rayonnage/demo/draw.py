"""Draws one planned picture; no picture depends on another."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from PIL import Image

from rayonnage.demo.categories import LEAVES, Leaf, siblings
from rayonnage.demo.copies import Picture
from rayonnage.demo.covers import draw_cover
from rayonnage.demo.notices import draw_notice
from rayonnage.demo.objects import SHAPES
from rayonnage.demo.pen import Pen, Viewpoint, random_look
from rayonnage.demo.scene import photograph, print_on_box, zoom_in
from rayonnage.demo.titles import compose

_LOOKALIKE = 0.05
_IRRELEVANT = 0.03


def draw_picture(seed: int, leaf: Leaf, picture: Picture) -> bytes:
    """The JPEG of one picture, 180 x 180 pixels; the same arguments give the same bytes.

    A few products look like a sibling's, a few photos show something else altogether, a few are dim or noisy.
    """
    product_rng = np.random.default_rng([seed, 2, picture.owner])
    photo_rng = np.random.default_rng([seed, 3, picture.owner, picture.rank, int(picture.notice)])
    if picture.notice:
        return photograph(draw_notice(photo_rng), photo_rng, zoom=1.0, turn=2, rough=0.02)
    if leaf.kind == "object" and product_rng.random() < _LOOKALIKE:
        leaf = _any_of([near for near in siblings(leaf) if near.kind == leaf.kind], product_rng)
    if photo_rng.random() < _IRRELEVANT:
        leaf = _any_of(LEAVES, photo_rng)
    if leaf.kind == "object":
        zoom = 1.15 if picture.rank == 3 else 0.95
        view = _object_view(leaf, picture.rank, product_rng, photo_rng)
        return photograph(view, photo_rng, zoom=zoom, turn=22, rough=0.12)
    text = compose(leaf.motif, product_rng)
    cover = draw_cover(leaf.kind, text, picture.rank, product_rng, photo_rng)
    return photograph(cover, photo_rng, zoom=0.98, turn=5, rough=0.06)


def _object_view(leaf: Leaf, rank: int, product_rng: Generator, photo_rng: Generator) -> Image.Image:
    look = random_look(product_rng)
    view = Viewpoint.SIDE if rank == 2 else Viewpoint.FRONT
    draw, detail = SHAPES[leaf.motif]
    pen = Pen()
    draw(pen, look, view)
    drawing = pen.image
    # Sellers photograph from both sides.
    mirrored = product_rng.random() < 0.5
    if rank == 3:
        drawing = zoom_in(drawing, detail, photo_rng)
    if mirrored:
        drawing = drawing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return print_on_box(drawing, photo_rng) if rank == 4 and photo_rng.random() < 0.65 else drawing


def _any_of(leaves: Sequence[Leaf], rng: Generator) -> Leaf:
    return leaves[int(rng.integers(len(leaves)))]
