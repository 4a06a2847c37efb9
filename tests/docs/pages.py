"""The pages of the manual, and what stands on them: blocks to be run, commands named in the text, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language (`bash`, `python`, `text` ...) and what stands in it."""

    language: str
    code: str


def blocks(page: Path) -> list[Block]:
    """A page's fenced blocks, from the top down."""
    return [Block(language, code) for language, code in FENCE.findall(page.read_text(encoding="utf-8"))]


def command_lines(block: Block) -> list[str]:
    """A bash block's commands: no comments, continued lines joined."""
    lines = re.sub(r"\\\n\s*", "", block.code).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def prose(page: Path) -> str:
    """A page without its blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def code_spans(page: Path) -> list[str]:
    """Inline code of a page, in one line each; a table's `\\|` is a bar."""
    return [" ".join(span.split()).replace("\\|", "|") for span in re.findall(r"`([^`]+)`", prose(page))]
