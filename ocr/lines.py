"""From text regions found on a photo to words in reading order: cut out, turn upright, read, sort."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.transcript import MAX_WORD_LENGTH, Box, Transcript, Word, bounded

Picture = NDArray[np.uint8]
Recognize = Callable[[Picture], tuple[str, float]]

LINE_HEIGHT = 48
"""Pixels; what PP-OCR's recognition network was trained on."""
WIDTH_STEP = 16
"""Widths are multiples of this, so that the network meets few distinct shapes and compiles few kernels."""
MAX_LINE_WIDTH = 2400
# A region this much higher than wide is a line that runs up or down, as on a spine; one less high may be one upright
# character.
TALL, VERY_TALL = 1.5, 3.0
SURE = 0.9
"""A wide line read with less confidence is looked at upside down too."""
NARROW, WIDE = frozenset("iljItfr.,:;!|'()[] "), frozenset("mwMW@%")
HOPELESS, SMALL = 3, LINE_HEIGHT // 2


class Direction(IntEnum):
    """Where a line of text runs to: quarter turns clockwise from upright."""

    RIGHT = 0
    DOWN = 1
    LEFT = 2
    UP = 3


@dataclass(frozen=True)
class Line:
    """One line as it was read.

    Attributes:
        text: the line; confidence: in [0, 1]; box: left, top, right, bottom in pixels of the picture.
    """

    text: str
    confidence: float
    box: Box
    direction: Direction = Direction.RIGHT

    def words(self, number: int) -> list[Word]:
        """The line's words; the engine gives one box per line, which is shared out by the usual width of letters."""
        left, top, right, bottom = self.box
        text, words, at = self.text.strip(), [], 0
        ends = np.cumsum([0.0, *map(_usual_width, text)])
        for part in text.split():
            at = text.index(part, at)
            start, end = float(ends[at] / ends[-1]), float(ends[at + len(part)] / ends[-1])
            at += len(part)
            if self.direction in (Direction.LEFT, Direction.UP):
                start, end = 1 - end, 1 - start
            if self.direction in (Direction.RIGHT, Direction.LEFT):
                box = (left + start * (right - left), top, left + end * (right - left), bottom)
            else:
                box = (left, top + start * (bottom - top), right, top + end * (bottom - top))
            words.append(Word(part[:MAX_WORD_LENGTH], min(1.0, max(0.0, self.confidence)), box, number))
        return words


def read_regions(
    picture: Picture, regions: NDArray[np.float64], recognize: Recognize, min_confidence: float
) -> list[Line]:
    """Read each region in the direction in which it reads best, the largest text first.

    Once `HOPELESS` small regions in a row could not be read, those with still smaller text are left alone: the back of
    a book holds twenty lines of three pixels' height, which would take five times as long as the front.

    Args:
        picture: `(H, W, 3)` uint8 BGR. regions: `(M, 4, 2)` corners in pixels, clockwise from the top left one.
        recognize: reads an upright `(48, W, 3)` line: its text and confidence in [0, 1].
        min_confidence: a line read with less is left out.
    """
    lines: list[Line] = []
    crops: dict[Box, Picture] = {}
    failed = 0
    for corners, crop in sorted(
        ((corners, cut_out(picture, corners)) for corners in regions), key=lambda region: -min(region[1].shape[:2])
    ):
        left, top, right, bottom = (float(side) for side in (*corners.min(axis=0), *corners.max(axis=0)))
        line = _surest(crop, (left, top, right, bottom), recognize)
        if line.text.strip() and line.confidence >= min_confidence:
            lines.append(line)
            crops[line.box] = crop
            failed = 0
        elif min(crop.shape[:2]) < SMALL:
            failed += 1
            if failed == HOPELESS:
                break
    return _one_way_up(lines, crops, recognize, min_confidence)


def _surest(crop: Picture, box: Box, recognize: Recognize) -> Line:
    height, width = crop.shape[:2]
    if height < TALL * width:
        tried = [Direction.RIGHT]
    elif height < VERY_TALL * width:
        tried = [Direction.RIGHT, Direction.DOWN, Direction.UP]
    else:
        tried = [Direction.DOWN, Direction.UP]
    read = [Line(*recognize(upright(crop, direction)), box, direction) for direction in tried]
    # most lines lie flat and the right way up: the second pass through the network is for those that read badly
    if tried == [Direction.RIGHT] and read[0].confidence < SURE:
        read.append(Line(*recognize(upright(crop, Direction.LEFT)), box, Direction.LEFT))
    return max(read, key=lambda line: line.confidence)


