"""What a search is asked for on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SearchRequest:
    """What `search query` and `search similar` are asked for: their options by name."""

    k: int
    category: tuple[str, ...]
    n_images: tuple[int, ...]
    without: tuple[str, ...]
    json_file: Path | None
    page: Path | None
    lang: str | None
    folder: Path | None
    workspace: Path
    photos: tuple[Path, ...] = ()
    product: str = ""
    title: str = ""
    read: bool = False
