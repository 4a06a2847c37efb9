"""Photo files for the tests: small, distinct, and not decoded by anything that is tested here."""

from __future__ import annotations

from pathlib import Path

from catalog.catalog import Catalog


def put(path: Path, content: bytes | None = None) -> bytes:
    """Write a photo file with its folders; its content tells its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b"\xff\xd8\xff" + path.name.encode() if content is None else content
    path.write_bytes(content)
    return content


def kinds(catalog: Catalog) -> dict[str, int]:
    """Counts of the problems by name."""
    return {kind.name: count for kind, count in catalog.problems.counts.items()}


def said(catalog: Catalog) -> list[str]:
    """Every problem as people read it."""
    return [str(problem) for problem in catalog.problems.named]
