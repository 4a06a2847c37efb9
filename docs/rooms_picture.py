"""Draws `rooms.svg`, the rooms and who imports whom, from the code itself: `make docs`."""

from __future__ import annotations

import ast
import configparser
import textwrap
from html import escape
from itertools import pairwise, permutations
from pathlib import Path
from typing import NamedTuple

import grimp

ROOT = Path(__file__).parents[1]
PICTURE = Path(__file__).with_name("rooms.svg")
WIDTH, GAP, MARGIN, LINE = 960, 56, 24, 18
SPANS = {
    "rayonnage": (20, 940),
    "fusion": (90, 500),
    "curation": (640, 900),
    "search": (170, 420),
    "mosaic": (40, 270),
    "ocr": (330, 610),
    "text": (300, 560),
    "catalog": (20, 940),
}
"""Left and right edge of each room: so chosen that an arrow to a room further down passes beside those between."""
STYLE = """\
text { font-family: sans-serif; fill: #1f2933 }
.name { font-size: 19px; font-weight: bold }
.what { font-size: 13px }
.parts { font-size: 12px; fill: #52606d }
rect.room { fill: #f5f7fa; stroke: #7b8794; stroke-width: 1.5 }
line { stroke: #3e6ea8; stroke-width: 2; marker-end: url(#tip) }
"""

Arrow = tuple[str, str]


class Box(NamedTuple):
    """A room as it is drawn: edges in the picture's units, lines of text each with its style."""

    left: int
    right: int
    top: int
    bottom: int
    lines: list[tuple[str, str]]


def floors() -> list[list[str]]:
    """Rooms from the roof down, those that stand side by side together, as the import contract has them."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["importlinter:contract:layers"]["layers"].split("\n")
    return [[room.strip() for room in line.split("|")] for line in lines if line.strip()]


def arrows(rooms: list[str]) -> list[Arrow]:
    """Which room imports which, as the code has it."""
    graph = grimp.build_graph(*rooms, cache_dir=None)
    imported = {
        (importer.split(".")[0], module.split(".")[0])
        for importer in graph.modules
        for module in graph.find_modules_directly_imported_by(importer)
    }
    return [arrow for arrow in permutations(rooms, 2) if arrow in imported]


def picture() -> str:
    """The whole picture as SVG."""
    storeys = floors()
    boxes, y = dict[str, Box](), MARGIN
    for storey in storeys:
        lines = {room: _lines(room) for room in storey}
        height = LINE * max(map(len, lines.values())) + 18
        boxes |= {room: Box(*SPANS[room], y, y + height, lines[room]) for room in storey}
        y += height + GAP
    height = y - GAP + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            "<title>The rooms of Rayonnage; an arrow leads from a room to one that it imports</title>",
            f"<style>\n{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#3e6ea8"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            *_arrows(arrows(list(boxes)), boxes),
            *(line for box in boxes.values() for line in _drawn(box)),
            "</svg>\n",
        ]
    )


def _lines(room: str) -> list[tuple[str, str]]:
    """What stands in a room's box: its name, the first line of its docstring, its sub-rooms; each with its style."""
    left, right = SPANS[room]
    letters = (right - left - 24) // 7
    docstring = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    parts = sorted(path.parent.name for path in (ROOT / room).glob("*/__init__.py"))
    what = textwrap.wrap(docstring.split("\n")[0].rstrip("."), letters)
    return [
        ("name", room),
        *(("what", line) for line in what),
        *(("parts", line) for line in textwrap.wrap(" · ".join(parts), letters)),
    ]


def _drawn(box: Box) -> list[str]:
    width, height = box.right - box.left, box.bottom - box.top
    return [
        f'<rect class="room" x="{box.left}" y="{box.top}" width="{width}" height="{height}" rx="6"/>',
        *(
            f'<text class="{style}" x="{box.left + 14}" y="{box.top + 24 + LINE * number}">{escape(line)}</text>'
            for number, (style, line) in enumerate(box.lines)
        ),
    ]


def _arrows(wanted: list[Arrow], boxes: dict[str, Box]) -> list[str]:
    """A straight line down for each arrow; one for which no straight way is free passes behind the boxes."""
    taken: list[float] = []
    lines = []
    free = {(upper, lower): _free(boxes[upper], boxes[lower], boxes) for upper, lower in wanted}
    # where there is least room for a choice, the choice is made first
    for upper, lower in sorted(wanted, key=lambda arrow: free[arrow][1] - free[arrow][0]):
        left, right = free[upper, lower]
        places = [left + (right - left) * share / 12 for share in range(1, 12)]
        x = max(places, key=lambda place: _fitness(place, (left + right) / 2, taken))
        taken.append(x)
        y1, y2 = boxes[upper].bottom, boxes[lower].top - 1
        lines.append(f'<line data-arrow="{upper} {lower}" x1="{x:.0f}" y1="{y1}" x2="{x:.0f}" y2="{y2}"/>')
    return lines


def _fitness(place: float, middle: float, taken: list[float]) -> tuple[float, float]:
    """Away from the lines that are there already, then in the middle of what is free."""
    return min([30, *(abs(place - other) for other in taken)]), -abs(place - middle)


def _free(upper: Box, lower: Box, boxes: dict[str, Box]) -> tuple[float, float]:
    """The widest stretch where both boxes overlap and no box stands between them; else their whole overlap."""
    left, right = max(upper.left, lower.left), min(upper.right, lower.right)
    between = [box for box in boxes.values() if upper.top < box.top < lower.top]
    edges = sorted({left, right, *(edge for box in between for edge in (box.left, box.right) if left < edge < right)})
    clear = [(a, b) for a, b in pairwise(edges) if not any(box.left < b and a < box.right for box in between)]
    return max(clear, key=lambda stretch: stretch[1] - stretch[0], default=(left, right))


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
