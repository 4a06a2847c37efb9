"""Text on pictures, in the fonts that matplotlib brings along."""

from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from rayonnage.demo.pen import Colour

TITLE_FONTS = (
    "DejaVuSans-Bold", "DejaVuSerif-Bold", "STIXGeneralBol", "STIXGeneralBolIta", "DejaVuSans",
    "DejaVuSerif-BoldItalic", "STIXGeneral",
)  # fmt: skip
"""All of them hold the accented letters of French."""


@lru_cache(maxsize=256)
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font by file name, `size` in pixels."""
    # Imported here: matplotlib takes longer to import than `catalog --help` may take.
    from matplotlib import get_data_path

    path = Path(get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    # The basic layout engine draws the same on every machine; Raqm depends on a system library.
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def write(
    image: Image.Image,
    text: str,
    box: tuple[float, float, float, float],
    colour: Colour,
    name: str = "DejaVuSans",
    sizes: tuple[int, int] = (64, 16),
    centred: bool = True,
) -> float:
    """Write wrapped text into a box of pixels, as large as fits; returns the y under the last line."""
    x0, y0, x1, y1 = box
    largest, smallest = sizes
    for size in range(largest, smallest - 1, -2):
        lines = _wrap(text, font(name, size), x1 - x0)
        leading = size * 1.14
        if lines and len(lines) * leading <= y1 - y0:
            break
    else:
        lines, size, leading = text.split(), smallest, smallest * 1.14
    draw, y = ImageDraw.Draw(image), y0
    for line in lines:
        x = (x0 + x1) / 2 if centred else x0
        draw.text((x, y), line, fill=colour, font=font(name, size), anchor="ma" if centred else "la")
        y += leading
    return y


def _wrap(text: str, face: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Greedy lines; empty when a single word is wider than `width`."""
    lines: list[str] = []
    for word in text.split():
        if face.getlength(word) > width:
            return []
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and face.getlength(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines
