"""A shop whose ids are texts, and whose products have titles: a table with photos beside it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from tests.support.products import make_photo

HOSTILE = (
    "MH01-gray", "00123", "=1+1", "<b>bold</b>", "..", "a;=2+3", "'quoted'", "été-ß", "\N{T-SHIRT} 42", "x" * 200,
    "6fa459ea-ee8a-3ca4-894e-db77e160355e", "1E5", "TRUE", "2026-11-26",
)  # fmt: skip
"""Ids as shops, spreadsheets and attackers write them."""


@dataclass(frozen=True)
class TextProduct:
    """A row of the table; `photos` are seeds of `make_photo`."""

    product_id: str
    category: str
    title: str = ""
    description: str = ""
    photos: tuple[int, ...] = ()


def write_shop(folder: Path, products: list[TextProduct], name: str = "shop.csv") -> Path:
    """Write the table and its photos; returns the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in {seed for product in products for seed in product.photos}:
        (folder / f"{seed}.jpg").write_bytes(make_photo(seed))
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["product_id", "category_path", "title", "description", "photos"])
        for one in products:
            photos = "|".join(f"{seed}.jpg" for seed in one.photos)
            writer.writerow([one.product_id, one.category, one.title, one.description, photos])
    return folder / name


def sheet_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a sheet that a command wrote."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
