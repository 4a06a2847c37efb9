"""Pages as a reader sees them."""

from __future__ import annotations

import html
import re
from pathlib import Path


def read_page(path: Path) -> str:
    """A page's HTML, which is ASCII, with its other characters as themselves; those of markup stay escaped."""
    page = path.read_text(encoding="ascii")
    return re.sub(r"&#(\d{3,});", lambda number: chr(int(number[1])), page)


def text_of(path: Path) -> str:
    """What a reader sees of a page, without markup and drawings and with single blanks."""
    body = re.sub(r"<(style|svg).*?</\1>", " ", path.read_text(encoding="ascii"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def check_fetches_nothing(page: str) -> None:
    """Fail where a page loads or runs anything that it does not hold."""
    links = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"'\s>)]+)""", page)
    assert links
    assert {link.partition(":")[0] for link in links if not link.startswith("#")} == {"data"}
    assert "<script" not in page
    assert "@import" not in page