def _one_way_up(
    lines: list[Line], crops: dict[Box, Picture], recognize: Recognize, min_confidence: float
) -> list[Line]:
    """Read the lines that stand on their heads the other way: some read well both ways ("Old", "PIO").

    Which way is up is what most letters of lines to the right and to the left say. A line that does not read that way
    is kept as it was only where it was read surely.
    """
    letters = _letters(lines)
    up, down = Direction.RIGHT, Direction.LEFT
    if letters[down] > letters[up]:
        up, down = down, up
    turned = []
    for line in lines:
        if line.direction is down:
            again = Line(*recognize(upright(crops[line.box], up)), line.box, up)
            if again.confidence >= min_confidence:
                line = again
            elif line.confidence < SURE:
                continue
        turned.append(line)
    return turned


def cut_out(picture: Picture, corners: NDArray[np.float64]) -> Picture:
    """`(h, w, 3)`: a quadrilateral as an upright rectangle of its own size; `corners` `(4, 2)` as in `read_regions`."""
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    width, height = max(1, round(max(sides[0], sides[2]))), max(1, round(max(sides[1], sides[3])))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    transform = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    cut = cv2.warpPerspective(
        picture, transform, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, np.uint8)


def upright(crop: Picture, direction: Direction) -> Picture:
    """`(48, W, 3)`: a line that runs in `direction`, turned to run to the right; W a multiple of `WIDTH_STEP`."""
    turned = np.rot90(crop, int(direction))
    height, width = turned.shape[:2]
    steps = min(-(-LINE_HEIGHT * width // (height * WIDTH_STEP)), MAX_LINE_WIDTH // WIDTH_STEP)
    size = (max(1, steps) * WIDTH_STEP, LINE_HEIGHT)
    return np.asarray(cv2.resize(np.ascontiguousarray(turned), size, interpolation=cv2.INTER_LINEAR), np.uint8)


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """Lines of the direction that carries most characters first; within a direction top to bottom, left to right."""
    letters = _letters(lines)
    ordered: list[Line] = []
    for direction in sorted(Direction, key=lambda d: (-letters[d], d)):
        ordered += _from_the_top([line for line in lines if line.direction is direction], direction)
    return ordered


def transcript(lines: Sequence[Line], scale: float) -> Transcript:
    """Words in reading order; boxes are divided by `scale`, the picture's enlargement."""
    words: list[Word] = []
    for number, line in enumerate(in_reading_order(lines)):
        left, top, right, bottom = (side / scale for side in line.box)
        words += Line(line.text, line.confidence, (left, top, right, bottom), line.direction).words(number)
    return bounded(words)


def _letters(lines: Sequence[Line]) -> dict[Direction, int]:
    """Characters that run in each direction."""
    return {d: sum(len(line.text) for line in lines if line.direction is d) for d in Direction}


def _usual_width(character: str) -> float:
    """Of a printed character, in widths of an `n`."""
    if character in NARROW:
        return 0.5
    return 1.4 if character in WIDE else 1.2 if character.isupper() else 1.0


def _from_the_top(lines: list[Line], direction: Direction) -> list[Line]:
    """Rows of lines whose middles lie within half a height of the row's first, each row from its left."""
    places = []
    for line in lines:
        left, top, right, bottom = line.box
        x, y, height = (left + right) / 2, (top + bottom) / 2, bottom - top
        if direction in (Direction.DOWN, Direction.UP):
            # turned back upright: what is right on the photo is up (text runs down) or down (text runs up)
            x, y, height = (y, -x, right - left) if direction is Direction.DOWN else (-y, x, right - left)
        elif direction is Direction.LEFT:
            x, y = -x, -y
        places.append((y, x, height, line))
    rows: list[list[tuple[float, float, float, Line]]] = []
    for place in sorted(places, key=lambda place: place[:2]):
        first = rows[-1][0] if rows else None
        if first is not None and place[0] - first[0] < min(first[2], place[2]) / 2:
            rows[-1].append(place)
        else:
            rows.append([place])
    return [place[3] for row in rows for place in sorted(row, key=lambda place: place[1])]
