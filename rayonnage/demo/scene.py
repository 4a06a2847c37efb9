"""From a drawing to a photo: packaging, background, pose, light, noise, JPEG."""

import io

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from rayonnage.demo.lettering import write
from rayonnage.demo.pen import CANVAS, Colour, Pen, random_colour, tint
from rayonnage.demo.titles import pick
from rayonnage.demo.words import HOUSES

SIDE = 180
"""Side of every photo in pixels, as in Cdiscount's data."""


def photograph(drawing: Image.Image, rng: np.random.Generator, *, zoom: float, turn: float, rough: float) -> bytes:
    """Put a drawing in front of a background and take its photo.

    Args:
        drawing: RGBA, `CANVAS` pixels square.
        rng: this photo's own.
        zoom: mean size, 1 as drawn.
        turn: largest rotation in degrees.
        rough: share of photos with strong noise, blur or dim light.

    Returns:
        JPEG, 180 x 180 pixels, quality 70 to 90.
    """
    layer = _pose(drawing, rng, zoom, turn)
    background = _background(rng)
    alpha = layer.getchannel("A")
    if rng.random() < 0.75:
        small = alpha.resize((SIDE // 2, SIDE // 2)).filter(ImageFilter.GaussianBlur(3)).resize((SIDE, SIDE))
        shadow = ImageChops.offset(small, int(rng.integers(-8, 9)), int(rng.integers(2, 9)))
        shadow = shadow.point([int(level * 0.45) for level in range(256)])
        background.paste((30, 28, 34), (0, 0), shadow)
    background.paste(layer.convert("RGB"), (0, 0), alpha)
    return _develop(background, rng, rough)


def print_on_box(drawing: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A carton that shows the object's picture or its silhouette."""
    pen = Pen()
    card = random_colour(rng)
    left, right, top, bottom = 0.08, 0.76, 0.20, 0.94
    pen.polygon([(left, top), (0.22, 0.08), (0.92, 0.08), (right, top)], tint(card, 1.2), "flat")
    pen.polygon([(right, top), (0.92, 0.08), (0.92, 0.80), (right, bottom)], tint(card, 0.6), "flat")
    pen.box(left, top, right, bottom, card, "flat")
    if rng.random() < 0.5:
        pen.box(left + 0.04, top + 0.14, right - 0.04, bottom - 0.12, tint(random_colour(rng), 1.3), "flat", 0.02)
    small = drawing.resize((CANVAS // 2, CANVAS // 2))
    if rng.random() < 0.4:
        flat = Image.new("RGBA", small.size, (*(tint(card, 0.3) if sum(card) > 360 else tint(card, 1.9)), 255))
        flat.putalpha(small.getchannel("A"))
        small = flat
    pen.image.alpha_composite(small, (int(0.17 * CANVAS), int(0.33 * CANVAS)))
    ink: Colour = (20, 20, 24) if sum(card) > 360 else (250, 250, 244)
    write(pen.image, pick(HOUSES, rng), (36, 80, 266, 116), ink, "DejaVuSans-Bold", (30, 16))
    return pen.image


def zoom_in(drawing: Image.Image, at: tuple[float, float], rng: np.random.Generator) -> Image.Image:
    """A detail: half of the canvas or less around a point given in shares of the canvas."""
    half = rng.uniform(0.19, 0.27) * CANVAS
    x = at[0] * CANVAS + rng.uniform(-0.05, 0.05) * CANVAS
    y = at[1] * CANVAS + rng.uniform(-0.05, 0.05) * CANVAS
    window = (int(x - half), int(y - half), int(x + half), int(y + half))
    return drawing.crop(window).resize((CANVAS, CANVAS), Image.Resampling.BICUBIC)


def _pose(drawing: Image.Image, rng: np.random.Generator, zoom: float, turn: float) -> Image.Image:
    angle = np.deg2rad(rng.uniform(-turn, turn))
    scale = zoom * rng.uniform(0.86, 1.06)
    centre = CANVAS / 2
    across, down = rng.uniform(-0.04, 0.04, size=2) * CANVAS + centre
    # Output (SIDE) -> drawing (CANVAS): halve, turn and scale in one step would alias, so halve afterwards.
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    pose = (cos, sin, centre - cos * across - sin * down, -sin, cos, centre + sin * across - cos * down)
    posed = drawing.transform(drawing.size, Image.Transform.AFFINE, pose, Image.Resampling.BILINEAR)
    return posed.reduce(CANVAS // SIDE)


def _background(rng: np.random.Generator) -> Image.Image:
    style = rng.random()
    if style < 0.45:
        return Image.new("RGB", (SIDE, SIDE), (255, 255, 255) if rng.random() < 0.7 else (240, 240, 242))
    wall = tint(random_colour(rng), rng.uniform(0.8, 1.2))
    if style < 0.65:
        ramp = np.linspace(1.15, 0.75, SIDE)[:, None, None] * np.asarray(wall, dtype=np.float64)
        column = np.clip(ramp, 0, 255).astype(np.uint8)
        return Image.fromarray(np.broadcast_to(column, (SIDE, SIDE, 3)).copy())
    image = Image.new("RGB", (SIDE, SIDE), wall)
    draw = ImageDraw.Draw(image)
    horizon = int(rng.integers(95, 150))
    if style < 0.85:
        if rng.random() < 0.6:
            x = int(rng.integers(0, 120))
            draw.rectangle([x, 8, x + 56, horizon - 30], fill=(214, 232, 244), outline=(250, 250, 250), width=4)
        draw.rectangle([0, horizon, SIDE, SIDE], fill=tint(random_colour(rng), 0.8))
        for y in range(horizon, SIDE, 14):
            draw.line([(0, y), (SIDE, y)], fill=tint(wall, 0.7))
        return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2.5)))
    for _ in range(14):
        left, top, size = (float(rng.integers(low, high)) for low, high in ((-30, SIDE), (-30, SIDE), (20, 90)))
        draw.ellipse([left, top, left + size, top + size], fill=tint(random_colour(rng), 0.9))
    return image.filter(ImageFilter.GaussianBlur(6))


def _develop(image: Image.Image, rng: np.random.Generator, rough: float) -> bytes:
    noise, blur, light = rng.uniform(0.5, 5.0), rng.uniform(0.0, 0.6), rng.uniform(0.88, 1.08)
    if rng.random() < rough:
        noise, blur, light = rng.uniform(10, 30), rng.uniform(0.5, 1.6), rng.uniform(0.45, 0.9)
    if blur > 0.35:
        image = image.filter(ImageFilter.GaussianBlur(blur))
    across, down = rng.uniform(-0.12, 0.12, size=2)
    axis = np.linspace(-1, 1, SIDE, dtype=np.float32)
    lighting = light * (1 + across * axis[None, :, None] + down * axis[:, None, None])
    grain = rng.standard_normal((SIDE, SIDE, 3), dtype=np.float32) * noise
    pixels = np.clip(np.asarray(image, dtype=np.float32) * lighting + grain, 0, 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG", quality=int(rng.integers(70, 91)))
    return buffer.getvalue()
