"""A pen for shaded shapes on a transparent canvas, and the looks that one product keeps in all its photos."""

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

CANVAS = 360
"""Side of the drawing in pixels: twice the photo's, so that halving it smooths the edges."""

Colour = tuple[int, int, int]
Point = tuple[float, float]
Shade = Literal["round", "flat", "down", "ball"]
_Trace = Callable[[ImageDraw.ImageDraw, list[Point]], None]

_RAMPS: dict[str, np.ndarray] = {
    "round": np.array([0.60, 0.82, 1.10, 1.22, 1.06, 0.92, 0.78, 0.66, 0.55]),
    "flat": np.array([1.05, 1.0, 0.94]),
    "down": np.array([1.14, 1.04, 0.92, 0.74]),
}


class Viewpoint(Enum):
    """From where an object is seen."""

    FRONT = "front"
    SIDE = "side"


@dataclass(frozen=True, slots=True)
class Look:
    """What all photos of one product have in common.

    Attributes:
        base: main colour.
        accent: second colour.
        metal: a grey.
        dice: `(12,)` floats in [0, 1) behind proportions and options.
    """

    base: Colour
    accent: Colour
    metal: Colour
    dice: tuple[float, ...]

    def between(self, die: int, low: float, high: float) -> float:
        """A proportion in [low, high), the same in every photo."""
        return low + (high - low) * self.dice[die]

    def chance(self, die: int, share: float) -> bool:
        """An option that this share of the products has."""
        return self.dice[die] < share


def random_colour(rng: np.random.Generator) -> Colour:
    """Any colour a shop sells; a third are black, white or grey."""
    if rng.random() < 0.33:
        value = float(rng.choice([0.14, 0.25, 0.45, 0.65, 0.82, 0.95]))
        return _rgb(0.08, 0.05, value)
    return _rgb(rng.random(), rng.uniform(0.35, 0.9), rng.uniform(0.4, 0.95))


def random_look(rng: np.random.Generator) -> Look:
    """Looks drawn independently of the leaf: no colour tells a category."""
    grey = int(rng.integers(120, 205))
    dice = tuple(float(d) for d in rng.random(12))
    return Look(random_colour(rng), random_colour(rng), (grey, grey + 3, grey + 8), dice)


def tint(colour: Colour, factor: float) -> Colour:
    """Lighter (factor > 1) or darker."""
    r, g, b = (min(255, max(0, int(channel * factor))) for channel in colour)
    return r, g, b


def smooth(points: Sequence[Point], closed: bool = True, rounds: int = 3) -> list[Point]:
    """Chaikin's corner cutting."""
    line = np.asarray(points, dtype=np.float64)
    for _ in range(rounds):
        following = np.roll(line, -1, axis=0)
        cut = np.stack([0.75 * line + 0.25 * following, 0.25 * line + 0.75 * following], axis=1)
        line = cut.reshape(-1, 2) if closed else np.vstack([line[:1], cut[:-1].reshape(-1, 2), line[-1:]])
    return [(float(x), float(y)) for x, y in line]


def mirrored(left: Sequence[Point]) -> list[Point]:
    """Points on both sides of the middle: `left` lists (distance from it, y), the right half comes back."""
    return [(0.5 - d, y) for d, y in left] + [(0.5 + d, y) for d, y in reversed(left)]


