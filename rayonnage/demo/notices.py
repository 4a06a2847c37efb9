"""Photos that show no product: image missing, energy label, table of sizes, brand page."""

import numpy as np
from PIL import Image, ImageDraw

from rayonnage.demo.lettering import TITLE_FONTS, write
from rayonnage.demo.pen import CANVAS, Colour, random_colour, tint
from rayonnage.demo.titles import pick
from rayonnage.demo.words import HOUSES, NOTICES

_ENERGY_COLOURS = ("#009640", "#50b43c", "#bed228", "#faeb1e", "#fab914", "#eb6919", "#e11e23")
"""From A to G."""


def draw_notice(rng: np.random.Generator) -> Image.Image:
    """One notice, RGBA, `CANVAS` pixels square; its kind, colours and words are drawn at random."""
    image = Image.new("RGBA", (CANVAS, CANVAS), (250, 250, 250, 255))
    kinds = (_missing, _energy, _sizes, _brand)
    kinds[int(rng.integers(len(kinds)))](image, rng)
    return image


def _missing(image: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(image)
    grey = int(rng.integers(110, 190))
    draw.rounded_rectangle([100, 70, 260, 190], 16, outline=(grey, grey, grey, 255), width=10)
    draw.ellipse([145, 95, 215, 165], outline=(grey, grey, grey, 255), width=10)
    text = pick(NOTICES["missing"], rng)
    write(image, text, (30, 215, 330, 310), (grey - 60, grey - 60, grey - 60), "DejaVuSans-Bold", (40, 20))


def _energy(image: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(image)
    for i, colour in enumerate(_ENERGY_COLOURS):
        y, end = 70 + i * 36, 110 + i * 22
        draw.polygon([(30, y), (end, y), (end + 16, y + 14), (end, y + 28), (30, y + 28)], fill=colour)
        write(image, "ABCDEFG"[i], (34, y, 60, y + 30), (255, 255, 255), "DejaVuSans-Bold", (24, 20))
    write(image, "ÉNERGIE", (30, 16, 330, 60), (20, 60, 130), "DejaVuSans-Bold", (40, 30))
    grade = int(rng.integers(7))
    y = 70 + grade * 36
    draw.polygon([(270, y + 14), (290, y - 6), (345, y - 6), (345, y + 34), (290, y + 34)], fill=(20, 20, 20, 255))
    write(image, "ABCDEFG"[grade], (292, y - 4, 342, y + 40), (255, 255, 255), "DejaVuSans-Bold", (34, 30))
    write(image, f"{rng.integers(60, 900)} kWh", (180, 320, 340, 350), (40, 40, 40), "DejaVuSans", (26, 20))


def _sizes(image: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(image)
    head = tint(random_colour(rng), 0.8)
    write(image, pick(NOTICES["sizes"], rng), (20, 14, 340, 60), (30, 30, 34), "DejaVuSans-Bold", (34, 22))
    draw.rectangle([20, 70, 340, 108], fill=(*head, 255))
    for row in range(7):
        y = 70 + row * 38
        draw.line([(20, y), (340, y)], fill=(150, 150, 150, 255), width=2)
        for column in range(4):
            value = ("", "S", "M", "L")[column] if row == 0 else str(rng.integers(4, 190))
            ink: Colour = (255, 255, 255) if row == 0 and sum(head) < 420 else (40, 40, 44)
            write(image, value, (24 + column * 80, y + 6, 96 + column * 80, y + 38), ink, "DejaVuSans", (24, 20))


def _brand(image: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(image)
    colour = random_colour(rng)
    draw.ellipse([110, 50, 250, 190], fill=(*colour, 255))
    draw.polygon([(180, 70), (230, 160), (130, 160)], fill=(*tint(colour, 1.5), 255))
    face = pick(TITLE_FONTS, rng)
    write(image, pick(HOUSES, rng), (20, 205, 340, 270), tint(colour, 0.6), face, (54, 24))
    write(image, pick(NOTICES["brand"], rng), (20, 290, 340, 330), (60, 60, 64), "DejaVuSans", (28, 20))
