"""What `make docs` writes is what the code has."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    ("script", "function", "page"),
    [("configuration_page.py", "page", "configuration.md"), ("rooms_picture.py", "picture", "rooms.svg")],
)
def test_the_generated_pages_are_up_to_date(script, function, page):
    written = (DOCS / page).read_text(encoding="utf-8")
    assert written == runpy.run_path(str(DOCS / script))[function](), "run `make docs`"


def test_the_pictures_arrows_are_the_imports_that_stand_in_the_files():
    svg = (DOCS / "rooms.svg").read_text(encoding="utf-8")
    rooms = set(re.findall(r'class="name"[^>]*>(\w+)<', svg))
    assert {"rayonnage", "fusion", "curation", "mosaic", "ocr", "text", "catalog"} <= rooms
    imports = set()
    for room in rooms:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                imports |= {(room, name.split(".")[0]) for name in names} - {(room, room)}
    arrows = {tuple(arrow.split()) for arrow in re.findall(r'data-arrow="([^"]+)"', svg)}
    assert arrows == {(importer, imported) for importer, imported in imports if imported in rooms}