class Pen:
    """Draws parts one over the other; coordinates are shares of the canvas in [0, 1], y downward."""

    def __init__(self) -> None:
        self.image = Image.new("RGBA", (CANVAS, CANVAS))

    def polygon(
        self, points: Sequence[Point], colour: Colour, shade: Shade = "flat", alpha: float = 1.0, soft: bool = False
    ) -> None:
        """A filled outline; `soft` rounds its corners."""
        outline = smooth(points) if soft else points
        self._part(outline, colour, shade, alpha, lambda draw, pixels: draw.polygon(pixels, fill=255))

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, shade: Shade = "flat", alpha: float = 1.0
    ) -> None:
        """An ellipse around (x, y)."""
        corners = [(x - rx, y - ry), (x + rx, y + ry)]
        self._part(corners, colour, shade, alpha, lambda draw, pixels: draw.ellipse(pixels, fill=255))

    def box(
        self, x0: float, y0: float, x1: float, y1: float, colour: Colour, shade: Shade = "flat",
        radius: float = 0.0, alpha: float = 1.0,
    ) -> None:  # fmt: skip
        """A rectangle with round corners."""
        corners, round_by = [(x0, y0), (x1, y1)], radius * CANVAS
        self._part(
            corners, colour, shade, alpha, lambda draw, pixels: draw.rounded_rectangle(pixels, round_by, fill=255)
        )

    def line(self, points: Sequence[Point], width: float, colour: Colour, soft: bool = True) -> None:
        """A bar of constant width with round ends, lit along its upper edge."""
        path = smooth(points, closed=False) if soft and len(points) > 2 else list(points)
        draw = ImageDraw.Draw(self.image)
        # Two thinner, lighter strokes inside the dark one make a flat line look like a tube.
        for share, light in ((1.0, 0.72), (0.72, 1.0), (0.3, 1.22)):
            lift = width * (1 - share) * 0.22
            pixels = [(x * CANVAS, (y - lift) * CANVAS) for x, y in path]
            thick = max(1, round(width * share * CANVAS))
            draw.line(pixels, fill=(*tint(colour, light), 255), width=thick, joint="curve")
            for x, y in (pixels[0], pixels[-1]):
                draw.ellipse([x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2], (*tint(colour, light), 255))

    def turned(
        self, x: float, profile: Sequence[Point], colour: Colour, tilt: float = 0.12, alpha: float = 1.0
    ) -> None:
        """A body turned on a lathe: `profile` lists (y, radius) from top to bottom; `tilt` rounds its foot."""
        side = smooth([(r, y) for y, r in profile], closed=False, rounds=2)
        bottom_r, bottom_y = side[-1]
        angles = np.linspace(0, np.pi, 15)[1:-1]
        foot = [(x + bottom_r * float(np.cos(a)), bottom_y + bottom_r * tilt * float(np.sin(a))) for a in angles]
        outline = [(x + r, y) for r, y in side] + foot + [(x - r, y) for r, y in reversed(side)]
        self.polygon(outline, colour, "round", alpha)

    def _part(self, points: Sequence[Point], colour: Colour, shade: Shade, alpha: float, trace: _Trace) -> None:
        """Shade what `trace` fills, the shade spread over the rectangle around the points."""
        xs, ys = [x * CANVAS for x, _ in points], [y * CANVAS for _, y in points]
        x0, y0 = max(0, int(min(xs))), max(0, int(min(ys)))
        x1, y1 = min(CANVAS, int(max(xs)) + 2), min(CANVAS, int(max(ys)) + 2)
        if x1 <= x0 or y1 <= y0:
            return
        mask = Image.new("L", (x1 - x0, y1 - y0))
        trace(ImageDraw.Draw(mask), [(x - x0, y - y0) for x, y in zip(xs, ys, strict=True)])
        if alpha < 1:
            mask = mask.point([int(level * alpha) for level in range(256)])
        patch = _gradient(colour, shade).resize(mask.size, Image.Resampling.BICUBIC)
        patch.putalpha(mask)
        self.image.alpha_composite(patch, (x0, y0))


def _gradient(colour: Colour, shade: Shade) -> Image.Image:
    if shade == "ball":
        y, x = np.mgrid[0:12, 0:12] / 11.0
        ramp = 1.22 - 0.75 * np.hypot(x - 0.36, y - 0.3)
    elif shade == "down":
        ramp = _RAMPS[shade][:, None]
    else:
        ramp = _RAMPS[shade][None, :]
    pixels = np.clip(ramp[..., None] * np.asarray(colour, dtype=np.float64) + 4, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def _rgb(hue: float, saturation: float, value: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(hue, saturation, value)
    return int(255 * r), int(255 * g), int(255 * b)
