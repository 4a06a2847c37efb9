"""Photos with what was read on them: a box around every word, its text and confidence below."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from catalog.photos.decode import DecodedPhoto
from ocr.reader import decoded
from ocr.transcript import OcrFailure, PhotoReading, Transcript

HEIGHT = 720
"""Pixels of each photo in the picture."""
MAX_WIDTH = 1440
MARGIN, FONT_SIZE, LETTER_WIDTH, LINE_STEP = 16, 18, 10, 24
PAPER, INK, SURE, UNSURE = "#fbfaf7", "#222222", "#0b6e4f", "#c8553d"
SURE_FROM = 0.9


def drawn(photos: Sequence[bytes], results: Sequence[PhotoReading]) -> Image.Image:
    """One picture of a product's photos side by side.

    Args:
        photos: encoded. results: what was read on each; words of at least 90 % confidence are green, others red.
    """
    panels = [_panel(photo, result) for photo, result in zip(photos, results, strict=True)] or [_message("no photo")]
    width = sum(panel.width for panel in panels) + MARGIN * (len(panels) + 1)
    sheet = Image.new("RGB", (width, max(panel.height for panel in panels) + 2 * MARGIN), PAPER)
    left = MARGIN
    for panel in panels:
        sheet.paste(panel, (left, MARGIN))
        left += panel.width + MARGIN
    return sheet


def _panel(encoded: bytes, result: PhotoReading) -> Image.Image:
    photo = decoded(encoded, MAX_WIDTH)
    if isinstance(photo, OcrFailure):
        return _message(photo.reason)
    lines = [f"not read: {result.reason}"] if isinstance(result, OcrFailure) else _lines(result)
    picture = _with_boxes(photo, result)
    wrapped = _wrapped(lines, picture.width)
    panel = Image.new("RGB", (picture.width, picture.height + MARGIN + LINE_STEP * len(wrapped)), PAPER)
    panel.paste(picture, (0, 0))
    _write(panel, wrapped, 0, picture.height + MARGIN)
    return panel


def _with_boxes(photo: DecodedPhoto, result: PhotoReading) -> Image.Image:
    height, width = photo.pixels.shape[:2]
    scale = min(HEIGHT / height, MAX_WIDTH / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Image.fromarray(photo.pixels).resize(size, Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    for word in result.words if isinstance(result, Transcript) else ():
        # boxes are in pixels of the whole photo
        left, top, right, bottom = (side * scale / photo.enlargement for side in word.box)
        colour = SURE if word.confidence >= SURE_FROM else UNSURE
        # a transcript may hold any numbers; Pillow refuses a right side that lies left of the left one
        draw.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=3)
    return picture


def _lines(transcript: Transcript) -> list[str]:
    """The text as it was read, and each line's lowest confidence."""
    if not transcript.words:
        return ["(nothing was read)"]
    least: dict[int, float] = {}
    for word in transcript.words:
        least[word.line] = min(word.confidence, least.get(word.line, 1.0))
    return [f"{text}   ({least[n]:.0%})" for n, text in zip(sorted(least), transcript.text.split("\n"), strict=True)]


def _message(text: str) -> Image.Image:
    panel = Image.new("RGB", (HEIGHT // 2, HEIGHT // 2), "#e8e6df")
    _write(panel, _wrapped([text], panel.width - 2 * MARGIN), MARGIN, MARGIN)
    return panel


def _wrapped(lines: Sequence[str], width: int) -> list[str]:
    """The lines in pieces that fit into so many pixels, an empty one for an empty line."""
    return [piece for line in lines for piece in textwrap.wrap(line, max(20, width // LETTER_WIDTH)) or [""]]


def _write(panel: Image.Image, lines: Sequence[str], left: int, top: int) -> None:
    draw = ImageDraw.Draw(panel)
    for number, line in enumerate(lines):
        draw.text((left, top + LINE_STEP * number), line, INK, font=_font())


def _font() -> ImageFont.FreeTypeFont:
    # comes with matplotlib: no font need be installed on the machine
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), FONT_SIZE)
