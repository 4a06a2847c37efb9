"""Size of the product: files, lines, and lines of code (no blank ones, no comments, no docstrings) of every room.

Usage: python bench/code_lines.py [CHECKOUT]
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

ROOMS = ("catalog", "text", "mosaic", "ocr", "curation", "fusion", "rayonnage")
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(text: str) -> int:
    """Lines of a module that hold code."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docstrings.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - docstrings)


def main(checkout: Path) -> None:
    """Print a row per room that the checkout has."""
    total = [0, 0, 0]
    print(f"{'room':<12}{'files':>7}{'lines':>9}{'code':>9}")
    for room in ROOMS:
        texts = [path.read_text(encoding="utf-8") for path in (checkout / room).rglob("*.py")]
        if texts:
            row = [len(texts), sum(text.count("\n") for text in texts), sum(map(code_lines, texts))]
            total = [a + b for a, b in zip(total, row, strict=True)]
            print(f"{room:<12}{row[0]:>7,}{row[1]:>9,}{row[2]:>9,}")
    print(f"{'together':<12}{total[0]:>7,}{total[1]:>9,}{total[2]:>9,}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1])
